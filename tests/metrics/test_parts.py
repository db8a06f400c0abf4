"""The parts of the numbers by themselves, and what is said about them elsewhere."""

import json
import re
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from shipper.capture.layout import COUNTERS
from shipper.contract.exchange import Connection, Exchange, Incomplete, Request, Response
from shipper.delivery.statistics import MOST_BROKERS, read_statistics
from shipper.metrics.families import BY_NAME, FAMILIES
from shipper.metrics.kernel import PLACES
from shipper.metrics.lag import BOUNDS, Lag
from shipper.metrics.waiting import Waiting

ROOT = Path(__file__).parents[2]
RULES = ROOT / "config" / "prometheus" / "shipper.rules.yml"
CASES = RULES.with_name("shipper.rules.test.yml")


def test_the_page_lists_every_metric() -> None:
    """docs/metrics.md says what the table says, row by row."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    told = [line for line in page.splitlines() if line.startswith("| `shipper_")]
    rows = [
        f"| `{f.name}` | {f.kind} | {', '.join(f'`{label}`' for label in f.labels)} | {f.help} |"
        for f in FAMILIES
    ]
    assert told == rows


def test_each_counter_of_the_kernel_has_its_place() -> None:
    """None is left out, none is counted in two places, and labels are those of the family."""
    assert PLACES.keys() == set(COUNTERS)
    places = [(place.name, *sorted(place.labels.items())) for place in PLACES.values()]
    assert len(set(places)) == len(COUNTERS)
    for place in PLACES.values():
        assert set(place.labels) == set(BY_NAME[place.name].labels)


def test_the_alert_rules_are_sound() -> None:
    """Prometheus' own check, and the cases of each alert."""
    for what, file in (("check", RULES), ("test", CASES)):
        done = subprocess.run(
            ["promtool", what, "rules", file.name],
            cwd=file.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_and_a_line_of_what_to_do() -> None:
    """And speaks of metrics that there are."""
    rules, cases = RULES.read_text(), CASES.read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    _, _, page = (ROOT / "docs" / "operations.md").read_text().partition("\n## Alerts\n")
    headings = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert alerts
    assert headings == alerts
    assert list(dict.fromkeys(re.findall(r"- name: (\w+)", cases))) == alerts
    assert re.findall(r"runbook: (\S+)", rules) == [
        f"docs/operations.md#{alert.lower()}" for alert in alerts
    ]
    names = {name.removesuffix("_bucket") for name in re.findall(r"\bshipper_\w+", rules)}
    assert names <= BY_NAME.keys()


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), min_size=1, max_size=200))
def test_the_oldest_that_waits_is_never_told_younger(turns: list[tuple[int, float]]) -> None:
    """Against a list of every message with its time; to the second in which it was looked at."""
    waiting = Waiting(most=8)
    come: list[int] = []  # the second of each message that is not settled
    submitted = 0
    for second, (new, share) in enumerate(turns):
        come += [second] * new
        submitted += new
        del come[: int(len(come) * share)]
        waiting.look(float(second), submitted, len(come))
        if come:
            assert waiting.age(second) >= second - come[0]
        else:
            assert waiting.age(second) == 0


def _exchange(end: int | None, *incomplete: Incomplete) -> Exchange:
    connection = Connection("tcp", "cgroup", None, b"\x7f\0\0\1", 1, b"\x7f\0\0\1", 80, 1)
    request = Request("1.1", (), 1_000_000_000, 1_000_000_000, 20, 0)
    response = Response("1.1", (), 2_000_000_000, end, 20, 0)
    return Exchange(connection, request, response, incomplete=incomplete)


def test_lag_counts_from_the_last_packet() -> None:
    """Of an exchange that is whole, and when its record is acknowledged, not when it failed."""
    lag = Lag(clock=lambda: 3_000_000_000)
    for end, reason in ((2_960_000_000, None), (2_960_000_000, "too_large"), (None, None)):
        settled = lag.timer(_exchange(end))
        assert settled is not None
        settled(reason)
    assert lag.timer(_exchange(None, Incomplete.RESPONSE_CUT_OFF)) is None
    counted = {bound: count for bound, count in zip(BOUNDS, lag.counts, strict=False) if count}
    assert counted == {0.04: 1, 1.0: 1}
    assert round(lag.sum, 3) == 1.04


def _broker(number: int, state: str = "UP") -> dict[str, object]:
    return {
        "nodeid": number,
        "state": state,
        "rtt": {"avg": 1500, "p99": 9000},
        "outbuf_cnt": 1,
        "waitresp_cnt": 2,
        "txerrs": 3,
        "rxerrs": 4,
        "req_timeouts": 5,
    }


def _told(*brokers: dict[str, object]) -> str:
    told = {"msg_cnt": 7, "msg_size": 700, "txmsgs": 9, "txmsg_bytes": 900}
    return json.dumps({**told, "brokers": {str(n): each for n, each in enumerate(brokers)}})


def test_statistics_of_a_large_cluster_are_bounded() -> None:
    """So many brokers are told one by one; that any is connected is known all the same."""
    told = read_statistics(_told(*(_broker(n, "INIT") for n in range(100)), _broker(100)))
    assert told is not None
    assert told.connected
    assert [broker.number for broker in told.brokers] == list(range(MOST_BROKERS))
    assert told.brokers[0].rtt_p99 == 0.009
    assert (told.brokers[0].waiting, told.brokers[0].errors) == (3, 7)


def test_statistics_that_are_not_understood_are_none() -> None:
    """Another version of the client library may say something else."""
    assert read_statistics("no JSON") is None
    assert read_statistics('{"brokers": {"1": {}}}') is None
    only_bootstrap = read_statistics(_told(_broker(-1)))
    assert only_bootstrap is not None
    assert (only_bootstrap.connected, only_bootstrap.brokers) == (True, ())
