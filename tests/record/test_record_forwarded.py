"""The client that trusted proxies name: held to nginx, which reads the same headers."""

import itertools
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from brokers.ports import Ports

from shipper.contract.exchange import Proxied
from shipper.record import ClientIp, PrivacySettings, RecordSettings
from shipper.record.addresses import inside
from shipper.record.forwarded import forwarded_client

from .record_exchanges import CREATED, OFFSET, V4, builder, exchange, request

ALL = ("forwarded", "x-forwarded-for", "x-real-ip")
TRUSTED = ("192.0.2.0/24", "10.0.0.0/8", "127.0.0.1/32", "2001:db8::/32")


def settings(*names: str, **more: Any) -> RecordSettings:  # noqa: ANN401 - settings of any kind
    """The proxies of TRUSTED write these headers."""
    return RecordSettings(trusted_proxies=TRUSTED, client_headers=names, **more)


def client(
    *headers: tuple[str, str],
    names: tuple[str, ...] = ALL,
    **of: Any,  # noqa: ANN401
) -> dict[str, Any] | None:
    """`client` of the record of a request that a trusted proxy sent with these headers."""
    asked = exchange(request("/", *headers), connection=of.get("connection", V4))
    found: dict[str, Any] = builder(settings(*names)).build(asked, OFFSET, CREATED).document
    told: dict[str, Any] | None = found.get("client")
    assert told is None or told["ip"] in found["related"]["ip"]
    return told


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("X-Forwarded-For", "203.0.113.9")], {"ip": "203.0.113.9"}),
        ([("X-Forwarded-For", "8.8.8.8, 203.0.113.9, 10.1.2.3")], {"ip": "203.0.113.9"}),
        ([("X-Forwarded-For", "8.8.8.8"), ("x-forwarded-for", "203.0.113.9")],
         {"ip": "203.0.113.9"}),
        ([("X-Forwarded-For", "10.0.0.1, 10.0.0.2")], {"ip": "10.0.0.1"}),
        ([("X-Forwarded-For", "203.0.113.9:4711")], {"ip": "203.0.113.9", "port": 4711}),
        ([("X-Forwarded-For", "[2001:4860::8888]:4711")],
         {"ip": "2001:4860::8888", "port": 4711}),
        ([("X-Forwarded-For", "203.0.113.9, unknown")], None),
        ([("X-Forwarded-For", "203.0.113.9, 10.0.0.1, ")], None),
        ([("X-Forwarded-For", "203.0.113.9:99999")], None),
        ([("X-Real-IP", "203.0.113.9")], {"ip": "203.0.113.9"}),
        ([("X-Real-IP", "203.0.113.9"), ("X-Real-IP", "203.0.113.8")], None),
        # RFC 7239 sections 4 and 7.1, 7.4
        ([("Forwarded", 'For="[2001:4860:cafe::17]:4711"')],
         {"ip": "2001:4860:cafe::17", "port": 4711}),
        ([("Forwarded", "for=192.0.2.60;proto=http;by=203.0.113.43")], {"ip": "192.0.2.60"}),
        ([("Forwarded", "for=198.51.100.43, for=192.0.2.60")], {"ip": "198.51.100.43"}),
        ([("Forwarded", "for=198.51.100.43"), ("Forwarded", "for=10.0.0.1")],
         {"ip": "198.51.100.43"}),
        ([("Forwarded", 'for="_gazonk"')], None),
        ([("Forwarded", "for=198.51.100.43, for=unknown")], None),
        ([("Forwarded", 'for="198.51.100.43, for=192.0.2.60')], None),
        ([("Forwarded", "proto=http")], None),
        ([("Forwarded", "for=198.51.100.43"), ("X-Forwarded-For", "8.8.8.8")],
         {"ip": "198.51.100.43"}),
    ],
)  # fmt: skip
def test_whom_the_proxies_name(
    headers: list[tuple[str, str]], expected: dict[str, Any] | None
) -> None:
    """The first address from the end that is no proxy's; nothing where that is no address."""
    assert client(*headers) == expected


