"""Rules of the configuration -> what is done with a record, and with what a group comes to."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from shipper.insight.watch import sigma
from shipper.insight.watch.conditions import Test
from shipper.insight.watch.fields import Record, duration_s, label, reader, text
from shipper.insight.watch.judges import (
    ChangeJudge,
    CountJudge,
    Judge,
    NewJudge,
    SilenceJudge,
    ThresholdJudge,
)
from shipper.insight.watch.rules import (
    AnyRule,
    Change,
    New,
    Sigma,
    Silence,
    Threshold,
)
from shipper.insight.watch.settings import Settings
from shipper.insight.watch.values import admits

_FIELDS: Final = "fields.yml"


@dataclass(frozen=True, slots=True)
class Watched:
    """One rule, ready: a configured one, or one Sigma rule of a configured folder."""

    id: str
    title: str
    description: str
    reference: str
    severity: str
    version: str
    category: str
    labels: tuple[str, ...]
    readers: tuple[Callable[[Record], object], ...]
    concerns: Callable[[Record], bool]
    matters: Callable[[Record], bool]
    #: What is measured of a record: a latency (seconds), or one of the values that are counted;
    #: None where nothing is. A record of which it finds nothing does not count.
    measured: Callable[[Record], float | str | None] | None
    #: Whether the last part of a group is a value of what the parts before name.
    values: bool
    #: The window, the step, the least time that it holds, and the quiet after it (ms).
    span: int
    step: int
    hold: int
    mute: int
    #: Values of one group, where `values`.
    limit: int
    judge: Judge

    def group(self, record: Record) -> tuple[str, ...]:
        """The group that a record belongs to."""
        return tuple(text(read(record)) for read in self.readers)


def watched(settings: Settings, beside: Path) -> list[Watched]:
    """All rules; paths are relative to `beside`. `ConfigError` for what can't be read."""
    return [one for rule in settings.rule for one in _of(rule, beside)]


def _of(rule: AnyRule, beside: Path) -> Iterator[Watched]:
    if isinstance(rule, Sigma):
        yield from _detections(rule, beside)
    else:
        yield _watched(rule, admits(rule.where), _matters(rule), _judge(rule))


def _detections(rule: Sigma, beside: Path) -> Iterator[Watched]:
    path = beside / rule.path
    folder = path if path.is_dir() else path.parent
    fields = beside / rule.fields if rule.fields else folder.parent / _FIELDS
    for detection in sigma.detections(path, fields):
        one = rule.model_copy(
            update={
                "id": detection.id,
                "name": detection.title,
                "description": detection.description,
                "reference": detection.reference,
                "severity": detection.severity,
            }
        )
        concerns = _both(admits(rule.where), detection.fits)
        counted = detection.counted or sigma.Counted(rule.window, rule.by, rule.count, "")
        if detection.counted:
            one = one.model_copy(update={"window": counted.span, "by": counted.by})
            concerns = _both(concerns, _has(counted.by))
        judge = CountJudge(counted.least, counted.of)
        made = _watched(one, concerns, _always, judge, detection.version)
        yield replace(made, measured=_value(counted.of)) if counted.of else made


def _watched(
    rule: AnyRule,
    concerns: Callable[[Record], bool],
    matters: Callable[[Record], bool],
    judge: Judge,
    version: str = "",
) -> Watched:
    by = (*rule.by, rule.field) if isinstance(rule, New) else rule.by
    return Watched(
        id=rule.id,
        title=rule.title,
        description=rule.description,
        reference=rule.reference,
        severity=rule.severity,
        version=version,
        category=rule.kind,
        labels=tuple(label(name) for name in by),
        readers=tuple(reader(name) for name in by),
        concerns=concerns,
        matters=matters,
        measured=duration_s if _of_latency(rule) else None,
        values=isinstance(rule, New),
        span=rule.span,
        step=rule.step,
        hold=rule.hold,
        mute=rule.mute,
        limit=rule.limit if isinstance(rule, New) else 0,
        judge=judge,
    )


def _judge(rule: Threshold | Change | New | Silence) -> Judge:
    match rule:
        case Threshold():
            return ThresholdJudge(rule)
        case Change():
            return ChangeJudge(rule)
        case New():
            return NewJudge(rule)
        case Silence():
            return SilenceJudge(rule)


def _matters(rule: Threshold | Change | New | Silence) -> Callable[[Record], bool]:
    """Which of a rule's records are evidence."""
    if isinstance(rule, Threshold | Change) and rule.match:
        return admits(rule.match)
    if isinstance(rule, Threshold) and rule.measure == "latency" and rule.above is not None:
        limit = rule.above
        return lambda record: (duration_s(record) or 0.0) > limit
    return _always


def _of_latency(rule: AnyRule) -> bool:
    return isinstance(rule, Threshold | Change) and rule.measure == "latency"


def _value(field: str) -> Callable[[Record], str | None]:
    """What finds one of the values that are counted."""
    read = reader(field)
    return lambda record: None if (found := read(record)) is None else text(found)


def _has(fields: Iterable[str]) -> Test:
    """Whether all of these are there: what has no group belongs to none."""
    reads = [reader(field) for field in fields]
    return lambda record: all(read(record) is not None for read in reads)


def _both(one: Test, other: Test) -> Test:
    return lambda record: one(record) and other(record)


def _always(record: Record) -> bool:
    del record
    return True
