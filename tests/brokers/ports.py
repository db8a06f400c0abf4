"""TCP ports of 127.0.0.1 that stay ours while nobody listens on them."""

import random
import socket
from collections.abc import Sequence

from shipper.errors import UnavailableError

#: Below the range that the kernel picks from: a port of ours is nobody's source port while the
#: broker is down, and no client can connect to itself.
_PORTS = range(20_000, 32_000)


class Ports:
    """Hands out free TCP ports of 127.0.0.1; none twice."""

    def __init__(self) -> None:
        self._given: set[int] = set()

    def free(self) -> int:
        """A port that nobody listens on."""
        for port in _shuffled():
            if port in self._given:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            self._given.add(port)
            return port
        raise UnavailableError("no free port for a Kafka", f"looked at {_PORTS}")


def _shuffled() -> Sequence[int]:
    # Not of the seeded chance that a test may have set: two runs side by side would meet.
    return random.SystemRandom().sample(_PORTS, len(_PORTS))
