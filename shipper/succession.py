"""The agent's place between the one before it and the one after it.

What is said and how stands in `shipper.handover`; here it is what each of it means for the kernel
and for the workers of this agent.
"""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from shipper.capture import Estate, Kernel
from shipper.children import Children
from shipper.config import Config
from shipper.control import Begin, Part
from shipper.errors import PrivilegeError, UnavailableError
from shipper.handover import Asked, Offer, Predecessor, Store, agreed_moment, meet
from shipper.log import say

#: Seconds within which the workers have to have taken in an order.
_TAKEN_IN: Final = 5.0
#: How full the rings of an agent that is still to come may be before ours ends at once, of 1.
_ENOUGH: Final = 0.5


class Succession:
    """From the agent before, to the agent after; without `agent.hand_over` there is neither."""

    def __init__(self, config: Config, store: Store, log: logging.Logger) -> None:
        self._folder = Path(config.agent.hand_over) if config.agent.hand_over else None
        self._timeout = config.agent.hand_over_timeout
        self._store = store
        self._log = log
        #: Who may take what we have, and whom we take it from: who started us.
        self._allowed = frozenset({os.geteuid()})
        self._before: Predecessor | None = None
        self._offer: Offer | None = None
        self._asked: Asked | None = None

    @property
    def succeeded(self) -> bool:
        """Whether another agent has taken this one's place."""
        return self._asked is not None

    def met(self) -> Estate | None:
        """What the agent before has, or has left."""
        kept = self._store.kept()
        if self._folder is None:
            return None
        self._before = meet(self._folder, self._allowed, self._timeout)
        return self._before.estate if self._before else kept

    def offer(self) -> None:
        """Be there for the agent after; nobody is answered yet."""
        if self._folder is not None:
            self._offer = Offer(self._folder)

    def beside(self, kernel: Kernel) -> bool:
        """Whether the agent before captures by a program of its own, beside ours."""
        return self._before is not None and not kernel.inherited

    def begin(self, kernel: Kernel, children: Children) -> None:
        """The workers are ready: what begins from here on is ours."""
        if self._folder is not None and self._store.wanted:
            self._store.keep(kernel.estate())
        before = self._before
        if before is None:
            if kernel.inherited:
                say(self._log, "took_over", "goes on where the agent before ended")
            return
        if kernel.inherited:
            kernel.begin_turn()
            before.begin_turn()
            how = "its tables"
        else:
            self._agree(before, children)
            how = "tables of its own"
        say(self._log, "took_over", f"takes over from process {before.pid}, with {how}")

    def _agree(self, before: Predecessor, children: Children) -> None:
        def tell_workers(at: int) -> None:
            children.order(Begin(at))
            if not children.wait(lambda: _all_said(children, "begun", at), _TAKEN_IN):
                raise UnavailableError("the workers did not answer in time", "try again")

        if agreed_moment(before, tell_workers) is None:
            raise UnavailableError(
                f"the agent before, process {before.pid}, is too busy to agree on a moment",
                "try again, or end it first",
            )

    def turn(self, kernel: Kernel, children: Children) -> bool:
        """A few times a second; whether another agent goes on, so that it is time to part."""
        if self._before is not None and self._before.over():
            self._before.close()
            self._before = None
            if kernel.inherited:
                kernel.be_alone()
            say(self._log, "alone", "the agent before has ended")
        # Two at once are enough: who comes next waits until the one before us has ended.
        if self._offer is None or self._before is not None:
            return False
        try:
            asked = self._offer.turn(kernel.estate, self._allowed)
        except PrivilegeError as error:
            self._log.warning("nothing is handed over: %s", error)
            return False
        if asked is None:
            return False
        children.order(Part(asked.at))
        if asked.at is not None and not self._in_time(asked.at, children):
            self._offer.agree(None)
            return False
        self._offer.agree(asked.at)
        self._asked = asked
        say(self._log, "succeeded", f"process {asked.pid} goes on; what is open here is seen to")
        return True

    def _in_time(self, at: int, children: Children) -> bool:
        left = (at - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) / 1e9
        told = children.wait(lambda: _all_said(children, "parted", at), max(0.0, left))
        return told and time.clock_gettime_ns(time.CLOCK_BOOTTIME) < at

    def part(self, kernel: Kernel, children: Children, beat: Callable[[], None]) -> None:
        """Another agent goes on, or will: wait until the workers have ended what they began."""
        if children.ended():
            return
        if self._asked is None:
            if not self._store.keeps:
                return
            self._store.note(kernel.leave())
            children.order(Part(None))
        coming = self._asked is None

        def all_told() -> bool:
            beat()
            crowded = coming and kernel.left_waiting() > _ENOUGH
            return crowded or len(children.ended()) == len(children)

        if not children.wait(all_told, self._timeout):
            self._log.warning("not all that was open has ended: it is told as it is")

    def over(self) -> None:
        """Nothing is open here any more, and nothing is left to be had."""
        if self._offer is not None:
            self._offer.over()
            self.close()

    def hang_up(self) -> None:
        """In a child of the agent: it speaks with nobody."""
        if self._before is not None:
            self._before.close()
        if self._offer is not None:
            self._offer.hang_up()

    def close(self) -> None:
        """Nobody is met any more."""
        self.hang_up()
        if self._offer is not None:
            self._offer.withdraw()


def _all_said(children: Children, what: str, at: int) -> bool:
    return all(child.messages.get(what) == at for child in children)
