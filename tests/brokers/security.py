"""How clients log in: for each way the broker's side and what a client needs to know.

The brokers among themselves, and the tests' own questions, use a listener without security; with
ACLs everybody there (`User:ANONYMOUS`) may do everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shipper.delivery.errors import Setting

_AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "false",
}


@dataclass(frozen=True, slots=True)
class Security:
    """One way: `protocol` and `server` for the broker, `client` for librdkafka."""

    protocol: str = "PLAINTEXT"
    server: Mapping[str, str] = field(default_factory=dict)
    client: Mapping[str, Setting] = field(default_factory=dict)
    format: tuple[str, ...] = ()  #: arguments of StorageTool
    jvm: tuple[str, ...] = ()


PLAIN = Security()
