"""What a Kafka sink is told beside librdkafka's settings: data, and functions of its caller."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from shipper.contract.record import EncodedRecord
from shipper.delivery.framing import Framing

PartitionBy = Literal["id", "connection", "none"]

#: (record, reason, what Kafka said) to the message for the dead topic.
Bury = Callable[[EncodedRecord, str, str], EncodedRecord]
#: (letter, why Kafka can't take it): writes the letter to a file; False when that is full, and the
#: letter lost. Raises `OSError`: then it is tried again.
Keep = Callable[[EncodedRecord, str], bool]
#: (record, bytes) to a valid record of at most so many bytes, marked; None when it can't be.
Shorten = Callable[[EncodedRecord, int], EncodedRecord | None]


@dataclass(frozen=True, slots=True)
class Options:
    """How records are spread over partitions, and what helps those that Kafka refuses.

    Without `bury` a record that Kafka will never take has failed, with the reason, and without
    `keep` one whose letter it does not take; without `shorten` nothing is cut. `framing` is what
    stands around records as they are handed over; without it they go as they are.
    """

    partition_by: PartitionBy = "none"
    bury: Bury | None = None
    keep: Keep | None = None
    shorten: Shorten | None = None
    framing: Framing | None = None
