"""A stack in; what became of every exchange out, after deliveries were repeated on purpose.

Three rounds of requests. The first passes undisturbed. During the second the broker's answers are
kept from the agent, which is then killed: Kafka has records of which the agent does not know it,
and the next agent sends them again out of the spool. The third passes while it does. Then the
connector's offsets are deleted, so that the sink is given everything once more. Then nobody asks
anything for a while: what the pipeline itself does over HTTP makes no record, unless the agent is
not told of it. One more round goes to topics that are framed for readers that ask the registry.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from brokers.waiting import eventually
from consumers.contracts import RECORD
from faults.agent import Agent

from . import framed
from .account import Account
from .contract import Contract
from .count import count, spooled, told
from .progress import Progress
from .stack import CONNECTOR, Stack
from .traffic import Traffic
from .writer import Writer

ROUNDS = 3
_NOTHING: Mapping[str, object] = MappingProxyType({})
#: Records of the pipeline's own that show that it hears itself, and what makes the first.
_ECHOES, _SEED = 10, 2
_PATIENCE_S = 120.0


@dataclass
class Run:
    """One run; `host` is the cgroup that everything lies in."""

    stack: Stack
    host: Path
    traffic: Traffic
    writer: Writer
    progress: Progress

    def result(self, each: int, idle_s: float) -> Account:
        """All of it, with so many requests in each round."""
        step = self.progress.step
        with step("Schema registered"):
            contract = Contract(self.stack.registry.url)
        with step(f"{each} requests, and the answers to the next {each} kept from the agent"):
            self._leave_unanswered(each)
        with step(f"Agent killed; another sends them again, and {each} more"):
            agent = self._agent()
            self.traffic.send(each)
            _until(lambda: told(self.stack).keys() >= self.traffic.ids().keys(), "every exchange")
        with step("All indexed; the connector begins again and gives everything once more"):
            self._give(1)
            self.stack.connect.restart(CONNECTOR)
            self._give(2)
        with step(f"Nobody asks anything for {idle_s:.0f} s"):
            before = self._messages()
            time.sleep(idle_s)
            idle = self._messages() - before
        agent.stop()
        with step("Counting"):
            account = count(self.stack, self.traffic, self.writer, contract)
        with step("The same without capture.sinks"):
            fed_back = self._feed_back()
        account.idle_s, account.idle, account.fed_back = idle_s, idle, fed_back
        with step(f"{each} more, framed for readers that ask the registry"):
            account.asked_framed, account.framed = self._framed(each)
        return account

    def _agent(self, *, sinks: bool = True, more: Mapping[str, object] = _NOTHING) -> Agent:
        """One that captures, and sends through the proxy; `more` overrides what it is told."""
        settings = {
            "output": "kafka",
            "capture.cgroup_root": self.host,
            "capture.allow_private_cgroup": True,
            "capture.sinks": self.stack.sinks if sinks else [],
            "spool.path": self.stack.spool,
            "ledger.interval": 1,
            "agent.log_format": "json",
            **{f"kafka.{name}": value for name, value in self.stack.kafka.client.items()},
            **more,
        }
        return self.stack.agent(settings)

    def _leave_unanswered(self, each: int) -> None:
        """Kafka has records of the second round, and the agent that sent them does not know."""
        agent = self._agent()
        self.traffic.send(each)
        _until(lambda: self._messages() >= each, "the first round")
        self.stack.proxy.deafen()
        self.traffic.send(each)
        _until(lambda: self._messages() > each, "some of the second round")
        # What the kernel still holds for the agent ends with it: that is another matter.
        asked = self.traffic.ids().keys()
        _until(lambda: (told(self.stack) | spooled(self.stack)).keys() >= asked, "all spooled")
        agent.kill()
        self.stack.proxy.heal()

    def _give(self, times: int) -> None:
        """Wait until the sink was given everything so often."""
        wanted = times * self._messages()
        _until(lambda: self.writer.given >= wanted, f"{wanted} records given to the sink")

    def _feed_back(self) -> int:
        """How many records came of the writer's own requests; it stops looking at some."""
        before = self._messages() + _SEED
        agent = self._agent(sinks=False)
        self.traffic.send(_SEED)
        _until(lambda: self._messages() >= before + _ECHOES, "records of the pipeline's own")
        found = self._messages() - before
        agent.stop()
        return found

    def _framed(self, each: int) -> tuple[Counter[str], dict[str, Counter[str]]]:
        """The ids of one more round, and those that each reader of framed topics read."""
        framed.set_up(self.stack)
        # One after the other: each has the time of a start for itself.
        agents = [
            self._agent(more=framed.settings(self.stack, encoding)) for encoding in framed.ENCODINGS
        ]
        before = self.traffic.ids()
        self.traffic.send(each)
        asked = self.traffic.ids() - before

        def read() -> bool:
            return all(ids.total() >= asked.total() for ids in framed.told(self.stack).values())

        _until(read, "every exchange on the framed topics")
        for agent in agents:
            agent.stop()
        return asked, framed.told(self.stack)

    def _messages(self) -> int:
        return self.stack.kafka.count(RECORD)


def _until(holds: Callable[[], bool], what: str) -> None:
    eventually(holds, what, _PATIENCE_S)
