"""A harness with an error in it, which shows that fuzzing finds and tells one."""

import atheris  # type: ignore[import-untyped]  # it ships none

LONGEST = 64


@atheris.instrument_func  # type: ignore[untyped-decorator]
def check(data: bytes) -> None:
    """Fail for one beginning."""
    if data[:1] == b"!":  # noqa: SIM102 - in two steps, so that coverage leads there
        if data[1:2] == b"c":
            raise ValueError(data)
