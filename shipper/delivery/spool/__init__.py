"""The spool: records on disk from when they count as accepted until they are settled."""

from shipper.delivery.spool.backlog import Backlog
from shipper.delivery.spool.folder import Folder, folders
from shipper.delivery.spool.frames import Damage, Decoder, Encoder, Frame
from shipper.delivery.spool.leftover import Leftover
from shipper.delivery.spool.log import Log
from shipper.delivery.spool.lost import Lost
from shipper.delivery.spool.segments import Segment, Tombstone
from shipper.delivery.spool.state import Marks, State

__all__ = [
    "Backlog",
    "Damage",
    "Decoder",
    "Encoder",
    "Folder",
    "Frame",
    "Leftover",
    "Log",
    "Lost",
    "Marks",
    "Segment",
    "State",
    "Tombstone",
    "folders",
]
