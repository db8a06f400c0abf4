"""What the workers told and what the kernel counted -> the metrics of one scrape."""

import time
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from shipper.coverage import coverage
from shipper.metrics.checks import ready
from shipper.metrics.families import BY_NAME
from shipper.metrics.kernel import PLACES
from shipper.metrics.lag import BOUNDS
from shipper.metrics.report import Report
from shipper.metrics.vitals import Vitals

_NANOSECOND: Final = 1e-9
_TOTAL: Final = "_total"
_READ: Final = frozenset({"http1"})


class Value(NamedTuple):
    """One number: `name` is its family's, `suffix` what a histogram adds to that."""

    name: str
    value: float
    labels: dict[str, str]
    suffix: str = ""


class AgentNumbers(Collector):
    """Gives the agent's metrics as they stand when it is asked."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        """Every family that has something to say."""
        metrics: dict[str, Metric] = {}
        for value in values(self._vitals, time.monotonic()):
            metric = metrics.get(value.name)
            if metric is None:
                family = BY_NAME[value.name]
                bare = value.name.removesuffix(_TOTAL)
                metric = metrics[value.name] = Metric(bare, family.help, family.kind)
            metric.add_sample(value.name + value.suffix, value.labels, value.value)
        yield from metrics.values()


def registry(vitals: Vitals) -> CollectorRegistry:
    """All that `/metrics` gives: ours, and what is usual about a process."""
    made = CollectorRegistry(auto_describe=False)
    made.register(AgentNumbers(vitals))
    ProcessCollector(registry=made)
    return made


def values(vitals: Vitals, now: float) -> Iterator[Value]:
    """Every number at `now` (the clock that does not jump)."""
    told = sorted(vitals.told.items())
    for number, (report, at) in told:
        worker = {"worker": str(number)}
        for part in (_stages, _attribution, _lag, _assembly, _spool, _kafka, _process):
            yield from part(report, worker)
        yield Value("shipper_report_age_seconds", now - at, worker)
    # After the reports: what the workers have read was counted by the kernel before.
    yield from _kernel(vitals)
    yield from _agent(vitals, now)


def _stages(report: Report, worker: dict[str, str]) -> Iterator[Value]:
    for stage, counted in report["stages"].items():
        labels = {**worker, "stage": stage}
        yield Value("shipper_stage_received_total", counted["in"], labels)
        yield Value("shipper_stage_sent_total", counted["out"], labels)
        yield Value("shipper_stage_held", counted["held"], labels)
        for reason, count in counted["discarded"].items():
            yield Value("shipper_stage_discarded_total", count, {**labels, "reason": reason})
    for reason, count in report["letters_lost"].items():
        yield Value("shipper_letters_lost_total", count, {**worker, "reason": reason})


def _attribution(report: Report, worker: dict[str, str]) -> Iterator[Value]:
    told = report["attribution"]
    if told is None:
        return
    yield Value("shipper_exchanges_attributed_total", told["attributed"], worker)
    for reason, count in told["unattributed"].items():
        labels = {**worker, "reason": reason}
        yield Value("shipper_exchanges_unattributed_total", count, labels)
    if "named" not in told:
        return
    yield Value("shipper_exchanges_process_named_total", told["named"], worker)
    for reason, count in told["unnamed"].items():
        labels = {**worker, "reason": reason}
        yield Value("shipper_exchanges_process_unnamed_total", count, labels)


def _lag(report: Report, worker: dict[str, str]) -> Iterator[Value]:
    name, counts = "shipper_acknowledgement_lag_seconds", report["lag"]["counts"]
    bounds = [*map(floatToGoString, BOUNDS), "+Inf"]
    for bound, count in zip(bounds, accumulate(counts), strict=True):
        yield Value(name, count, {**worker, "le": bound}, "_bucket")
    yield Value(name, sum(counts), worker, "_count")
    yield Value(name, report["lag"]["sum"], worker, "_sum")


def _assembly(report: Report, worker: dict[str, str]) -> Iterator[Value]:
    yield Value("shipper_assembly_connections", report["connections"], worker)
    yield Value("shipper_assembly_held_bytes", report["held_bytes"], worker)
    for fact, count in report["facts"].items():
        yield Value("shipper_assembly_facts_total", count, {**worker, "fact": fact})
    yield Value("shipper_clock_steps_total", report["clock_steps"], worker)


def _spool(report: Report, worker: dict[str, str]) -> Iterator[Value]:
    spool = report["spool"]
    if spool is None:
        return
    yield Value("shipper_spool_bytes", spool["bytes"], worker)
    yield Value("shipper_spool_limit_bytes", spool["limit"], worker)
    yield Value("shipper_spool_oldest_age_seconds", spool["oldest_age"], worker)
    for outcome, count in spool["adopted"].items():
        yield Value("shipper_spool_adopted_total", count, {**worker, "outcome": outcome})


def _kafka(report: Report, worker: dict[str, str]) -> Iterator[Value]:
    kafka = report["kafka"]
    if kafka is None:
        return
    for reason in kafka["troubles"]:
        yield Value("shipper_kafka_trouble", 1, {**worker, "reason": reason})
    yield Value("shipper_kafka_resent_total", kafka["resent"], worker)
    yield Value("shipper_kafka_producer_restarts_total", kafka["restarts"], worker)
    if "statistics" in kafka:
        yield from _librdkafka(kafka["statistics"], worker)


def _librdkafka(told: dict[str, Any], worker: dict[str, str]) -> Iterator[Value]:
    yield Value("shipper_kafka_queue_messages", told["queue_messages"], worker)
    yield Value("shipper_kafka_queue_bytes", told["queue_bytes"], worker)
    yield Value("shipper_kafka_sent_messages_total", told["sent_messages"], worker)
    yield Value("shipper_kafka_sent_bytes_total", told["sent_bytes"], worker)
    for broker in told["brokers"]:
        labels = {**worker, "broker": str(broker["number"])}
        yield Value("shipper_kafka_broker_connected", broker["connected"], labels)
        yield Value("shipper_kafka_broker_rtt_average_seconds", broker["rtt_average"], labels)
        yield Value("shipper_kafka_broker_rtt_p99_seconds", broker["rtt_p99"], labels)
        yield Value("shipper_kafka_broker_requests_waiting", broker["waiting"], labels)
        yield Value("shipper_kafka_broker_errors_total", broker["errors"], labels)
        yield Value("shipper_kafka_broker_timeouts_total", broker["timeouts"], labels)


def _process(report: Report, worker: dict[str, str]) -> Iterator[Value]:
    yield Value("shipper_worker_cpu_seconds_total", report["cpu"], worker)
    yield Value("shipper_worker_resident_memory_bytes", report["memory"], worker)


def _kernel(vitals: Vitals) -> Iterator[Value]:
    kernel = vitals.kernel
    counters = kernel.counters()
    for counter, count in counters.items():
        place = PLACES[counter]
        yield Value(place.name, count, place.labels)
    for protocol, count in coverage(counters, kernel.settings.roles).items():
        labels = {"protocol": protocol, "read": str(protocol in _READ).lower()}
        yield Value("shipper_coverage_connections_total", count, labels)
    nanoseconds, runs = kernel.run_statistics()
    if runs:
        yield Value("shipper_kernel_program_run_seconds_total", nanoseconds * _NANOSECOND, {})
        yield Value("shipper_kernel_program_runs_total", runs, {})
    if vitals.flows is not None:
        yield Value("shipper_flow_table_flows", vitals.flows, {})
    yield Value("shipper_flow_table_limit", kernel.settings.flows, {})
    for number, ring in enumerate(vitals.rings):
        worker = {"worker": str(number)}
        yield Value("shipper_ring_used_bytes", ring.waiting, worker)
        yield Value("shipper_ring_size_bytes", ring.size, worker)


def _agent(vitals: Vitals, now: float) -> Iterator[Value]:
    yield Value("shipper_build_info", 1, vitals.build)
    yield Value("shipper_workers", vitals.workers, {})
    for check in ready(vitals, now):
        yield Value("shipper_check_ok", check.ok, {"check": check.name})
    reloads = vitals.reloads
    yield Value("shipper_reloads_total", reloads.applied, {"result": "applied"})
    yield Value("shipper_reloads_total", reloads.refused, {"result": "refused"})
    yield Value("shipper_configuration_loaded_timestamp_seconds", reloads.loaded_at, {})
