"""Gives up root and every capability, or all but a few, for good.

capabilities(7), prctl(2). After `drop` the process can't get anything back: the bounding set is
empty and no_new_privs is set, so that even a set-uid program gains nothing.
"""

import ctypes
import os
import pwd
import resource
import struct
from collections.abc import Iterable

from shipper.errors import ConfigError, PrivilegeError

_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63


def account(name: str) -> tuple[int, int]:
    """User and group id of the account to become; ConfigError when there is none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise ConfigError(
            f"agent.user: there is no user {name!r} on this host",
            "name an existing one, such as nobody",
        ) from error
    return entry.pw_uid, entry.pw_gid


def forbid_core_dumps() -> None:
    """No core dump of this process or its children: their memory holds headers."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def drop(user: str) -> None:
    """Become `user` (when root) without any capability, and forbid core dumps.

    Raises PrivilegeError when something is left: going on with it would break a promise.
    """
    _reduce_bounding_set(0)
    if os.geteuid() == 0:
        _become(*account(user))
    _hold(0)


def keep(capabilities: Iterable[int]) -> None:
    """Stay who we are, with those of the capabilities (by number) that are held now, and no others.

    Raises PrivilegeError when something else is left.
    """
    mask = held() & sum(1 << capability for capability in set(capabilities))
    _reduce_bounding_set(mask)
    _hold(mask)


def _reduce_bounding_set(mask: int) -> None:
    libc = ctypes.CDLL(None)
    for capability in range(_LAST_CAPABILITY + 1):
        if not mask >> capability & 1:
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def _hold(mask: int) -> None:
    """These capabilities, effective and permitted, and never more."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), 8)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    libc.capset(header, ctypes.create_string_buffer(struct.pack("=6I", low, low, 0, high, high, 0)))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    forbid_core_dumps()
    left = held() & ~mask
    if left:
        raise PrivilegeError(
            f"capabilities are left after giving them up ({left:#x})",
            "report this with the output of `shipper doctor`",
        )


def _become(uid: int, gid: int) -> None:
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except PermissionError as error:
        raise PrivilegeError(
            "root can't become another user here",
            "give CAP_SETGID and CAP_SETUID (they are given up with all others), "
            "or start as another user, with the capabilities that loading needs",
        ) from error


def held() -> int:
    """The effective and permitted capabilities of this process, as a mask."""
    with open("/proc/self/status") as status:  # noqa: PTH123 - a pseudo file
        values = dict(line.split(":\t", 1) for line in status if line.startswith("Cap"))
    return int(values["CapEff"], 16) | int(values["CapPrm"], 16)
