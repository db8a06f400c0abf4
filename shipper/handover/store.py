"""What the service manager keeps from one run of the agent to the next (sd_notify(3), FDSTORE).

It holds the descriptors, and with them the program goes on: what comes waits in the rings. What
they are stands beside them, in memory that has a descriptor too.
"""

import json
import os
from collections.abc import MutableMapping
from typing import Final

from shipper.capture import Estate
from shipper.notify import Notifier

_ABOUT: Final = "estate"
_FIRST: Final = 3  # SD_LISTEN_FDS_START
_LONGEST: Final = 1 << 16


class Store:
    """The descriptors that the service manager passed at the start, and passes to the next one."""

    def __init__(self, notifier: Notifier, environ: MutableMapping[str, str]) -> None:
        """Takes the variables out of `environ`: they are meant for this process alone."""
        self._notifier = notifier
        self._about: int | None = None
        meant = environ.pop("LISTEN_PID", "") == str(os.getpid())
        count = environ.pop("LISTEN_FDS", "")
        names = environ.pop("LISTEN_FDNAMES", "").split(":")
        total = int(count) if meant and count.isdecimal() else 0
        self._passed = dict(zip(names, range(_FIRST, _FIRST + total), strict=False))
        for descriptor in range(_FIRST, _FIRST + total):
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only parameter

    def kept(self) -> Estate | None:
        """What the agent before left; None where it left nothing that can be read."""
        about = self._passed.pop(_ABOUT, None)
        if about is None:
            return None
        try:
            told = json.loads(os.pread(about, _LONGEST, 0))
            return Estate.of(told, [self._passed[name] for name in told["names"]], running=False)
        except (ValueError, KeyError, TypeError):
            return None
        finally:
            os.close(about)

    def keep(self, estate: Estate) -> None:
        """Have it kept from now on, in the place of what was."""
        for name in (*self._passed, _ABOUT):
            self._notifier.forget(name)
        self._about = os.memfd_create(_ABOUT, os.MFD_CLOEXEC)
        self.note(estate)
        for name, descriptor in {_ABOUT: self._about, **estate.descriptors}.items():
            self._notifier.keep(name, descriptor)

    def note(self, estate: Estate) -> None:
        """How it stands now."""
        if self._about is not None:
            data = json.dumps(estate.told()).encode()
            os.ftruncate(self._about, 0)
            os.pwrite(self._about, data, 0)

    @property
    def wanted(self) -> bool:
        """Whether there is a service manager to keep anything."""
        return self._notifier.listened_to

    @property
    def keeps(self) -> bool:
        """Whether anything is kept."""
        return self._about is not None
