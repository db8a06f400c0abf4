"""The scalar types that the parts of a record are made of."""

from functools import lru_cache
from ipaddress import ip_address
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic.fields import FieldInfo

#: The largest value that a `long` of Elasticsearch and an Avro long hold.
LONG_MAX: Final = 2**63 - 1


def about(title: str, description: str, *examples: Any, since: str | None = None) -> FieldInfo:  # noqa: ANN401 - pydantic's own type for examples
    """What the generated schema says of a field; `since` is the version that added it."""
    # Where there is nothing to say, it is left unsaid: None would erase what a type says.
    extra: dict[str, Any] = {"json_schema_extra": {"x-since": since}} if since else {}
    info: FieldInfo = Field(title=title, description=description, examples=list(examples), **extra)
    return info


@lru_cache(maxsize=4096)
def _address(text: str) -> str:
    """`text` if it is an IP address without a zone; ValueError if not."""
    if "%" in text:
        raise ValueError("an address with a zone is no address of an ip field")
    ip_address(text)
    return text


Ip = Annotated[
    str,
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=0, le=LONG_MAX)]
Word = Annotated[str, Field(min_length=1)]
# Microseconds: Elasticsearch and OpenSearch read up to nine digits, but Avro's timestamp-micros
# and most readers of RFC 3339 stop at six, and no clock offset here is truer than that.
Timestamp = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"),
    Field(json_schema_extra={"format": "date-time"}),
]
Labels = dict[str, str]
