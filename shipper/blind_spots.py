"""What passes this host and is not seen, or less of it than elsewhere: told by `doctor`.

Each stands in docs/blind-spots.md. What connections speak that is not read (TLS, HTTP/2) is seen
by watching, and a private cgroup namespace is a reason not to start: both are checks of their own.
"""

from collections.abc import Iterator

from shipper.capture import abilities, loader, multipath_sockets, redirecting
from shipper.config import Config
from shipper.finding import Finding

_PAGE = "docs/blind-spots.md"


def blind_spots(config: Config) -> Iterator[Finding]:
    """One after the other, as far as this user may look."""
    yield from _features()
    yield _redirected()
    yield _multipath(config)


def _features() -> Iterator[Finding]:
    """One finding each, by the names of docs/kernels.md."""
    try:
        for each in abilities():
            check = f"kernel: {each.name}"
            if each.there:
                yield Finding(check, "ok", "yes")
            else:
                remedy = f"nothing is lost by it; a newer kernel has it ({_PAGE})"
                yield Finding(check, "warn", f"no: {each.without}", remedy)
    except loader.LoaderError as error:
        yield Finding("kernel features", "warn", f"not to be known: {error}", error.remedy)


def _redirected() -> Finding:
    found = redirecting()
    if found is None:
        remedy = "run this as root once"
        return Finding("sockmap", "warn", "not to be known: needs CAP_SYS_ADMIN", remedy)
    if not found:
        return Finding("sockmap", "ok", "no program sends data from socket to socket")
    programs = ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()))
    return Finding(
        "sockmap",
        "warn",
        f"{programs} programs may send data from socket to socket, past every hook",
        f"turn that acceleration off where HTTP is to be seen ({_PAGE})",
    )


def _multipath(config: Config) -> Finding:
    sockets = multipath_sockets()
    if not sockets:
        return Finding("MPTCP", "ok", "no socket of this network namespace speaks it")
    where = "each path is a connection of its own here"
    if config.capture.hook == "cgroup":
        where += ", with a cookie of its own"
    return Finding(
        "MPTCP",
        "warn",
        f"{sockets} sockets speak it: {where}, and what is split over several is not put together",
        f"sysctl net.mptcp.enabled=0, or one path each ({_PAGE})",
    )
