"""A harness that may never come back, which shows that fuzzing finds and tells that."""

import atheris  # type: ignore[import-untyped]  # it ships none

LONGEST = 64


@atheris.instrument_func  # type: ignore[untyped-decorator]
def check(data: bytes) -> None:
    """Go on for ever with one beginning."""
    if data[:1] == b"!":
        while data[1:2] == b"h":
            pass
