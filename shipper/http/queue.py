"""The requests of one connection that wait for their responses, and which one comes next.

Responses answer requests in their order (RFC 9112 section 9.3.2). As long as nothing was lost,
counting is enough, pipelined or not; a request that was told unanswered leaves a place too
(`unmatched`), so that its late response does not take the next request's.

After a loss, or a response that nothing asked for, nobody can say how many of either were missed:
the count is not `sure`. A wrong pair is worse than two messages told alone, so then:
- What the ends had of each other when they spoke settles which request is answered
  (`shipper.http.acknowledgement`). Those before it are told alone, and the count is sure again.
  What it says can't belong together is not paired.
- Where that is not known, only a request that waits alone is paired, if nothing was lost behind it
  and it did not begin before what could not be paired. The exchange says that the place was lost.
  A pair of messages that both know their place makes the count sure again.
- A client that pipelines without having been seen to, because what would have shown it was lost,
  can be told with its neighbour's responses: nothing on the wire says how many are missing. So each
  exchange behind a loss says that the place was lost, until a request begins when nothing waits, by
  a client that has the latest response: it is the first of whatever it asks together.
- A client that was seen to pipeline may have any number of responses under way. Nothing is paired
  until the connection was silent for as long as a response is waited for.

Knows nothing of bytes, and no clock but the messages' own.
"""

from typing import Final

from shipper.contract.exchange import Incomplete
from shipper.http.acknowledgement import answers, asked_later, pipelined
from shipper.http.block import RequestHead, ResponseHead
from shipper.http.stream import distance

# A time that no request begins after.
_FOREVER: Final = 1 << 64


class Queue:
    """Requests in their order; None keeps the place of one that could not be read.

    What can't be paired any more is handed back, for the caller to tell alone.
    """

    __slots__ = ("_answered", "_doubt", "_pipelines", "_shaken", "pending", "sure", "unmatched")

    def __init__(self) -> None:
        # A list, because an empty deque is ten times its size and the queue is short.
        self.pending: list[RequestHead | None] = []
        self.unmatched = 0  # responses still to come whose requests have been told alone
        self.sure = True
        self._pipelines = False
        self._shaken = False
        self._answered = 0  # where the latest response began
        self._doubt = 0  # ns: what began until then is not paired by being alone

    @property
    def silenced(self) -> bool:
        """Whether only silence makes pairing possible again."""
        return self._doubt == _FOREVER

    def ask(self, head: RequestHead | None, *, owing: bool) -> list[RequestHead]:
        """Let a request wait; the requests that can't be paired now, itself perhaps included.

        `owing`: an interim response was seen whose final one is still to come.
        """
        given_up: list[RequestHead] = []
        pending = self.pending
        if self._shaken and head is not None:
            self._calm(head)
        if head is not None and head.resumed:
            self._shaken = True
            given_up = self._lose()
            self.unmatched = int(owing)
            if self._pipelines:
                self._doubt = _FOREVER
        elif pending and _together(pending[-1], head):
            self._pipelines = True
        pending.append(head)
        if not self.sure:
            if self._pipelines and len(pending) > 1:
                self._doubt = _FOREVER
            if self.silenced:
                given_up += self._give_up()
        return given_up

    def overflow(self) -> list[RequestHead]:
        """The requests that were too many; their responses will be told alone."""
        return self._leave_places()

    def meet(self, head: ResponseHead, *, asking: bool) -> list[RequestHead]:
        """A response came, interim or final; the requests that it shows will not be paired.

        `asking`: more of a request was seen than is in the queue.
        """
        pending = self.pending
        self._answered = head.sequence
        self._shaken = self._shaken or head.resumed
        # As nearly all are: the only one, and nothing was ever lost.
        if self.sure and len(pending) == 1 and not head.resumed and not head.block_end:
            return []
        if self._counts(head, asking=asking):
            self.look(head)
            return []
        if not self._pipelines:
            each = [
                at for at, asked in enumerate(pending) if asked is not None and answers(head, asked)
            ]
            if len(each) == 1:
                return self._found(each[0], head)
        if not asking and self._one_may(head):
            asked = pending[0]
            resumed = head.resumed or (asked is not None and asked.resumed)
            self.sure = asked is not None and not resumed
            if asked is not None:
                asked.resumed = True
            return []
        return self._distrust(head)

    def look(self, head: ResponseHead) -> None:
        """Note whether this response, before which nothing was lost, shows a pipeline."""
        if len(self.pending) > 1 and self.sure and not self.unmatched and not head.fault:
            second = self.pending[1]
            seen = second is not None and second.message.start <= head.message.start
            self._pipelines = self._pipelines or seen

    def next(self) -> RequestHead | None:
        """The request that the final response at hand answers; None if it is not here."""
        if self.unmatched:
            self.unmatched -= 1
            return None
        if not self.pending:
            self.sure = False
            if self._pipelines:
                self._doubt = _FOREVER
            return None
        asked = self.pending.pop(0)
        if self._shaken and asked is not None:
            asked.resumed = True
        return asked

    def _calm(self, head: RequestHead) -> None:
        """A request that begins when nothing waits, by a client that has the latest response."""
        had = head.acknowledged
        waits = bool(self.pending or self.unmatched)
        has = not had or distance(had, self._answered) > 0
        if has and not head.resumed and not waits:
            self._shaken = False

    def silence(self) -> list[RequestHead]:
        """The wait is over: what still waits is given up, and its responses may yet come."""
        if self.silenced:
            self._pipelines = False
        self._doubt = 0
        return self._leave_places()

    def _counts(self, head: ResponseHead, *, asking: bool) -> bool:
        """Whether the count says what the response answers."""
        if head.resumed or not self.sure:
            return False
        if not self.pending:
            return bool(self.unmatched) or not asking
        front = self.pending[0]
        # One that only became whole behind the request is another's.
        late = head.block_end and front is not None and front.message.start > head.message.start
        return not late

    def _found(self, at: int, answer: ResponseHead) -> list[RequestHead]:
        """It is certain which one is answered: those before it will not be any more."""
        given_up = [head for head in self.pending[:at] if head is not None]
        del self.pending[:at]
        asked = self.pending[0]
        # What was lost may be interim, and the final response whole; and one that is passed over
        # may be a pipeline's, which nobody saw.
        if (answer.resumed or at) and asked is not None:
            asked.resumed = True
        self.unmatched = self._doubt = 0
        self.sure = True
        return given_up

    def _one_may(self, head: ResponseHead) -> bool:
        """Whether just one request waits, and nothing says that another may be meant."""
        if len(self.pending) != 1 or self.unmatched:
            return False
        asked = self.pending[0]
        if asked is None:
            return True
        if asked.gap or asked.fault is Incomplete.REQUEST_GAP:
            return False
        known = not self._pipelines and answers(head, asked) is not None
        late = head.block_end and asked.message.start > head.message.start
        return asked.message.start > self._doubt and not known and not late

    def _distrust(self, head: ResponseHead) -> list[RequestHead]:
        """What the response answers is not here, or nobody knows which it is."""
        later = [
            asked
            for asked in self.pending
            if asked is not None and not self._pipelines and asked_later(asked, head)
        ]
        given_up = [asked for asked in self._lose() if asked not in later]
        self._doubt = _FOREVER if self._pipelines else head.message.start
        self.pending += later
        self.unmatched = 1  # this response itself
        return given_up

    def _lose(self) -> list[RequestHead]:
        self._shaken = True
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


def _together(earlier: RequestHead | None, later: RequestHead | None) -> bool:
    return earlier is not None and later is not None and pipelined(earlier, later)
