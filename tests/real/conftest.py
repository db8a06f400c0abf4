"""Brokers that live as long as the tests of this folder, a topic for each test, and a log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers.certificates import Authority
from brokers.kafka import Kafka
from brokers.security import mutual_tls, scram, tokens
from brokers.tokens import TokenEndpoint

from .sending import PASSWORD, SECRET, USER, Said


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the brokers' certificates and their clients'."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def plain() -> Iterator[Kafka]:
    """Open to everybody. It is killed now and then, and started again."""
    with Kafka() as kafka:
        yield kafka


@pytest.fixture(scope="session")
def guarded(authority: Authority) -> Iterator[Kafka]:
    """SASL_SSL with SCRAM-SHA-512, and rights: the user may do nothing that is not granted."""
    with Kafka(security=scram({USER: PASSWORD}, tls=authority)) as kafka:
        yield kafka


@pytest.fixture(scope="session")
def mutual(authority: Authority) -> Iterator[Kafka]:
    """TLS with certificates on both sides, and rights."""
    with Kafka(security=mutual_tls(authority, acls=True)) as kafka:
        yield kafka


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenEndpoint]:
    """Where tokens come from."""
    with TokenEndpoint(tmp_path_factory.mktemp("tokens"), {USER: SECRET}) as it:
        yield it


@pytest.fixture(scope="session")
def bearer(endpoint: TokenEndpoint) -> Iterator[Kafka]:
    """Who shows a token of the endpoint's may in, as long as it is valid."""
    renew = {"connections.max.reauth.ms": 3_600_000}
    with Kafka(security=tokens(endpoint), properties=renew) as kafka:
        yield kafka


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A name of the test's own; who makes the topic is the test's matter."""
    name: str = request.node.name
    return name


@pytest.fixture
def said() -> Said:
    """What was logged."""
    return Said()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """A file for a secret."""
    return tmp_path / "secret"
