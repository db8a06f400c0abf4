"""Bytes of Protocol Buffers <-> the texts and messages in them.

The encoding is that of https://protobuf.dev/programming-guides/encoding/. A field is named by its
number, as in the `.proto` file of whoever answers; numbers that are values are passed over, because
no name is one. What later versions add is passed over too.
"""

from typing import Final

#: Wire types: the low three bits of a field's tag.
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_FIXED: Final = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}
#: A varint has seven bits a byte, the lowest first; the high bit says that more follow.
_BITS: Final = 0x7F
_LONGEST_VARINT: Final = 10


def field(number: int, value: str | bytes) -> bytes:
    """A field that holds a text, or a message made of fields."""
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _LENGTH) + _varint(len(content)) + content


class Message:
    """A message that was received. ValueError where its bytes are none."""

    def __init__(self, content: bytes) -> None:
        self._found: dict[int, list[bytes]] = {}
        at = 0
        while at < len(content):
            tag, at = _read_varint(content, at)
            kind = tag & 7
            if kind == _VARINT:
                _, at = _read_varint(content, at)
                continue
            if kind == _LENGTH:
                length, at = _read_varint(content, at)
            elif kind in _FIXED:
                length = _FIXED[kind]
            else:
                raise ValueError(f"a field of the unknown type {kind}")
            if at + length > len(content):
                raise ValueError("a field that is cut off")
            if kind == _LENGTH:
                self._found.setdefault(tag >> 3, []).append(content[at : at + length])
            at += length

    def text(self, number: int) -> str:
        """A text; "" where it is absent, which is the same (proto3)."""
        return self._found.get(number, [b""])[-1].decode()

    def message(self, number: int) -> "Message":
        """The message in a field; an empty one where it is absent."""
        return Message(self._found.get(number, [b""])[-1])

    def messages(self, number: int) -> list["Message"]:
        """All messages of a repeated field."""
        return [Message(content) for content in self._found.get(number, [])]

    def table(self, number: int) -> dict[str, str]:
        """A map of texts: each entry is a message of its key (1) and its value (2)."""
        return {entry.text(1): entry.text(2) for entry in self.messages(number)}


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > _BITS:
        made.append(number & _BITS | ~_BITS & 0xFF)
        number >>= 7
    return bytes([*made, number])


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    """The number, and where what follows it begins."""
    number = 0
    for place, byte in enumerate(content[at : at + _LONGEST_VARINT]):
        number |= (byte & _BITS) << 7 * place
        if byte <= _BITS:
            return number, at + place + 1
    raise ValueError("a number that does not end")
