"""librdkafka's own log lines, handed to our log so that nothing is printed raw."""

import logging

from shipper.delivery.lines import Lines
from shipper.delivery.sink import Log


class _Forward(logging.Handler):
    """Passes a line of librdkafka on.

    Its complaints about connections reach the user through the error callback in our own words,
    so they are for debugging here; what it says about settings is news.
    """

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._lines = Lines(log)

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        matter = text.split(" ", 1)[0]
        level = logging.WARNING if matter == "CONFWARN" else logging.DEBUG
        self._lines.say(level, matter, f"librdkafka: {text}")


def client_logger(log: Log) -> logging.Logger:
    """A logger for a client's `logger` setting; it belongs to no hierarchy."""
    logger = logging.Logger("librdkafka")  # noqa: LOG001 - on purpose outside the tree
    logger.addHandler(_Forward(log))
    return logger