def test_only_headers_that_the_proxies_write() -> None:
    """A header that they pass on is the client's own word."""
    assert client(("X-Forwarded-For", "8.8.8.8"), names=("x-real-ip",)) is None
    assert client(("X-Forwarded-For", "8.8.8.8"), names=()) is None


def test_only_of_a_trusted_peer() -> None:
    """Whoever may connect may send the header."""
    stranger = replace(V4, client_address=bytes([203, 0, 113, 1]))
    assert client(("X-Forwarded-For", "8.8.8.8"), connection=stranger) is None


def test_behind_a_proxy_protocol_header() -> None:
    """The header is read if the address told there is a proxy's; else that one is the client."""
    header = ("X-Forwarded-For", "8.8.8.8")
    proxy = Proxied(2, bytes([10, 0, 0, 9]), 50000, bytes([203, 0, 113, 1]), 443)
    stranger = replace(proxy, source=bytes([203, 0, 113, 9]))
    assert client(header, connection=replace(V4, proxied=proxy)) == {"ip": "8.8.8.8"}
    told = client(header, connection=replace(V4, proxied=stranger))
    assert told == {"ip": "203.0.113.9", "port": 50000}


@pytest.mark.parametrize("mode", [ClientIp.TRUNCATE, ClientIp.HASH])
def test_the_client_is_hidden(mode: ClientIp) -> None:
    """`client.ip` is what privacy leaves of the address, which stands nowhere else."""
    hiding = PrivacySettings(client_ip=mode, key=b"k" * 32, key_id="k1")
    made = builder(settings("x-forwarded-for", privacy=hiding))
    asked = exchange(request("/?ip=203.0.113.77", ("X-Forwarded-For", "203.0.113.77")))
    record = made.build(asked, OFFSET, CREATED)
    assert record.document["client"]["ip"] == record.document["related"]["ip"][0]
    assert b"203.0.113.77" not in made.encode(record, 0).value


_CONFIG = """
daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error warn;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
  uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
  {trusted}
  real_ip_header {header}; real_ip_recursive on;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "$remote_addr"; }} }}
}}
"""


@contextmanager
def nginx(at: Path, header: str) -> Iterator[str]:
    """An nginx that answers with the address that its realip module finds; where it listens."""
    port = Ports().free()
    trusted = "\n".join(f"set_real_ip_from {network};" for network in TRUSTED)
    at.joinpath("conf").write_text(_CONFIG.format(at=at, header=header, trusted=trusted, port=port))
    server = subprocess.Popen(["/usr/sbin/nginx", "-p", str(at), "-c", str(at / "conf")])
    try:
        deadline = time.monotonic() + 10
        while not at.joinpath("pid").exists():
            assert server.poll() is None, at.joinpath("error").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait()


def test_the_same_client_as_nginx(tmp_path: Path) -> None:
    """Every chain of up to three out of strangers and proxies, of both families, in one header.

    nginx takes what is no address for "stay with the one before"; we tell nothing there, so that
    the chains hold addresses alone.
    """
    ends = ("203.0.113.9", "10.1.2.3", "2001:4860::8888", "2001:db8::7", "198.51.100.1:99")
    chains = [c for n in (1, 2, 3) for c in itertools.product(ends, repeat=n)]
    trusted = inside(TRUSTED, "trusted proxy")
    different = {}
    with nginx(tmp_path, "X-Forwarded-For") as url:
        for chain in chains:
            header = ("X-Forwarded-For", ", ".join(chain))
            asked = urllib.request.Request(url, headers=dict([header]))  # noqa: S310 - our own
            with urllib.request.urlopen(asked) as answer:  # noqa: S310 - our own
                expected = answer.read().decode()
            found = forwarded_client([header], ["x-forwarded-for"], trusted)
            if found is None or str(ip_address(found.address)) != expected:
                different[header[1]] = (expected, found)
    assert not different, json.dumps(different, default=str)
