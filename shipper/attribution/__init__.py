"""Attribution: the connection of an exchange -> who held its ends, as far as they are on this host.

This is the room's door: `Attributor.attribute` answers from memory and waits for nothing but a
name that is being asked for, no longer than configured; whatever takes time is done by a thread of
its own. What is not known is absent, and counted by its reason. It knows neither HTTP nor records
nor Kafka, and imports the standard library alone, but for HTTP/2 where a
runtime is asked that speaks nothing else.
"""

from shipper.attribution.attributor import REASONS, Attributor
from shipper.attribution.boot_clock import BootClock
from shipper.attribution.cri import CriSocket
from shipper.attribution.holders import NOBODY, Ends, Holder, Sockets
from shipper.attribution.host import Host
from shipper.attribution.kubelet import Kubelet
from shipper.attribution.lookup import Asking, Channel, Remote, channels, serve
from shipper.attribution.names import Source
from shipper.attribution.pods import PodLogs
from shipper.attribution.processes import Executables, Processes, ProcessSettings
from shipper.attribution.procfs import Procfs
from shipper.attribution.runtimes import RuntimeSocket

__all__ = [
    "NOBODY",
    "REASONS",
    "Asking",
    "Attributor",
    "BootClock",
    "Channel",
    "CriSocket",
    "Ends",
    "Executables",
    "Holder",
    "Host",
    "Kubelet",
    "PodLogs",
    "ProcessSettings",
    "Processes",
    "Procfs",
    "Remote",
    "RuntimeSocket",
    "Sockets",
    "Source",
    "channels",
    "serve",
]
