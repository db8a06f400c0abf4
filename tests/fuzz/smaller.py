"""A failing input in, a small one that fails in the same way out."""

import time
from collections.abc import Callable

Check = Callable[[bytes], None]


def smaller(data: bytes, check: Check, *, seconds: float = 30.0) -> bytes:
    """Leave parts out, large ones first, as long as the same kind of error comes."""
    deadline = time.monotonic() + seconds
    kind = failure(check, data)
    size = len(data) // 2
    while kind and size and time.monotonic() < deadline:
        at, found = 0, False
        while at < len(data) and time.monotonic() < deadline:
            shorter = data[:at] + data[at + size :]
            if failure(check, shorter) is kind:
                data, found = shorter, True
            else:
                at += size
        size = size if found else size // 2
    return data


def failure(check: Check, data: bytes) -> type[Exception] | None:
    """What an input raises."""
    try:
        check(data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
        return type(error)
    return None
