"""Dockerfile, compose file, seccomp profile and scripts: each by the tool that knows its kind."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft202012Validator

CHECKOUT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DOCKERFILE = CHECKOUT / "Dockerfile"
COMPOSE = CHECKOUT / "config/compose/compose.yaml"
PROFILE = CHECKOUT / "config/seccomp/shipper.json"
SCRIPTS = sorted(
    path for path in (CHECKOUT / "config/debian").iterdir() if path.read_text().startswith("#!")
)


def _run(tool: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / tool, *words], capture_output=True, text=True, check=False)


def test_hadolint_has_nothing_to_say() -> None:
    """Warnings included; what is left out says why beside it."""
    done = _run("hadolint", DOCKERFILE)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_hadolint_would_say_it(tmp_path: Path) -> None:
    """The check above can fail."""
    worse = tmp_path / "Dockerfile"
    worse.write_text(DOCKERFILE.read_text().replace('["run"]', "shipper run"))
    assert "DL3025" in _run("hadolint", worse).stdout


def test_the_image_gets_everything_that_the_package_is_made_of() -> None:
    """What pyproject.toml and the Dockerfile name is not kept out by .dockerignore."""
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    needed = {"shipper", "bpf", "schemas", "pyproject.toml", "README.md", "LICENSE"}
    locks = {f"requirements{which}.lock" for which in ("", "-build", "-compile")}
    assert let_in == needed | locks
    assert all((CHECKOUT / name).exists() for name in let_in)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file."""
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return document


@pytest.fixture(scope="module")
def specification() -> Draft202012Validator:
    """The schema of the compose specification."""
    return Draft202012Validator(get_builtin_schema("vendor.compose-spec"))


def test_the_compose_file_is_one(
    compose: dict[str, Any], specification: Draft202012Validator
) -> None:
    """No key that the specification does not know."""
    assert [error.message for error in specification.iter_errors(compose)] == []


def test_a_wrong_compose_file_is_found(specification: Draft202012Validator) -> None:
    """The check above can fail."""
    worse = yaml.safe_load(COMPOSE.read_text().replace("read_only:", "readonly:"))
    assert not specification.is_valid(worse)


def test_every_image_has_a_whole_version(compose: dict[str, Any]) -> None:
    """No `latest`, no moving tag: what is tried today is tried tomorrow."""
    images = [service["image"] for service in compose["services"].values() if "image" in service]
    for built in (service.get("build", {}) for service in compose["services"].values()):
        images += re.findall(r"^FROM (\S+)$", built.get("dockerfile_inline", ""), re.MULTILINE)
    assert images
    assert [one for one in images if not re.search(r":\d+\.\d+\.\d+$", one)] == []


def test_ports_are_bound_to_loopback(compose: dict[str, Any]) -> None:
    """Nothing here has a log-in."""
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_what_the_stack_says_to_itself_is_left_out(compose: dict[str, Any]) -> None:
    """The agent excludes the very network that the others are in."""
    (pool,) = compose["networks"]["default"]["ipam"]["config"]
    agent = compose["services"]["agent"]["environment"]
    assert agent["SHIPPER_CAPTURE__EXCLUDE__CIDRS"] == pool["subnet"]


def test_the_agent_has_the_rights_of_the_chart(compose: dict[str, Any]) -> None:
    """One set of capabilities, wherever the agent is started."""
    (pod,) = [
        one
        for one in yaml.safe_load_all(
            (CHECKOUT / "config/kubernetes/manifests/cgroup.yaml").read_text()
        )
        if one and one["kind"] == "DaemonSet"
    ]
    (container,) = pod["spec"]["template"]["spec"]["containers"]
    added = container["securityContext"]["capabilities"]["add"]
    assert compose["services"]["agent"]["cap_add"] == added
    assert compose["services"]["agent"]["cgroup"] == "host"


def test_the_seccomp_profile_is_read_by_docker_and_kubernetes() -> None:
    """Only keys of the runtime specification (and comments): Docker's own are not Kubernetes's."""
    profile = json.loads(PROFILE.read_text())
    assert set(profile) == {"defaultAction", "defaultErrnoRet", "architectures", "syscalls"}
    keys = {key for rule in profile["syscalls"] for key in rule}
    assert keys <= {"comment", "names", "action", "args", "errnoRet"}
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    names = [name for rule in profile["syscalls"] for name in rule["names"]]
    assert len(names) == len(set(names))
    dangerous = {"mount", "ptrace", "unshare", "setns", "keyctl", "io_uring_setup", "init_module"}
    assert not dangerous & set(names)
    assert "bpf" in names


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    """The scripts of the Debian package run as root on machines that are not ours."""
    done = _run("shellcheck", "--shell=sh", "--enable=all", script)
    assert (done.returncode, done.stdout) == (0, "")
