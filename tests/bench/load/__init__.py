"""What benchmarks of the whole agent share: a server under a fixed rate, and what each part costs.

with Site() as site:                              # cgroup, namespaces, nginx
    with site.requests("r1", Demand(200, 5000, 4.0)) as load:
        load.wait()
    load.outcome, site.served("r1")
"""

from .accounts import Group
from .demand import Demand, Outcome
from .memory import Memory
from .site import Site

__all__ = ["Demand", "Group", "Memory", "Outcome", "Site"]
