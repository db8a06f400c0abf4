"""Leaves exchanges out when told to, before a record is built, each counted by its reason.

Rules say which exchanges are wanted, and which are told as one; bounds say how many, and at what
cost in CPU.
"""

from shipper.volume.bounds import CLIENT, CPU, RATE, Volume, VolumeSettings
from shipper.volume.fold import Folds, Group
from shipper.volume.rules import Rule

__all__ = ["CLIENT", "CPU", "RATE", "Folds", "Group", "Rule", "Volume", "VolumeSettings"]
