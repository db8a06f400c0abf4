"""Versions of the published schemas -> what is registered of them, and what they are kept to."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from shipper.record import CONTRACTS, Contract, avro_schema, registry_schema


class Form(NamedTuple):
    """One schema as a registry has it.

    `kind` is the registry's word (JSON or AVRO), `option` that of `shipper schema register`, and
    `compatibility` is what a new subject is kept to.
    """

    option: str
    kind: str
    text: str
    compatibility: str


#: Option -> the registry's word for it, what is registered, and what it is kept to.
_FORMS: Final[dict[str, tuple[str, Callable[[Contract], dict[str, Any]], str]]] = {
    "closed": ("JSON", registry_schema, "BACKWARD_TRANSITIVE"),
    "avro": ("AVRO", avro_schema, "FULL_TRANSITIVE"),
}

OPTIONS: Final = tuple(_FORMS)


def form(contract: Contract, option: str) -> Form:
    """What is registered of this version, as `closed` or as `avro`."""
    kind, schema, compatibility = _FORMS[option]
    return Form(option, kind, orjson.dumps(schema(contract)).decode(), compatibility)


def form_of(schema: str, version: str, content_type: str) -> Form | None:
    """That of the schema which a message names in its headers; None if there is no such."""
    option = "avro" if "avro" in content_type else "closed"
    for contract in CONTRACTS:
        if (contract.name, contract.version) == (schema, version):
            return form(contract, option)
    return None
