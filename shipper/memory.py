"""Memory that was freed goes back to the system, and not only to who frees and asks again.

The C library (glibc) keeps what was freed for the next who asks, and keeps the more the larger the
blocks were that came and went: after one slow moment of the broker a worker would hold for good
what waited then. mallopt(3) has it keep little.
"""

import ctypes
from contextlib import suppress
from typing import Final

# malloc.h
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8

#: Free bytes at the top of the heap that are kept.
_KEPT: Final = 1 << 20
#: Blocks of so many bytes have a mapping of their own, which goes when they are freed.
_OF_ITS_OWN: Final = 1 << 18
#: Heaps, of which threads would get eight a core; nearly all is the main thread's.
_HEAPS: Final = 2


def keep_little() -> None:
    """For this process and its children; nothing where the C library is another."""
    libc = ctypes.CDLL(None)
    with suppress(AttributeError):
        libc.mallopt(_TRIM_THRESHOLD, _KEPT)
        libc.mallopt(_MMAP_THRESHOLD, _OF_ITS_OWN)
        libc.mallopt(_ARENA_MAX, _HEAPS)


def give_back() -> None:
    """What is free now, also below the top (malloc_trim(3))."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
