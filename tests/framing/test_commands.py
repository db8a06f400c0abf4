"""`tail`, `dead-letters` and `audit` on a topic of every form there is."""

import json
import time
from pathlib import Path

import pytest
from brokers.kafka import Kafka

from shipper import wiring
from shipper.cli import main
from shipper.config.topics import FORMS, WITH_SCHEMA
from shipper.record import LedgerBuilder, Stage, timestamp
from shipper.registry import form_of

from .delivering import Delivering, Json, configured, golden, options
from .standin import StandIn

EVERY = [
    (encoding, framing)
    for encoding, framing in FORMS.values()
    if framing == "plain" or encoding in WITH_SCHEMA
]
GOLDEN = golden("1.0")[:5]
#: The broker's answer that a topic ends here is not waited for as long as usual.
QUICK = ("--set", "kafka.fetch.wait.max.ms=10")


@pytest.mark.parametrize(("encoding", "framing"), EVERY)
def test_every_form(
    kafka: Kafka,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    encoding: str,
    framing: str,
) -> None:
    """Refused by a real broker as too large, all come back out of their letters as they were."""
    topic, count = f"commands.{encoding}.{framing}", len(GOLDEN)
    names = {f"kafka__{name}_topic": f"{topic}.{name}" for name in ("dead", "ledger")}
    for name in names.values():
        kafka.create_topic(name)
    kafka.create_topic(topic, max_message_bytes=200)

    def said(*words: str) -> list[Json]:
        capsys.readouterr()
        assert main([*words, "--json", *options(config), *QUICK]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    with StandIn() as registry:
        form: Json = {"record__encoding": encoding, "kafka__framing": framing}
        servers = kafka.inside["bootstrap.servers"]
        config = configured(tmp_path, servers, registry.url, kafka__topic=topic, **form, **names)
        if (schema := form_of(*wiring.schema(config))) is not None:
            registry.has(f"{topic}-value", schema.text, schema.kind)
        with Delivering(config) as agent:
            agent.submit(*GOLDEN)
            counters = agent.sink.counters
            agent.until(lambda: counters.dead_lettered.total() == count, "all refused")
            _account(agent)
        letters = said("dead-letters", "list")
        assert {(one["reason"], one["topic"]) for one in letters} == {("too_large", topic)}
        assert len(letters) == count
        assert _audited(said("audit")) == (count, 0, "explained")
        assert main(["dead-letters", "show", letters[0]["key"], *options(config), *QUICK]) == 0
        assert '"original": {' in capsys.readouterr().out
        kafka.alter_topic(topic, max_message_bytes=None)
        assert said("dead-letters", "resend", "--all")[0]["acknowledged"] == count
        assert _audited(said("audit")) == (count, count, "complete")
        shown = said("tail", "--from-beginning", "--until-end")
    if encoding in WITH_SCHEMA:
        assert shown == agent.sent
    else:
        assert shown == [json.loads(one.value() or b"") for one in kafka.read(topic)]
        assert len(shown) == count


def _audited(said: list[Json]) -> tuple[int, int, str]:
    (found,) = said
    return found["expected"], found["found"], found["verdict"]


def _account(agent: Delivering) -> None:
    """The agent's last account."""
    count = len(agent.sent)
    every: Stage = {"unit": "records", "in": count, "out": count, "held": 0, "discarded": {}}
    now = time.time_ns()
    builder = LedgerBuilder(agent.who.settings, agent.who.identity)
    account = builder.build(
        {
            "worker": 0,
            "workers": 1,
            "state": "stopped",
            "clean": True,
            "started": timestamp(agent.who.started_ns),
            "until": timestamp(now),
            "interval": 60.0,
            "sequence": {"next": count, "settled": count},
            "stages": {"records": every},
            "kernel": {},
            "coverage": {},
        },
        0,
        now,
    )
    settled: list[str | None] = []
    agent.sink.kafka.offer(account, settled.append)
    agent.until(lambda: bool(settled), "the account is there")
    assert settled == [None]
