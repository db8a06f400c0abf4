"""An alert -> a request to whoever wants to hear of it."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import httpx

from shipper import __version__
from shipper.errors import ConfigError
from shipper.insight.watch.settings import Alertmanager, Receiver, Webhook

_OK: Final = range(200, 300)
#: Answers that are about this very alert: whatever is done, it will never be taken.
_NEVER: Final = frozenset({400, 413, 414, 415, 422})
#: Answers that time alone may change: too many requests, a time-out, its own fault.
_LATER: Final = frozenset({408, 425, 429, *range(500, 600)})
_SECOND: Final = 1000
_NAMED: Final = 5

Alert = Mapping[str, Any]


class Refused(Exception):  # noqa: N818 - an outcome
    """The receiver will never take this."""


class Sending:
    """One receiver; its secret is read for each request, so that it may change."""

    def __init__(self, receiver: Receiver) -> None:
        self._url = _address(receiver.url)
        #: As it may be shown: what stands behind the host is often a secret.
        self.shown = f"{self._url.scheme}://{self._url.netloc.decode('ascii')}"
        #: Stays the same as long as its address does: it names a consumer group.
        self.name = f"{receiver.kind}-{crc32(receiver.url.encode()):08x}"
        self._receiver = receiver
        self._client = httpx.Client(
            timeout=receiver.timeout / _SECOND,
            headers={"user-agent": f"shipper-watch/{__version__}"},
        )
        self._path, self._body = _form(receiver)
        self._headers()

    def send(self, alert: Alert | None) -> None:
        """Raises Refused; httpx.HTTPError for what may go better later.

        ConfigError for what somebody has to mend: a secret that can't be read or is not taken, an
        address where nobody takes alerts.
        """
        try:
            body = self._body(alert)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Refused("it is no alert") from None
        answer = self._client.post(
            self._url.copy_with(path=self._url.path.rstrip("/") + self._path)
            if self._path
            else self._url,
            json=body,
            headers=self._headers(),
        )
        status = answer.status_code
        if status in _LATER:
            raise httpx.HTTPStatusError(f"status {status}", request=answer.request, response=answer)
        if status in _NEVER:
            raise Refused(f"status {status}")
        if status not in _OK:
            raise ConfigError(f"status {status}", "check its url, header and secret_file")

    def _headers(self) -> dict[str, str]:
        if not self._receiver.secret_file:
            return {}
        try:
            secret = Path(self._receiver.secret_file).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                f"notify {self.shown}: can't read the secret {self._receiver.secret_file}",
                "give a text file that this user may read",
            ) from None
        return {self._receiver.header: secret}


def _address(url: str) -> httpx.URL:
    try:
        made = httpx.URL(url)
    except httpx.InvalidURL:
        made = httpx.URL()
    if not made.host:
        raise ConfigError("notify: a url is not valid", "it is http(s)://HOST:PORT/…")
    return made


def _form(receiver: Webhook | Alertmanager) -> tuple[str, Callable[[Any], object]]:
    """What is added to the address, and what makes an alert the body."""
    if isinstance(receiver, Webhook):
        return "", dict
    expire = timedelta(milliseconds=receiver.expire)
    return "/api/v2/alerts", lambda alert: [postable(alert, expire)]


def postable(alert: Alert, expire: timedelta) -> dict[str, Any]:
    """As Alertmanager's API v2 takes it: told apart by its labels, over when it is resolved.

    Alertmanager itself would end after five minutes what is not said again; a firing alert is
    therefore given an end far away, and a resolved one its own.
    """
    told, rule = alert["alert"], alert["rule"]
    resolved = told["state"] == "resolved"
    created = alert["event"]["created"]
    end = created if resolved else (datetime.fromisoformat(created) + expire).isoformat()
    return {
        "labels": {
            "alertname": rule["id"],
            "severity": told["severity"],
            "category": rule.get("category", "rule"),
            **{_label(name): value for name, value in told["group"].items()},
        },
        "annotations": {
            "summary": alert["message"],
            "description": rule.get("description", ""),
            "reference": rule.get("reference", ""),
            "alert_id": alert["event"]["id"],
            "evidence": " ".join(told["evidence"][:_NAMED]),
        },
        "startsAt": alert["@timestamp"],
        "endsAt": end,
    }


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)
