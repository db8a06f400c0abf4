"""How many entries a hash map of the kernel has, by reading them all in large portions.

The kernel tells it nowhere. Kernels before 5.19 may refuse an unprivileged process even this
(kernel.unprivileged_bpf_disabled); then nobody knows.
"""

import ctypes
import errno
import platform
import struct
from pathlib import Path

from shipper.capture.loader import SYSCALL_BPF, bpf

_LOOKUP = 1
_NEXT_KEY = 4
_LOOKUP_BATCH = 24
#: Entries a call. A bucket is handed out whole, so it has to be more than the longest has.
_PORTION = 2048
#: linux/bpf.h, the part of union bpf_attr for batches: in, out, keys, values, count, map, flags.
_BATCH = struct.Struct("=QQQQIIQQ")
_COUNT_AT = 32


def occupancy(descriptor: int) -> int | None:
    """How many entries; None where this kernel does not let us look."""
    sizes = told(descriptor)
    if "key_size" not in sizes:
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    keys = ctypes.create_string_buffer(sizes["key_size"] * _PORTION)
    values = ctypes.create_string_buffer(sizes["value_size"] * _PORTION)
    place = ctypes.create_string_buffer(4)
    begun, count = 0, 0
    while True:
        at = ctypes.addressof
        buffer = ctypes.create_string_buffer(
            _BATCH.pack(begun, at(place), at(keys), at(values), _PORTION, descriptor, 0, 0)
        )
        number = SYSCALL_BPF[platform.machine()]
        result = libc.syscall(number, _LOOKUP_BATCH, buffer, _BATCH.size)
        error = ctypes.get_errno() if result < 0 else 0
        if error and error != errno.ENOENT:
            return None
        count += int.from_bytes(buffer.raw[_COUNT_AT : _COUNT_AT + 4], "little")
        if error:  # that was the last of them
            return count
        begun = at(place)


def stored(descriptor: int) -> dict[bytes, int]:
    """What is in a map whose values are numbers of 32 bits. Needs the privileges of loading."""
    size = told(descriptor)["key_size"]
    found: dict[bytes, int] = {}
    key, value = ctypes.create_string_buffer(size), ctypes.create_string_buffer(4)
    following = ctypes.create_string_buffer(size)
    before = 0  # of the first there is none
    while True:
        at = ctypes.addressof
        try:
            bpf(_NEXT_KEY, struct.pack("=IIQQQ", descriptor, 0, before, at(following), 0))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            return found
        key.raw = following.raw
        before = at(key)
        bpf(_LOOKUP, struct.pack("=IIQQQ", descriptor, 0, before, at(value), 0))
        found[key.raw] = int.from_bytes(value.raw, "little")


def told(descriptor: int) -> dict[str, int]:
    """The numbers that the kernel tells of a map or a program, by name (proc(5), fdinfo).

    None of them where it does not let us read: a process that may not be dumped looks like root's
    to kernels before 5.14.
    """
    try:
        lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    except PermissionError:
        return {}
    pairs = (line.split(":\t", 1) for line in lines if ":\t" in line)
    return {name: int(value) for name, value in pairs if value.strip().isdecimal()}
