"""Gives a capture file's packets to the kernel program: the same program that runs live.

Each packet goes through BPF_PROG_TEST_RUN, and the events that it caused are read before the next
one, so that they carry the capture's time. What comes out is a function of the file alone.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterator

from shipper.capture.capture_file import CaptureFile
from shipper.capture.kernel import Kernel
from shipper.capture.loader import SYSCALL_BPF
from shipper.capture.packets import Packets
from shipper.capture.segments import pieces
from shipper.contract.events import Event
from shipper.errors import InputError, UnavailableError

_BPF_PROG_TEST_RUN = 10
#: union bpf_attr, test: prog_fd, retval, data_size_in/out, data_in/out, repeat, duration,
#: ctx_size_in/out, ctx_in/out
_ATTRIBUTES = struct.Struct("=IIIIQQIIIIQQ")
_CONTEXT_BYTES = 192
_CONTEXT_SCOPE = 52  # struct __sk_buff: cb[1]
_ETHERNET = {4: bytes(12) + b"\x08\x00", 6: bytes(12) + b"\x86\xdd"}
_ROOM = 1 << 16


class TestRun:
    """Runs the program on given packets, one system call each."""

    __test__ = False  # the kernel's name, not a test

    def __init__(self, program: int) -> None:
        """`program` is its descriptor."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._number = SYSCALL_BPF[platform.machine()]
        self._data = ctypes.create_string_buffer(_ROOM)
        self._context = ctypes.create_string_buffer(_CONTEXT_BYTES)
        self._attributes = ctypes.create_string_buffer(80)
        _ATTRIBUTES.pack_into(
            self._attributes, 0, program, 0, 0, 0, ctypes.addressof(self._data), 0, 1, 0,
            _CONTEXT_BYTES, 0, ctypes.addressof(self._context), 0,
        )  # fmt: skip

    def run(self, packet: bytes, scope: int = 0) -> None:
        """Show the program one IP packet, at most `segments.LIMIT` bytes; OSError if refused.

        `scope` as in `Packet`.
        """
        frame = _ETHERNET[packet[0] >> 4] + packet
        ctypes.memmove(self._data, frame, len(frame))
        struct.pack_into("=I", self._context, _CONTEXT_SCOPE, scope)
        # The kernel writes the second one, and takes it for a limit the next time.
        struct.pack_into("=II", self._attributes, 8, len(frame), 0)
        if self._libc.syscall(self._number, _BPF_PROG_TEST_RUN, self._attributes, 80) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


class Replay:
    """One capture file on its way through the program.

    `counted` says what became of its frames, as `Packets` does; and `refused` by the kernel.
    """

    def __init__(self, kernel: Kernel, capture: CaptureFile) -> None:
        """`kernel` was opened with the hook "replay"."""
        self._test_run = TestRun(kernel.program)
        self._ring = kernel.ring(0)
        self._capture = capture
        self._packets = Packets()
        self.counted = self._packets.counted

    def __iter__(self) -> Iterator[Event]:
        """Events in order, with the capture's wall-clock time in ns.

        Raises InputError at the end when no frame had a link type that is supported.
        """
        for frame in self._capture:
            packet = self._packets.take(frame)
            if packet is None:
                continue
            for piece in pieces(packet.data):
                self._run(piece, packet.scope)
                for event in self._ring.drain():
                    yield event._replace(time=frame.time)
        self._packets.close()
        if self._packets.foreign:
            raise InputError(
                f"{self._capture.path}: {self.unsupported}",
                "convert it, for instance with editcap -T ether",
            )

    @property
    def unsupported(self) -> str | None:
        """What frames were left out for their link type, in words."""
        return self._packets.unsupported

    def _run(self, piece: bytes, scope: int) -> None:
        try:
            self._test_run.run(piece, scope)
        except PermissionError as error:
            raise UnavailableError(
                "the kernel does not let this process run the program", "run as root"
            ) from error
        except OSError:
            # Shorter than an IP header, for one.
            self.counted["refused"] += 1
