"""Rules that say of an exchange whether it becomes a record; the first that matches decides.

A rule matches when each kind of thing that it names matches; of a kind, any will do. The same
exchange has the same fate on every host.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import translate
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final, Literal

from shipper.contract.exchange import Exchange, Message
from shipper.volume.lot import lot

Network = IPv4Network | IPv6Network

_FAILURE_FROM: Final = 400


@dataclass(frozen=True, slots=True)
class Rule:
    """What is to become of what. Hosts, paths and User-Agents are globs, in any case of letters.

    `statuses` are codes or classes (`404`, `2xx`); `directions` are seen from this host. Of
    `one_in` exchanges a rule that samples keeps one; one that folds makes one of those that are
    alike within `window_ns`.
    """

    name: str
    action: Literal["keep", "drop", "sample", "fold"]
    one_in: int = 1
    window_ns: int = 0
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    clients: tuple[Network, ...] = ()
    user_agents: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()


_Test = Callable[[Exchange], bool]


class Rules:
    """Rules in their order, made ready to be asked about every exchange."""

    def __init__(self, rules: Iterable[Rule], *, keep_failures: bool) -> None:
        """`keep_failures`: what failed, was odd or is not whole is a record whatever they say."""
        self._rules = [(rule, _tests(rule)) for rule in rules]
        self._keep_failures = keep_failures

    def against(self, exchange: Exchange) -> Rule | None:
        """The rule by which it becomes no record of its own; None when it does."""
        for rule, tests in self._rules:
            if all(test(exchange) for test in tests):
                if rule.action == "keep" or (self._keep_failures and failed(exchange)):
                    return None
                return None if rule.action == "sample" and _drawn(rule, exchange) else rule
        return None


def _drawn(rule: Rule, exchange: Exchange) -> bool:
    """Whether it is the one; the record will say for how many it stands."""
    if (lot(exchange) >> 16) % rule.one_in:
        return False
    exchange.sampling_rate /= rule.one_in
    return True


def failed(exchange: Exchange) -> bool:
    """Whether it is an error, an anomaly, or only a part."""
    response = exchange.response
    status = response.status if response is not None else None
    return (
        bool(exchange.anomalies or exchange.incomplete) or status is None or status >= _FAILURE_FROM
    )


def _tests(rule: Rule) -> list[_Test]:
    """What a rule names, the cheapest first."""
    made: list[_Test] = []
    if rule.directions:
        made.append(lambda exchange: exchange.connection.direction in rule.directions)
    if rule.methods:
        methods = frozenset(rule.methods)
        made.append(
            lambda exchange: exchange.request is not None and exchange.request.method in methods
        )
    if rule.statuses:
        made.append(_of_statuses(rule.statuses))
    if rule.clients:
        made.append(_of_clients(rule.clients))
    for patterns, text in ((rule.paths, _path), (rule.hosts, _host), (rule.user_agents, _agent)):
        if patterns:
            made.append(_of_text(patterns, text))
    return made


def _of_statuses(statuses: tuple[str, ...]) -> _Test:
    wanted = frozenset(
        code
        for code in range(100, 1000)
        for one in statuses
        if one in {str(code), f"{code // 100}xx"}
    )
    return lambda exchange: exchange.response is not None and exchange.response.status in wanted


def _of_clients(networks: tuple[Network, ...]) -> _Test:
    def test(exchange: Exchange) -> bool:
        address = ip_address(exchange.connection.client_address)
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in networks)

    return test


def _of_text(patterns: tuple[str, ...], text: Callable[[Exchange], str]) -> _Test:
    matches = re.compile("|".join(map(translate, patterns)), re.IGNORECASE).match
    return lambda exchange: matches(text(exchange)) is not None


def _path(exchange: Exchange) -> str:
    """The target without its query; without scheme and host, where a proxy was asked."""
    target = exchange.request.target if exchange.request is not None else ""
    path = target.partition("?")[0]
    if not path.startswith("/") and "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path


def _host(exchange: Exchange) -> str:
    """The host that was asked for, without its port."""
    host = _header(exchange.request, "host")
    return host if host.endswith("]") else re.sub(r":\d*$", "", host)


def _agent(exchange: Exchange) -> str:
    return _header(exchange.request, "user-agent")


def _header(message: Message | None, name: str) -> str:
    """The first value of a header; "" where there is none."""
    if message is not None:
        for each, value in message.headers:
            if each.lower() == name:
                return value
    return ""
