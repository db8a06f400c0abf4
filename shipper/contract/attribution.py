"""What attribution hands to the record room: who held the ends of a connection on this host."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

End = Literal["source", "destination"]

#: Parts of a record, ready to be written into it: `container`, `kubernetes`, `process`,
#: `service`, `user`. What is not known is absent.
Parts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """Who took part in an exchange.

    `view` is the end that this host's view of it belongs to; `ends` holds what is known of each
    end that is on this host, at least of one. One object stands for many exchanges and never
    changes, so that whoever is handed it may keep what was made of it: it is equal to itself alone.
    """

    view: End
    ends: Mapping[End, Parts]
