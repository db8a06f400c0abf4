"""What was raised -> a valid alert document (schemas/http.header.alerts.v1)."""

from collections.abc import Mapping
from typing import Any, Final

from shipper import __version__
from shipper.insight.watch.episodes import Raised
from shipper.insight.watch.watched import Watched
from shipper.record import ALERTS, ECS_VERSION, Fault, first_fault, timestamp

_MS: Final = 1_000_000
#: Severity in a word -> in a number.
_SEVERITIES: Final[Mapping[str, int]] = {
    "info": 10, "low": 25, "medium": 47, "high": 73, "critical": 95,
}  # fmt: skip


#: The text headers of its message.
HEADERS: Final = (
    ("content-type", b"application/json"),
    ("schema-name", ALERTS.name.encode("ascii")),
    ("schema-version", ALERTS.version.encode("ascii")),
)


class InvalidAlertError(Exception):
    """An alert that its own contract refuses."""

    def __init__(self, rule: str, fault: Fault) -> None:
        super().__init__(f"an alert of the rule {rule} is not valid: {fault.field} {fault.what}")


def document(
    raised: Raised, rule: Watched, instance: tuple[str, str], now_ms: int
) -> dict[str, Any]:
    """The alert; `instance` is who watches (agent.id and agent.ephemeral_id).

    Raises InvalidAlertError for one that the contract refuses.
    """
    made = _document(raised, rule, instance, now_ms)
    fault = first_fault(made, ALERTS)
    if fault is not None:
        raise InvalidAlertError(rule.id, fault)
    return made


def _document(
    raised: Raised, rule: Watched, instance: tuple[str, str], now_ms: int
) -> dict[str, Any]:
    group = dict(zip(rule.labels, raised.group, strict=True))
    told = {
        "id": rule.id,
        "name": rule.title,
        "version": rule.version,
        "category": rule.category,
        "description": rule.description,
        "reference": rule.reference,
    }
    numbers = {"value": raised.value, "threshold": raised.limit}
    return {
        "@timestamp": timestamp(raised.begun * _MS),
        "message": f"{rule.title}: {_of(group)}{raised.what}",
        "ecs": {"version": ECS_VERSION},
        "event": {
            "id": raised.id,
            "created": timestamp(now_ms * _MS),
            "kind": "alert",
            "severity": _SEVERITIES[rule.severity],
            "dataset": "http.header.alerts",
            "module": "shipper",
        },
        "rule": {name: value for name, value in told.items() if value},
        "agent": {
            "id": instance[0],
            "type": "shipper-watch",
            "version": __version__,
            "ephemeral_id": instance[1],
        },
        "data_stream": {"type": "logs", "dataset": "http.header.alerts", "namespace": "default"},
        "alert": {
            "state": raised.state,
            "severity": rule.severity,
            "group": group,
            "window": {
                "from": timestamp(raised.window[0] * _MS),
                "until": timestamp(raised.window[1] * _MS),
            },
            **{name: value for name, value in numbers.items() if value is not None},
            "evidence": raised.evidence,
            "evidence_total": raised.total,
        },
    }


def _of(group: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in group.items()) + ": " if group else ""
