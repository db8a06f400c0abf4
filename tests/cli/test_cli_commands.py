"""The program as a user meets it: help, mistakes in one line, exit codes, JSON for scripts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shipper.record import encoder_of

CAPTURES = Path(__file__).parents[3] / "shared" / "captures"


def shipper(
    *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program with these arguments, and nothing of our own environment's settings."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("SHIPPER_")}
    return subprocess.run(
        [sys.executable, "-m", "shipper", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=clean | (environment or {}),
    )


@pytest.mark.parametrize(
    "command",
    [
        "",
        "run",
        "replay",
        "tail",
        "headers",
        "doctor",
        "topics",
        "audit",
        "dead-letters",
        "schema",
        "demo",
    ],
)
def test_every_command_explains_itself(command: str) -> None:
    """`--help` works everywhere, on standard output, with exit code 0."""
    done = shipper(*([command] if command else []), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: shipper")
    assert done.stderr == ""


MISTAKES = [
    ((), 64, "COMMAND"),
    (("run", "--bogus"), 64, "unrecognized arguments: --bogus"),
    (("run", "--hook", "kprobe"), 64, "invalid choice: 'kprobe'"),
    (("run", "--set", "capture.hok=cgroup"), 78, "did you mean capture.hook?"),
    (("run", "--set", "capture.workers=many"), 78, "capture.workers"),
    (("run", "--config", "/nonexistent.toml"), 78, "/nonexistent.toml"),
    (("run", "--output", "kafka"), 78, "kafka.bootstrap.servers is not set"),
    (("run", "--output", "file:/nonexistent/x"), 65, "cannot create /nonexistent/x"),
    (("run", "--output", "stdout", "--interface", "nosuch0"), 69, "interface 'nosuch0'"),
    (("run", "--output", "stdout", "--set", "agent.user=nosuchuser"), 78, "no user 'nosuchuser'"),
    (
        ("run", "--output", "stdout", "--set", "capture.cgroup_root=/etc"),
        69,
        "is no cgroup v2 directory",
    ),
    (
        ("run", "--output", "stdout", "--set", 'capture.include.cgroups=["/nosuch"]'),
        69,
        "no cgroup '/nosuch'",
    ),
    (("tail", "--status", "abc", "--bootstrap-servers", "127.0.0.1:1"), 64, "abc"),
    (("replay", "/nonexistent.pcap"), 65, "No such file"),
    (("replay", "--encoding", "avro", "/nonexistent.pcap"), 78, "is no text"),
    (("headers", "--seconds", "0"), 64, "--seconds must be above 0"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), MISTAKES)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], code: int, said: str) -> None:
    """What is wrong, with what, in one line on standard error; the exit code says which kind."""
    done = shipper(*arguments)
    assert said in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("shipper: ")
    assert done.returncode == code


def test_replay_writes_the_form_that_is_chosen() -> None:
    """A line a record, each what the encoder makes of the record in the default form."""
    file = str(CAPTURES / "http-all-headers.pcap")
    (plain,) = shipper("replay", file).stdout.splitlines()
    (event,) = shipper("replay", "--encoding", "ocsf", file).stdout.splitlines()
    made = encoder_of("ocsf", "1.0").encode(json.loads(plain))
    assert json.loads(event) == json.loads(made)


def test_without_privileges_it_says_what_is_missing() -> None:
    """Without the capabilities there is one line, not a verifier log and not a traceback.

    In a user namespace of its own, where no capability counts for the kernel, the files stay
    readable wherever the checkout lies.
    """
    done = subprocess.run(
        ["unshare", "--user", sys.executable, "-m", "shipper", "run", "--output", "stdout"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 77
    assert "not permitted: run as root" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_capability_that_the_verifier_asks_for_is_named(root: None) -> None:  # noqa: ARG001
    """It speaks of pointers that are "prohibited for !root": that is CAP_PERFMON (39 is BPF)."""
    done = subprocess.run(
        ["setpriv", "--bounding-set=-all,+net_admin,+cap_39", "--inh-caps=-all",
         sys.executable, "-m", "shipper", "run", "--output", "stdout"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 69
    (line,) = done.stderr.splitlines()
    assert line.endswith("give CAP_PERFMON")


def test_a_private_cgroup_namespace_is_refused(tmp_path: Path) -> None:
    """Where only a part of the host's cgroups is mounted, capture would be silently partial."""
    script = (
        "mkdir c d && mount -t cgroup2 none c && "
        "mkdir c/shipper-test-private && "
        "echo $$ > c/shipper-test-private/cgroup.procs && "
        "exec unshare --cgroup --mount sh -c '"
        "mount -t cgroup2 none d && "
        f"{sys.executable} -m shipper run --output stdout "
        f"--set capture.cgroup_root={tmp_path}/d; code=$?; "
        "echo $$ > c/cgroup.procs; "
        "rmdir c/shipper-test-private; exit $code'"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "private cgroup namespace" in done.stderr, done.stderr
    assert "--cgroupns=host" in done.stderr
    assert done.returncode == 69


def test_headers_lists_names_and_what_becomes_of_them() -> None:
    """Counts and decisions for every name in a capture, none of the values."""
    done = shipper("headers", str(CAPTURES / "http-all-headers.pcap"), "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["exchanges"] == 1
    decisions = {(row["message"], row["name"]): row["decision"] for row in found["headers"]}
    assert decisions["request", "user-agent"] == "kept"
    assert decisions["request", "keep-alive"] == "dropped"
    assert "Mozilla" not in done.stdout


def test_doctor_tries_everything_for_real() -> None:
    """With nothing to deliver to Kafka, every check of this machine is well."""
    done = shipper("doctor", "--json", "--seconds", "0.1", "--set", 'output=["stdout"]')
    found = json.loads(done.stdout)
    checks = {finding["check"]: finding for finding in found["findings"]}
    assert done.returncode == 0, done.stdout
    assert checks["load and attach"]["status"] == "ok"
    assert checks["bcc"]["status"] == "ok"
    assert checks["cgroup v2"]["status"] == "ok"
    # How it stands depends on what this host's connections speak at the moment.
    assert "spoke HTTP/1" in checks["coverage"]["found"]


def test_doctor_names_the_remedy_for_a_broker_that_does_not_answer() -> None:
    """A check that fails says what to do, and the exit code tells a script."""
    done = shipper("doctor", "--json", "--seconds", "0", "--bootstrap-servers", "127.0.0.1:1")
    broker = next(f for f in json.loads(done.stdout)["findings"] if f["check"] == "broker")
    assert done.returncode == 69
    assert broker["status"] == "fail"
    assert broker["remedy"]


@pytest.mark.parametrize(
    ("hide", "said"),
    [
        (
            "mount -t tmpfs none /usr/lib/python3/dist-packages/bcc",
            "install the package python3-bpfcc",
        ),
        ("mount -t tmpfs none /usr/include/linux", "install the package linux-libc-dev"),
        (
            (
                "for at in $(grep ' - cgroup2 ' /proc/self/mountinfo | cut -d' ' -f5); do "
                "umount -l $at; done"
            ),
            "no cgroup v2 is mounted",
        ),
    ],
)
def test_what_is_missing_on_the_machine_is_one_line(hide: str, said: str) -> None:
    """No bcc, no C headers, no cgroup v2: each is named with its remedy."""
    command = f"{hide}; exec {sys.executable} -m shipper run --output stdout"
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 69


def test_doctor_says_whether_the_spool_can_be_used(tmp_path: Path) -> None:
    """A folder that will be made is fine; a file in its place, and too little room, are not."""
    arguments = ("doctor", "--json", "--seconds", "0", "--bootstrap-servers", "127.0.0.1:1")
    (tmp_path / "file").touch()
    found = {}
    for name, more in (
        ("fine", ()),
        ("file", ()),
        ("small", ("--set", f"spool.total_bytes={1 << 50}")),
    ):
        path = f"spool.path={tmp_path / name}/a"
        done = shipper(*arguments, "--set", path, *more)
        findings = json.loads(done.stdout)["findings"]
        found[name] = next(f["status"] for f in findings if f["check"] == "spool")
    assert found == {"fine": "ok", "file": "fail", "small": "warn"}
