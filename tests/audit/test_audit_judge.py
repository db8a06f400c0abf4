"""The verdict: complete, or each missing number with the ledger's reason for it."""

from typing import Any

import pytest
from agents import FIRST, MINUTE, NOW, SECOND, START, Worker, World, identity, stage

from shipper.audit.report import KERNEL_LOSSES, Report
from shipper.audit.window import Window
from shipper.capture import layout
from shipper.record import timestamp

_WHOLE = {"attributed": 9, "unattributed": {"cgroup_root": 1}}


def gaps(report: Report) -> list[tuple[int, int, str, str]]:
    """Every gap of every worker."""
    return [
        (gap.first, gap.last, gap.fate, gap.reason)
        for worker in report.workers()
        for gap in worker.missing
    ]


def test_complete() -> None:
    """Every number of an agent that ended in order is there."""
    world, worker = World(), Worker()
    world.tell(worker, worker.account(START + MINUTE, 50))
    world.tell(worker, worker.account(START + 2 * MINUTE, 100, state="stopped"))
    world.hold(worker, *range(100))
    found = world.report()
    assert found.verdict == "complete"
    assert found.strictly
    assert gaps(found) == []
    (host,) = found.hosts
    assert (host.name, host.silent, host.unobserved) == ("web-1", False, [])
    assert host.incarnations[0].coverage == {"http1": 100, "tls": 3}


def test_a_number_without_a_reason_is_unexplained() -> None:
    """The account says that everything is settled, and it is not there."""
    world, worker = World(), Worker()
    world.tell(worker, worker.account(START + MINUTE, 100, state="stopped"))
    world.hold(worker, *(n for n in range(100) if n not in (7, 8, 42)))
    found = world.report()
    assert gaps(found) == [
        (7, 8, "unexplained", "unexplained"),
        (42, 42, "unexplained", "unexplained"),
    ]
    assert found.verdict == "unexplained"


def test_every_reason_that_there_is() -> None:
    """The ledger's lost ranges, letters, the spool; what is left is unexplained."""
    world, worker = World(), Worker()
    account = worker.account(
        NOW - 1000,
        100,
        90,
        lost=[{"first": 10, "last": 14, "reason": "spool_full"}],
    )
    world.tell(worker, account)
    world.hold(worker, *(n for n in range(95) if n not in {3, 10, 11, 12, 13, 14, 20, 21}))
    world.mourn(worker, "too_large", 20)
    found = world.report()
    assert gaps(found) == [
        (3, 3, "unexplained", "unexplained"),
        (10, 14, "lost", "spool_full"),
        (20, 20, "dead_letter", "too_large"),
        (21, 21, "unexplained", "unexplained"),
        (95, 99, "waiting", "in the spool of the running agent"),
    ]
    assert found.losses == {"spool_full": 5, "too_large": 1}


@pytest.mark.parametrize(
    ("state", "until", "fate", "reason"),
    [
        ("running", NOW - 1000, "waiting", "in the spool of the running agent"),
        ("running", START, "waiting", "in the spool of an agent that is silent"),
        ("stopped", START, "waiting", "in the spool of a stopped agent, until it starts again"),
    ],
)
def test_what_is_not_settled_waits(state: str, until: int, fate: str, reason: str) -> None:
    """In the spool of an agent that runs, has stopped, or is away; nothing is lost."""
    world, worker = World(), Worker()
    world.tell(worker, worker.account(until, 10, 4, state=state))
    world.hold(worker, 0, 1, 2, 3)
    found = world.report()
    assert gaps(found) == [(4, 9, fate, reason)]
    assert found.verdict == "explained"
    assert not found.losses


def test_without_a_spool_what_was_unsent_is_lost() -> None:
    """There is nothing that it could be waiting in."""
    world, worker = World(), Worker()
    world.tell(worker, worker.account(START, 10, 4, state="stopped", spool=False))
    world.hold(worker, 0, 1, 2, 3)
    assert gaps(world.report()) == [(4, 9, "lost", "unsent")]


