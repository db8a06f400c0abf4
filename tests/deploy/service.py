"""The Debian package under a real systemd: installed, run, reloaded, purged (`make deb-test`).

    python -m deploy.service

A container of the base image gets systemd as its first process and the package with what it
depends on. What stands in the table was seen there; the last line is one JSON object.
"""

import hmac
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from image import base
from image.engine import ULIMITS, exists, podman
from image.neighbour import ask
from live.bpf_objects import NONE, held_by
from product.agent import serving

from shipper.capture import find_root
from shipper.errors import ShipperError, UnavailableError

from . import package

CGROUP = "/host/cgroup"
IMAGE = "localhost/shipper-systemd"
#: What the machine has anyway: in the image, so that it is no leftover of ours.
_BEFORE = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv")
_NEEDED = ("python3-bpfcc", "linux-libc-dev")
#: A secret as an operator hands it over: root's file, and a drop-in for the unit.
_CREDENTIAL = "/etc/shipper/credentials/hash-key"
_DROP_IN = "/etc/systemd/system/shipper.service.d/credentials.conf"
_KEY = "of-this-test-alone"
_PATIENCE_S = 90.0
_REQUESTS = 10
_PACE_S = 0.01
#: Where what a package leaves behind would lie.
_SEARCHED = ("/etc", "/usr", "/opt", "/var/lib", "/var/log", "/run/shipper", "/tmp")  # noqa: S108
#: Of others: what systemd and dpkg themselves note down as time goes by.
_OTHERS = ("/var/lib/dpkg/", "/var/lib/systemd/", "/var/log/", "/etc/ld.so.cache")


