"""confluent-kafka's own client of a registry, which asks again where no answer comes."""

from typing import Final

from confluent_kafka.schema_registry import SchemaRegistryClient

#: Apicurio 3.3.3 was seen to leave a request without an answer for good, all its threads idle. The
#: client tries again, but by itself it has all the patience there is.
_TIMEOUT_S: Final = 10.0


def stock_client(url: str) -> SchemaRegistryClient:
    """A client of the registry whose Confluent API is at `url`."""
    return SchemaRegistryClient({"url": url, "timeout": _TIMEOUT_S})
