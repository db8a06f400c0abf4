"""A document and a contract -> its first fault, in words: which field, and what is wrong.

The words come from the models, so that what is said here is what the agent would have said.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from shipper.record.schema import Contract

# What the model says in its own code's words, and others in ours.
_WORDS: Final = {
    "extra_forbidden": "is no field of this version",
    "missing": "is missing",
    "value_error": "is no IP address",
}


class Fault(NamedTuple):
    """What is wrong with a document. `field` is empty where it is the document as a whole."""

    field: str
    what: str


def first_fault(document: object, contract: Contract, *, opened: bool = False) -> Fault | None:
    """The first fault of a document, None if it is valid; `opened` is as consumers read it."""
    try:
        contract.adapter.validate_python(document)
    except ValidationError as error:
        found = error.errors(include_url=False)
    else:
        return None
    for detail in found:
        if not (opened and _known_later(detail)):
            return Fault(_place(detail["loc"]), _WORDS.get(detail["type"], detail["msg"]))
    return None


def _known_later(detail: Mapping[str, Any]) -> bool:
    """Whether a later minor version may allow it: another field, another word."""
    if detail["type"] != "literal_error":
        return bool(detail["type"] == "extra_forbidden")
    listed = "'" in detail["ctx"]["expected"]  # words, and not true or false
    return isinstance(detail["input"], str if listed else bool)


def _place(location: tuple[int | str, ...]) -> str:
    """`related.ip[1]`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
