"""10,000 requests: what is told equals what nginx wrote down, none missing and none invented."""

from shipper.contract.exchange import Exchange

from .conftest import StartNginx
from .netns import PORT, Network, cable
from .nginx import MARKER
from .watch import header, only, told, watching
from .workload import Row, differences, run


def _row(exchange: Exchange) -> Row:
    one = told(exchange)
    return Row(
        one.id,
        one.method,
        one.target,
        one.status,
        one.client,
        one.client_port,
        one.server,
        one.server_port,
        header(exchange.request, "user-agent"),
    )


def test_capture_tells_what_nginx_served(network: Network, nginx: StartNginx) -> None:
    """With wrk and curl, keep-alive and closed, IPv4 and IPv6, at the level of exchanges."""
    route = cable(network)
    server = nginx(route)
    with watching(only(PORT)) as watch:
        rows = run(route, server)
    assert len(rows) == 10_000
    assert differences([_row(exchange) for exchange in watch.exchanges], rows) == []
    assert [e.incomplete for e in watch.exchanges if e.incomplete] == []
    assert [e.anomalies for e in watch.exchanges if e.anomalies] == []
    assert MARKER not in watch.header_bytes()
    for trouble in ("state_missing", "place_lost", "load_failed", "scratch_busy"):
        assert watch.counters[trouble] == 0, trouble