class Machine:
    """A container whose first process is systemd."""

    def __init__(self) -> None:
        self.name = f"shipper-systemd-{os.getpid()}"

    def do(self, *words: str) -> str:
        """Run a command in it; UnavailableError when it fails."""
        return podman("exec", self.name, *words)

    def write(self, path: str, text: str) -> None:
        """A file for root alone."""
        script = f"umask 077; mkdir -p {Path(path).parent}; cat > {path} <<'END'\n{text}\nEND"
        self.do("sh", "-c", script)

    def tries(self, *words: str) -> tuple[int, str]:
        """The same; exit code and what it said."""
        done = subprocess.run(
            ["podman", "exec", self.name, *words], capture_output=True, text=True, check=False
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def shows(self, key: str) -> str:
        """A property of the service."""
        return self.do("systemctl", "show", "shipper", "--property", key, "--value").strip()

    def processes(self) -> str:
        """The command lines of all its processes."""
        return self.do("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")

    def systemd(self) -> int:
        """The pid of its systemd, as this host counts."""
        return int(podman("inspect", "--format", "{{.State.Pid}}", self.name))

    def cgroups(self) -> list[str]:
        """Those of the service."""
        where = ("/sys/fs/cgroup", "-type", "d", "-name", "shipper.service")
        return self.tries("find", *where)[1].splitlines()

    def files(self) -> set[str]:
        """Every file below the folders where something could be left."""
        listing = self.tries("find", *_SEARCHED, "-xdev")[1].splitlines()
        return {path for path in listing if not path.startswith(_OTHERS)}


def prepare() -> None:
    """An image with systemd, and all that the package depends on, installed there."""
    if exists(IMAGE):
        return
    image = base.ensure(base.name(package.CHECKOUT / "Dockerfile"))
    name = f"shipper-prepare-{os.getpid()}"
    names = " ".join((*_BEFORE, *_NEEDED))
    script = f"apt-get -q update && apt-get -q install -y --no-install-recommends {names}"
    try:
        podman(
            "run", "--name", name, "--pull=never", *ULIMITS, "--network=host",
            image, "/bin/sh", "-c", script,
        )  # fmt: skip
        podman("commit", "--quiet", name, IMAGE)
    finally:
        subprocess.run(["podman", "rm", "--force", name], capture_output=True, check=False)


@contextmanager
def machine(built: Path) -> Iterator[Machine]:
    """The container, its systemd up."""
    it = Machine()
    try:
        podman(
            "run", "--detach", "--pull=never", "--no-healthcheck", "--name", it.name,
            *ULIMITS, "--network=host",
            "--privileged", "--cgroupns=host", "--systemd=always",
            # Only cgroup v2: given all of this host's, its systemd would change them for the host.
            "--volume", f"{find_root().path}:{CGROUP}:ro", "--volume", f"{built.parent}:/dist:ro",
            IMAGE, "/lib/systemd/systemd",
        )  # fmt: skip
        wait(lambda: it.tries("systemctl", "is-system-running")[1] in {"running", "degraded"})
        # As systemd has it on a machine, and leaves it in a container: credentials are mounts.
        it.do("mount", "--make-rshared", "/")
        yield it
    finally:
        subprocess.run(
            ["podman", "rm", "--force", "--time", "5", it.name], capture_output=True, check=False
        )


def wait(holds: Callable[[], bool]) -> None:
    """Until it holds; UnavailableError when it takes too long."""
    end = time.monotonic() + _PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise UnavailableError(f"{_PATIENCE_S:.0f} s were not enough")
        time.sleep(0.3)


def configure(it: Machine, port: int) -> None:
    """Records to a file of the service's own (ready needs no broker then), and a credential."""
    lines = (
        'output = ["file:/var/lib/shipper/records.jsonl"]\n'
        f'[capture]\ncgroup_root = "{CGROUP}"\n'
        f"[capture.include]\nports = [{port}]\n"
        '[metrics]\nlisten = ""\n'
        '[privacy]\nhash_key_id = "t"\n[privacy.headers]\nhost = "hash"\n'
    )
    it.do("sh", "-c", f"cat > /etc/shipper/shipper.toml <<'END'\n{lines}END")
    it.write(_CREDENTIAL, _KEY)
    drop_in = f"[Service]\nLoadCredential=hash-key:{_CREDENTIAL}\n"
    it.write(_DROP_IN, drop_in + "Environment=SHIPPER_PRIVACY__HASH_KEY_FILE=%d/hash-key")
    it.do("systemctl", "daemon-reload")


def hashed(it: Machine, port: int) -> bool:
    """Whether the key is the one that systemd handed over: by what it makes of a header."""
    digest = hmac.new(_KEY.encode(), f"127.0.0.1:{port}".encode(), "sha256").hexdigest()[:32]
    return f'"hmac:t:{digest}"' in it.do("cat", "/var/lib/shipper/records.jsonl")


def holds(it: Machine) -> tuple[bool, bool]:
    """Of all processes of the service: none is root, none has a capability."""
    main = it.shows("MainPID")
    pids = [main, *it.do("cat", f"/proc/{main}/task/{main}/children").split()]
    states = [it.do("cat", f"/proc/{pid}/status") for pid in pids]
    values = [dict(line.split(":\t", 1) for line in s.splitlines() if ":\t" in s) for s in states]
    nobody_is_root = all(int(value["Uid"].split("\t")[1]) > 0 for value in values)
    powerless = all(not int(value[name], 16) for value in values for name in ("CapEff", "CapPrm"))
    return nobody_is_root and len(pids) > 1, powerless


def recorded(it: Machine, port: int, path: str) -> bool:
    """Ask this host's server; whether every request becomes a record."""
    for number in range(_REQUESTS):
        ask("127.0.0.1", port, f"/{path}/{number}")

    def all_there() -> bool:
        text = it.tries("cat", "/var/lib/shipper/records.jsonl")[1]
        return text.count(f'"/{path}/') >= _REQUESTS

    wait(all_there)
    return True


def restarted(it: Machine, port: int) -> bool:
    """Asked all the while that it is restarted: whether each request is a record, and one."""
    over, asked = threading.Event(), 0

    def ask_on() -> None:
        nonlocal asked
        while not over.is_set():
            ask("127.0.0.1", port, f"/restart/{asked}/")
            asked += 1
            time.sleep(_PACE_S)

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        it.do("systemctl", "restart", "shipper")
        time.sleep(1)
    finally:
        over.set()
        asking.join()

    def paths() -> list[str]:
        text = it.tries("cat", "/var/lib/shipper/records.jsonl")[1]
        return re.findall(r'"/restart/(\d+)/', text)

    wait(lambda: len(set(paths())) >= asked)
    told = [
        json.loads(line) for line in it.do("cat", "/var/lib/shipper/records.jsonl").splitlines()
    ]
    told = [one["url"]["original"] for one in told if "/restart/" in one["url"]["original"]]
    sys.stderr.write(f"restarted while {asked} requests were made; records of them: {len(told)}\n")
    return len(told) == len(set(told)) == asked


def examine(built: Path) -> dict[str, bool]:
    """What was seen, by what it shows."""
    seen: dict[str, bool] = {}
    with machine(built) as it, serving() as port:
        before = it.files()
        it.do("dpkg", "--install", f"/dist/{built.name}")
        seen["installed, and not started unasked"] = it.shows("ActiveState") == "inactive"
        configure(it, port)
        others = held_by(it.systemd())
        code, said = it.tries("systemctl", "start", "shipper")
        if code:
            sys.stderr.write(said + "\n" + it.tries("journalctl", "-u", "shipper", "-e")[1] + "\n")
        seen["systemd is told that it is ready"] = it.shows("ActiveState") == "active"
        seen["never root"], seen["no capability once it captures"] = holds(it)
        seen["host's requests recorded"] = recorded(it, port, "first")
        seen["a credential that root alone can read is used"] = hashed(it, port)
        pid = it.shows("MainPID")
        it.do("systemctl", "reload", "shipper")
        seen["reload keeps the process"] = it.shows("MainPID") == pid
        seen["requests recorded after a reload"] = recorded(it, port, "second")
        seen["restarted under load: no request lost, none told twice"] = restarted(it, port)
        pid = it.shows("MainPID")
        seen["the watchdog is fed"] = _fed(it)
        it.do("sh", "-c", f"kill -KILL {pid}")
        wait(lambda: it.shows("MainPID") not in {pid, "0"})
        wait(lambda: it.shows("ActiveState") == "active")
        seen["started again after a kill"] = recorded(it, port, "third")
        held, cgroups = held_by(it.systemd()).beyond(others), it.cgroups()
        it.do("systemctl", "stop", "shipper")
        seen["stopped in order"] = it.shows("Result") == "success"
        wait(lambda: held.alive() == NONE)
        kept = bool(held.programs and held.links and held.maps)
        seen["what systemd held for a restart is gone: programs, links, maps"] = kept
        it.do(
            "rm", "-r", str(Path(_CREDENTIAL).parent), str(Path(_DROP_IN).parent)
        )  # not the package's
        it.do("dpkg", "--purge", "shipper")
        left = sorted(it.files() - before)
        sys.stderr.write("".join(f"left: {path}\n" for path in left))
        seen["purge leaves no file"] = not left
        seen["nor a cgroup"] = bool(cgroups) and not it.cgroups()
        seen["nor a process"] = "/usr/lib/shipper" not in it.processes()
    return seen


def _fed(it: Machine) -> bool:
    """Whether it lives through more than its watchdog's patience."""
    patience = float(it.shows("WatchdogUSec").removesuffix("s"))
    time.sleep(patience * 1.2)
    return it.shows("ActiveState") == "active" and it.shows("NRestarts") == "0"


def main() -> int:
    """Everything; the exit code."""
    if os.geteuid() != 0:
        raise UnavailableError("containers are started as root here", "run this as root")
    prepare()
    seen = examine(package.build())
    rows = [f"| {what} | {'yes' if held else '**no**'} |" for what, held in seen.items()]
    sys.stdout.write("\n".join(["| seen | |", "| --- | --- |", *rows]) + "\n")
    sys.stdout.write(json.dumps({"ok": all(seen.values()), **seen}) + "\n")
    return 0 if all(seen.values()) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ShipperError as error:
        sys.stderr.write(f"deb-test: {error}\n")
        sys.exit(error.exit_code)
