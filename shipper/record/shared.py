"""Parts of records -> the same, ready for many of them: judged by the model and encoded once."""

from collections.abc import Callable
from typing import Any, NamedTuple

Part = dict[str, Any]


class Shared(NamedTuple):
    """Parts that many records have; nobody changes them.

    `ready` are the parts as they are put into documents that are encoded, `plain` as they are
    judged and read; `valid` says whether they hold what the model allows.
    """

    plain: Part
    ready: Part
    valid: bool


class Sharing:
    """Makes parts ready; `encoded` gives a value as documents take it, which may be itself."""

    def __init__(
        self, is_valid: Callable[[Part], bool], encoded: Callable[[object], object]
    ) -> None:
        self._is_valid = is_valid
        self._encoded = encoded

    def __call__(self, part: Part, *, below: str = "") -> Shared:
        """These parts, which stand in a record `below` a dotted name."""
        judged = part
        for name in reversed(below.split(".") if below else ()):
            judged = {name: judged}
        ready = {name: self._encoded(value) for name, value in part.items()}
        return Shared(part, ready, self._is_valid(judged))
