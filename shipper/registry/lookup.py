"""The ids of schemas, kept at hand: asked for beside the caller, again and again.

    asked, answered          known from then on, and written to the file
    the registry is away     what was known stays so; at a start, what the file has
    it is surely not there   not known any more: a wrong id would be worse than none

Whatever goes wrong is said in one line, and tried again.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from shipper.delivery import Lines, Log, SchemaId, SchemaName
from shipper.errors import ShipperError
from shipper.registry.asking import Asking, NoGuid, NotRegistered, schema_id
from shipper.registry.client import Refused, Registered
from shipper.registry.known import Known

#: Seconds until what is not known is asked for again: the first time, and at most.
_SOON_S: Final = 1.0
_LATER_S: Final = 30.0
#: Seconds between two lines about the same trouble.
_REPEAT_S: Final = 300.0
_WAITING: Final = "its records wait in the meantime"


class Lookup:
    """What one registry knows schemas by: `ids`, which waits for nothing."""

    def __init__(
        self,
        asking: Asking,
        *,
        log: Log,
        file: Path | None = None,
        refresh_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._asking = asking
        self._file = Known(file)
        self._refresh_s = refresh_s
        self._log = log
        self._lines = Lines(log, every_s=_REPEAT_S, clock=clock)
        self._ids: dict[SchemaName, SchemaId] = {}
        self._wanted: dict[SchemaName, None] = {}
        self._troubled: set[SchemaName] = set()
        self._pause = _SOON_S
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="schema-ids", daemon=True)

    def start(self, *names: SchemaName) -> None:
        """Begin to ask, for these first; never before a fork."""
        self._wanted.update(dict.fromkeys(names))
        self._thread.start()

    def ids(self, name: SchemaName) -> SchemaId | None:
        """What the schema is known by; None: not now. One that is new is asked for from now on."""
        known = self._ids.get(name)
        if known is None and name not in self._wanted:
            self._wanted[name] = None
            self._wake.set()
        return known

    def close(self) -> None:
        """Ask no more; what is being asked is not waited for."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            self._wake.wait(self.turn())

    def turn(self) -> float:
        """Ask once for everything wanted; seconds until it is to be done again."""
        for name in tuple(self._wanted):
            try:
                found = self._asking.ask(name)
            except (NotRegistered, NoGuid, Refused) as error:
                self._drop(name, error)
            except ShipperError as error:
                self._make_do(name, error)
            else:
                self._take(name, found)
        if not self._troubled:
            self._pause = _SOON_S
            return self._refresh_s
        if len(self._ids) == len(self._wanted):
            return min(self._refresh_s, _LATER_S)
        self._pause, pause = min(self._pause * 2, _LATER_S), self._pause
        return min(pause, self._refresh_s)

    def _take(self, name: SchemaName, found: Registered) -> None:
        before, now = self._ids.get(name), schema_id(found)
        self._ids[name] = now
        self._file.keep(self._asking.question(name), found)
        if before is not None and before != now:
            change = f"has id {found.id} now, and had {before.number}"
            self._log(logging.WARNING, f"{self._told(name)} {change}: was the registry made anew?")
        elif before is None:
            self._log(logging.INFO, f"{self._told(name)} has id {found.id}")
        elif name in self._troubled:
            self._log(logging.INFO, f"the registry {self._asking.url} answers again")
        self._troubled.discard(name)

    def _drop(self, name: SchemaName, error: ShipperError) -> None:
        self._ids.pop(name, None)
        self._troubled.add(name)
        with suppress(NotRegistered):  # a schema that is none of ours is in no file
            self._file.keep(self._asking.question(name), None)
        self._say(logging.ERROR, name, f"{error}; {_WAITING}")

    def _make_do(self, name: SchemaName, error: ShipperError) -> None:
        """It could not be asked: what is known from before serves."""
        self._troubled.add(name)
        if name not in self._ids:
            found = self._file.find(self._asking.question(name))
            if found is None or (self._asking.needs_guid and found.guid is None):
                self._say(logging.ERROR, name, f"{error}; {_WAITING}")
                return
            self._ids[name] = schema_id(found)
        known = f"id {self._ids[name].number}, as known from before, serves on"
        self._say(logging.WARNING, name, f"{error}; {known}")

    def _say(self, level: int, name: SchemaName, line: str) -> None:
        self._lines.say(level, f"{name} {line}", line)

    def _told(self, name: SchemaName) -> str:
        return f"{name.schema} {name.version} under {self._asking.subject}"
