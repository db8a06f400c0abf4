"""The requests of one connection that wait for their responses, and which one comes next.

Responses answer requests in their order (RFC 9112 section 9.3.2). As long as nothing was lost,
counting is enough, pipelined or not; a request that was told unanswered leaves a place too
(`unmatched`), so that its late response does not take the next request's.

After a loss, or a response that nothing asked for, nobody can say how many of either were missed:
the count is not `sure`. A wrong pair is worse than two messages told alone, so then:
- Only a request that waits alone is paired, and the exchange says that the place was lost. This
  takes for granted that the client asks one thing at a time, and a pair makes the count sure again.
- Two at once are both told alone, and so are those that follow until a response comes: what
  began before it (`_doubt`) can't be told apart.
- A client that was seen to pipeline may have any number of responses under way. Nothing is paired
  until the connection was silent for as long as a response is waited for.

Knows nothing of bytes, and no clock but the messages' own.
"""

from typing import Final

from shipper.contract.exchange import Incomplete
from shipper.http.block import RequestHead, ResponseHead

# A time that no request begins after.
_FOREVER: Final = 1 << 64


class Queue:
    """Requests in their order; None keeps the place of one that could not be read.

    What can't be paired any more is handed back, for the caller to tell alone.
    """

    __slots__ = ("_doubt", "_pipelines", "pending", "sure", "unmatched")

    def __init__(self) -> None:
        # A list, because an empty deque is ten times its size and the queue is short.
        self.pending: list[RequestHead | None] = []
        self.unmatched = 0  # responses still to come whose requests have been told alone
        self.sure = True
        self._pipelines = False
        self._doubt = 0  # ns: what began until then is not paired

    @property
    def silenced(self) -> bool:
        """Whether only silence, or a response, makes pairing possible again."""
        return self._doubt == _FOREVER

    def ask(self, head: RequestHead | None) -> list[RequestHead]:
        """Let a request wait; the requests that can't be paired now, itself perhaps included."""
        given_up: list[RequestHead] = []
        if head is not None and head.resumed:
            given_up = self._lose()
            if self._pipelines:
                self._doubt = _FOREVER
            elif self.silenced:
                self._doubt = 0
        self.pending.append(head)
        if self.sure:
            return given_up
        if len(self.pending) > 1:
            self._doubt = _FOREVER
        begun = self._doubt if head is None else head.message.start
        if begun <= self._doubt and self._doubt:
            given_up += self._give_up()
        return given_up

    def overflow(self) -> list[RequestHead]:
        """The requests that were too many; their responses will be told alone."""
        return self._leave_places()

    def resume(self, head: ResponseHead, *, asking: bool) -> list[RequestHead]:
        """A response came after a loss of responses; the requests that it may not answer.

        `asking`: more of a request was seen than is in the queue.
        """
        if not asking and self._one_waits():
            self.sure = False
            for asked in self.pending:
                if asked is not None:
                    asked.resumed = True
            return []
        return self._distrust(head)

    def answer(self, head: ResponseHead, *, asking: bool) -> list[RequestHead]:
        """Before `next` is asked for the request of a final response: those that it may not be."""
        front = self.pending[0] if self.pending else None
        if head.block_end and front is not None and front.message.start > head.message.start:
            return self._distrust(head)  # it only became whole behind the request
        if asking and (not self.sure or not (self.pending or self.unmatched)):
            return self._distrust(head)
        if self.sure:
            self._pipelines = self._pipelines or self._several_wait(head)
            return []
        if self.silenced and not self._pipelines:
            self._doubt = head.message.start
        return []

    def next(self) -> RequestHead | None:
        """The request that the response at hand answers; None if it is not here."""
        if self.unmatched:
            self.unmatched -= 1
            return None
        if not self.pending:
            self.sure = False
            if self._pipelines:
                self._doubt = _FOREVER
            return None
        asked = self.pending.pop(0)
        if not self.sure and asked is not None:
            self.sure = not asked.resumed
            asked.resumed = True
        return asked

    def silence(self) -> list[RequestHead]:
        """The wait is over: what still waits is given up, and its responses may yet come."""
        if self.silenced:
            self._pipelines = False
        self._doubt = 0
        return self._leave_places()

    def _one_waits(self) -> bool:
        """Whether there is one request that a response can answer, and nothing was lost since."""
        if len(self.pending) != 1 or self.unmatched:
            return False
        head = self.pending[0]
        return head is None or not (head.gap or head.fault is Incomplete.REQUEST_GAP)

    def _several_wait(self, head: ResponseHead) -> bool:
        """Whether this response, before which nothing was lost, says that the client pipelines."""
        if len(self.pending) <= 1 or self.unmatched or head.resumed or head.fault:
            return False
        second = self.pending[1]
        return second is not None and second.message.start <= head.message.start

    def _distrust(self, head: ResponseHead) -> list[RequestHead]:
        given_up = self._lose()
        self._doubt = _FOREVER if self._pipelines else head.message.start
        return given_up

    def _lose(self) -> list[RequestHead]:
        self.unmatched = 0
        self.sure = False
        return self._give_up()

    def _leave_places(self) -> list[RequestHead]:
        self.unmatched += len(self.pending)
        return self._give_up()

    def _give_up(self) -> list[RequestHead]:
        given_up = [head for head in self.pending if head is not None]
        self.pending.clear()
        return given_up
