"""OAUTHBEARER: a token of the endpoint's lets in; an endpoint that gives none is said."""

from brokers.kafka import Kafka
from brokers.tokens import TokenEndpoint

from .sending import SECRET, USER, Said, arrived, keys, record, sink

WRONG = "a-wrong-secret"
#: Seconds. librdkafka renews a token after 80 % of it, in whole seconds, and logs in again after
#: 90 %; below 10 s the two can meet, and Kafka refuses a second log-in within a second.
LIFETIME_S = 10
LONG_S = 300


def test_token_lets_in(bearer: Kafka, endpoint: TokenEndpoint, topic: str, said: Said) -> None:
    """The client fetches a token by its id and secret: all arrives."""
    bearer.create_topic(topic)
    before = endpoint.issued
    with sink(bearer.client, said) as sending:
        sending.submit(*(record(n, topic) for n in range(20)))
        sending.acknowledged(20)
    assert arrived(bearer, topic) == keys(*range(20))
    assert endpoint.issued > before
    assert said.loud() == []


def test_wrong_client_secret_is_said_and_mended(
    bearer: Kafka, endpoint: TokenEndpoint, topic: str, said: Said
) -> None:
    """One line names the log-in; once the endpoint knows the secret, the same sink delivers."""
    bearer.create_topic(topic)
    with sink({**bearer.client, "sasl.oauthbearer.client.secret": WRONG}, said) as sending:
        sending.submit(record(0, topic))
        sending.until(lambda: bool(said.loud()), "a line about the log-in")
        sending.rest(3)
        (line,) = said.loud()
        assert "log-in" in line
        assert "oauthbearer" in line
        endpoint.clients[USER] = WRONG
        try:
            sending.acknowledged(1)
        finally:
            endpoint.clients[USER] = SECRET
    assert arrived(bearer, topic) == keys(0)
    assert WRONG not in said.everything()


def test_token_runs_out_and_is_renewed(
    bearer: Kafka, endpoint: TokenEndpoint, topic: str, said: Said
) -> None:
    """The broker wants a new log-in before the first one's token ends: nothing is refused."""
    bearer.create_topic(topic)
    before, endpoint.lifetime_s = endpoint.issued, LIFETIME_S
    try:
        with sink(bearer.client, said) as sending:
            for n in range(LIFETIME_S + 1):
                sending.submit(record(n, topic))
                sending.rest(1)
            sending.acknowledged(LIFETIME_S + 1)
    finally:
        endpoint.lifetime_s = LONG_S
    assert arrived(bearer, topic) == keys(*range(LIFETIME_S + 1))
    assert endpoint.issued >= before + 2
    assert said.loud() == []
