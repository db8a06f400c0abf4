"""Rules that say which exchanges become records."""

from collections import Counter
from dataclasses import replace
from http.client import HTTPConnection
from ipaddress import ip_network
from typing import Any

import pytest
from faults.agent import eventually
from metrics.running import running, total
from metrics.test_scrape import off

from reload.test_reload import records, reload
from shipper.config import load
from shipper.contract.exchange import Connection, Exchange, Incomplete, Request, Response
from shipper.errors import ConfigError
from shipper.volume.rules import Rule, Rules
from shipper.wiring import volume_settings


def exchange(  # noqa: PLR0913 - all that rules look at
    target: str = "/healthz?full=1",
    *,
    method: str = "GET",
    status: int | None = 200,
    client: bytes = b"\x0a\0\0\1",
    host: str = "Api.example:8080",
    agent: str = "kube-probe/1.31",
    direction: str = "ingress",
    **more: Any,  # noqa: ANN401 - of an exchange
) -> Exchange:
    """A health check, unless it is said otherwise."""
    connection = Connection("tcp", "cgroup", direction, client, 4000, b"\x0a\0\0\2", 80, 1)
    headers = (("Host", host), ("USER-AGENT", agent))
    request = Request("1.1", headers, 0, 0, 20, 0, method=method, target=target)
    response = None if status is None else Response("1.1", (), 1, 1, 20, 0, status=status)
    return Exchange(connection, request, response, **more)


CHECK = exchange()


def decided(rules: Rules, of: Exchange) -> str | None:
    """The name of the rule that keeps it from being a record of its own."""
    rule = rules.against(of)
    return None if rule is None else rule.name


def drops(rule: dict[str, Any], of: Exchange, *, keep_failures: bool = True) -> bool:
    """Whether a rule that drops does."""
    rules = Rules([Rule("it", "drop", **rule)], keep_failures=keep_failures)
    return rules.against(of) is not None


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        ({"paths": ("/other", "/HEALTH*")}, exchange("/api")),
        ({"paths": ("/healthz",)}, exchange("/healthz/deep")),
        ({"methods": ("HEAD", "GET")}, exchange(method="POST")),
        ({"statuses": ("204", "2xx")}, exchange(status=304)),
        ({"statuses": ("200",)}, exchange(status=201)),
        ({"clients": (ip_network("10.0.0.0/8"),)}, exchange(client=b"\xc0\0\2\1")),
        ({"hosts": ("*.example",)}, exchange(host="example.net")),
        ({"user_agents": ("curl/*", "kube-probe/*")}, exchange(agent="curl-8")),
        ({"directions": ("ingress",)}, exchange(direction="egress")),
        ({"paths": ("/healthz",), "methods": ("GET",)}, exchange(method="HEAD")),
    ],
)
def test_a_rule_matches_what_it_names(rule: dict[str, Any], other: Exchange) -> None:
    """Each kind of thing, and of several kinds all."""
    assert drops(rule, CHECK)
    assert not drops(rule, other)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://api.example/healthz?x=/other", "/healthz"),
        ("http://api.example", "/"),
        ("*", "*"),
        ("/a?b=http://c/d", "/a"),
    ],
)
def test_the_path_of_every_form_of_target(target: str, path: str) -> None:
    """Of a proxy's request too (RFC 9112 section 3.2.2)."""
    assert drops({"paths": (path.replace("*", "[*]"),)}, exchange(target))


@pytest.mark.parametrize(
    ("host", "pattern"),
    [("api.example", "api.example"), ("[fd00::1]:80", "[[]fd00::1]"), ("[fd00::1]", "[[]fd00::1]")],
)
def test_the_host_is_without_its_port(host: str, pattern: str) -> None:
    """Addresses in brackets keep them."""
    assert drops({"hosts": (pattern,)}, exchange(host=host))


@pytest.mark.parametrize(
    "failure",
    [
        exchange(status=404),
        exchange(status=None),
        exchange(anomalies=("overlap_conflict",)),
        exchange(incomplete=(Incomplete.RESPONSE_CUT_OFF,)),
    ],
)
def test_failures_are_kept_unless_that_is_not_wanted(failure: Exchange) -> None:
    """Whatever a rule says."""
    rule = {"paths": ("/healthz",)}
    assert not drops(rule, failure)
    assert drops(rule, failure, keep_failures=False)


def test_the_first_rule_that_matches_decides() -> None:
    """One that keeps stands before one that drops; what none matches is kept."""
    rules = Rules(
        [
            Rule("deep", "keep", paths=("/healthz/deep",)),
            Rule("probes", "drop", paths=("/healthz*",)),
            Rule("all_of_it", "drop", hosts=("*.example",)),
        ],
        keep_failures=True,
    )
    assert decided(rules, exchange("/healthz/deep")) is None
    assert decided(rules, exchange("/healthz")) == "probes"
    assert decided(rules, exchange("/api")) == "all_of_it"
    assert decided(rules, exchange("/api", host="other")) is None


