"""What Kafka's client and Quix Streams say of themselves -> our log, where it is for debugging.

That Kafka is away is told in our own words, once (away.py).
"""

import logging
from typing import Final

#: In a line of Quix Streams 3.28 that what was to be read next is deleted. Its arguments begin
#: with that offset, topic, partition, and the first offset that is left.
_DELETED: Final = "is below the broker low watermark"


class _Forward(logging.Handler):
    """Passes a line on; only what Quix Streams calls critical is news."""

    def emit(self, record: logging.LogRecord) -> None:
        level = logging.ERROR if record.levelno >= logging.CRITICAL else logging.DEBUG
        logging.getLogger("shipper").log(level, "%s", _in_words(record))


def _in_words(record: logging.LogRecord) -> str:
    """One line; in our own words where it is the one that an operator should read."""
    if _DELETED in str(record.msg) and isinstance(record.args, tuple):
        offset, topic, partition, left, *_ = record.args
        return (
            f"{topic}[{partition}]: what lay from offset {offset} to {left} was deleted before it "
            "was read; it goes on with what is left, and knows nothing of before"
        )
    return f"{record.name.partition('.')[0]}: {' '.join(record.getMessage().split())}"


def client_logger() -> logging.Logger:
    """For a client's setting `logger`; it belongs to no hierarchy."""
    logger = logging.Logger("librdkafka")  # noqa: LOG001 - on purpose outside the tree
    logger.addHandler(_Forward())
    return logger


def adopt_quix_streams() -> None:
    """Have its lines, and those of its clients, pass through our log."""
    logger = logging.getLogger("quixstreams")
    logger.handlers[:] = [_Forward()]
    logger.propagate = False
