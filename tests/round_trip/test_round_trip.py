"""The same exchanges come out that went in, whatever their segments look like.

Every case goes through the real kernel program by test-run, and from its events through HTTP
assembly. The seed is printed; `ROUND_TRIP_SEED` repeats a run, `ROUND_TRIP_CASES` says how many
cases it has (20,000 under CI).

What the generator keeps to, because a test-run, a capture or the program is bounded there:

- A test-run takes 2900 bytes of payload.
- A header block has less than 16384 bytes (`capture.max_block`), a line about framing, with the
  space around its value, at most 48 (what is remembered of a line that is cut).
- Beyond a hole lie at most 16 segments and 8192 bytes of one side: half of what a hold keeps
  (`bpf/lib/hold.h`), because what is used up counts until the hold is empty.
- At most 30 messages end in a segment. A chain of 33 calls takes a packet, and what it leaves waits
  for the next ones: so four bare ACKs come last.
- Nobody acknowledges what was not shown (it would be taken for lost) or sends beyond the window.
- A retransmission with other bytes comes while its block is the last of its side and its exchange
  is under way, not before 48 bytes of the block are there, and not as a last single byte, which is
  a keep-alive.
"""

from random import Random

from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st
from kernel.wire import Harness

from .faults import conflicting, losing
from .losses import complaints
from .plans import CASES, SEED, Plan, calm, case, plans
from .running import Shown, came_out, conflicted, connection_of, show, whole


def some(share: float) -> settings:
    """Examples: a share of all cases. The seed decides alone, and nothing remembers."""
    return settings(
        max_examples=round(CASES * share),
        deadline=None,
        derandomize=False,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def described(shown: Shown) -> str:
    """What was shown and what came of it, for whoever looks for the mistake."""
    shows, said = shown.wire.listing(shown.case.segments), shown.wire.said(shown.events)
    return "\n".join((f"ROUND_TRIP_SEED={SEED}", *shows, "events:", *said))


def assert_whole(shown: Shown, lied: set[int] | None = None) -> None:
    """Every exchange came out, and nothing else."""
    got, expected = came_out(shown), conflicted(whole(shown.case), lied or set())
    if got != expected:
        note(described(shown))
    assert got == expected
    for one in shown.exchanges:
        assert one.connection == connection_of(shown)


@seed(SEED)
@some(0.2)
@given(drawn=st.lists(plans(), min_size=1, max_size=2))
def test_in_order(kernel: Harness, drawn: list[Plan]) -> None:
    """In order, cut anywhere, some of it twice and with other borders, among other connections."""
    for shown in show(kernel, [case(plan) for plan in drawn]):
        assert_whole(shown)


@seed(SEED + 1)
@some(0.6)
@given(drawn=st.lists(plans((2, 4, 16)), min_size=1, max_size=2))
def test_out_of_order(kernel: Harness, drawn: list[Plan]) -> None:
    """The same in any order within a window of segments, FINs ahead of data included."""
    for shown in show(kernel, [case(plan) for plan in drawn]):
        assert_whole(shown)


@seed(SEED + 2)
@some(0.1)
@given(plan=plans((1, 1, 4)))
def test_conflicting_overlaps(kernel: Harness, plan: Plan) -> None:
    """Retransmissions of header blocks with other bytes: the first ones count, and it is told."""
    one = case(plan)
    one.segments, lied = conflicting(Random(plan.seed), one.streams, one.segments)
    (shown,) = show(kernel, [one])
    assert_whole(shown, lied)


@seed(SEED + 3)
@some(0.1)
@given(plan=plans((1, 1, 4)))
def test_losses(kernel: Harness, plan: Plan) -> None:
    """Segments that only the receiver saw: nothing is mixed, falsified or invented.

    Who asks one thing at a time has no request told with another's response, unless it is marked.

    What is not whole says so, and what comes behind the losses is whole again. Each message begins
    a segment that holds its start line: only there is a lost place found again. Bodies do not look
    like HTTP: behind a loss, one that does is taken for it.
    """
    one = case(calm(plan))
    # A keep-alive's byte stands in for the one before the next, if that was lost.
    honest = [segment for segment in one.segments if not segment.instead]
    one.segments, lost = losing(Random(plan.seed), honest)
    (shown,) = show(kernel, [one])
    wrong = complaints(shown, lost)
    if wrong:
        note(described(shown))
    assert wrong == []