def _port(port: int) -> Exchange:
    check = exchange()
    check.connection = replace(check.connection, client_port=port)
    return check


def test_one_in_ten_says_so() -> None:
    """About so many, of every kind the same ones each time; failures all, and as whole ones."""
    rule = Rule("tenth", "sample", 10, paths=("/healthz",))
    of = [_port(port) for port in range(10_000, 20_000)]
    rules = Rules([rule], keep_failures=True)
    kept = [one for one in of if rules.against(one) is None]
    assert 900 < len(kept) < 1100
    assert {one.sampling_rate for one in kept} == {0.1}
    assert [one for one in of if one.sampling_rate == 0.1] == kept
    again = [_port(port) for port in range(10_000, 20_000)]
    ports = [one.connection.client_port for one in again if rules.against(one) is None]
    assert ports == [one.connection.client_port for one in kept]
    failure = exchange(status=500)
    assert (rules.against(failure), failure.sampling_rate) == (None, 1.0)


def test_rules_of_the_configuration() -> None:
    """As they stand in a file; numbers and lists in text too."""
    text = (
        '[{name="a", action="drop", statuses=["2xx", 404], paths="/x,/y", clients=["10.0.0.0/8"]}]'
    )
    settings = volume_settings(load(environ={}, flags={"volume.rules": text}))
    (rule,) = settings.rules
    assert settings.decides
    assert rule.statuses == ("2xx", "404")
    assert rule.paths == ("/x", "/y")
    assert rule.clients == (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    "wrong",
    [
        '[{name="a", action="shred"}]',
        '[{name="a b", action="drop"}]',
        '[{action="drop"}]',
        '[{name="a", action="sample"}]',
        '[{name="a", action="drop", one_in=2}]',
        '[{name="a", action="fold"}]',
        '[{name="a", action="fold", window=4000}]',
        '[{name="a", action="drop", window=10}]',
        '[{name="a", action="drop", statuses=["9x"]}]',
        '[{name="a", action="drop", colours=["red"]}]',
        '[{name="a", action="drop"}, {name="a", action="keep"}]',
    ],
)
def test_rules_that_are_wrong(wrong: str) -> None:
    """One line that names the key."""
    with pytest.raises(ConfigError, match=r"^the command line: volume\.rules: "):
        load(environ={}, flags={"volume.rules": wrong})


def ask_alike(port: int, count: int) -> None:
    """Ask so many times, each over a connection of its own."""
    for _ in range(count):
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/alike", headers={"Host": "fault.test"})
        assert connection.getresponse().read() == b"ok"
        connection.close()


@pytest.mark.usefixtures("root")
def test_rules_come_while_it_runs_and_are_counted() -> None:
    """By their names, in the ledger's stage; every record that is wanted comes."""
    with running(workers=2) as world:
        port = world.traffic.port
        agent = world.start({"capture.include.ports": [port]})
        world.traffic.send(10)
        world.counted(10)
        rule = '[[volume.rules]]\nname = "noise"\naction = "drop"\n'
        reload(world, f'{rule}hosts = ["fault.test"]\nmethods = ["GET"]\nstatuses = ["2xx"]\n')
        world.traffic.send(7)

        def dropped() -> float:
            return total(
                world.asked.samples(),
                "shipper_stage_discarded_total",
                stage="exchanges",
                reason="rule_noise",
            )

        eventually(lambda: dropped() == 7, "seven are dropped")
        assert off(world.asked.samples()) == {}
        sample = rule.replace("drop", "sample").replace("noise", "half")
        reload(world, f'{sample}one_in = 2\npaths = ["/fault-*"]\n')
        for _ in range(100):
            world.traffic.send(1)

        def seen() -> float:
            samples = world.asked.samples()
            return total(samples, "shipper_stage_received_total", stage="exchanges")

        eventually(lambda: seen() == 117, "all are seen")
        assert off(world.asked.samples()) == {}
        fold = rule.replace("drop", "fold").replace("noise", "alike")
        reload(world, f"{fold}window = 3600\n")
        ask_alike(port, 30)
        eventually(lambda: seen() == 147, "all are seen")
        reload(world, "")  # what is open stays so
        ask_alike(port, 1)
        eventually(lambda: seen() == 148, "all are seen")
        samples = world.asked.samples()
        assert off(samples) == {}
        assert 1 <= total(samples, "shipper_stage_held", stage="records") <= 2  # of each worker one
        assert agent.stop() == 0
        found = records(world)
        alike = [r["shipper"].get("fold_count", 1) for r in found if r["url"]["path"] == "/alike"]
        assert sum(alike) == 31
        assert 2 <= len(alike) <= 3
        rates = Counter(
            r["shipper"].get("sampling_rate") for r in found if r["url"]["path"] != "/alike"
        )
        assert rates.keys() == {None, 0.5}
        assert rates[None] == 10
        # Of a fair coin a hundred times: outside of this once in a million runs.
        assert 25 < rates[0.5] < 75
