"""What a scrape says of an agent under load: it adds up, and Prometheus takes it as it is."""

import json
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from brokers.ports import Ports
from faults.agent import eventually

from shipper.metrics.families import BY_NAME

from .running import Running, Samples, running, total, value

pytestmark = pytest.mark.usefixtures("root")

RULES = Path(__file__).parents[2] / "config" / "prometheus" / "shipper.rules.yml"
REQUESTS = 3000
STAGES = ("events", "blocks", "messages", "exchanges", "records", "spool", "delivery")
_SUFFIXES = ("_bucket", "_count", "_sum")


@pytest.fixture(scope="module")
def world() -> Iterator[Running]:
    """An agent of two workers that has seen traffic."""
    with running(workers=2) as made:
        made.start()
        made.ready()
        yield made


def off(samples: Samples) -> dict[tuple[str, str], float]:
    """By how much each stage of each worker does not add up."""
    found = {}
    for worker in ("0", "1"):
        for stage in STAGES:
            labels = {"worker": worker, "stage": stage}
            found[worker, stage] = (
                value(samples, "shipper_stage_received_total", **labels)
                - value(samples, "shipper_stage_sent_total", **labels)
                - value(samples, "shipper_stage_held", **labels)
                - total(samples, "shipper_stage_discarded_total", **labels)
            )
    return {place: by for place, by in found.items() if by}


def between(samples: Samples) -> None:
    """What one stage hands on is what the next one receives."""
    for worker in ("0", "1"):

        def stage(name: str, which: str, worker: str = worker) -> float:
            return value(samples, f"shipper_stage_{name}_total", worker=worker, stage=which)

        assert stage("sent", "blocks") == stage("received", "messages")
        assert stage("sent", "messages") >= stage("received", "exchanges")
        assert stage("sent", "exchanges") == stage("received", "records")
        assert stage("received", "spool") >= stage("sent", "records")
        told = value(samples, "shipper_exchanges_attributed_total", worker=worker)
        untold = total(samples, "shipper_exchanges_unattributed_total", worker=worker)
        assert told + untold == stage("received", "records")
    events = total(samples, "shipper_stage_received_total", stage="events")
    assert events <= total(samples, "shipper_kernel_events_total")


def test_every_scrape_adds_up(world: Running) -> None:
    """In the middle of traffic, over many connections, and when all is told: exactly."""
    seen: set[float] = set()

    def moved() -> bool:
        samples = world.asked.samples()
        assert off(samples) == {}
        between(samples)
        seen.add(total(samples, "shipper_stage_received_total", stage="records"))
        return len(seen) > 5

    with world.traffic.flowing(rate=1500):
        eventually(moved, "the numbers move")
    sent = len(world.traffic.sent)
    world.counted(sent)
    samples = world.asked.samples()
    assert off(samples) == {}
    assert total(samples, "shipper_stage_sent_total", stage="exchanges") == sent
    assert total(samples, "shipper_stage_sent_total", stage="records") == sent
    assert total(samples, "shipper_stage_sent_total", stage="spool") == sent
    lag = total(samples, "shipper_acknowledgement_lag_seconds_count")
    assert 0 < lag <= sent
    assert total(samples, "shipper_coverage_connections_total", read="true") > 0
    eventually(  # librdkafka tells its own numbers every two seconds
        lambda: total(world.asked.samples(), "shipper_kafka_sent_messages_total") >= sent,
        "all was sent",
    )


def test_every_metric_is_one_that_is_described(world: Running) -> None:
    """Names and labels are those of the table; all that concerns this agent is there."""
    samples = world.asked.samples()
    met = set()
    for name, labels in samples:
        family = next((BY_NAME[n] for n in (name, *_stems(name)) if n in BY_NAME), None)
        if family is None:
            assert name.startswith("process_"), f"{name} is not described"
            continue
        met.add(family.name)
        expected = {*family.labels, *(("le",) if name.endswith("_bucket") else ())}
        assert {label for label, _ in labels} == expected, name
    # Nothing was lost, nothing is wrong, and the kernel does not measure run time by itself. Who
    # is told of depends on where the tests run.
    absent = {
        "shipper_exchanges_process_unnamed_total",
        "shipper_exchanges_unattributed_total",
        "shipper_letters_lost_total",
        "shipper_stage_discarded_total",
        "shipper_kafka_trouble",
        "shipper_kernel_program_run_seconds_total",
        "shipper_kernel_program_runs_total",
    }
    assert BY_NAME.keys() - met <= absent


