"""Exchanges that the tests and the published examples are made of."""

from dataclasses import replace

from shipper.contract.exchange import (
    Connection,
    Exchange,
    Folded,
    Incomplete,
    Proxied,
    Request,
    Response,
)
from shipper.record import (
    ClientIp,
    Identity,
    PrivacySettings,
    RecordBuilder,
    RecordSettings,
)

OFFSET = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z at boot time 0
BOOT = 5_000_000_000
CREATED = OFFSET + BOOT + 250_000_000

IDENTITY = Identity(
    agent_id="agent-1",
    ephemeral_id="bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11",
    worker=0,
    version="0.1.0",
    host_id="5f2d0c3b9f1a4e0e",
    host_name="web-1",
)

V4 = Connection(
    stream="tcp",
    hook="cgroup",
    direction="ingress",
    client_address=bytes([192, 0, 2, 7]),
    client_port=49152,
    server_address=bytes([198, 51, 100, 4]),
    server_port=80,
    flow=0xBEEF,
    cookie=11,
    cgroup=77,
)
V6 = replace(
    V4,
    client_address=bytes.fromhex("20010db8000000000000000000000007"),
    server_address=bytes.fromhex("20010db8000000000000000000000004"),
)


def request(
    target: str = "/index.html",
    *headers: tuple[str, str],
    method: str = "GET",
    body: int | None = 0,
    host: str | None = "Example.org",
) -> Request:
    """A request, 200 bytes of header block, sent within 10 µs."""
    lines = [("Host", host)] if host is not None else []
    return Request(
        version="1.1",
        headers=(*lines, *headers),
        start=BOOT,
        end=BOOT + 10_000,
        header_bytes=200,
        body_bytes=body,
        method=method,
        target=target,
    )


def response(
    status: int = 200,
    *headers: tuple[str, str],
    body: int | None = 887,
    interim: tuple[int, ...] = (),
) -> Response:
    """A response, 100 bytes of header block, from 0.9 to 1.2 ms after the request."""
    return Response(
        version="1.1",
        headers=(("Server", "nginx"), *headers),
        start=BOOT + 900_000,
        end=BOOT + 1_200_000,
        header_bytes=100,
        body_bytes=body,
        status=status,
        reason="",
        interim=interim,
    )


def exchange(
    first: Request | None = None, second: Response | None = None, connection: Connection = V4
) -> Exchange:
    """A whole exchange, of ordinary messages where none are given."""
    return Exchange(connection, first or request(), second or response())


def builder(settings: RecordSettings | None = None, identity: Identity = IDENTITY) -> RecordBuilder:
    """A builder with the default settings, if none are given."""
    return RecordBuilder(settings or RecordSettings(), identity)


_AGENT = ("User-Agent", "curl/7.88.1")
_HASHED = RecordSettings(
    privacy=PrivacySettings(client_ip=ClientIp.HASH, key=b"k" * 32, key_id="k1")
)


def examples() -> dict[str, tuple[RecordSettings, Exchange]]:
    """The published examples of version 1.0: name -> settings and exchange."""
    plain = RecordSettings()
    internal = RecordSettings(internal_networks=("198.51.100.0/24",))
    trusting = RecordSettings(trusted_proxies=("192.0.2.0/24",))
    behind = Proxied(2, bytes([203, 0, 113, 9]), 50000, bytes([203, 0, 113, 1]), 443)
    return {
        "get": (
            plain,
            exchange(
                request("/search?q=shipper", _AGENT, ("Accept", "*/*")),
                response(200, ("Content-Type", "text/html")),
            ),
        ),
        "post_continue": (
            plain,
            exchange(
                request("/orders", _AGENT, method="POST", body=512),
                response(201, ("Location", "/orders/17"), interim=(100,)),
            ),
        ),
        "head": (plain, exchange(request(method="HEAD"), response(200, body=0))),
        "not_found": (plain, exchange(request("/nowhere"), response(404))),
        "server_error": (plain, exchange(request("/broken"), response(500))),
        "ipv6": (plain, exchange(connection=V6)),
        "connect": (
            plain,
            exchange(
                request("example.org:443", method="CONNECT", host="example.org:443"),
                response(200, body=None),
                replace(V4, direction="egress"),
            ),
        ),
        "absolute_form": (plain, exchange(request("http://Example.org:8080/a?b=c", host="other"))),
        "asterisk_form": (plain, exchange(request("*", method="OPTIONS"), response(204, body=0))),
        "no_response": (plain, Exchange(V4, request(), None, incomplete=(Incomplete.NO_RESPONSE,))),
        "no_request": (
            plain,
            Exchange(V4, None, response(), incomplete=(Incomplete.NO_REQUEST,), joined_late=True),
        ),
        "cut_off": (
            plain,
            Exchange(
                V4,
                request(),
                replace(response(body=None), end=None),
                incomplete=(Incomplete.RESPONSE_CUT_OFF,),
            ),
        ),
        "odd": (
            plain,
            Exchange(
                replace(V4, hook="interface", interface=2, direction=None),
                replace(request(), cut=True),
                response(),
                number=3,
                anomalies=("bare_lf", "multiple_host"),
                resumed=True,
            ),
        ),
        "redacted": (
            plain,
            exchange(
                request(
                    "/login?user=ann&password=hunter2",
                    ("Authorization", "Basic YW5uOmh1bnRlcjI="),
                    ("Referer", "https://ann:hunter2@example.org/?session=1"),
                ),
                response(302, ("Location", "/?token=abc"), ("Set-Cookie", "sid=1")),
            ),
        ),
        "hashed_client": (_HASHED, exchange(request("/", ("X-Forwarded-For", "203.0.113.9")))),
        "perimeter": (internal, exchange()),
        "behind_a_proxy": (trusting, exchange(connection=replace(V4, proxied=behind))),
        "simple": (
            plain,
            Exchange(
                V4,
                replace(request(host=None), version="0.9"),
                Response("0.9", (), BOOT + 900_000, BOOT + 1_200_000, 0, 887),
                anomalies=("missing_version", "simple_response"),
            ),
        ),
    }


def examples_of_1_1() -> dict[str, tuple[RecordSettings, Exchange]]:
    """Those of version 1.1: where it says more, and where it has nothing to say."""
    first = examples()
    return {
        "get": first["get"],
        "older_response": (
            RecordSettings(labels={"env": "prod"}, tags=("edge",)),
            exchange(second=replace(response(), version="1.0")),
        ),
        "no_response": first["no_response"],
        "no_request": first["no_request"],
    }


def examples_of_1_2() -> dict[str, tuple[RecordSettings, Exchange]]:
    """Those of version 1.2: one that stands for others, and one that does not."""
    first = examples()
    probe = ("User-Agent", "kube-probe/1.31")
    folded = exchange(request("/healthz", probe), response(200))
    folded.folded = Folded(count=12, last=BOOT + 55_000_000_000, duration=14_400_000)
    return {"get": first["get"], "folded": (RecordSettings(), folded)}


EXAMPLES = {"1.0": examples, "1.1": examples_of_1_1, "1.2": examples_of_1_2}
