"""Live traffic of real cgroups and network namespaces: each record names who served it.

One agent sees all of it. What is true of each exchange stands in its path, and in nginx's log.
"""

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from live.netns import Network, Route, addresses

from attribution.world import agent, cgroups, ended, open_folder, server_in, started_in

#: Differ from run to run, so that two runs on one host don't see each other.
PORT = 12000 + os.getpid() % 8000
PROXY = PORT + 8000
A, B, C, D = "0a" * 32, "0b" * 32, "0c" * 32, "0d" * 32
UID = "12fdc709-933e-41d0-917f-cd84de9afa94"
POD = f"kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_NGINX = """
daemon off; user root; worker_processes 2; pid {at}/pid; error_log {at}/error warn;
events {{ }}
http {{
  log_format truth escape=json '{{"path":"$request_uri","client":"$remote_addr"}}';
  access_log {at}/access truth;
  client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
  uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
  server {{
    listen {address}:{proxy};
    location / {{
      proxy_pass http://127.0.0.1:{port};
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""


class Seen(NamedTuple):
    """All records, the totals that the agent told at its end, and nginx's log."""

    records: list[dict[str, Any]]
    totals: dict[str, Any]
    log: list[dict[str, str]]

    def under(self, prefix: str) -> list[dict[str, Any]]:
        """The records of paths that begin so."""
        return [one for one in self.records if one["url"]["path"].startswith(prefix)]


def ask(url: str, *headers: str) -> None:
    """One request over a connection of its own."""
    words = [word for header in headers for word in ("-H", header)]
    subprocess.run(["curl", "-sS", "-o", "/dev/null", *words, url], check=True)


def pods(network: Network, root: Path) -> None:
    """Two that both listen on 127.0.0.1 of a namespace of their own, at the same port."""
    for path, at in (("a", f"{POD}/cri-containerd-{A}.scope"), ("b", f"docker-{B}.scope")):
        namespace = network.namespace(path)
        with namespace.inside():
            server = server_in(root / at, "127.0.0.1", PORT)
            for _ in range(5):
                url = f"http://127.0.0.1:{PORT}/pod/{path}"
                client = started_in(root / f"libpod-{D}.scope" / "container", "curl", "-sS", url)
                assert client.wait(10) == 0
        ended(server)


def short_lived(root: Path) -> None:
    """Ten containers that live for one exchange each, at one address."""
    for number in range(10):
        at = root / f"libpod-{number:064x}.scope" / "container"
        server = server_in(at, "127.0.0.1", PORT)
        ask(f"http://127.0.0.1:{PORT}/short/{number}")
        ended(server)
        at.rmdir()
        at.parent.rmdir()


def nowhere(root: Path) -> None:
    """A server in a cgroup that is neither unit nor container."""
    server = server_in(root / "plain", "127.0.0.1", PORT)
    for _ in range(3):
        ask(f"http://127.0.0.1:{PORT}/plain/")
    ended(server)


def proxied(route: Route, root: Path, at: Path) -> list[dict[str, str]]:
    """A client elsewhere asks nginx, a unit, which asks a container; what nginx wrote down."""
    address = route.listen[4]
    config = at / "nginx.conf"
    config.write_text(_NGINX.format(at=at, address=address, proxy=PROXY, port=PORT))
    with route.server.inside():
        backend = server_in(root / f"docker-{C}.scope", "127.0.0.1", PORT)
        nginx = started_in(root / "system.slice" / "web.service", "/usr/sbin/nginx", "-c", config)
    while not (at / "pid").exists():
        assert nginx.poll() is None, (at / "error").read_text()
        time.sleep(0.01)
    with route.client.inside():
        for number in range(4):
            url = f"http://{address}:{PROXY}/proxied/{number}"
            ask(
                url,
                f"traceparent: {TRACE}",
                f"X-Request-Id: r-{number}",
                "X-Forwarded-For: 8.8.8.8",
            )
    ended(nginx)
    ended(backend)
    return [json.loads(line) for line in (at / "access").read_text().splitlines()]


def routed(network: Network) -> Route:
    """A client and a server in namespaces of their own, by one cable."""
    client, server = network.namespace("client"), network.namespace("server")
    network.veth(client, "eth0", server, "eth0")
    addresses(client, "eth0", "10.99.7.1/24")
    addresses(server, "eth0", "10.99.7.2/24")
    return Route(client, server, None, {4: "10.99.7.2"}, {}, {4: "10.99.7.1"})


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Namespaces that go with the tests."""
    made = Network()
    yield made
    made.close()


@pytest.fixture(scope="module")
def seen(network: Network) -> Seen:
    """All traffic, seen by one agent that was there before the first cgroup came."""
    with (
        cgroups(f"shipper-live-{os.getpid()}") as root,
        open_folder() as folder,
        agent(
            capture__include__ports=[PORT, PROXY],
            capture__roles=["server", "client"],
            record__trusted_proxies=["127.0.0.1/32"],
            record__client_headers=["x-forwarded-for"],
        ) as records,
    ):
        pods(network, root)
        short_lived(root)
        nowhere(root)
        log = proxied(routed(network), root, folder)
        return Seen(records.finish(), records.totals(), log)


def test_two_containers_with_the_same_address(seen: Seen) -> None:
    """The address says nothing of who served; the socket's cgroup does."""
    told = Counter(
        (
            record["url"]["path"],
            record["container"]["id"],
            record["container"]["runtime"],
            record.get("kubernetes", {}).get("pod", {}).get("uid"),
        )
        for record in seen.under("/pod/")
    )
    assert told == {("/pod/a", A, "containerd", UID): 5, ("/pod/b", B, "docker", None): 5}
    assert {record["network"]["direction"] for record in seen.under("/pod/")} == {"ingress"}


def test_both_ends_of_a_connection(seen: Seen) -> None:
    """The client's container asks the server's: each has its side, the server's is at the top."""
    for record in seen.under("/pod/"):
        ends = record["shipper"]
        assert ends["destination"]["container"] == record["container"]
        assert ends["source"]["container"] == {"id": D, "runtime": "podman"}
        assert ends["source"]["process"]["name"] == "curl"


def test_containers_that_come_and_go(seen: Seen) -> None:
    """Each is named, though it has gone before its record was written."""
    told = {one["url"]["path"]: one["container"]["id"] for one in seen.under("/short/")}
    assert told == {f"/short/{number}": f"{number:064x}" for number in range(10)}


def test_what_is_not_attributed_is_counted(seen: Seen) -> None:
    """No field, and a reason; all together are the exchanges."""
    plain = seen.under("/plain/")
    assert len(plain) == 3
    assert not any({"container", "kubernetes", "service"} & record.keys() for record in plain)
    assert seen.totals["unattributed"] == {"cgroup_unnamed": 3}
    assert seen.totals["attributed"] + 3 == seen.totals["exchanges"] == len(seen.records)


def test_a_unit_and_the_container_behind_it(seen: Seen) -> None:
    """Nginx's exchanges are its unit's, those that it asks are the container's."""
    told = Counter(
        (record["destination"]["port"], record.get("service", {}).get("name"),
         record.get("container", {}).get("id"))
        for record in seen.under("/proxied/")
    )  # fmt: skip
    assert told == {(PROXY, "web.service", None): 4, (PORT, None, C): 4}


def test_the_real_client_is_the_one_in_nginx_s_log(seen: Seen) -> None:
    """Not what the client claimed in its own header; and no client is told where nobody proxied."""
    truth = {line["path"]: line["client"] for line in seen.log}
    assert len(truth) == 4
    for record in seen.under("/proxied/"):
        if record["destination"]["port"] == PORT:
            assert record["source"]["ip"] == "127.0.0.1"
            assert record["client"] == {"ip": truth[record["url"]["path"]]}
        else:
            assert record["source"]["ip"] == truth[record["url"]["path"]]
            assert "client" not in record


def test_both_exchanges_are_of_one_trace(seen: Seen) -> None:
    """Nginx hands the headers on, and so do the records."""
    for record in seen.under("/proxied/"):
        assert record["trace"]["id"] == TRACE.split("-")[1]
        assert record["span"]["id"] == TRACE.split("-")[2]
        assert record["transaction"]["id"] == f"r-{record['url']['path'][-1]}"


def test_the_client_of_a_server_elsewhere(network: Network) -> None:
    """With the role `client`, the container is the one that asks, and the server's is not told."""
    route = routed(network)
    address = route.listen[4]
    with (
        cgroups(f"shipper-asks-{os.getpid()}") as root,
        agent(capture__include__ports=[PORT], capture__roles=["client"]) as records,
    ):
        with route.server.inside():
            server = server_in(root / "system.slice" / "web.service", address, PORT)
        with route.client.inside():
            for _ in range(4):
                curl = started_in(
                    root / f"docker-{A}.scope", "curl", "-sS", f"http://{address}:{PORT}/"
                )
                assert curl.wait(10) == 0
        found = records.finish()
        ended(server)
    assert [record["container"]["id"] for record in found] == [A] * 4
    assert {record["network"]["direction"] for record in found} == {"egress"}
    assert not any("service" in record for record in found)
