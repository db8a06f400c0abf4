"""The scenarios by name, as their modules enter them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .world import World

#: What a scenario runs against: the shared broker, one of its own (it is ended, or reconfigured),
#: three in a cluster, one that asks for a password and knows rights, one behind a bad network, or
#: librdkafka's own, which alone answers with an error on command.
Needs = Literal["shared", "own", "three", "secured", "proxied", "faulty"]


@dataclass(frozen=True)
class Scenario:
    """`quick` ones run in CI; `create` makes the topics beforehand."""

    name: str
    play: Callable[[World], None]
    needs: Needs
    quick: bool
    create: bool


CATALOGUE: dict[str, Scenario] = {}


def enter(
    name: str, play: Callable[[World], None], *, needs: Needs, quick: bool, create: bool = True
) -> None:
    """Enter a scenario under a name."""
    CATALOGUE[name] = Scenario(name, play, needs, quick, create)


def scenario(
    *, needs: Needs = "shared", quick: bool = True, create: bool = True
) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    """Enter a scenario under its function's name; its docstring says what is shown."""

    def take(play: Callable[[World], None]) -> Callable[[World], None]:
        enter(play.__name__.replace("_", "-"), play, needs=needs, quick=quick, create=create)
        return play

    return take
