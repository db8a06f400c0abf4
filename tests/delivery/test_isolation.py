"""The guilty ones are found, and only they, however Kafka names them."""

from hypothesis import given
from hypothesis import strategies as st

from shipper.delivery.errors import Help, Meaning
from shipper.delivery.isolation import UNSENT, Failure, Isolation

REFUSED = Meaning("refused", "", "", Help.NONE)
OTHER = Meaning("other", "", "", Help.AGAIN)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[int, int, set[int], bool]:
    """How many records, partitions, which are bad, and whether Kafka names them."""
    count = draw(st.integers(1, 60))
    bad = draw(st.sets(st.integers(0, count - 1), max_size=8))
    return count, draw(st.integers(1, 4)), bad, draw(st.booleans())


class Topic:
    """Refuses a partition's batch for one bad record in it; else keeps it."""

    def __init__(self, partitions: int, bad: set[int], *, names: bool) -> None:
        self.bad = bad
        self.kept: list[list[int]] = [[] for _ in range(partitions)]
        self._names = names

    def refusals(self, batch: list[int]) -> dict[int, Failure]:
        """What comes back; two bad ones are told from the others if Kafka names them."""
        found: dict[int, Failure] = {}
        for number, kept in enumerate(self.kept):
            mine = [ticket for ticket in batch if ticket % len(self.kept) == number]
            guilty = self.bad.intersection(mine)
            if not guilty:
                kept.extend(mine)
                continue
            named = self._names and len(guilty) > 1
            for ticket in mine:
                innocent = named and ticket not in guilty
                found[ticket] = Failure(
                    -138 if innocent else 87, number, OTHER if innocent else REFUSED, ""
                )
        return found


@given(scenes(), st.data())
def test_only_the_guilty_are_found(
    scene: tuple[int, int, set[int], bool], data: st.DataObject
) -> None:
    """All others are kept, once, and in order within their partition."""
    count, partitions, bad, names = scene
    topic = Topic(partitions, bad, names=names)
    isolation, open_, guilty, rounds = Isolation(), set(range(count)), set(), 0
    sent = data.draw(st.integers(0, count))

    def send(batch: list[int]) -> None:
        back = topic.refusals(batch)
        open_.difference_update(set(batch) - back.keys())
        for ticket, failure in back.items():
            isolation.came_back(ticket, failure)

    send(list(range(sent)))
    for ticket in range(sent, count):
        isolation.came_back(ticket, UNSENT)
    isolation.plan()
    while isolation:
        rounds += 1
        assert rounds < 500
        if isolation.trying:
            assert isolation.settled(open_)
            verdict = isolation.judge()
            if verdict is not None:
                guilty.add(verdict[0])
                open_.discard(verdict[0])
        elif isolation.returned:
            isolation.plan()
        elif group := isolation.next_group():
            send(group)
        else:
            rest = list(isolation.again)
            isolation.again.clear()
            send(rest)
    assert guilty == bad
    assert open_ == set()
    for number, kept in enumerate(topic.kept):
        assert kept == [t for t in range(count) if t % partitions == number and t not in bad]


def test_a_lost_producer_gives_all_back() -> None:
    """Those that were in our hands stay as they were; the group that was out is tried again."""
    isolation = Isolation()
    refused = Failure(87, 0, REFUSED, "")
    for ticket in (1, 2):
        isolation.came_back(ticket, refused)
    isolation.plan()
    assert isolation.next_group() == [1, 2]
    isolation.came_back(1, refused)
    isolation.all_came_back([1, 2, 3])
    assert isolation.settled({1, 2, 3})
    assert isolation.judge() is None
    assert isolation.in_hand == 3
    isolation.plan()
    assert [isolation.next_group(), list(isolation.again)] == [[1], [3]]
    assert [isolation.next_group(), list(isolation.again)] == [[2], [3]]
