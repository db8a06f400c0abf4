"""What an operator of `shipper watch` has to hear: once, and again when it is news."""

import logging

import pytest

from shipper.insight.watch.away import Away
from shipper.insight.watch.concerns import Concerns
from shipper.insight.watch.shard import Counters

_LOG = logging.getLogger("shipper.test")


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, _LOG.name)


def test_late_records_full_rules_and_clocks_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Each once; more records that are late at most once a minute, with their number."""
    counters, now, behind = Counters(), [0.0], [0.0]
    concerns = Concerns(counters, lambda: behind[0], lambda: now[0])
    concerns.look(_LOG)
    assert not caplog.messages
    counters.late = 3
    concerns.look(_LOG)
    counters.late = 5
    now[0] = 59
    concerns.look(_LOG)
    now[0] = 60
    concerns.look(_LOG)
    concerns.look(_LOG)
    assert [line.split()[0] for line in caplog.messages] == ["3", "2"]
    caplog.clear()
    counters.crowds |= {"busy"}
    behind[0] = 60.0
    concerns.look(_LOG)
    concerns.look(_LOG)
    assert ["busy" in line for line in caplog.messages] == [True, False]
    assert "set back by 60 s" in caplog.messages[1]
    caplog.clear()
    for behind[0] in (0.0, 7.0):
        concerns.look(_LOG)
    assert len(caplog.messages) == 1


def test_an_absence_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of a short one; a long one with its cause, and how long it was when it is over."""
    now, heard = [100.0], [100.0]
    nobody = {"bootstrap.servers": "127.0.0.1:1"}
    away = Away(nobody, lambda: heard[0], lambda: now[0])
    for now[0] in (101, 105, 106, 150):
        away.look(_LOG)
    assert len(caplog.messages) == 1
    assert "127.0.0.1:1" in caplog.messages[0]
    assert away.now
    heard[0] = 151
    away.look(_LOG)
    away.look(_LOG)
    assert caplog.messages[1:] == ["Kafka is back after 51 s: reading goes on where it was"]
    assert not away.now
