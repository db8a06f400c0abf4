"""What hides traffic from the hooks, made for real: `doctor` tells of it."""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from shipper.blind_spots import blind_spots
from shipper.capture import btf, loader
from shipper.config import Config
from shipper.finding import Finding

_SK_MSG = 16
_IPPROTO_MPTCP = 262


@contextmanager
def _redirecting_program() -> Iterator[None]:
    """The shortest one that a sockmap could have: r0 = 1 (SK_PASS); exit."""
    code = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xB7, 0, 0, 1, 0x95, 0, 0, 0), 16)
    licence = ctypes.create_string_buffer(b"GPL")
    told = struct.pack("=IIQQ", _SK_MSG, 2, ctypes.addressof(code), ctypes.addressof(licence))
    descriptor = loader.bpf(loader.BPF_PROG_LOAD, told.ljust(72, b"\0"))
    try:
        yield
    finally:
        os.close(descriptor)


def _told() -> dict[str, Finding]:
    return {finding.check: finding for finding in blind_spots(Config())}


def test_a_program_that_sends_past_the_hooks_is_found() -> None:
    """One of the kind that sockmap acceleration uses; without it there is nothing to say."""
    assert _told()["sockmap"].status == "ok"
    with _redirecting_program():
        found = _told()["sockmap"]
    assert found.status == "warn"
    assert "1 sk_msg" in found.found


def test_multipath_sockets_are_found() -> None:
    """By the kernel's own count of them."""
    assert _told()["MPTCP"].status == "ok"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, _IPPROTO_MPTCP) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        found = _told()["MPTCP"]
    assert found.status == "warn"
    assert found.found.startswith("1 sockets")


def test_what_the_kernel_can_do_is_asked_of_it() -> None:
    """The verifier's answer, not the version's; one line for each feature."""
    told = _told()
    for feature, asked in (("may_goto", loader.MAY_GOTO), ("atomic exchange", loader.EXCHANGE)):
        found = told[f"kernel: {feature}"]
        assert (found.status == "ok") == loader.accepts(asked)
    assert told["kernel: BTF"].status == ("ok" if btf.VMLINUX.exists() else "warn")
