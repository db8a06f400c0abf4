"""librdkafka's statistics -> the few numbers of them that are kept.

Names and units are those of STATISTICS.md in librdkafka; here times are seconds. They are the
producer's own: one that is made anew counts from 0.
"""

import json
from contextlib import suppress
from typing import Any, Final, NamedTuple

#: Brokers that are told one by one; beyond them a cluster's are only counted together.
MOST_BROKERS: Final = 64
_MICROSECOND: Final = 1e-6


class BrokerNumbers(NamedTuple):
    """One broker, by its number in the cluster; round trips (s) are those of the last interval."""

    number: int
    connected: bool
    rtt_average: float
    rtt_p99: float
    waiting: int
    errors: int
    timeouts: int


class Statistics(NamedTuple):
    """`connected`: to any broker at all, one of unknown number among them."""

    connected: bool
    queue_messages: int
    queue_bytes: int
    sent_messages: int
    sent_bytes: int
    brokers: tuple[BrokerNumbers, ...]


def read_statistics(text: str) -> Statistics | None:
    """What a producer says of itself (JSON); None for what is not understood."""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        return _statistics(json.loads(text))
    return None


def _statistics(told: dict[str, Any]) -> Statistics:
    brokers = list(told["brokers"].values())
    numbered = sorted((b for b in brokers if b["nodeid"] >= 0), key=lambda b: b["nodeid"])
    return Statistics(
        connected=any(broker["state"] == "UP" for broker in brokers),
        queue_messages=told["msg_cnt"],
        queue_bytes=told["msg_size"],
        sent_messages=told["txmsgs"],
        sent_bytes=told["txmsg_bytes"],
        brokers=tuple(map(_broker, numbered[:MOST_BROKERS])),
    )


def _broker(told: dict[str, Any]) -> BrokerNumbers:
    return BrokerNumbers(
        number=told["nodeid"],
        connected=told["state"] == "UP",
        rtt_average=told["rtt"]["avg"] * _MICROSECOND,
        rtt_p99=told["rtt"]["p99"] * _MICROSECOND,
        waiting=told["outbuf_cnt"] + told["waitresp_cnt"],
        errors=told["txerrs"] + told["rxerrs"],
        timeouts=told["req_timeouts"],
    )
