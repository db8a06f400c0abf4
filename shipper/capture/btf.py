"""The running kernel's own description of its structs (BTF) -> where their members lie, in bytes.

bcc can't relocate a program to the running kernel, and kernel headers are not asked for: what a
program reads of the kernel's structs, it is told as numbers when it is compiled. The format is
that of Documentation/bpf/btf.rst in the kernel's source.
"""

import struct
from array import array
from pathlib import Path
from typing import Final

#: Where the kernel shows its own, readable for everybody.
VMLINUX: Final = Path("/sys/kernel/btf/vmlinux")

_MAGIC: Final = 0xEB9F
_HEADER: Final = struct.Struct("=HBBIIIII")
_STRUCT, _UNION = 4, 5
#: typedef, volatile, const, restrict, type tag: other names of what they point to
_ALIASES: Final = frozenset((8, 9, 10, 11, 18))
#: words behind a type's own three, by kind: always, and for each of its members
_FIXED: Final = (0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0)
_EACH: Final = (0, 0, 0, 0, 3, 3, 2, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 3)


class Btf:
    """The types of one kernel."""

    def __init__(self, data: bytes) -> None:
        """Index the types. ValueError for what is no BTF of a kind that is known here."""
        try:
            self._read(data)
        except (struct.error, IndexError) as error:
            raise ValueError("this is no BTF, or one of a newer kind") from error

    def _read(self, data: bytes) -> None:
        magic, version, _, header, types_at, types, texts_at, texts = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != 1:
            raise ValueError("this is no BTF of version 1")
        types_at += header
        self._words = array("I", data[types_at : types_at + types])
        self._texts = data[header + texts_at : header + texts_at + texts]
        words = self._words
        # Type 0 is void, which is not written down.
        self._starts = starts = array("I", (0,))
        at, end = 0, len(words)
        while at < end:
            starts.append(at)
            info = words[at + 1]
            kind = info >> 24 & 31
            at += 3 + _FIXED[kind] + _EACH[kind] * (info & 0xFFFF)

    def offset(self, path: str) -> int:
        """Where a member lies, as in `task_struct.group_leader`. KeyError if there is none."""
        name, *members = path.split(".")
        at, total = self._find(name), 0
        for member in members:
            at, offset = self._member(self._resolve(at), member)
            total += offset
        return total

    def size(self, name: str) -> int:
        """The bytes of a struct. KeyError if there is none."""
        return self._words[self._starts[self._find(name)] + 2]

    def _find(self, name: str) -> int:
        """The id of a struct."""
        text = self._texts.find(b"\0" + name.encode() + b"\0") + 1
        words = self._words
        for number, at in enumerate(self._starts):
            if text and words[at] == text and words[at + 1] >> 24 & 31 == _STRUCT and number:
                return number
        raise KeyError(name)

    def _resolve(self, number: int) -> int:
        """The same type by its first name."""
        at = self._starts[number]
        while self._words[at + 1] >> 24 & 31 in _ALIASES:
            number = self._words[at + 2]
            at = self._starts[number]
        return number

    def _member(self, number: int, name: str) -> tuple[int, int]:
        """Type and offset of a member, which may stand in a struct or union without a name."""
        at = self._starts[number]
        words, info = self._words, self._words[at + 1]
        if info >> 24 & 31 not in (_STRUCT, _UNION):
            raise KeyError(name)
        for each in range(at + 3, at + 3 + 3 * (info & 0xFFFF), 3):
            text, kind, bits = words[each], words[each + 1], words[each + 2]
            # With the flag, the upper eight bits are the size of a bit field.
            offset = (bits & 0xFFFFFF if info >> 31 else bits) // 8
            if self._text(text) == name:
                return kind, offset
            if not self._text(text):
                try:
                    inner, further = self._member(self._resolve(kind), name)
                except KeyError:
                    continue
                return inner, offset + further
        raise KeyError(name)

    def _text(self, at: int) -> str:
        return self._texts[at : self._texts.index(b"\0", at)].decode()
