"""What is planned and what is there -> the differences, each with what it does and what to do."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shipper.delivery import Right, Topic
from shipper.topics.plan import Plan

_FOREVER: Final = -1
#: Operations that hold READ or WRITE.
_ALL: Final = "ALL"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as planned. `matters` is False for what is merely worth knowing."""

    topic: str
    said: str
    remedy: str
    matters: bool = True


def differences(
    wanted: Plan, topics: Mapping[str, Topic], rights: set[Right] | None
) -> Iterator[Difference]:
    """Every difference; `rights` None means that the cluster has no authorizer."""
    for topic in wanted.topics:
        found = topics.get(topic.name)
        if found is None:
            yield Difference(topic.name, "is not there", "run `shipper topics create`")
        else:
            yield from _topic(topic, found)
    if rights is not None:
        yield from _rights(wanted, rights)
    elif wanted.rights:
        yield Difference("", "the cluster has no authorizer: everybody may", "", matters=False)


def _topic(wanted: Topic, found: Topic) -> Iterator[Difference]:
    name = wanted.name
    if found.partitions < wanted.partitions:
        yield Difference(
            name,
            f"has {found.partitions} partitions, planned are {wanted.partitions}",
            f"kafka-topics.sh --alter --topic {name} --partitions {wanted.partitions}, "
            "if the load asks for it",
            matters=False,
        )
    if found.replication < wanted.replication:
        yield Difference(
            name,
            f"has {found.replication} replicas, planned are {wanted.replication}",
            "kafka-reassign-partitions.sh: a broker's disk can take records along",
        )
    for setting, check in _SETTINGS.items():
        is_, planned = found.config.get(setting, ""), wanted.config[setting]
        if said := check(is_, planned, found):
            remedy = f"kafka-configs.sh --alter --topic {name} --add-config {setting}={planned}"
            yield Difference(name, f"{setting} is {is_}: {said}", remedy)


def _retention(is_: str, planned: str, _found: Topic) -> str:
    if int(is_) != _FOREVER and (int(planned) == _FOREVER or int(is_) < int(planned)):
        return f"what is older is deleted, planned is {planned}"
    return ""


def _cleanup(is_: str, planned: str, _found: Topic) -> str:
    return "" if is_ == planned else "what is here is meant to be deleted by its age alone"


def _insync(is_: str, planned: str, found: Topic) -> str:
    if int(is_) > found.replication:
        return f"with {found.replication} replicas nothing can be written"
    if int(is_) < int(planned):
        return f"a record can be lost with one broker, planned is {planned}"
    return ""


def _largest(is_: str, planned: str, _found: Topic) -> str:
    return f"what is longer is refused, planned is {planned}" if int(is_) < int(planned) else ""


#: Setting -> why its value matters beside the planned one, or "" where it does not.
_SETTINGS: Final[dict[str, Callable[[str, str, Topic], str]]] = {
    "cleanup.policy": _cleanup,
    "retention.ms": _retention,
    "min.insync.replicas": _insync,
    "max.message.bytes": _largest,
}


def _rights(wanted: Plan, found: set[Right]) -> Iterator[Difference]:
    for right in wanted.rights:
        if not any(_holds(other, right) for other in found):
            yield Difference(
                right.topic,
                f"{right.principal} has no {right.operation}",
                "run `shipper topics create` with the same principal",
            )


def _holds(given: Right, right: Right) -> bool:
    """Whether one ACL gives a right: of this principal or all, this topic, a prefix or all."""
    return (
        given.principal in (right.principal, "User:*")
        and given.operation in (right.operation, _ALL)
        and (
            given.topic in (right.topic, "*")
            or (given.topic.endswith("*") and right.topic.startswith(given.topic[:-1]))
        )
    )


def missing(wanted: Plan, found: set[Right]) -> list[Right]:
    """The rights that are still to be given."""
    return [r for r in wanted.rights if not any(_holds(other, r) for other in found)]
