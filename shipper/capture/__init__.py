"""Capture: packets of this host, or of a capture file, as header events.

The door of the room: `open_kernel` loads and attaches (privileged, once), a `Ring` is then read by
whoever holds it, and `Replay` feeds a capture file through the same program.
"""

from shipper.capture.abilities import Ability, abilities, multipath_sockets, redirecting
from shipper.capture.capture_file import CaptureFile
from shipper.capture.cgroups import CgroupRoot, find_root
from shipper.capture.estate import Estate
from shipper.capture.kernel import Kernel, possible_cpus, program_source
from shipper.capture.opening import open_kernel
from shipper.capture.replay import Replay, TestRun
from shipper.capture.ring import Ring
from shipper.capture.settings import TUNNELS, CaptureSettings, HookName, Rules

__all__ = [
    "TUNNELS",
    "Ability",
    "CaptureFile",
    "CaptureSettings",
    "CgroupRoot",
    "Estate",
    "HookName",
    "Kernel",
    "Replay",
    "Ring",
    "Rules",
    "TestRun",
    "abilities",
    "find_root",
    "multipath_sockets",
    "open_kernel",
    "possible_cpus",
    "program_source",
    "redirecting",
]
