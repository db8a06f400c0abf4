"""No stage of an exchange's way has become dearer, in instructions: a busy machine adds none."""

import sys

from bench import stages_cost


def test_no_stage_has_become_dearer() -> None:
    """Within a tenth of what is stored; `make bench-stages ARGS=--store` stores what is meant.

    The counts are those of one version of Python, and of no other.
    """
    assert stages_cost.stored_python() == f"{sys.version_info.major}.{sys.version_info.minor}"
    now, before = stages_cost.counted(), stages_cost.stored()
    assert now.keys() == before.keys()
    assert not stages_cost.dearer(now, before), (now, before)


def test_what_is_dearer_is_told() -> None:
    """A tenth is allowed, more is not; a stage with threads that wake when they like has more."""
    before = {"parse": 1000, "produce": 1000}
    assert stages_cost.dearer({"parse": 1100, "produce": 2000}, before) == []
    assert stages_cost.dearer({"parse": 1101, "produce": 2001}, before) == ["parse", "produce"]
