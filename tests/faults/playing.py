"""Every scenario there is, and how one is played."""

from . import (
    agent_faults,
    broker_faults,
    clock_faults,
    disk_faults,
    network_faults,
    refusal_faults,
)
from .catalogue import Scenario
from .judge import Verdict
from .places import Places
from .world import World

#: Importing them enters their scenarios into the catalogue.
MODULES = (
    agent_faults,
    broker_faults,
    clock_faults,
    disk_faults,
    network_faults,
    refusal_faults,
)


def play(scenario: Scenario, places: Places) -> Verdict:
    """One scenario from its beginning to its account."""
    with places.found(scenario.needs) as place:
        world = World(scenario.name, place, create=scenario.create)
        try:
            scenario.play(world)
            world.stop()
            return world.verdict()
        finally:
            world.close()