def _stems(name: str) -> list[str]:
    return [name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)]


def test_promtool_finds_nothing_to_say(world: Running) -> None:
    """Prometheus' own linter of names, units and types."""
    text = world.asked.get("/metrics")[1]
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_program_s_run_time_is_told_where_it_is_measured(world: Running) -> None:
    """With kernel.bpf_stats_enabled set, and not without."""
    switch = Path("/proc/sys/kernel/bpf_stats_enabled")
    before = switch.read_text()
    try:
        switch.write_text("1")
        world.traffic.send(50)
        samples = world.asked.samples()
        assert value(samples, "shipper_kernel_program_runs_total") >= 50
        assert 0 < value(samples, "shipper_kernel_program_run_seconds_total") < 10
    finally:
        switch.write_text(before)


def test_the_flow_table_is_counted(world: Running) -> None:
    """By the kernel's own entries: two for each connection whose ends are both here."""
    kernel = world.asked.samples()
    assert (
        0 <= value(kernel, "shipper_flow_table_flows") <= value(kernel, "shipper_flow_table_limit")
    )


def test_scrapes_are_not_captured(world: Running) -> None:
    """What asks the agent is no traffic of this host."""
    before = total(world.asked.samples(), "shipper_kernel_flows_ignored_total", reason="sink")
    for _ in range(20):
        world.asked.get("/readyz")
    after = total(world.asked.samples(), "shipper_kernel_flows_ignored_total", reason="sink")
    assert after >= before + 20


@contextmanager
def prometheus(target: str) -> Iterator[str]:
    """A real one with our rules that scrapes `target` each second; its own host:port."""
    assert shutil.which("prometheus"), "install Debian's package prometheus"
    listen = f"127.0.0.1:{Ports().free()}"
    with tempfile.TemporaryDirectory(prefix="shipper-prometheus-") as folder:
        config = Path(folder) / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{RULES}']\n"
            "scrape_configs:\n  - job_name: shipper\n"
            f"    static_configs: [{{targets: ['{target}']}}]\n"
        )
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={listen}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield listen
        finally:
            process.terminate()
            process.wait(30)


def ask(listen: str, expression: str) -> list[dict[str, Any]]:
    """What Prometheus answers to an expression; nothing while it starts."""
    query = urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(f"http://{listen}/api/v1/query?{query}", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found
    except OSError:
        return []


def test_prometheus_scrapes_it(world: Running) -> None:
    """A real server takes it all, and its own arithmetic says that the stages add up."""
    world.traffic.send(REQUESTS, rate=3000)
    sent = len(world.traffic.sent)
    world.counted(sent)
    with prometheus(world.asked.listen) as listen:
        records = 'sum(shipper_stage_sent_total{stage="records"})'
        eventually(
            lambda: [each["value"][1] for each in ask(listen, records)] == [str(sent)],
            "Prometheus has scraped it",
        )
        assert [each["value"][1] for each in ask(listen, 'up{job="shipper"}')] == ["1"]
        imbalance = (
            "abs(shipper_stage_received_total - shipper_stage_sent_total - shipper_stage_held"
            " - (sum without (reason) (shipper_stage_discarded_total)"
            " or shipper_stage_received_total * 0))"
        )
        answers = ask(listen, imbalance)
        assert len(answers) == 2 * len(STAGES)
        assert {each["value"][1] for each in answers} == {"0"}
        assert ask(listen, 'ALERTS{alertstate="firing"}') == []
