"""From one agent to the next, without a gap: what the one leaves, and how the other comes by it.

Where both run, they speak over a socket of the one that was there first:

    next ──connects──► running        it has to be root, or the same user
         ◄──estate────                descriptors of tables, rings and links
         (takes them over, or loads a program of its own beside)
         ──"turn"────►                taken over: requests that begin are the next one's
         ──"at" ns───►                beside it: those whose first byte comes later are
         ◄──"agreed"──                all workers know of that moment, and it is still to come
         ◄──"over"────                what was open here has ended

Where the service manager ends the one before it starts the other, it keeps the descriptors
meanwhile, and what comes waits in the rings (`shipper.handover.store`).
"""

from shipper.handover.offer import Asked, Offer
from shipper.handover.predecessor import Predecessor, agreed_moment, meet
from shipper.handover.share import NEVER, Share
from shipper.handover.store import Store

__all__ = ["NEVER", "Asked", "Offer", "Predecessor", "Share", "Store", "agreed_moment", "meet"]
