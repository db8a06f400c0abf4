"""What the record room hands to delivery: bytes ready to be sent, and what goes beside them."""

from typing import Final, NamedTuple

#: The sequence of a message that is no record of an exchange: a dead letter, an account.
UNNUMBERED: Final = -1
#: The text header that says what stands around the value; a plain one has none.
FRAMING_HEADER: Final = "framing"


class EncodedRecord(NamedTuple):
    """One record as it goes out.

    `key` is `event.id`; `timestamp_ms` is the event time in ms since the epoch; `headers` are
    the text headers of the message (content type, schema name and version, framing);
    `partition_key` names the connection, for who wants order per connection. `sequence` has no
    holes; a message that is no record has UNNUMBERED.
    """

    topic: str
    key: bytes
    value: bytes
    timestamp_ms: int
    headers: tuple[tuple[str, bytes], ...]
    partition_key: bytes
    sequence: int
