"""What Kafka's client and Quix Streams say of themselves -> our log, where it is for debugging.

That Kafka is away is told in our own words, once (away.py).
"""

import logging


class _Forward(logging.Handler):
    """Passes a line on; only what Quix Streams calls critical is news."""

    def emit(self, record: logging.LogRecord) -> None:
        level = logging.WARNING if record.levelno >= logging.CRITICAL else logging.DEBUG
        said = " ".join(record.getMessage().split())
        logging.getLogger("shipper").log(level, "%s: %s", record.name.partition(".")[0], said)


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
