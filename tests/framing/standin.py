"""Nothing in; an HTTP server out that answers as a schema registry, or as the test has it answer.

It stands for what the real one can't be made to do: give GUIDs (Apicurio has none), and answer
wrongly. Its answers have the fields of Confluent's registry 8.0, by its API reference.
"""

import base64
import json
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from brokers.ports import Ports

from shipper.closing import Closing

Answer = tuple[int, object]
Instead = Callable[[Answer], Answer | bytes]

_NOTHING: Answer = 404, {"error_code": 404, "message": "HTTP 404 Not Found"}


class Stored(NamedTuple):
    """One schema under a subject."""

    subject: str
    version: int
    id: int
    guid: str
    kind: str
    text: str

    def told(self) -> dict[str, Any]:
        """As a registry tells it; AVRO goes without saying."""
        told: dict[str, Any] = {
            "subject": self.subject,
            "version": self.version,
            "id": self.id,
            "guid": self.guid,
            "schema": self.text,
        }
        return told if self.kind == "AVRO" else {**told, "schemaType": self.kind}


class StandIn(Closing):
    """One registry on a port of its own. `instead` overrides every answer, `asked` has all paths.

    `guids` says whether it gives GUIDs, `user` whom it asks for a password, `compatible` what it
    says of a schema that it does not have, and `takes` whether it can be registered.
    """

    def __init__(self) -> None:
        self.port = Ports().free()
        self.url = f"http://127.0.0.1:{self.port}"
        self.guids = self.compatible = self.takes = True
        self.user = ""
        self.instead: Instead | None = None
        self.asked: list[tuple[str, str]] = []
        self.stored: list[Stored] = []
        self.levels: dict[str, str] = {}
        self._first_id = 100_000
        self._server: ThreadingHTTPServer | None = None
        self.up()

    def up(self) -> None:
        """Listen."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections from now on; what is stored stays."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def has(self, subject: str, text: str, kind: str) -> Stored:
        """Store a schema, as if somebody had registered it."""
        for one in self.stored:
            if (one.subject, one.kind, json.loads(one.text)) == (subject, kind, json.loads(text)):
                return one
        number = self._first_id + len(self.stored)
        guid = str(uuid.uuid5(uuid.NAMESPACE_URL, text))
        version = sum(one.subject == subject for one in self.stored) + 1
        self.stored.append(Stored(subject, version, number, guid, kind, text))
        return self.stored[-1]

    def rebuilt(self) -> None:
        """All is gone, and what is registered from now on has other ids."""
        self.stored.clear()
        self._first_id += 1000

    def close(self) -> None:
        """Listen no more."""
        self.down()

    def answer(self, method: str, path: str, body: dict[str, Any], login: str) -> Answer | bytes:
        """What it says."""
        self.asked.append((method, path))
        if self.user and login != "Basic " + base64.b64encode(self.user.encode()).decode():
            return 401, {"error_code": 401, "message": "Unauthorized"}
        answer = self._answer(method, path.strip("/").split("/"), body)
        return answer if self.instead is None else self.instead(answer)

    def _answer(self, method: str, parts: list[str], body: dict[str, Any]) -> Answer:
        match method, *parts:
            case "GET", "subjects":
                return 200, sorted({one.subject for one in self.stored})
            case "POST", "subjects", subject:
                return self._lookup(subject, body)
            case "POST", "subjects", subject, "versions":
                return self._register(subject, body)
            case "POST", "compatibility", "subjects", _, "versions", "latest":
                return 200, {"is_compatible": self.compatible}
            case "PUT", "config", subject:
                self.levels[subject] = body["compatibility"]
            case "GET", "schemas", ("ids" | "guids"), known:
                found = [one.told() for one in self.stored if known in (str(one.id), one.guid)]
                return (200, found[0]) if found else _NOTHING
        return (200, body) if method == "PUT" else _NOTHING

    def _register(self, subject: str, body: dict[str, Any]) -> Answer:
        if not self.takes:
            return 409, {"error_code": 409, "message": "incompatible"}
        return 200, {"id": self.has(subject, body["schema"], body.get("schemaType", "AVRO")).id}

    def _lookup(self, subject: str, body: dict[str, Any]) -> Answer:
        there = [one for one in self.stored if one.subject == subject]
        if not there:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        for one in there:
            same = json.loads(one.text) == json.loads(body["schema"])
            if same and one.kind == body.get("schemaType", "AVRO"):
                told = one.told()
                return 200, told if self.guids else {k: told[k] for k in told if k != "guid"}
        return 404, {"error_code": 40403, "message": "Schema not found"}


def _handler(registry: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            path = unquote(urlsplit(self.path).path)
            said = registry.answer(
                self.command, path, body, self.headers.get("Authorization") or ""
            )
            if isinstance(said, bytes):  # not even HTTP
                self.wfile.write(said)
                return
            status, content = said
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = _do  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
