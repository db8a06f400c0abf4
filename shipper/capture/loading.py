"""Runs the loader as a process of its own, and takes from it what it has made."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping

from shipper.capture import loader
from shipper.capture.settings import CaptureSettings
from shipper.errors import PrivilegeError, ShipperError, UnavailableError

_MAX_DESCRIPTORS = 253  # SCM_MAX_FD
#: Where the loader's hundreds of links are made in no time; on a disk it was seen to take 0.7 s.
_IN_MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own below it


def run_loader(
    settings: CaptureSettings,
    task: Mapping[str, object],
    inherited: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """The descriptors that it made, by their names; of what is `inherited`, those it replaced.

    Raises PrivilegeError, UnavailableError.
    """
    theirs_too = dict(inherited or {})
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    # The folder is ours, not the loader's: it goes too when the loader has to be killed.
    with (
        ours,
        tempfile.TemporaryFile() as log,
        tempfile.TemporaryDirectory(prefix="shipper-", dir=_room()) as tree,
    ):
        process = subprocess.Popen(  # noqa: S603 - our own file, an interpreter of the settings
            [settings.interpreter, "-I", loader.__file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno(), *theirs_too.values()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        theirs.close()
        try:
            ours.settimeout(settings.load_timeout)
            ours.sendall(
                json.dumps({**task, "tree": tree, "inherited": theirs_too}).encode() + b"\n"
            )
            answer, descriptors = _receive(ours)
            process.wait(settings.load_timeout)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(
                f"loading the kernel program took longer than {settings.load_timeout:.0f} s",
                "see whether the machine is overloaded, and try again",
            ) from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if answer is None:
            raise UnavailableError(
                f"the loader ended with code {process.returncode} and said {_tail(log.fileno())!r}",
                "check that python3-bpfcc works: python3 -c 'import bcc'",
            )
    if "problem" in answer:
        raise _refusal(str(answer["problem"]), str(answer["remedy"]))
    return dict(zip(answer["names"], descriptors, strict=True))


def _room() -> str | None:
    """The folder to make temporary ones in; None for the usual."""
    return _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else None


def _refusal(problem: str, remedy: str) -> ShipperError:
    permission = "not permitted" in problem or "denied" in problem
    return (PrivilegeError if permission else UnavailableError)(problem, remedy)


def _receive(channel: socket.socket) -> tuple[dict[str, list[str]] | None, list[int]]:
    """One message of the loader: its JSON, and the descriptors beside it."""
    data, descriptors, _, _ = socket.recv_fds(channel, 1 << 16, _MAX_DESCRIPTORS)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # noqa: FBT003
    return (json.loads(data) if data else None), list(descriptors)


def _tail(descriptor: int) -> str:
    with contextlib.suppress(OSError):
        size = os.fstat(descriptor).st_size
        text = os.pread(descriptor, 4096, max(0, size - 4096)).decode("utf-8", "replace")
        lines = [line for line in text.splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else ""
    return ""
