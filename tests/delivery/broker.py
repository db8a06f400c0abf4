"""A Kafka-protocol listener whose faults a test commands.

It is librdkafka's own mock cluster, in the very library that confluent_kafka loads, reached
through ctypes because the Python binding hands out no handle: brokers that go down and come back
on the same port, answer late, or answer with an error.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import confluent_kafka

from shipper.closing import Closing

PRODUCE = 0
METADATA = 3
INIT_PRODUCER_ID = 22


def _library() -> ctypes.CDLL:
    beside = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    (path,) = beside.glob("librdkafka-*.so*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


class FaultyBroker(Closing):
    """One broker (id 1) that does as it is told."""

    def __init__(self) -> None:
        self._library = _library()
        said = ctypes.create_string_buffer(512)
        conf = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        self._library.rd_kafka_conf_set(conf, b"log_level", b"0", said, 512)
        self._client = ctypes.c_void_p(self._library.rd_kafka_new(0, conf, said, 512))
        assert self._client.value, said.value
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._client, 1))
        assert self._cluster.value
        self.bootstrap = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Make a topic."""
        self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)

    def topic_error(self, name: str, code: int) -> None:
        """Answer every metadata request about a topic with an error; 0 takes it back."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, name.encode(), code)

    def down(self) -> None:
        """Stop listening and cut all connections."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def up(self) -> None:
        """Listen again, on the same port."""
        self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def slow(self, milliseconds: int) -> None:
        """Answer everything that much later."""
        self._library.rd_kafka_mock_broker_set_rtt(self._cluster, 1, milliseconds)

    def answer(self, request: int, *codes: int) -> None:
        """Answer the next requests of a kind with these error codes."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(len(codes)), array
        )

    def close(self) -> None:
        """End the cluster."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


def brokers() -> Iterator[FaultyBroker]:
    """The body of a fixture."""
    with FaultyBroker() as broker:
        yield broker
