"""The judge finds what is missing, and believes in a loss only as often as it is counted."""

from collections import Counter

from .judge import Found, take, verdict


def ledger(**discarded: int) -> dict[str, object]:
    """An account that counts losses."""
    stages = {"spool": {"discarded": discarded}}
    return {"worker": 0, "sequence": {"next": 5}, "stages": stages}


def test_a_missing_id_is_unexplained() -> None:
    """Neither in the topic nor anywhere else, and nothing was counted."""
    found = Found(topic=Counter(["fault-1"]), dead={"fault-2"}, spooled={"fault-3"})
    judged = verdict({f"fault-{number}": 0.0 for number in range(1, 5)}, found)
    assert (judged.unique, judged.dead, judged.spooled, judged.unexplained) == (1, 1, 1, 1)


def test_a_counted_loss_explains_one_id() -> None:
    """Two are missing and one is counted."""
    found = Found()
    take(found, [ledger(spool_full=1)])
    judged = verdict({"fault-1": 0.0, "fault-2": 0.0}, found)
    assert (judged.accepted, judged.lost, judged.unexplained) == (5, {"spool_full": 1}, 1)


def test_only_what_was_asked_while_nobody_watched_is_explained_by_that() -> None:
    """The time of the request counts."""
    found = Found(windows=[(10.0, 20.0)])
    judged = verdict({"fault-1": 15.0, "fault-2": 25.0}, found)
    assert (judged.lost, judged.unexplained) == ({"unobserved": 1}, 1)


def test_a_repeated_key_is_a_duplicate() -> None:
    """Messages of one key beyond the first."""
    found = Found(topic=Counter(["fault-1"] * 3), keys=Counter([b"a", b"a", b"b"]))
    assert verdict({"fault-1": 0.0}, found).duplicates == 1
