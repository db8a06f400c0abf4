"""Who took part -> the parts of a record that say it: validated once, written into many records."""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from shipper.contract.attribution import Attribution
from shipper.record.model.record import PARTICIPANT, adapter_of
from shipper.record.settings import RecordSettings

#: Attributions whose parts are kept; each stands for all exchanges of its like.
_KEPT: Final = 4096


class _Ready(NamedTuple):
    """What is written: `parts` beside the others of the record, `sides` below `shipper`."""

    parts: dict[str, Any]
    sides: dict[str, Any]


class Participants:
    """Writes the ends of connections into records.

    The end of this host's view stands at the top of the record, where `network.direction` says
    which it is. Both stand below `shipper` where both are known, and also a single one where the
    direction says something else.
    """

    def __init__(self, settings: RecordSettings) -> None:
        self.invalid = 0  #: ends that were left out because they are no valid parts
        self._adapter = adapter_of(PARTICIPANT, settings.schema_version)
        self._has_perimeter = bool(settings.internal_networks)
        self._ready = lru_cache(maxsize=_KEPT)(self._make_ready)

    def write(self, who: Attribution, document: dict[str, Any]) -> None:
        """Into a record that is valid."""
        parts, sides = self._ready(who)
        document |= parts
        if sides:
            document["shipper"] |= sides

    def _make_ready(self, who: Attribution) -> _Ready:
        ends: dict[str, Any] = {}
        for end, parts in who.ends.items():
            try:
                ends[end] = self._adapter.validate_python({k: dict(v) for k, v in parts.items()})
            except ValidationError:
                self.invalid += 1
        parts = ends.get(who.view, {})
        named = len(ends) > 1 or not parts or self._has_perimeter
        return _Ready(parts, ends if named else {})
