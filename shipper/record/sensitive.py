"""Names -> what becomes of the values that go by them; and the values' masking and hashing.

A name betrays a secret when it is on a list, or when one of its words is. Words are what
separators and a change from lower to upper case divide: `X-Api-Key`, `apiKey` and `api_key` have
the word `key`, `keyword` and `keep-alive` do not. Too much masked is the lesser evil, and
`Action.KEEP` by name undoes it.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from hmac import digest
from typing import Final
from unicodedata import normalize

from shipper.record.settings import MASK, Action

SECRET_HEADERS: Final = frozenset(
    {
        "authorization",
        "cookie",
        "cookie2",
        "set-cookie",
        "set-cookie2",
        "proxy-authorization",
        "x-api-key",
        "x-auth-token",
        "x-amz-security-token",
        "x-csrf-token",
        "x-xsrf-token",
        "x-forwarded-authorization",
        "x-original-authorization",
        "authentication-info",
        "proxy-authentication-info",
        "x-forwarded-client-cert",
        "x-ssl-client-cert",
        "ssl-client-cert",
        "client-cert",
        "client-cert-chain",
        "x-goog-iap-jwt-assertion",
        "x-amzn-oidc-data",
        "x-amzn-oidc-identity",
        "x-ms-token-aad-access-token",
        "x-vault-token",
        "x-hub-signature",
        "x-hub-signature-256",
        "dpop",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-accept",
    }
)
# Challenges and switches: their words are a secret's, their values are not.
_OPEN_HEADERS: Final = frozenset(
    {"www-authenticate", "proxy-authenticate", "access-control-allow-credentials"}
)

_HEADER_WORDS: Final = frozenset(
    {"auth", "token", "secret", "key", "session", "sid", "jwt", "password", "passwd", "pwd"}
    | {"tokens", "secrets", "keys", "sessions", "credential", "credentials", "signature", "cookie"}
    | {"cookies", "passphrase", "otp", "pin", "bearer", "assertion"}
)
_PARAMETER_WORDS: Final = _HEADER_WORDS | frozenset(
    {"code", "sig", "hmac", "pass", "passcode", "cred", "creds", "nonce", "ticket", "saml"}
    | {"samlresponse", "samlrequest", "mac", "refresh", "verifier", "sess", "sign", "hash"}
)
_PARTS: Final = re.compile(
    "token|secret|sessid|passw|passphrase|apikey|authkey|userkey|accesskey|privatekey|session|credential"
    "|signature|authoriz|authentic|oauth|jwt|csrf|xsrf|authcode|passcode|usersig|appsig"
)
_AFFIX: Final = re.compile(r"(?!monkey|turkey)\w*key|\w*auth|auth(?!or(s|ed|ity)?$)\w*")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_HASH_BYTES: Final = 16
_LONGEST_NAME: Final = 64


def _looks_secret(name: str, words: frozenset[str]) -> bool:
    """Whether a word of `name`, or a telling part of it, is a secret's."""
    split = [word for word in _SEPARATORS.split(_CAMEL.sub("-", name).casefold()) if word]
    together = "".join(split)
    return (
        not words.isdisjoint(split)
        or _PARTS.search(together) is not None
        or any(_AFFIX.fullmatch(word) for word in split)
    )


class _Rules:
    """An operator's own actions: exact names first, then globs in their order."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        folded = {name.strip().casefold(): action for name, action in actions.items()}
        self._exact = {n: a for n, a in folded.items() if not {"*", "?"} & set(n)}
        self._globs = [(n, a) for n, a in folded.items() if n not in self._exact]

    def find(self, name: str) -> Action | None:
        """The action for a folded name, or None."""
        found = self._exact.get(name)
        if found is not None:
            return found
        return next((a for glob, a in self._globs if fnmatchcase(name, glob)), None)


class HeaderSecrets:
    """The fate of header values by name."""

    def __init__(self, actions: Mapping[str, Action], secret_action: Action) -> None:
        self._rules = _Rules(actions)
        self._secret_action = secret_action

    def explicit(self, name: str) -> Action | None:
        """What the operator decided for this name (folded), if anything."""
        return self._rules.find(name)

    def action(self, spelling: str) -> Action:
        """What becomes of the values of a header of this name."""
        name = spelling.strip().casefold()
        explicit = self._rules.find(name)
        if explicit is not None:
            return explicit
        if name in _OPEN_HEADERS:
            return Action.KEEP
        if name in SECRET_HEADERS or _looks_secret(spelling, _HEADER_WORDS):
            return self._secret_action
        return Action.KEEP


class ParameterSecrets:
    """The fate of URL parameters by name. The name is decoded already."""

    def __init__(self, actions: Mapping[str, Action], secret_action: Action) -> None:
        rules = _Rules(actions)

        def decide(spelling: str) -> Action:
            name = normalize("NFKC", spelling).strip()
            explicit = rules.find(name.casefold())
            if explicit is not None:
                return explicit
            return secret_action if _looks_secret(name, _PARAMETER_WORDS) else Action.KEEP

        self._decide = decide
        self._remembered = lru_cache(maxsize=4096)(decide)

    def action(self, name: str) -> Action:
        """What becomes of the values of a parameter of this name."""
        # Peers choose the names: the memory is bounded in their number and their length.
        return (self._remembered if len(name) <= _LONGEST_NAME else self._decide)(name)


class Keyed:
    """Keyed hashes: HMAC-SHA256, the first 128 bits."""

    def __init__(self, key: bytes, key_id: str) -> None:
        self._key = key
        self.key_id = key_id

    def digest(self, value: bytes) -> bytes:
        """All 256 bits."""
        return digest(self._key, value, "sha256")

    def replace(self, value: str, action: Action) -> str:
        """What stands in the place of a value that is masked or hashed."""
        if action is Action.HASH:
            tag = self.digest(value.encode("utf-8"))[:_HASH_BYTES].hex()
            return f"hmac:{self.key_id}:{tag}"
        return MASK