def test_letters_in_the_hosts_file_are_explained_by_their_count() -> None:
    """The ledger counts dead letters that the topic does not have: as many, and no more."""
    for missing, fate in ((2, "lost"), (3, "unexplained")):
        world, worker = World(), Worker()
        stages = {"delivery": stage(100, too_large=3), "records": stage(100)}
        world.tell(worker, worker.account(START, 100, state="stopped", stages=stages))
        world.hold(worker, *range(missing + 1, 100))
        world.mourn(worker, "too_large", 0)
        assert {gap[2] for gap in gaps(world.report())} == {"dead_letter", fate}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"stages": {"spool": stage(10) | {"out": 8}}}, "spool: in 10 is not out 8"),
        ({"stages": {"records": stage(10) | {"held": 1}}}, "records: in 10"),
        ({"stages": {"records": stage(9)}}, "records.out 9 is not sequence.next 10"),
        ({"stages": {"blocks": stage(4), "messages": stage(5)}}, "blocks.out 4 is not =="),
        ({"stages": {"messages": stage(4), "exchanges": stage(5)}}, "messages.out 4 is not >="),
        ({"stages": {"exchanges": stage(11), "records": stage(10)}}, "exchanges.out 11"),
        ({"stages": {"spool": stage(9), "records": stage(10)}}, "spool.in 9 is not >="),
        ({"sequence": {"next": 10, "settled": 11}}, "sequence.settled 11"),
        (
            {"stages": {"events": stage(10)}, "kernel": {"events_header": 4, "events_gap": 1}},
            "events.in 10 is more than the kernel's 5",
        ),
        (
            {"attribution": {"attributed": 7, "unattributed": {"no_socket": 2}}},
            "attributed 7 + unattributed 2 is not records.in 10",
        ),
        (
            {"attribution": _WHOLE | {"named": 6, "unnamed": {"not_noted": 5}}},
            "named 6 + unnamed 5 is not records.in 10",
        ),
    ],
)
def test_an_equation_that_does_not_hold_is_told(more: dict[str, Any], said: str) -> None:
    """With the account and both sides; the verdict can't be trusted then."""
    world, worker = World(), Worker(version="1.1")
    world.tell(worker, worker.account(START, 10, state="stopped", **more))
    world.hold(worker, *range(10))
    found = world.report()
    assert any(said in line for line in found.broken), found.broken
    assert found.broken[0].startswith(f"{FIRST}-0-ledger-0: ")
    assert found.verdict == "unexplained"


def test_accounts_of_both_versions_are_read() -> None:
    """What is not told of whose the exchanges were stands beside the verdict, and is no loss."""
    world, old, new = World(), Worker(identity(SECOND)), Worker(version="1.1")
    world.tell(old, old.account(START, 10, state="stopped"))
    world.hold(old, *range(10))
    told = _WHOLE | {"named": 6, "unnamed": {"not_noted": 1, "unanswered": 3}}
    world.tell(new, new.account(START, 10, state="stopped", attribution=told))
    world.hold(new, *range(10))
    found = world.report()
    assert found.verdict == "complete"
    assert {one.ephemeral: one.attribution for one in found.hosts[0].incarnations} == {
        SECOND: {},
        FIRST: {
            "unattributed": {"cgroup_root": 1},
            "unnamed": {"not_noted": 1, "unanswered": 3},
        },
    }


def test_what_is_untold_is_that_of_the_range() -> None:
    """And of all workers together."""
    world = World(Window(START + MINUTE, None, NOW))
    one, other = Worker(version="1.1", workers=2), Worker(identity(worker=1), START, 2, 0, "1.1")
    for worker in (one, other):
        for minute, count in enumerate((1, 3, 4)):
            told = {"attributed": 10 - count, "unattributed": {"no_socket": count}}
            state = "running" if minute < 2 else "stopped"
            account = worker.account(START + minute * MINUTE, 10, state=state, attribution=told)
            world.tell(worker, account)
        world.hold(worker, *range(10))
    (host,) = world.report().hosts
    assert host.incarnations[0].attribution == {"unattributed": {"no_socket": 2}}


def test_totals_that_fall_are_told() -> None:
    """They are never reset."""
    world, worker = World(), Worker()
    world.tell(worker, worker.account(START, 10))
    world.tell(worker, worker.account(START + MINUTE, 9, state="stopped"))
    assert any("sequence.next fell from 10 to 9" in line for line in world.report().broken)


def test_a_repeated_account_is_one() -> None:
    """Delivery is at least once, of accounts too: the old one again is no fall."""
    world, worker = World(), Worker()
    old = worker.account(START, 10)
    world.tell(worker, old)
    world.tell(worker, worker.account(START + MINUTE, 20, state="stopped"))
    world.tell(worker, old)
    world.hold(worker, *range(20))
    assert world.report().verdict == "complete"


def test_duplicates_are_counted_and_no_fault() -> None:
    """At least once is what is promised."""
    world, worker = World(), Worker()
    world.tell(worker, worker.account(START, 10, state="stopped"))
    world.hold(worker, *range(10), 3, 3)
    found = world.report()
    assert [worker.duplicates for worker in found.workers()] == [2]
    assert found.verdict == "complete"


def test_a_host_that_fell_silent() -> None:
    """Its last account says that it runs, and is older than two and a half intervals."""
    for late, silent in ((2 * MINUTE, False), (3 * MINUTE, True)):
        world, worker = World(), Worker()
        world.tell(worker, worker.account(NOW - late, 10))
        world.hold(worker, *range(10))
        found = world.report()
        assert found.hosts[0].silent is silent
        assert found.strictly is not silent


