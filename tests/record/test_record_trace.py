"""The headers of a trace become ids; each form stands as its own specification gives it."""

from typing import Any

import pytest

from shipper.record import Action, HeaderSettings, RecordSettings

from .record_exchanges import CREATED, OFFSET, builder, exchange, request

#: https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers
W3C = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
W3C_IDS = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", None)
#: https://github.com/openzipkin/b3-propagation, "Multiple Headers" and "Single Header"
B3_MULTI = (
    ("X-B3-TraceId", "80f198ee56343ba864fe8b2a57d3eff7"),
    ("X-B3-ParentSpanId", "05e3ac9a4f6e3b90"),
    ("X-B3-SpanId", "e457b5a2e4d86bd1"),
    ("X-B3-Sampled", "1"),
)
B3_SINGLE = ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90")
B3_IDS = ("80f198ee56343ba864fe8b2a57d3eff7", "e457b5a2e4d86bd1", None)
#: AWS X-Ray Developer Guide, "Tracing header"; Application Load Balancers add `Self`
XRAY = (
    "X-Amzn-Trace-Id",
    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
)
XRAY_IDS = ("5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8", None)
ALB = (
    "X-Amzn-Trace-Id",
    "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678",
)
NOTHING = (None, None, None)


def ids(
    *headers: tuple[str, str], settings: RecordSettings | None = None
) -> tuple[str | None, str | None, str | None]:
    """(trace, span, transaction) of the record of a request with these headers."""
    record = builder(settings).build(exchange(request("/", *headers)), OFFSET, CREATED)
    found: dict[str, Any] = record.document
    trace, span, transaction = (
        found.get(part, {}).get("id") for part in ("trace", "span", "transaction")
    )
    return trace, span, transaction


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((W3C,), W3C_IDS),
        (B3_MULTI, B3_IDS),
        ((B3_SINGLE,), B3_IDS),
        ((("b3", "e457b5a2e4d86bd1-e457b5a2e4d86bd1"),), ("e457b5a2e4d86bd1",) * 2 + (None,)),
        ((XRAY,), XRAY_IDS),
        ((ALB,), ("67891233abcdef012345678912345678", None, None)),
        ((("X-Request-ID", "f058ebd6-02f7-4d3f-942e-904344e8cde5"),),
         (None, None, "f058ebd6-02f7-4d3f-942e-904344e8cde5")),
    ],
)  # fmt: skip
def test_each_form(headers: tuple[tuple[str, str], ...], expected: tuple[str | None, ...]) -> None:
    """The ids stand in the record, those of X-Ray as OpenTelemetry writes them."""
    assert ids(*headers) == expected


def test_the_first_form_of_several_tells() -> None:
    """A request that passed several tracers has one trace: W3C's, then B3's."""
    assert ids(XRAY, B3_SINGLE, W3C) == W3C_IDS
    assert ids(XRAY, B3_SINGLE) == B3_IDS
    assert ids(*B3_MULTI, XRAY, ("X-Request-Id", "r-1")) == (*B3_IDS[:2], "r-1")


@pytest.mark.parametrize(
    "header",
    [
        # https://www.w3.org/TR/trace-context/#versioning-of-traceparent and the sections above it
        ("traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        ("traceparent", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"),
        ("traceparent", "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more"),
        ("traceparent", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("b3", "0"),
        ("b3", "80f198ee56343ba864fe8b2a57d3eff7"),
        ("X-B3-TraceId", "not hexadecimal at all, but long"),
        ("X-Amzn-Trace-Id", "Root=1-5759e988"),
        ("X-Amzn-Trace-Id", "NotRoot=1-5759e988-bd862e3fe1be46a994272793"),
        ("X-Request-Id", "two words"),
        ("X-Request-Id", "x" * 201),
    ],
)
def test_what_has_another_form_is_no_id(header: tuple[str, str]) -> None:
    """Absent rather than wrong."""
    assert ids(header) == NOTHING


@pytest.mark.parametrize("header", [W3C, B3_SINGLE, XRAY, ("X-Request-Id", "r-1")])
def test_a_header_that_is_given_twice_tells_nothing(header: tuple[str, str]) -> None:
    """W3C Trace Context, section 3.2: which of them is meant can't be known."""
    assert ids(header, (header[0].upper(), header[1])) == NOTHING


def test_a_later_version_may_say_more() -> None:
    """The ids stand where they always stood (W3C Trace Context, section 4.3)."""
    later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings"
    assert ids(("traceparent", later)) == W3C_IDS


def test_a_span_of_zeros_is_none() -> None:
    """The trace stays."""
    trace = W3C_IDS[0]
    assert ids(("traceparent", f"00-{trace}-0000000000000000-00")) == (trace, None, None)


@pytest.mark.parametrize("action", [Action.MASK, Action.DROP])
def test_a_header_that_is_hidden_tells_nothing(action: Action) -> None:
    """What the operator takes out of the headers does not come back as an id."""
    hidden = HeaderSettings(actions=dict.fromkeys(("traceparent", "x-request-id"), action))
    settings = RecordSettings(headers=hidden)
    assert ids(W3C, ("X-Request-Id", "r-1"), settings=settings) == NOTHING


def test_a_header_that_is_not_kept_tells_its_id() -> None:
    """As with the user agent: what enters the header part is one thing, a field another."""
    settings = RecordSettings(headers=HeaderSettings(request=("host",)))
    assert ids(W3C, settings=settings) == W3C_IDS
