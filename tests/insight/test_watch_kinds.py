"""Rules about change, new values and silence, with a real Kafka: what is raised of it."""

import json
from collections.abc import Iterator
from pathlib import Path

from brokers.kafka import Kafka
from confluent_kafka import Producer

from shipper.record import encoder_of

from .watching import BEGIN, Place, Record, record

_MINUTE = 60
_RULES = """
[[rule]]
id = "slower"
kind = "change"
by = ["service"]
measure = "latency"
window = "1m"
factor = 3
learn = "10m"
memory = "1h"
mute = "2m"
[[rule]]
id = "client"
kind = "new"
by = ["service"]
field = "user_agent"
learn = "10m"
mute = "1m"
[[rule]]
id = "gone"
kind = "silence"
by = ["service"]
after = "2m"
forget = "1h"
mute = "5m"
"""


def traffic(service: str, agent: str, minutes: range, first: int, ms: int = 2) -> Iterator[Record]:
    """A request every two seconds of these minutes, each answered after so many milliseconds."""
    for n in range(30 * len(minutes)):
        one = record(
            first + n,
            BEGIN + minutes.start * _MINUTE + 2 * n,
            service__name=service,
            user_agent__original=agent,
        )
        one["event"]["duration"] = ms * 1_000_000
        yield one


def test_change_news_and_silence_are_told_where_they_were(kafka: Kafka, tmp_path: Path) -> None:
    """One service becomes slow, has a new client, is silent for a while, and then for good.

    Another is as it always was until the records end. What is told is the same although all
    records are there before the first is judged. What comes afterwards is late.
    """
    place = Place(kafka, "kinds", _RULES, tmp_path)
    place.publish(
        [
            *traffic("shop", "curl", range(20), 0),
            *traffic("shop", "curl", range(20, 23), 10_000, ms=50),
            *traffic("shop", "scraper", range(25, 26), 20_000),
            *traffic("shop", "curl", range(23, 30), 30_000),
            *traffic("shop", "curl", range(45, 50), 40_000),
            *traffic("calm", "curl", range(50), 50_000),
        ]
    )
    told = [
        (a["rule"]["id"], a["alert"]["group"]["service.name"], _minute(a), a["alert"]["state"])
        for a in place.until_end()
    ]
    both = ("firing", "resolved")
    assert sorted(told) == sorted(
        [
            *(("slower", "shop", 20, state) for state in both),
            *(("client", "shop", 25, state) for state in both),
            *(("gone", "shop", 30, state) for state in both),
            # Nothing follows these: the clock alone tells it.
            *(("gone", "shop", 50, state) for state in both),
            *(("gone", "calm", 50, state) for state in both),
        ]
    )

    place.publish(traffic("calm", "curl", range(10, 11), 90_000))
    assert len(place.until_end()) == len(told)
    assert place.counted["late"] == 3 * 30


def test_groups_beyond_the_limit_are_counted(kafka: Kafka, tmp_path: Path) -> None:
    """Of 64 clients no more than the limit are kept, and what the others do is counted."""
    rules = '[[rule]]\nid = "gone"\nkind = "silence"\nby = ["client"]\n'
    place = Place(kafka, "crowd", f"groups = 16\n{rules}", tmp_path)
    place.publish(record(n, BEGIN + 1, source__ip=f"198.51.100.{n}") for n in range(64))
    alerts = place.until_end()
    groups = {a["alert"]["group"]["source.ip"] for a in alerts}
    assert 1 <= len(groups) <= 16
    assert place.counted["crowded"] == 64 - len(groups)


def test_every_form_that_holds_the_document_is_read(kafka: Kafka, tmp_path: Path) -> None:
    """ECS JSON, Avro and OCSF are; what holds no ECS document, or nothing, is counted apart."""
    rules = '[[rule]]\nid = "gone"\nkind = "silence"\nby = ["client"]\n'
    place = Place(kafka, "forms", rules, tmp_path)
    producer = Producer(kafka.inside)
    for n, form in enumerate(("ecs", "avro", "ocsf", "cim")):
        encoder = encoder_of(form, "1.1")
        headers: dict[str, str | bytes | None] = {
            "content-type": encoder.content_type,
            "schema-name": encoder.schema_name,
            "schema-version": encoder.schema_version,
        }
        one = record(n, BEGIN, source__ip=f"198.51.100.{n}")
        producer.produce(place.records, encoder.encode(one), key=str(n), headers=headers)
        if form == "avro":
            producer.produce(place.records, encoder.encode(one)[:40], key="cut", headers=headers)
    keyless = json.dumps(record(9, BEGIN, source__ip="198.51.100.9"))
    producer.produce(place.records, keyless)
    for strange in (b"", b"[1]", b"no JSON", None):
        producer.produce(place.records, strange, key="strange")
    assert producer.flush(30) == 0

    alerts = place.until_end()
    assert {a["alert"]["group"]["source.ip"] for a in alerts} == {
        *("198.51.100.0", "198.51.100.1", "198.51.100.2", "198.51.100.9")
    }
    assert (place.counted["records"], place.counted["malformed"]) == (4, 5)


def _minute(alert: Record) -> int:
    """The minute (from the first) in which it began; a silence begins with the last record."""
    hour, minute = alert["alert"]["window"]["from"][11:16].split(":")
    return int(hour) * 60 + int(minute)
