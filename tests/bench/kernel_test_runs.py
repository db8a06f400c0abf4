"""The same kinds of packet by BPF_PROG_TEST_RUN: no socket and no network, the replay build.

Each packet is a run of its own, because what the program does depends on the sequence number:
the kernel's own repetition would show it the same segment again and again, a retransmission.
"""

from collections.abc import Callable

from kernel.wire import Connection, Harness, ipv4

from bench import run_statistics
from bench.messages import BODY, FOREIGN, REQUEST, REQUEST_3K, RESPONSE, UPLOAD
from shipper.capture import open_kernel
from shipper.capture.settings import CaptureSettings

_UDP = 17
_REQUESTS = 30


class TestRuns:
    """The replay build; each case gives the cost of one packet in ns."""

    __test__ = False  # the kernel's name, not a test

    def __init__(self, packets: int) -> None:
        """`packets` are those of one case and round, at least."""
        self._packets = packets
        self._harness = Harness(open_kernel(CaptureSettings(hook="replay")))
        self.cases: dict[str, Callable[[], float]] = {
            "not TCP": self.not_tcp,
            "TCP, not HTTP": lambda: self._spoken(FOREIGN),
            "body segment": lambda: self._spoken(BODY, first=UPLOAD),
            "pure ACK": lambda: self._spoken(b"", first=REQUEST),
            "350 B request": lambda: self._requests(REQUEST),
            "3 KB request": lambda: self._requests(REQUEST_3K),
            "350 B request and its response": lambda: self._requests(REQUEST, answer=RESPONSE),
        }

    def close(self) -> None:
        """Give up the program."""
        self._harness.close()

    def round(self) -> dict[str, float]:
        """Each case once."""
        figures = {name: case() for name, case in self.cases.items()}
        self._harness.events.clear()
        return figures

    def not_tcp(self) -> float:
        """UDP, which the program leaves at its first look."""
        packet = ipv4("10.9.9.1", "10.9.9.2", BODY, protocol=_UDP)
        return self._cost([lambda: self._harness.show(packet)] * self._packets)

    def _spoken(self, data: bytes, *, first: bytes = b"") -> float:
        connection = self._harness.connection()
        connection.ask(first or data)
        if data:
            return self._cost([lambda: connection.ask(data)] * self._packets)
        return self._cost([lambda: connection.packet(connection.client)] * self._packets)

    def _requests(self, request: bytes, *, answer: bytes = b"") -> float:
        runs: list[Callable[[], object]] = []
        for _ in range(-(-self._packets // _REQUESTS)):
            runs += [_exchange(self._harness.connection(), request, answer)] * _REQUESTS
        return self._cost(runs)

    def _cost(self, runs: list[Callable[[], object]]) -> float:
        def work() -> None:
            for run in runs:
                run()

        return run_statistics.during(self._harness.kernel.program, work).time / len(runs)


def _exchange(connection: Connection, request: bytes, answer: bytes) -> Callable[[], object]:
    """A request, and its response where there is one."""

    def shown() -> None:
        connection.ask(request)
        if answer:
            connection.answer(answer)

    return shown
