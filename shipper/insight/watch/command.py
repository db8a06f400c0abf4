"""What `shipper watch` does: reads its rules, joins stream, horizon and notifiers, shows them."""

import argparse
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from confluent_kafka import KafkaException
from quixstreams.exceptions import QuixException
from rich.console import Console
from rich.table import Table

from shipper import log
from shipper.config import Config
from shipper.delivery import TopicAdmin, connection
from shipper.errors import ConfigError, UnavailableError
from shipper.insight.watch.away import Away
from shipper.insight.watch.clients import adopt_quix_streams
from shipper.insight.watch.concerns import Concerns
from shipper.insight.watch.horizon import Horizon
from shipper.insight.watch.notify import Notifier
from shipper.insight.watch.receivers import Sending
from shipper.insight.watch.settings import DEFAULT_PATH, Settings, load
from shipper.insight.watch.stream import Stream, Topics
from shipper.insight.watch.terminal import Terminal
from shipper.insight.watch.watched import Watched, watched
from shipper.tail import printable

_SECOND = 1000
_REMEMBERED = 10_000
_LOOK_S = 0.5
#: What a Kafka that is away, or was, has the stream end with.
_LOST = (KafkaException, QuixException, TimeoutError)
#: Between attempts to begin anew (s).
_FIRST_S, _SLOWEST_S = 0.5, 30.0


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Watch, or check the rules; the exit code."""
    path = arguments.rules or DEFAULT_PATH
    settings = load(path)
    rules = watched(settings, path.parent)
    if not rules:
        raise ConfigError(f"{path}: no rule", "config/watch.toml is one to begin with")
    sendings = [Sending(receiver) for receiver in settings.notify]
    if arguments.check:
        _list(rules, as_json=arguments.json)
        return 0
    Watch(arguments, config, settings, rules, sendings).run()
    return 0


class Watch:
    """The parts of one process."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        config: Config,
        settings: Settings,
        rules: list[Watched],
        sendings: list[Sending],
    ) -> None:
        kafka = config.kafka
        given = connection(kafka.settings)
        topics = _topics(kafka.settings, kafka.topic, kafka.alerts_topic)
        self._said: dict[tuple[str, str], None] = {}
        self._as_json = arguments.json
        self._until_end = arguments.until_end
        self._terminal = Terminal()
        self._log = log.set_up(config.agent.log_level, config.agent.log_format)
        self._terminal.take(self._log)
        adopt_quix_streams()
        self._stream = Stream(given, topics, settings, rules, self._say)
        self._horizon = Horizon(given, settings.group, kafka.topic, self._stream.observations)
        self._away = Away(kafka.settings, lambda: self._horizon.heard)
        self._concerns = Concerns(self._stream.shard.counters, lambda: self._horizon.set_back_s)
        self._notifiers = [
            Notifier(given, settings.group, kafka.alerts_topic, sending) for sending in sendings
        ]
        self._parts: list[Horizon | Notifier] = [self._horizon, *self._notifiers]
        self._ending = threading.Event()
        self._horizon.begin(from_beginning=arguments.from_beginning)

    def run(self) -> None:
        """Until a signal, or the end where that is asked for."""
        watching = threading.Thread(target=self._look_on, daemon=True)
        for thread in (*self._parts, watching):
            thread.start()
        log.say(self._log, "started", "watching", rules=len(self._stream.shard.rules))
        try:
            self._stay()
        finally:
            self._ending.set()
            watching.join()
            for part in self._parts:
                part.stop()
            self._stream.close()
        for part in self._parts:
            if part.failed is not None:
                raise part.failed
        log.say(self._log, "stopped", self._line(), **self._numbers())

    def _stay(self) -> None:
        """Read until told to end. Whenever Kafka was away for too long, begin anew after it."""
        failures = 0
        while not self._ending.is_set():
            begun = time.monotonic()
            try:
                self._stream.run()
            except _LOST as error:
                failures = 1 if time.monotonic() - begun > _SLOWEST_S else failures + 1
                self._lost(error, again=failures > 1)
                self._renew(min(_FIRST_S * failures**2, _SLOWEST_S))
            else:
                return

    def _renew(self, wait: float) -> None:
        """Make the stream anew, as soon as Kafka is there and it works."""
        # Quix Streams has put its own there, which end what has ended already.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._ending.set())
        while not self._ending.wait(wait):
            if self._away.now:
                continue
            try:
                self._stream.renew()
            except _LOST as error:
                self._lost(error, again=True)
            else:
                return

    def _lost(self, error: Exception, *, again: bool) -> None:
        """Once is what an absence of Kafka brings with it; more is something else."""
        level = logging.WARNING if again and not self._away.now else logging.DEBUG
        self._log.log(level, "reading begins anew: %s", error)

    def _look_on(self) -> None:
        """Ends the stream when all is done, and keeps a terminal's last line true."""
        while not self._ending.wait(_LOOK_S):
            done = self._until_end and self._horizon.done.is_set()
            if done or any(part.failed for part in self._parts):
                self._ending.set()
                self._stream.stop()
            self._away.look(self._log)
            self._concerns.look(self._log)
            self._terminal.last(self._line())
        self._terminal.last("")

    def _line(self) -> str:
        numbers = self._numbers()
        known = self._horizon.known_ms
        until = f"{datetime.fromtimestamp(known / _SECOND):%H:%M:%S}" if known else "-"  # noqa: DTZ006 - for whoever looks
        return (
            f"{numbers['records']:,} records, known until {until}, {numbers['alerts']} alerts; "
            f"{numbers['repeated']} repeated, {numbers['late']} late"
        )

    def _numbers(self) -> dict[str, int]:
        stream, counters = self._stream, self._stream.shard.counters
        return {
            "records": stream.records,
            "malformed": stream.malformed,
            "repeated": stream.known.repeated,
            "observed": counters.observed,
            "late": counters.late,
            "crowded": counters.crowded,
            "alerts": stream.raised,
            "invalid": stream.invalid,
            "handed_on": sum(notifier.handed for notifier in self._notifiers),
            "refused": sum(notifier.refused for notifier in self._notifiers),
        }

    def _say(self, alert: dict[str, Any]) -> None:
        """One line an alert, once."""
        told = alert["event"]["id"], alert["alert"]["state"]
        if told in self._said:
            return
        self._said[told] = None
        if len(self._said) > _REMEMBERED:
            del self._said[next(iter(self._said))]
        if self._as_json:
            line = json.dumps(alert, ensure_ascii=True)
        else:
            state = alert["alert"]["state"]
            line = f"{alert['event']['created'][:19]}Z {state} {alert['alert']['severity']} "
            line += printable(alert["message"])
        self._terminal.above(f"{line}\n", sys.stdout)


def _topics(settings: Mapping[str, Any], records: str, alerts: str) -> Topics:
    """Both topics, which have to be there."""
    found = TopicAdmin(dict(settings)).topics((records, alerts))
    for name in (records, alerts):
        if name not in found:
            raise UnavailableError(f"the topic {name} is not there", "run `shipper topics create`")
    return Topics(records, alerts, found[records].partitions, found[records].replication)


def _list(rules: list[Watched], *, as_json: bool) -> None:
    if as_json:
        keys = ("id", "title", "category", "severity", "labels")
        told = [{key: getattr(rule, key) for key in keys} for rule in rules]
        sys.stdout.write(json.dumps({"ok": True, "rules": told}) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("kind", "severity", "by", "rule"):
        table.add_column(name, no_wrap=name != "rule")
    for rule in rules:
        table.add_row(rule.category, rule.severity, ", ".join(rule.labels) or "-", rule.title)
    Console(highlight=False, markup=False).print(table)
