"""buildah and podman as this project uses them: no daemon, runc, no image fetched by itself."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from shipper.errors import UnavailableError

#: crun does not start containers where a part of the cgroups is of version 1.
RUNTIME = Path("/usr/bin/runc")
NAME = "shipper"
#: Under what name Docker's library has what the Dockerfile begins with, by Debian's word for the
#: processor.
LIBRARIES = {"amd64": "docker.io/library", "arm64": "docker.io/arm64v8"}
#: A host that grants no more must not be asked for more (podman's own defaults are a million).
ULIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> str:
    """Standard output of a command; UnavailableError with its last words when it fails."""
    words = list(map(str, command))
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{' '.join(words[:3])} took more than {timeout_s} s") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise UnavailableError(f"{' '.join(words[:3])} failed: {said[-1]}")
    return done.stdout


def podman(*words: str | Path, timeout_s: float | None = None) -> str:
    """One call of podman."""
    return run(["podman", "--runtime", RUNTIME, *words], timeout_s=timeout_s)


def exists(image: str) -> bool:
    """Whether an image is in the local storage."""
    try:
        podman("image", "exists", image)
    except UnavailableError:
        return False
    return True


def once(image: str, *words: str | Path, options: Sequence[str | Path] = ()) -> str:
    """Run a command of an image, without a network; its standard output."""
    return podman(
        "run", "--rm", "--pull=never", "--no-healthcheck", "--network=none", *ULIMITS, *options,
        "--entrypoint", words[0], image, *words[1:],
    )  # fmt: skip
