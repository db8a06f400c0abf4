"""What connections spoke, by their first bytes: what was read, and what could not be."""

from collections.abc import Iterable


def coverage(counters: dict[str, int], roles: Iterable[str]) -> dict[str, int]:
    """How many connections of the wanted roles spoke what, by their first bytes.

    With both roles, a connection whose two ends are on this host counts at each end.
    """
    return {
        kind: sum(counters[f"{role}_{kind}"] for role in roles)
        for kind in ("http1", "http2", "tls", "other", "late")
    }


def coverage_line(seen: dict[str, int]) -> str:
    """The same as a sentence: what was read, and what was not."""
    return (
        f"connections: {seen['http1']} spoke HTTP/1 and were read; not read: {seen['tls']} TLS, "
        f"{seen['http2']} HTTP/2, {seen['other']} of other kinds, {seen['late']} joined late"
    )
