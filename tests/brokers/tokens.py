"""Client credentials in; signed tokens out: a token endpoint as OIDC providers have it.

RFC 6749 section 4.4 (client credentials) with HTTP basic authentication or form fields; tokens
are JWTs signed with RS256 (RFC 7519, RFC 7518 section 3.3) by `openssl`. The public key goes to a
file as a JWKS (RFC 7517), where a broker reads it.
"""

import base64
import json
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from shipper.closing import Closing

AUDIENCE = "kafka"
ISSUER = "tests"
_KEY_ID = "k1"


class TokenEndpoint(Closing):
    """Gives a token to who knows one of `clients`: secrets by client id, changeable at any time.

    The token's subject, which is Kafka's user, is the client id; it is valid for `lifetime_s`.
    """

    def __init__(self, folder: Path, clients: dict[str, str], *, lifetime_s: int = 300) -> None:
        self.clients = clients
        self.lifetime_s = lifetime_s
        self.issued = 0
        self.refused = 0
        self._key = folder / "tokens.key"
        self.jwks = folder / "jwks.json"
        _openssl("genrsa", "-out", str(self._key), "2048")
        self.jwks.write_text(json.dumps({"keys": [self._public()]}))
        handler = type("Handler", (_Handler,), {"endpoint": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where tokens are asked for."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def answer(self, client: str, secret: str) -> tuple[int, dict[str, object]]:
        """Status and body for who says so (RFC 6749 sections 5.1 and 5.2)."""
        if self.clients.get(client) != secret:
            self.refused += 1
            return 401, {"error": "invalid_client", "error_description": "unknown client"}
        self.issued += 1
        return 200, {
            "access_token": self.token(client),
            "token_type": "Bearer",
            "expires_in": self.lifetime_s,
        }

    def token(self, subject: str) -> str:
        """A signed token."""
        now = int(time.time())
        head = {"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "scope": "kafka",
            "iat": now,
            "exp": now + self.lifetime_s,
        }
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
        signature = _openssl("dgst", "-sha256", "-sign", str(self._key), given=signed)
        return (signed + b"." + _base64url(signature)).decode()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _public(self) -> dict[str, str]:
        said = _openssl("rsa", "-in", str(self._key), "-noout", "-modulus").decode()
        modulus = bytes.fromhex(said.strip().removeprefix("Modulus="))
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": _KEY_ID,
            "n": _base64url(modulus).decode(),
            "e": _base64url((65537).to_bytes(3)).decode(),
        }


class _Handler(BaseHTTPRequestHandler):
    endpoint: ClassVar[TokenEndpoint]

    def do_POST(self) -> None:
        """One request for a token."""
        length = int(self.headers.get("Content-Length", 0))
        form = urllib.parse.parse_qs(self.rfile.read(length).decode())
        client, secret = self._basic() or (
            form.get("client_id", [""])[0],
            form.get("client_secret", [""])[0],
        )
        status, said = self.endpoint.answer(client, secret)
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is said about requests."""

    def _basic(self) -> tuple[str, str] | None:
        kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        client, _, secret = base64.b64decode(encoded).decode().partition(":")
        return urllib.parse.unquote(client), urllib.parse.unquote(secret)


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _openssl(*arguments: str, given: bytes | None = None) -> bytes:
    done = subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True)
    return done.stdout
