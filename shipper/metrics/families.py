"""Every metric there is: its name, kind, labels and meaning; docs/metrics.md is tested against it.

Names follow Prometheus' rules (base units, `_total` for what only grows). Labels have few values:
workers, stages, and reasons that stand in tables of ours; never an address, a host or a path.
"""

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]


class Family(NamedTuple):
    """One metric; `name` as it is scraped."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


_W: Final = ("worker",)

_STAGES = (
    Family("shipper_stage_received_total", "counter", (*_W, "stage"), "What came into a stage"),
    Family("shipper_stage_sent_total", "counter", (*_W, "stage"), "What a stage handed on"),
    Family(
        "shipper_stage_discarded_total",
        "counter",
        (*_W, "stage", "reason"),
        "What went no further than a stage, by reason",
    ),
    Family("shipper_stage_held", "gauge", (*_W, "stage"), "What a stage has and will settle"),
    Family(
        "shipper_letters_lost_total",
        "counter",
        (*_W, "reason"),
        "Dead letters about invalid records that were not taken, by reason",
    ),
    Family(
        "shipper_exchanges_attributed_total",
        "counter",
        _W,
        "Exchanges of whose end on this host container or unit is told; absent where nobody asks",
    ),
    Family(
        "shipper_exchanges_unattributed_total",
        "counter",
        (*_W, "reason"),
        "Exchanges of whose end on this host neither container nor unit is told, by reason",
    ),
    Family(
        "shipper_exchanges_process_named_total",
        "counter",
        _W,
        "Exchanges whose process is told; absent where none is asked for",
    ),
    Family(
        "shipper_exchanges_process_unnamed_total",
        "counter",
        (*_W, "reason"),
        "Exchanges whose process is not told, by reason",
    ),
    Family(
        "shipper_acknowledgement_lag_seconds",
        "histogram",
        _W,
        "From the last packet of an exchange until its record is acknowledged; a sample of them",
    ),
    Family("shipper_assembly_connections", "gauge", _W, "Connections of which there is state"),
    Family(
        "shipper_assembly_held_bytes",
        "gauge",
        _W,
        "Memory of header blocks in progress and of messages in no exchange yet, estimated",
    ),
    Family(
        "shipper_assembly_facts_total", "counter", (*_W, "fact"), "What assembly met, by its name"
    ),
    Family("shipper_clock_steps_total", "counter", _W, "How often the wall clock was set"),
)

_KERNEL = (
    Family(
        "shipper_kernel_packets_total",
        "counter",
        (),
        "Packets with a payload, of flows that are not left alone",
    ),
    Family(
        "shipper_kernel_packet_conditions_total",
        "counter",
        ("condition",),
        "Packets of which something was out of the ordinary; one may count under several",
    ),
    Family("shipper_kernel_flows_total", "counter", (), "Flows that were entered in the table"),
    Family(
        "shipper_kernel_flows_ignored_total", "counter", ("reason",), "Flows that are not followed"
    ),
    Family(
        "shipper_kernel_flow_conditions_total",
        "counter",
        ("condition",),
        "Flows of which something was out of the ordinary",
    ),
    Family(
        "shipper_kernel_block_conditions_total",
        "counter",
        ("condition",),
        "Header blocks that were cut, and places in a stream that were lost or found again",
    ),
    Family(
        "shipper_kernel_connections_total",
        "counter",
        ("role", "protocol"),
        "Connections by this host's role and by what their first bytes spoke",
    ),
    Family(
        "shipper_kernel_events_total", "counter", ("kind",), "Events handed to the rings, by kind"
    ),
    Family(
        "shipper_kernel_events_lost_total",
        "counter",
        (),
        "Events for which a ring had no room: the workers are too slow for the traffic",
    ),
    Family(
        "shipper_kernel_events_left_total",
        "counter",
        (),
        "Events of exchanges that the agent before left open when it ended",
    ),
    Family(
        "shipper_kernel_directions_lost_total",
        "counter",
        (),
        "Directions whose kept segments had to make room",
    ),
    Family(
        "shipper_kernel_owners_lost_total",
        "counter",
        (),
        "Processes of sockets for which the kernel's table had no room",
    ),
    Family(
        "shipper_kernel_program_run_seconds_total",
        "counter",
        (),
        "Run time of the kernel program; only where kernel.bpf_stats_enabled is set",
    ),
    Family(
        "shipper_kernel_program_runs_total",
        "counter",
        (),
        "Runs of the kernel program; only where kernel.bpf_stats_enabled is set",
    ),
    Family(
        "shipper_flow_table_flows",
        "gauge",
        (),
        "Connections in the flow table, counted twice a minute; absent where the kernel hides it",
    ),
    Family("shipper_flow_table_limit", "gauge", (), "Connections that the flow table holds"),
    Family("shipper_ring_used_bytes", "gauge", _W, "Bytes that wait in the kernel's ring"),
    Family("shipper_ring_size_bytes", "gauge", _W, "Bytes that the kernel's ring holds"),
    Family(
        "shipper_coverage_connections_total",
        "counter",
        ("protocol", "read"),
        "Connections of the wanted roles, by what they spoke and whether that is read",
    ),
)

_SPOOL = (
    Family("shipper_spool_bytes", "gauge", _W, "Bytes in the spool, leftovers included"),
    Family("shipper_spool_limit_bytes", "gauge", _W, "Bytes that the spool may have"),
    Family(
        "shipper_spool_oldest_age_seconds",
        "gauge",
        _W,
        "How long the oldest message that is not settled has waited; 0: none waits",
    ),
    Family(
        "shipper_spool_adopted_total",
        "counter",
        (*_W, "outcome"),
        "Messages of earlier starts found in the spool, by what became of them",
    ),
)

_KAFKA = (
    Family(
        "shipper_kafka_trouble",
        "gauge",
        (*_W, "reason"),
        "1 for each reason why Kafka takes nothing now",
    ),
    Family(
        "shipper_kafka_resent_total", "counter", _W, "Messages handed to the producer once more"
    ),
    Family("shipper_kafka_producer_restarts_total", "counter", _W, "Producers that were made anew"),
    Family("shipper_kafka_queue_messages", "gauge", _W, "Messages in librdkafka's queues"),
    Family("shipper_kafka_queue_bytes", "gauge", _W, "Bytes in librdkafka's queues"),
    Family("shipper_kafka_sent_messages_total", "counter", _W, "Messages sent to brokers"),
    Family("shipper_kafka_sent_bytes_total", "counter", _W, "Bytes of messages sent to brokers"),
    Family(
        "shipper_kafka_broker_connected",
        "gauge",
        (*_W, "broker"),
        "Whether a broker is connected, by its number",
    ),
    Family(
        "shipper_kafka_broker_rtt_average_seconds",
        "gauge",
        (*_W, "broker"),
        "Round trip to a broker, average of the last interval",
    ),
    Family(
        "shipper_kafka_broker_rtt_p99_seconds",
        "gauge",
        (*_W, "broker"),
        "Round trip to a broker, 99th percentile of the last interval",
    ),
    Family(
        "shipper_kafka_broker_requests_waiting",
        "gauge",
        (*_W, "broker"),
        "Requests that wait to be sent to a broker, or for its answer",
    ),
    Family(
        "shipper_kafka_broker_errors_total",
        "counter",
        (*_W, "broker"),
        "Errors of sending to and receiving from a broker",
    ),
    Family(
        "shipper_kafka_broker_timeouts_total",
        "counter",
        (*_W, "broker"),
        "Requests that a broker did not answer in time",
    ),
)

_AGENT = (
    Family(
        "shipper_build_info", "gauge", ("version", "python", "hook"), "1; what runs, by its labels"
    ),
    Family("shipper_workers", "gauge", (), "Workers that run"),
    Family(
        "shipper_check_ok",
        "gauge",
        ("check",),
        "1 for each check of /readyz that holds: attached, draining, broker, spool",
    ),
    Family(
        "shipper_report_age_seconds",
        "gauge",
        _W,
        "Age of a worker's numbers; it hands them over about once a second",
    ),
    Family("shipper_worker_cpu_seconds_total", "counter", _W, "CPU time of a worker"),
    Family("shipper_worker_resident_memory_bytes", "gauge", _W, "Resident memory of a worker"),
    Family(
        "shipper_reloads_total",
        "counter",
        ("result",),
        "Reloads of the configuration: applied, or refused",
    ),
    Family(
        "shipper_configuration_loaded_timestamp_seconds",
        "gauge",
        (),
        "When the configuration in force was loaded",
    ),
)

FAMILIES: Final = (*_STAGES, *_KERNEL, *_SPOOL, *_KAFKA, *_AGENT)
BY_NAME: Final = {family.name: family for family in FAMILIES}
