"""The scenarios by name, as their modules enter them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .world import World

#: What a scenario runs against: the shared broker, one of its own (it is ended, or reconfigured),
#: three in a cluster, one that asks for a password and knows rights, one behind a bad network, or
#: librdkafka's own, which alone answers with an error on command.
Needs = Literal["shared", "own", "three", "secured", "proxied", "faulty"]


#: Which are run with the tests, which by `make faults` too, and which take many minutes.
Pace = Literal["test", "make", "long"]


@dataclass(frozen=True)
class Scenario:
    """`create` makes the topics beforehand."""

    name: str
    play: Callable[[World], None]
    needs: Needs
    pace: Pace
    create: bool


CATALOGUE: dict[str, Scenario] = {}


def enter(
    name: str, play: Callable[[World], None], *, needs: Needs, pace: Pace, create: bool = True
) -> None:
    """Enter a scenario under a name."""
    CATALOGUE[name] = Scenario(name, play, needs, pace, create)


def scenario(
    *, needs: Needs = "shared", pace: Pace = "make", create: bool = True
) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    """Enter a scenario under its function's name; its docstring says what is shown."""

    def take(play: Callable[[World], None]) -> Callable[[World], None]:
        enter(play.__name__.replace("_", "-"), play, needs=needs, pace=pace, create=create)
        return play

    return take
