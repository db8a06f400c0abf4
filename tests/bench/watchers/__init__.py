"""Those that watch a site's traffic, ours and what Debian has, behind one door.

Each is started once for a load and stopped after it; then it says which requests it has told of.
"""

from .agent import Agent
from .on_interface import OnInterface
from .packet_tools import FIELDS, Dumpcap, Httpry, Tcpflow, Tshark
from .watcher import Nobody, Told, Watcher

__all__ = [
    "FIELDS",
    "Agent",
    "Dumpcap",
    "Httpry",
    "Nobody",
    "OnInterface",
    "Tcpflow",
    "Told",
    "Tshark",
    "Watcher",
]
