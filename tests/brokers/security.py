"""How clients log in: for each way the broker's side and what a client needs to know.

    Kafka(security=scram({"shipper": "secret"}, tls=Authority(folder)))      # SASL_SSL
    Kafka(security=mutual_tls(Authority(folder), user="shipper"))
    Kafka(security=tokens(TokenEndpoint(folder, {"shipper": "secret"})))     # OAUTHBEARER

`Kafka.client` then holds what the first user logs in with. The brokers among themselves, and the
tests' own questions, use a listener without security; where there are ACLs (`acls`) everybody
there (`User:ANONYMOUS`) may do everything, and the users nothing until `Kafka.allow`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shipper.delivery.errors import Setting

from .certificates import Authority, keystore
from .tokens import AUDIENCE, ISSUER, TokenEndpoint

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


def scram(users: Mapping[str, str], *, tls: Authority | None = None, acls: bool = True) -> Security:
    """Passwords by user, SCRAM-SHA-512; over TLS when an authority is given."""
    user, password = next(iter(users.items()))
    sasl: dict[str, Setting] = {
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password,
    }
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return Security(
        protocol=_sasl(tls),
        server={
            **_certified(tls),
            **(_AUTHORIZER if acls else {}),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.client.scram-sha-512.sasl.jaas.config": login,
        },
        client={"security.protocol": _sasl(tls), **sasl, **(tls.client if tls else {})},
        format=tuple(
            part
            for name, secret in users.items()
            for part in ("-S", f"SCRAM-SHA-512=[name={name},password={secret}]")
        ),
    )


def mutual_tls(tls: Authority, *, user: str = "shipper", acls: bool = False) -> Security:
    """Certificates on both sides; the client's is made here and its user is `CN=user`."""
    return Security(
        protocol="SSL",
        server={
            **_certified(tls),
            **(_AUTHORIZER if acls else {}),
            "listener.name.client.ssl.truststore.type": "PEM",
            "listener.name.client.ssl.truststore.location": str(tls.root),
            "listener.name.client.ssl.client.auth": "required",
        },
        client={"security.protocol": "SSL", **tls.client, **tls.issue(user).client},
    )


def tokens(endpoint: TokenEndpoint, *, tls: Authority | None = None) -> Security:
    """OAUTHBEARER; the first of the endpoint's clients is the user."""
    client, secret = next(iter(endpoint.clients.items()))
    keys = endpoint.jwks.as_uri()
    place = "listener.name.client.oauthbearer"
    handler = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
    login = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
    return Security(
        protocol=_sasl(tls),
        server={
            **_certified(tls),
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{place}.sasl.jaas.config": login,
            f"{place}.sasl.server.callback.handler.class": handler,
            f"{place}.sasl.oauthbearer.jwks.endpoint.url": keys,
            f"{place}.sasl.oauthbearer.expected.audience": AUDIENCE,
            f"{place}.sasl.oauthbearer.expected.issuer": ISSUER,
        },
        client={
            "security.protocol": _sasl(tls),
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": client,
            "sasl.oauthbearer.client.secret": secret,
            "sasl.oauthbearer.token.endpoint.url": endpoint.url,
            **(tls.client if tls else {}),
        },
        jvm=(f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={keys}",),
    )


def _sasl(tls: Authority | None) -> str:
    return "SASL_SSL" if tls else "SASL_PLAINTEXT"


def _certified(tls: Authority | None) -> dict[str, str]:
    if tls is None:
        return {}
    return {
        "listener.name.client.ssl.keystore.type": "PEM",
        "listener.name.client.ssl.keystore.location": str(keystore(tls.issue("broker"))),
    }
