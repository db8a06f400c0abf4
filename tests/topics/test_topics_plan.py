"""`shipper topics` without a cluster: what is planned, and which differences matter."""

import json
from dataclasses import replace

import pytest

from shipper.cli import main
from shipper.config import load
from shipper.delivery import Right, Topic
from shipper.topics.compare import differences, missing
from shipper.topics.plan import Plan, Wishes, commands, plan, principal

CONFIG = load(environ={}, flags={})


def made(brokers: int = 3, **wishes: object) -> Plan:
    """A plan for the default configuration."""
    return plan(CONFIG, replace(Wishes(), **wishes), brokers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync"), [(0, 1, 1), (1, 1, 1), (2, 2, 1), (3, 3, 2), (9, 3, 2)]
)
def test_replicas_follow_the_cluster(brokers: int, replicas: int, in_sync: int) -> None:
    """One broker may always be away where there is more than one, and writing goes on."""
    for topic in made(brokers).topics:
        assert topic.replication == replicas
        assert topic.config["min.insync.replicas"] == str(in_sync)


def test_a_dead_letter_fits_its_topic() -> None:
    """It holds the longest record as text, twice as long at worst; each topic takes its own."""
    data, ledger, dead, alerts = made().topics
    assert int(data.config["max.message.bytes"]) > CONFIG.record.max_bytes
    assert int(dead.config["max.message.bytes"]) > 2 * CONFIG.record.max_bytes
    assert [t.name for t in (data, ledger, dead, alerts)] == [
        "http.header.v1", "http.header.ledger.v1", "http.header.dead.v1", "http.header.alerts.v1",
    ]  # fmt: skip


def test_a_batch_of_short_records_fits_too() -> None:
    """The limit is one of batches: short records don't make it less than Kafka's own."""
    short = load(environ={}, flags={"record.max_bytes": 5000})
    for topic in plan(short, Wishes()).topics:
        assert int(topic.config["max.message.bytes"]) >= 1_048_588


def test_rights_are_the_least() -> None:
    """The agent writes three topics and reads none; readers read and write none."""
    both = made(agents=("User:a",), readers=("User:r",)).rights
    assert {r.operation for r in both if r.principal == "User:a"} == {"WRITE"}
    assert {r.operation for r in both if r.principal == "User:r"} == {"READ"}
    assert ("User:a", "http.header.alerts.v1", "WRITE") not in both
    assert len(both) == 7
    assert principal("shipper") == "User:shipper"
    assert principal("Group:x") == "Group:x"


def test_the_commands_say_the_same() -> None:
    """One line a topic and one a right, for Kafka's own tools, quoted for a shell."""
    lines = commands(made(agents=("User:CN=a, O=b",)), "k:9092")
    assert len(lines) == 4 + 3
    assert "--partitions 6 --replication-factor 3" in lines[0]
    assert "--config retention.ms=604800000" in lines[0]
    assert "'User:CN=a, O=b' --operation Write --topic http.header.v1" in lines[4]


def as_planned(wanted: Plan) -> dict[str, Topic]:
    """What a cluster has once everything is made."""
    return {topic.name: topic for topic in wanted.topics}


def test_what_is_planned_has_no_difference() -> None:
    """The comparison of a plan with itself."""
    wanted = made(agents=("User:a",))
    assert list(differences(wanted, as_planned(wanted), set(wanted.rights))) == []
    assert missing(wanted, set(wanted.rights)) == []


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("retention.ms", "1000", "deleted"),
        ("cleanup.policy", "compact", "deleted by its age alone"),
        ("min.insync.replicas", "1", "lost with one broker"),
        ("min.insync.replicas", "4", "nothing can be written"),
        ("max.message.bytes", "1000", "refused"),
    ],
)
def test_a_setting_that_harms_is_said(setting: str, value: str, said: str) -> None:
    """In one line with what to do."""
    wanted = made()
    there = as_planned(wanted)
    topic = there["http.header.v1"]
    there[topic.name] = replace(topic, config={**topic.config, setting: value})
    (found,) = differences(wanted, there, set())
    assert found.matters
    assert said in found.said
    assert f"--add-config {setting}=" in found.remedy


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("retention.ms", "-1"),
        ("retention.ms", "9999999999"),
        ("compression.type", "zstd"),
        ("min.insync.replicas", "3"),
        ("max.message.bytes", "5000000"),
    ],
)
def test_more_than_planned_does_not_matter(setting: str, value: str) -> None:
    """An operator may keep longer, take more, or be stricter."""
    wanted = made()
    there = as_planned(wanted)
    topic = there["http.header.v1"]
    there[topic.name] = replace(topic, config={**topic.config, setting: value})
    assert list(differences(wanted, there, set())) == []


def test_missing_topics_replicas_and_rights_matter() -> None:
    """Fewer partitions are worth a note only."""
    wanted = made(agents=("User:a",))
    there = as_planned(wanted)
    del there["http.header.dead.v1"]
    data, ledger = there["http.header.v1"], there["http.header.ledger.v1"]
    there[data.name] = replace(data, partitions=1)
    there[ledger.name] = replace(ledger, replication=1)
    found = list(differences(wanted, there, set()))
    assert [(d.topic, d.matters) for d in found] == [
        ("http.header.v1", False),
        ("http.header.ledger.v1", True),
        ("http.header.ledger.v1", True),  # two in sync are wanted of one
        ("http.header.dead.v1", True),
        ("http.header.v1", True),
        ("http.header.ledger.v1", True),
        ("http.header.dead.v1", True),
    ]


def test_wider_rights_suffice() -> None:
    """Of everybody, of a prefix, of all topics, of every operation."""
    wanted = made(agents=("User:a",))
    for given in (
        Right("User:*", "*", "ALL"),
        Right("User:a", "http.header.*", "WRITE"),
        Right("User:a", "*", "WRITE"),
    ):
        assert missing(wanted, {given}) == []
    assert len(missing(wanted, {Right("User:a", "*", "READ")})) == 3


def test_a_plan_needs_no_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for programs; what is kept is said in days."""
    assert main(["topics", "plan", "--retention", "36h"]) == 0
    shown = capsys.readouterr().out
    assert "36 h" in shown
    assert "30 d" in shown
    assert main(["topics", "plan", "--json", "--agent-principal", "a"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["topics"][0]["name"] == "http.header.v1"
    assert found["acls"][0] == {
        "principal": "User:a", "topic": "http.header.v1", "operation": "WRITE",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [["--partitions", "0"], ["--retention", "soon"], ["--replication-factor", "-1"]]
)
def test_wishes_that_make_no_sense_are_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line."""
    assert main(["topics", "plan", *wrong]) == 64
    assert capsys.readouterr().err.count("\n") == 1


def test_a_cluster_that_is_away_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """`check` can't, and says why in one line."""
    assert main(["topics", "check", "--bootstrap-servers", "127.0.0.1:1"]) == 69
    assert "Kafka broker" in capsys.readouterr().err
