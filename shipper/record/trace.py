"""The headers that carry a trace -> `trace.id`, `span.id` and `transaction.id` of a record.

Where several tell, the first of these does: `traceparent` (W3C Trace Context, section 3.2), `b3`,
`X-B3-TraceId` with `X-B3-SpanId` (openzipkin/b3-propagation), `X-Amzn-Trace-Id` (AWS X-Ray). The
span is the one that the header names: the caller's span of this very exchange. `X-Request-Id` is
the transaction. What does not have its exact form is no id, and is left out.
"""

import re
from collections.abc import Mapping
from typing import Final

from shipper.record.settings import MASK

#: Lower-case names of the headers that are looked at.
TRACE_HEADERS: Final = frozenset(
    {
        "traceparent",
        "b3",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-amzn-trace-id",
        "x-request-id",
    }
)

# Version 00 ends after the flags; later ones may go on after a hyphen; ff is none.
_W3C: Final = re.compile(
    r"(?!ff)(?:00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}"
    r"|(?!00)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?)"
)
_B3: Final = re.compile(
    r"([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-[01d](?:-[0-9a-f]{16})?)?", re.IGNORECASE
)
_B3_TRACE: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{16}", re.IGNORECASE)
_SPAN: Final = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)
# Its two numbers together are the id that OpenTelemetry and X-Ray's W3C form have for the trace.
_XRAY_ROOT: Final = re.compile(
    r"(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})\s*(?=;|$)", re.IGNORECASE
)
_XRAY_PARENT: Final = re.compile(r"(?:^|;)\s*Parent=([0-9a-f]{16})\s*(?=;|$)", re.IGNORECASE)
_REQUEST: Final = re.compile(r"[!-~]{1,200}")


def trace_parts(headers: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The parts of a record that name its trace, from lower-case names and values; maybe none."""
    trace, span = _ids(headers)
    parts = {}
    if trace.strip("0"):
        parts["trace"] = {"id": trace.lower()}
        if span.strip("0"):
            parts["span"] = {"id": span.lower()}
    request = headers.get("x-request-id", "")
    if _REQUEST.fullmatch(request) and request != MASK:
        parts["transaction"] = {"id": request}
    return parts


def _ids(headers: Mapping[str, str]) -> tuple[str, str]:
    """(trace, span), "" where nothing tells it."""
    if found := _W3C.fullmatch(headers.get("traceparent", "")):
        return found[1] or found[3], found[2] or found[4]
    if found := _B3.fullmatch(headers.get("b3", "")):
        return found[1], found[2]
    if found := _B3_TRACE.fullmatch(headers.get("x-b3-traceid", "")):
        span = _SPAN.fullmatch(headers.get("x-b3-spanid", ""))
        return found[0], span[0] if span else ""
    xray = headers.get("x-amzn-trace-id", "")
    if "," not in xray and (found := _XRAY_ROOT.search(xray)):
        parent = _XRAY_PARENT.search(xray)
        return found[1] + found[2], parent[1] if parent else ""
    return "", ""
