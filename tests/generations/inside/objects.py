"""A loaded program's facts, and the emptying of its tables, asked of the kernel (linux/bpf.h)."""

import ctypes
import os
import struct

from shipper.capture.loader import bpf

_MAP_DELETE_ELEM = 3
_MAP_GET_NEXT_KEY = 4
_PROG_GET_FD_BY_ID = 13
_MAP_GET_FD_BY_ID = 14
_OBJ_GET_INFO_BY_FD = 15

# struct bpf_prog_info, as far as kernel 5.16; older ones leave the end as it is.
_PROG_INFO = 232
_MAP_IDS = 52  # a u32 that counts and, after it, the address of room for as many
_VERIFIED = 216
_MOST_MAPS = 64
#: Kinds that are filled by packets: hash, per-CPU hash, and both with LRU.
_TABLES = (1, 5, 9, 10)


def _program_info(descriptor: int) -> tuple[list[int], int]:
    """The ids of a program's maps, and the instructions that the verifier followed (0: unknown)."""
    ids = (ctypes.c_uint32 * _MOST_MAPS)()
    info = ctypes.create_string_buffer(_PROG_INFO)
    struct.pack_into("=IQ", info, _MAP_IDS, _MOST_MAPS, ctypes.addressof(ids))
    bpf(_OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", descriptor, len(info), ctypes.addressof(info)))
    (count,) = struct.unpack_from("=I", info, _MAP_IDS)
    (verified,) = struct.unpack_from("=I", info, _VERIFIED)
    return list(ids[:count]), verified


def verified_instructions(descriptor: int) -> int | None:
    """How many instructions the verifier followed; kernels before 5.16 do not say."""
    return _program_info(descriptor)[1] or None


def verified_by_id(number: int) -> int | None:
    """The same of the program with this id."""
    descriptor = bpf(_PROG_GET_FD_BY_ID, struct.pack("=III", number, 0, 0))
    try:
        return verified_instructions(descriptor)
    finally:
        os.close(descriptor)


def forget_flows(program: int) -> None:
    """Empty the tables that packets have filled, as if the program had just been loaded."""
    for number in _program_info(program)[0]:
        table = bpf(_MAP_GET_FD_BY_ID, struct.pack("=III", number, 0, 0))
        try:
            _empty(table)
        finally:
            os.close(table)


def _empty(table: int) -> None:
    info = ctypes.create_string_buffer(16)
    bpf(_OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", table, len(info), ctypes.addressof(info)))
    kind, _, key_size, _ = struct.unpack("=4I", info)
    if kind not in _TABLES:
        return
    key = ctypes.create_string_buffer(key_size)
    address = ctypes.addressof(key)
    while True:
        try:
            bpf(_MAP_GET_NEXT_KEY, struct.pack("=IIQQ", table, 0, 0, address))
        except FileNotFoundError:
            return
        bpf(_MAP_DELETE_ELEM, struct.pack("=IIQQQ", table, 0, address, 0, 0))
