"""A validated document -> the bytes of its message, in the form that was chosen; and back.

One module a form, each with an encoder behind the one interface. A form is imported when it is
chosen: who writes ECS JSON needs no Avro library in memory.
"""

from shipper.record.encoders.choice import (
    ENCODINGS,
    encoder_for,
    encoder_of,
    read_message,
    ready_for,
)
from shipper.record.encoders.interface import Document, Encoder

__all__ = [
    "ENCODINGS",
    "Document",
    "Encoder",
    "encoder_for",
    "encoder_of",
    "read_message",
    "ready_for",
]
