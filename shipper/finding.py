"""One thing that `doctor` has looked at."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it stands, and what to do unless it is well."""

    check: str
    status: Status
    found: str
    remedy: str = ""
