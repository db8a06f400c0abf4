"""What every encoder is."""

from typing import Any, Protocol

Document = dict[str, Any]


class Encoder(Protocol):
    """Turns validated documents into the bytes of their messages, and back."""

    @property
    def name(self) -> str:
        """The word of `record.encoding`."""

    @property
    def content_type(self) -> str:
        """What the header `content-type` of a message says."""

    @property
    def schema_name(self) -> str:
        """What the header `schema-name` says."""

    @property
    def schema_version(self) -> str:
        """What the header `schema-version` says."""

    @property
    def whole(self) -> bool:
        """Whether `decode` gives back all of a document."""

    def encode(self, document: Document, /) -> bytes:
        """The message's value. Does not fail on a valid document."""

    def decode(self, value: bytes, /) -> Document:
        """The document, or of it what this form tells; ValueError if it is none."""
