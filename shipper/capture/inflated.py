"""A gzipped capture file as what it holds, up to the byte where it is damaged or cut off.

`gzip.GzipFile` loses what it has already inflated when the file ends early; here nothing is lost.
"""

import zlib
from contextlib import suppress
from typing import BinaryIO

MAGIC = b"\x1f\x8b"
_GZIP_FORMAT = 31  # zlib.h, inflateInit2: a gzip header, the largest window
_CHUNK = 1 << 16


class Inflated:
    """Read like a file. `damage` says why it ended early, once `read` has given less than asked."""

    def __init__(self, raw: BinaryIO) -> None:
        """`raw` stands at its beginning."""
        self.damage: str | None = None
        self._raw = raw
        self._member = zlib.decompressobj(_GZIP_FORMAT)
        self._begun = False
        self._held = b""
        self._over = False

    def read(self, size: int) -> bytes:
        """At most `size` bytes; less only at the end."""
        parts, missing = [], size
        while missing and (self._held or not self._over):
            if not self._held:
                self._held = self._inflate()
                continue
            part, self._held = self._held[:missing], self._held[missing:]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _inflate(self) -> bytes:
        """The next bytes, perhaps none of them; at most a chunk, however well it was packed."""
        given = self._member.unconsumed_tail
        if self._member.eof:
            # Members may follow one another (RFC 1952 section 2.2).
            given = self._member.unused_data
            self._member, self._begun = zlib.decompressobj(_GZIP_FORMAT), False
        given = given or self._raw.read(_CHUNK)
        if not given:
            self._over = True
            self.damage = "the gzip stream is cut off" if self._begun else None
            return b""
        self._begun = True
        before = self._member.copy()
        try:
            return self._member.decompress(given, _CHUNK)
        except zlib.error as error:
            self._over = True
            self.damage = f"the gzip stream is damaged ({error})"
            return _up_to_the_damage(before, given)

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


def _up_to_the_damage(member: "zlib._Decompress", given: bytes) -> bytes:
    """What zlib inflates before it fails: with the error it gives nothing back."""
    parts = []
    with suppress(zlib.error):
        for at in range(len(given)):
            parts.append(member.decompress(given[at : at + 1]))  # noqa: PERF401 - it ends by failing
    return b"".join(parts)
