"""A schema registry's address in; ids of schemas, and whether they are compatible, out.

Confluent's HTTP API, which Confluent's registry, Karapace, Redpanda and Apicurio (below
`/apis/ccompat/v7`) speak. Nothing is registered here unless `register` is called. An answer is
held against what was asked: one that is no registry's, or is about another schema, is an error.
"""

import base64
import json
import ssl
import urllib.error
import urllib.request
from enum import Enum
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit
from uuid import UUID

from shipper.errors import ConfigError, PrivilegeError, ShipperError, UnavailableError

_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_NOT_FOUND: Final = 404
_NO_RIGHT: Final = (401, 403)
_REFUSED: Final = (409, 422)
_GOOD: Final = range(200, 300)
#: No answer is longer (bytes): what goes on is no registry's.
_LONGEST: Final = 16 << 20
_ADDRESS: Final = "is that the address of its Confluent API?"
#: The error codes of an answer that something is not there; 404 without one is no registry's.
_ABSENT: Final = (40401, 40402, 40403, 40404, 40406)
_NO_SUBJECT: Final = (40401, 40404)
#: Ids are signed numbers of four bytes.
HIGHEST_ID: Final = (1 << 31) - 1


class Absent(Enum):
    """What a registry does not have, for sure."""

    SUBJECT = "subject"
    SCHEMA = "schema"


class Refused(ShipperError):  # noqa: N818 - what the registry says
    """The registry does not take the schema: it breaks a rule of the subject, or is none."""


class Registered(NamedTuple):
    """A schema in a registry; `guid` as it writes it, None where it gives none."""

    id: int
    guid: UUID | None = None


class Registry:
    """One registry. Every request may raise UnavailableError or PrivilegeError."""

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        ca: Path | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ConfigError("the registry's address is no http(s)://HOST:PORT/…")
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": _TYPE, "Accept": f"{_TYPE}, application/json"}
        if user is not None:
            pair = f"{user}:{password or ''}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._timeout_s = timeout_s
        self._tls = None
        try:
            if parts.scheme == "https" or ca is not None:
                self._tls = ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"{ca} holds no certificates to trust: {error}") from None

    def subjects(self) -> list[str]:
        """The names of all subjects."""
        return [str(name) for name in self._good(*self._ask("GET", "/subjects")) or ()]

    def lookup(self, subject: str, schema: str, kind: str) -> Registered | Absent:
        """What exactly this schema (`kind`: JSON or AVRO) is under this subject."""
        path = f"/subjects/{quote(subject, safe='')}"
        status, answer = self._ask("POST", path, _body(schema, kind))
        code = answer.get("error_code") if isinstance(answer, dict) else None
        if status == _NOT_FOUND and code in _ABSENT:
            return Absent.SUBJECT if code in _NO_SUBJECT else Absent.SCHEMA
        found = self._good(status, answer)
        try:
            return _registered(found, subject, schema, kind)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnavailableError(
                f"the registry {self._url} gives another answer than was asked for ({error})",
                _ADDRESS,
            ) from None

    def register(self, subject: str, schema: str, kind: str) -> int:
        """Register it, if it is not there, and its id; ShipperError where it is refused."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        return int(self._asked("POST", path, _body(schema, kind), "id"))

    def compatible(self, subject: str, schema: str, kind: str) -> bool:
        """Whether it could be the next version of this subject."""
        path = f"/compatibility/subjects/{quote(subject, safe='')}/versions/latest"
        return bool(self._asked("POST", path, _body(schema, kind), "is_compatible"))

    def compatibility(self, subject: str) -> str | None:
        """What the subject is kept to, as in BACKWARD_TRANSITIVE.

        Without a rule of its own: None (Confluent), or the rule of all subjects (Apicurio).
        """
        status, answer = self._ask("GET", f"/config/{quote(subject, safe='')}")
        if status == _NOT_FOUND:
            return None
        answer = self._good(status, answer)
        level = answer.get("compatibilityLevel") if isinstance(answer, dict) else None
        return None if level is None else str(level)

    def set_compatibility(self, subject: str, level: str) -> None:
        """Keep the subject to it from now on."""
        path = f"/config/{quote(subject, safe='')}"
        self._good(*self._ask("PUT", path, {"compatibility": level}))

    def _asked(self, method: str, path: str, body: object, field: str) -> Any:  # noqa: ANN401 - JSON
        """A field of a good answer."""
        answer = self._good(*self._ask(method, path, body))
        if not isinstance(answer, dict) or field not in answer:
            raise UnavailableError(f"the registry {self._url} answers without {field}", _ADDRESS)
        return answer[field]

    def _good(self, status: int, answer: Any) -> Any:  # noqa: ANN401
        """The answer, if it is a good one."""
        if status in _GOOD:
            return answer
        said = answer.get("message", "") if isinstance(answer, dict) else ""
        if status in _NO_RIGHT:
            raise PrivilegeError(
                f"the registry {self._url} refuses who asks ({status})",
                "give a user and a password that may read the subject, and register if it has to",
            )
        if status in _REFUSED:
            raise Refused(f"the registry {self._url} refuses the schema: {said}".rstrip(": "))
        raise UnavailableError(f"the registry {self._url} answers {status}: {said}".rstrip(": "))

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON of the answer, whatever the status."""
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers=self._headers,
        )
        try:
            try:
                with urllib.request.urlopen(  # noqa: S310
                    request, timeout=self._timeout_s, context=self._tls
                ) as answer:
                    return answer.status, json.loads(answer.read(_LONGEST))
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code, _lenient(refused.read(_LONGEST))
        except ValueError:
            raise UnavailableError(f"{self._url} is no registry: it answers no JSON") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise UnavailableError(f"the registry {self._url} can't be asked: {reason}") from None


def _registered(found: dict[str, Any], subject: str, schema: str, kind: str) -> Registered:
    """What was found, if it is what was asked for; else one of the errors of wrong data."""
    number = found["id"]
    if type(number) is not int or not 0 <= number <= HIGHEST_ID:
        raise ValueError("its id is no number of four bytes")
    # A context (":.NAME:") may stand before the subject.
    if found["subject"].rpartition(":")[2] != subject.rpartition(":")[2]:
        raise ValueError("it is about another subject")
    # Confluent leaves out AVRO, Apicurio every kind; the text is of one kind alone.
    if found.get("schemaType", kind) != kind or not _same(schema, found["schema"], kind):
        raise ValueError("it is about another schema")
    guid = found.get("guid")
    return Registered(number, None if guid is None else UUID(guid))


def _same(ours: str, theirs: str, kind: str) -> bool:
    """Whether both are one schema: a registry may write it in its own way."""
    one, other = json.loads(ours), json.loads(theirs)
    if kind != "AVRO" or one == other:
        return bool(one == other)
    # Only where records are Avro: an agent that writes JSON has no use for it in memory.
    from fastavro.schema import (  # noqa: PLC0415
        SchemaParseException,
        parse_schema,
        to_parsing_canonical_form,
    )

    try:
        canonical = [to_parsing_canonical_form(parse_schema(schema)) for schema in (one, other)]
    except SchemaParseException as error:
        raise ValueError(str(error)) from error
    return bool(canonical[0] == canonical[1])


def _body(schema: str, kind: str) -> dict[str, str]:
    return {"schema": schema, "schemaType": kind}


def _lenient(raw: bytes) -> Any:  # noqa: ANN401
    """An error's body: JSON if it is some."""
    try:
        return json.loads(raw)
    except ValueError:
        return None
