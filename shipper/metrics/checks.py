"""Is the agent alive, and is it ready? Each check with what there is to say about it."""

from collections.abc import Iterable
from typing import NamedTuple

from shipper.metrics.vitals import Vitals

#: Seconds of silence after which a worker counts as stuck, and the agent itself as dead.
_SILENCE = 5.0
_STANDSTILL = 10.0


class Check(NamedTuple):
    """One check; `said` tells how it stands, whether it holds or not."""

    name: str
    ok: bool
    said: str


def alive(vitals: Vitals, now: float) -> tuple[Check, ...]:
    """Whether the agent goes on at `now`; where it does not, a restart is what helps."""
    idle = now - vitals.beat
    return (Check("agent", idle < _STANDSTILL, f"its loop came round {max(idle, 0):.1f} s ago"),)


def ready(vitals: Vitals, now: float) -> tuple[Check, ...]:
    """Whether all that passes is seen and gets on."""
    return (_attached(vitals), _draining(vitals, now), _broker(vitals), _spool(vitals))


def hold(checks: Iterable[Check]) -> bool:
    """Whether all of them do."""
    return all(check.ok for check in checks)


def _attached(vitals: Vitals) -> Check:
    said = f"hook {vitals.build['hook']}" if vitals.attached else "capture has ended"
    return Check("attached", vitals.attached, said)


def _draining(vitals: Vitals, now: float) -> Check:
    silent = [
        number
        for number in range(vitals.workers)
        if number not in vitals.told or now - vitals.told[number].at > _SILENCE
    ]
    if silent:
        return Check("draining", ok=False, said=f"{_workers(silent)}: nothing heard of late")
    return Check("draining", ok=True, said=f"workers: {vitals.workers}")


def _broker(vitals: Vitals) -> Check:
    if not vitals.to_kafka:
        return Check("broker", ok=True, said="not needed: records do not go to Kafka")
    kafka = {number: told.report["kafka"] or {} for number, told in vitals.told.items()}
    refusals = sorted({reason for each in kafka.values() for reason in each.get("refusals", ())})
    if refusals:
        return Check("broker", ok=False, said=f"Kafka takes nothing: {', '.join(refusals)}")
    away = [n for n in range(vitals.workers) if not kafka.get(n, {}).get("connected")]
    if away:
        return Check("broker", ok=False, said=f"{_workers(away)}: no broker is connected")
    return Check("broker", ok=True, said="connected")


def _spool(vitals: Vitals) -> Check:
    spools = {number: told.report["spool"] for number, told in vitals.told.items()}
    if not any(spools.values()):
        return Check("spool", ok=True, said="there is none")
    full = [number for number, spool in spools.items() if spool and not spool["takes_more"]]
    if full:
        return Check("spool", ok=False, said=f"{_workers(full)}: full, or not written to")
    used = sum(spool["bytes"] for spool in spools.values() if spool)
    return Check("spool", ok=True, said=f"{used} bytes")


def _workers(numbers: Iterable[int]) -> str:
    return "worker " + ", ".join(map(str, numbers))
