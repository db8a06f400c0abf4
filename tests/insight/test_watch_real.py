"""`shipper watch` and a real Kafka: what is raised, once, and by whom it is known."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import orjson
import pytest
from brokers.kafka import Kafka

from shipper.cli import main

from .watching import BEGIN, PROGRAM, ROOT, Place, Record, record

_SCHEMA = orjson.loads((ROOT / "schemas/http.header.alerts.v1/1.0.schema.json").read_bytes())

_ERRORS = """
[[rule]]
id = "errors"
kind = "threshold"
severity = "high"
by = ["service", "route"]
measure = "share"
match = { status = "5xx" }
above = 0.2
least = 20
window = "1m"
mute = "2m"
"""
_SIGMA = f"""
[[rule]]
id = "sigma"
kind = "sigma"
path = "{ROOT}/config/detections/rules"
mute = "10m"
"""


def ordinary(seconds: int, first: int = 0) -> Iterator[Record]:
    """Two requests a second, to two routes, every one of them answered well."""
    for n in range(2 * seconds):
        path = f"/users/{4000 + n}/orders" if n % 2 else "/search"
        yield record(first + n, BEGIN + n / 2, url__path=path)


def test_an_outage_and_an_attack_are_told_once(kafka: Kafka, tmp_path: Path) -> None:
    """A burst of 5xx and one attack among ordinary requests, half of them said twice.

    Two alerts, each firing and resolved under one id, with the ids of the records as evidence.
    """
    place = Place(kafka, "outage", _ERRORS + _SIGMA, tmp_path)
    outage = [
        record(
            10_000 + n,
            BEGIN + 300 + n / 4,
            url__path=f"/users/{n}/orders",
            http__response__status_code=503,
        )
        for n in range(200)
    ]
    attack = record(
        20_000, BEGIN + 400, http__request__headers={"x-api": ["${jndi:ldap://192.0.2.1/a}"]}
    )
    traffic = list(ordinary(900))
    place.publish([*traffic, *outage, attack])
    place.publish(traffic[::2] + outage)

    alerts = place.until_end()

    for alert in alerts:
        jsonschema.validate(alert, _SCHEMA)
    told = sorted((a["rule"]["name"], a["alert"]["state"]) for a in alerts)
    assert told == [
        ("Log4Shell Lookup in a Request", "firing"),
        ("Log4Shell Lookup in a Request", "resolved"),
        ("errors", "firing"),
        ("errors", "resolved"),
    ]
    assert len({a["event"]["id"] for a in alerts}) == 2
    (over,) = [a for a in alerts if a["rule"]["id"] == "errors" and a["alert"]["state"] != "firing"]
    assert over["alert"]["group"] == {
        "service.name": "example.org",
        "http.route": "/users/{id}/orders",
    }
    assert over["alert"]["evidence_total"] == 200
    assert set(over["alert"]["evidence"]) <= {one["event"]["id"] for one in outage}
    (found,) = {tuple(a["alert"]["evidence"]) for a in alerts if a["rule"]["id"] != "errors"}
    assert found == (attack["event"]["id"],)


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    """A misspelt key, with the rule that it stands in and the key that was meant; exit code 78."""
    rules = tmp_path / "watch.toml"
    rules.write_text('[[rule]]\nid = "x"\nkind = "silence"\naftr = "5m"\n')
    done = subprocess.run(
        [PROGRAM, "watch", "--rules", rules, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert done.stderr == f"shipper: {rules}: rule x: aftr: unknown key; did you mean after?\n"


def test_without_its_extra_it_says_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The agent's own environment has none of what it runs on; exit code 69."""
    assert main(["watch", "--check"]) == 69
    assert "make setup-insight" in capsys.readouterr().err


def test_a_topic_of_another_shape_is_one_line(kafka: Kafka, tmp_path: Path) -> None:
    """Somebody made the group's topic already, otherwise."""
    place = Place(kafka, "shape", _ERRORS, tmp_path)
    kafka.create_topic("shape.observations.v1", partitions=1)
    kafka.create_topic("changelog__shape--shape.observations.v1--default", partitions=7)

    done = subprocess.run(place.command("--until-end"), capture_output=True, text=True, check=False)

    assert done.returncode == 69, done.stderr
    (line,) = done.stderr.splitlines()
    assert "changelog__shape--shape.observations.v1--default" in line
    assert "docs/watch.md" in line
