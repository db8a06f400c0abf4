"""A schema registry's address in; ids of schemas, and whether they are compatible, out.

Confluent's HTTP API, which Confluent's registry, Karapace, Redpanda and Apicurio (below
`/apis/ccompat/v7`) speak. Nothing is registered here unless `register` is called.
"""

import base64
import json
import ssl
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from shipper.errors import ConfigError, PrivilegeError, ShipperError, UnavailableError

_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_NOT_FOUND: Final = 404
_NO_RIGHT: Final = (401, 403)
_REFUSED: Final = (409, 422)


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
        try:
            self._tls = ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"{ca} holds no certificates to trust: {error}") from None

    def subjects(self) -> list[str]:
        """The names of all subjects."""
        return [str(name) for name in self._asked("GET", "/subjects")]

    def lookup(self, subject: str, schema: str, kind: str) -> int | None:
        """The id of this schema (`kind`: JSON or AVRO) under this subject; None if it has none."""
        path = f"/subjects/{quote(subject, safe='')}"
        status, answer = self._ask("POST", path, _body(schema, kind))
        return None if status == _NOT_FOUND else int(self._good(status, answer)["id"])

    def register(self, subject: str, schema: str, kind: str) -> int:
        """Register it, if it is not there, and its id; ShipperError where it is refused."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        return int(self._asked("POST", path, _body(schema, kind))["id"])

    def compatible(self, subject: str, schema: str, kind: str) -> bool:
        """Whether it could be the next version of this subject."""
        path = f"/compatibility/subjects/{quote(subject, safe='')}/versions/latest"
        return bool(self._asked("POST", path, _body(schema, kind))["is_compatible"])

    def compatibility(self, subject: str) -> str | None:
        """What the subject is kept to, as in BACKWARD_TRANSITIVE.

        Without a rule of its own: None (Confluent), or the rule of all subjects (Apicurio).
        """
        status, answer = self._ask("GET", f"/config/{quote(subject, safe='')}")
        if status == _NOT_FOUND:
            return None
        return str(self._good(status, answer)["compatibilityLevel"])

    def set_compatibility(self, subject: str, level: str) -> None:
        """Keep the subject to it from now on."""
        self._asked("PUT", f"/config/{quote(subject, safe='')}", {"compatibility": level})

    def _asked(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        return self._good(*self._ask(method, path, body))

    def _good(self, status: int, answer: Any) -> Any:  # noqa: ANN401
        """The answer, if it is a good one."""
        if status < 400:  # noqa: PLR2004 - the first of the errors
            return answer
        said = answer.get("message", "") if isinstance(answer, dict) else ""
        if status in _NO_RIGHT:
            raise PrivilegeError(f"the registry {self._url} refuses who asks ({status})")
        if status in _REFUSED:
            raise ShipperError(f"the registry {self._url} refuses the schema: {said}")
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
                    return answer.status, json.loads(answer.read())
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code, _lenient(refused.read())
        except ValueError:
            raise UnavailableError(f"{self._url} is no registry: it answers no JSON") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise UnavailableError(f"the registry {self._url} can't be asked: {reason}") from None


def _body(schema: str, kind: str) -> dict[str, str]:
    return {"schema": schema, "schemaType": kind}


def _lenient(raw: bytes) -> Any:  # noqa: ANN401
    """An error's body: JSON if it is some."""
    try:
        return json.loads(raw)
    except ValueError:
        return None