def test_the_next_start_closes_a_dead_one() -> None:
    """Its end is the last sign of life; nobody looked until the next start; nobody is silent."""
    world, dead, alive = World(), Worker(), Worker(identity(SECOND), NOW - MINUTE)
    world.tell(dead, dead.account(START + MINUTE, 10, 8))
    closed = dead.account(
        START + MINUTE,
        12,
        state="closed",
        closed_by=SECOND,
        lost=[{"first": 11, "last": 11, "reason": "unreadable"}],
        unobserved={
            "from": timestamp((START + MINUTE) * 1_000_000),
            "until": timestamp((NOW - MINUTE) * 1_000_000),
        },
        stages={"records": stage(10), "spool": stage(12, unreadable=1)},
    )
    world.tell(dead, closed)
    world.hold(dead, *range(11))
    world.tell(alive, alive.account(NOW - MINUTE, 0))
    found = world.report()
    (host,) = found.hosts
    assert found.broken == []
    assert gaps(found) == [(11, 11, "lost", "unreadable")]
    assert host.unobserved == [(START + MINUTE, NOW - MINUTE)]
    assert not host.silent
    assert [one.state for one in host.incarnations] == ["closed", "running"]
    assert found.verdict == "explained"
    assert not found.strictly


def test_two_agents_side_by_side_leave_no_gap() -> None:
    """While one looks, the host is observed."""
    world, one, two = World(), Worker(), Worker(identity(SECOND), START + MINUTE)
    world.tell(one, one.account(START + 5 * MINUTE, 1, state="stopped"))
    world.tell(two, two.account(START + 9 * MINUTE, 1, state="stopped"))
    world.hold(one, 0)
    world.hold(two, 0)
    assert world.report().hosts[0].unobserved == []


def test_a_start_that_nobody_closed_is_told() -> None:
    """The next one looks, but what the dead one numbered last is not known."""
    world, dead, alive = World(), Worker(), Worker(identity(SECOND), START + MINUTE)
    world.tell(dead, dead.account(START + MINUTE, 10))
    world.hold(dead, *range(10))
    world.tell(alive, alive.account(NOW, 0))
    found = world.report()
    (host,) = found.hosts
    assert [one.ephemeral for one in host.unclosed] == [FIRST]
    assert not host.silent
    assert found.verdict == "explained"
    assert not found.strictly


def test_records_without_a_ledger_are_told() -> None:
    """Nobody can say whether they are all."""
    world, worker = World(), Worker()
    world.hold(worker, 1, 2, 3)
    found = world.report()
    assert found.unaccounted == {FIRST: 3}
    assert found.verdict == "unexplained"


def test_records_beyond_the_last_account_are_told() -> None:
    """Of an agent that has stopped; one that runs has numbered more since."""
    for state, beyond in (("running", 0), ("stopped", 2)):
        world, worker = World(), Worker()
        world.tell(worker, worker.account(NOW, 10, state=state))
        world.hold(worker, *range(12))
        assert [w.beyond for w in world.report().workers()] == [beyond]


def test_a_worker_that_never_wrote_is_told() -> None:
    """Its agent says how many workers it has."""
    world, worker = World(), Worker(workers=2)
    world.tell(worker, worker.account(START, 0, state="stopped"))
    found = world.report()
    assert found.hosts[0].incarnations[0].unaccounted_workers == [1]
    assert found.verdict == "unexplained"


def test_losses_without_a_number_are_told() -> None:
    """Exchanges that made no valid record, and events that found the kernel's ring full."""
    world, worker = World(), Worker()
    stages = {"exchanges": stage(12), "records": stage(12, invalid=2)}
    kernel = {"ring_full": 5, "packets": 9}
    world.tell(worker, worker.account(START, 10, state="stopped", stages=stages, kernel=kernel))
    world.hold(worker, *range(10))
    found = world.report()
    assert found.losses == {"ring_full": 5, "invalid": 2}
    assert found.verdict == "explained"


def test_kernel_losses_are_counters_of_the_kernel() -> None:
    """A counter that is renamed there must not vanish here."""
    assert set(KERNEL_LOSSES) <= set(layout.COUNTERS)


def test_a_range_of_time_judges_what_was_numbered_in_it() -> None:
    """From the last account before it to the last one inside."""
    world, worker = World(Window(START + 2 * MINUTE, START + 4 * MINUTE, NOW)), Worker()
    for minute, given in ((1, 10), (2, 20), (3, 30), (4, 40), (5, 50)):
        world.tell(worker, worker.account(START + minute * MINUTE, given))
    world.hold(worker, *range(20, 39))
    (judged,) = world.report().workers()
    assert (judged.first, judged.end) == (20, 40)
    assert gaps(world.report()) == [(39, 39, "unexplained", "unexplained")]


def test_a_range_before_any_account_judges_nothing() -> None:
    """An agent that was not there yet is not told of."""
    world, worker = World(Window(START - 9 * MINUTE, START - MINUTE, NOW)), Worker()
    world.tell(worker, worker.account(START + MINUTE, 10))
    assert world.report().hosts == []


def test_what_was_deleted_for_its_age_is_not_missed() -> None:
    """Where the topic has lost its beginning, numbers from before are not asked for."""
    world, worker = World(), Worker()
    for minute, given in ((1, 10), (5, 50), (9, 90)):
        world.tell(worker, worker.account(START + minute * MINUTE, given))
    world.hold(worker, *range(45, 90))
    world.window.floor = START + 6 * MINUTE
    (judged,) = world.report().workers()
    assert (judged.first, judged.end, judged.missing) == (50, 90, ())
