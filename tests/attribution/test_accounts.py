"""The ledger of a real agent says of how many exchanges it is told whose they were."""

import json
import subprocess
import sys
from typing import Any

import pytest
from metrics.running import Running, running

pytestmark = pytest.mark.usefixtures("root")

LEDGER = "http.header.ledger.v1"
REQUESTS = 300


def accounts(world: Running) -> list[dict[str, Any]]:
    """All that are in the topic, in their order, as another reader of Kafka has them."""
    broker = str(world.settings["kafka.bootstrap.servers"])
    found = shown(["kcat", "-C", "-e", "-q", "-b", broker, "-t", LEDGER])
    command = [sys.executable, "-m", "shipper", "schema", "check", "--topic", LEDGER]
    checked = subprocess.run([*command, "--version", "1.1"], input=found, text=True, check=False)
    assert checked.returncode == 0
    return sorted(map(json.loads, found.splitlines()), key=lambda one: str(one["@timestamp"]))


def shown(command: list[str]) -> str:
    """What a command prints, if all is well."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_an_account_adds_up_also_of_one_that_was_killed() -> None:
    """What is told and what is not are all exchanges; the next start closes with the same."""
    with running() as world:
        settings = {"ledger.schema_version": "1.1"}
        first = world.start(settings)
        world.traffic.send(REQUESTS)
        world.counted(REQUESTS)
        first.kill()
        second = world.start(settings)
        world.traffic.send(REQUESTS)
        world.counted(REQUESTS)
        assert second.stop() == 0
        told = next(line for line in second.said if line.get("event") == "stopped")["workers"][0]
        last = {one["ledger"]["state"]: one["ledger"] for one in accounts(world)}
        for state in ("closed", "stopped"):
            part = last[state]["attribution"]
            entered = last[state]["stages"]["records"]["in"]
            assert part["attributed"] + sum(part["unattributed"].values()) == entered, state
            assert part["named"] + sum(part["unnamed"].values()) == entered, state
        assert last["stopped"]["stages"]["records"]["in"] == REQUESTS
        assert last["stopped"]["attribution"] == {
            name: told[name] for name in ("attributed", "unattributed", "named", "unnamed")
        }
        broker = f"--bootstrap-servers={world.settings['kafka.bootstrap.servers']}"
        report = json.loads(shown([sys.executable, "-m", "shipper", "audit", "--json", broker]))
        assert report["verdict"] in {"complete", "explained"}
        assert report["broken"] == []
        untold = report["hosts"][0]["incarnations"][-1]["attribution"]
        assert untold.get("unattributed", {}) == told["unattributed"]
        assert untold.get("unnamed", {}) == told["unnamed"]
