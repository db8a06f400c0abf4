"""Places -> the names that go with them, asked of others in the background.

Whoever needs names waits for them once, no longer than configured; what has not answered by then
is written into later records. Names are asked for again from time to time, because a container
can be renamed and a pod relabelled.
"""

import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from shipper.attribution.parts import Part, merged
from shipper.attribution.paths import Place

#: Seconds after which names are asked for again, and what nobody knew.
_REFRESH: Final = 15.0
#: Places remembered; containers that run on one host are fewer.
_KEPT: Final = 4096
_END: Final = None
#: It does not answer; or not as it should, so that what is looked for is not where it has to be.
NO_ANSWER: Final = (OSError, ValueError, LookupError, TypeError, AttributeError)


def said(error: Exception) -> str:
    """One of NO_ANSWER in words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if isinstance(error, OSError | ValueError) else repr(error)


class Source(Protocol):
    """Somebody who knows names."""

    name: str  #: what a message about it says

    def ask(self, place: Place) -> Part:
        """The parts that are known of the place, maybe none.

        May take as long as its own time-out. Raises one of `NO_ANSWER`.
        """
        ...


class Names:
    """What the sources have said; a thread asks them."""

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        changed: Callable[[], None],
        log: logging.Logger,
        patience: float = 0.05,
    ) -> None:
        """`changed` is called, from the thread, when a place has got other names."""
        self._sources = sources
        self._changed = changed
        self._log = log
        self._patience = patience
        self._known: OrderedDict[Place, Part] = OrderedDict()
        self._answered = threading.Condition()
        self._questions: queue.SimpleQueue[Place | None] = queue.SimpleQueue()
        self._asked: set[Place] = set()
        self._silent: set[str] = set()

    def start(self) -> None:
        """Ask from now on; after the last fork."""
        if self._sources:
            threading.Thread(target=self._run, name="names", daemon=True).start()

    def close(self) -> None:
        """Ask no more. A question that is under way is left alone: it has its own time-out."""
        self._questions.put(_END)

    def expect(self, place: Place) -> None:
        """Somebody may ask for it soon."""
        if self._sources and place not in self._known and place not in self._asked:
            self._asked.add(place)
            self._questions.put(place)

    def of(self, place: Place) -> Part:
        """The names as far as they are known; the first time, waits a little for them."""
        found = self._known.get(place)
        if found is None and self._sources:
            self.expect(place)
            with self._answered:
                self._answered.wait_for(lambda: place in self._known, timeout=self._patience)
                found = self._known.get(place)
        return found or {}

    def _run(self) -> None:
        due = time.monotonic() + _REFRESH
        while True:
            try:
                place = self._questions.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                due = time.monotonic() + _REFRESH
                for known in list(self._known):
                    self._questions.put(known)
                continue
            if place is _END:
                return
            self._learn(place)

    def _learn(self, place: Place) -> None:
        names: Part = {}
        for source in self._sources:
            try:
                told = source.ask(place)
            except NO_ANSWER as error:
                self._say(source, error)
                continue
            names = merged(told, names)
            if told:
                self._silent.discard(source.name)
        with self._answered:
            other = self._known.get(place, {}) != names
            self._known[place] = names
            self._asked.discard(place)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            self._answered.notify_all()
        if other:
            self._changed()

    def _say(self, source: Source, error: Exception) -> None:
        """Once, until it has answered again."""
        if source.name not in self._silent:
            self._silent.add(source.name)
            denied = isinstance(error, PermissionError)
            hint = ": let agent.user in, or set attribution.lookup" if denied else ""
            self._log.warning("no names from %s: %s%s", source.name, said(error), hint)
