"""Paths become routes: what is arbitrary in them is folded, words are not."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.insight.routes import DEPTH, LONGEST, route

_PLACEHOLDER = re.compile(r"\{(?:id|uuid|date|hex|token|text|rest)\}")
_WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=12).filter(
    lambda word: not set(word) <= set("abcdef")
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("", ""),
        ("*", "*"),
        ("/users/4711", "/users/{id}"),
        ("/users/4711/", "/users/{id}/"),
        (
            "/users/7/orders/6f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
            "/users/{id}/orders/{uuid}",
        ),
        ("/api/v2/users", "/api/v2/users"),
        ("/api/v1.2/oauth2/token", "/api/v1.{id}/oauth2/token"),
        ("/s3/base64/utf8", "/s3/base64/utf8"),
        ("/days/2026-11-23", "/days/{date}"),
        ("/at/2026-11-23T10:20:30.5Z", "/at/{date}"),
        ("/report-2026-11-23.csv", "/report-{date}.csv"),
        ("/blog/2026/11/23/why-it-works", "/blog/{id}/{id}/{id}/why-it-works"),
        ("/commit/73a6cf7", "/commit/{hex}"),
        ("/tx/0x1f", "/tx/{hex}"),
        ("/facade/feedback", "/facade/feedback"),
        ("/objects/507f1f77bcf86cd799439011", "/objects/{hex}"),
        ("/img/photo0042.jpg", "/img/photo{id}.jpg"),
        ("/order-12345_b", "/order-{id}_b"),
        ("/static/main.d41d8cd9.js", "/static/main.{hex}.js"),
        ("/watch/dQw4w9WgXcQ", "/watch/{token}"),
        ("/ulid/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/ulid/{token}"),
        ("/n/V1StGXR8_Z5jdHi6B-myT", "/n/{token}"),
        ("/charge/cus_9s6XKzkNRiz8i3", "/charge/{token}"),
        ("/rpc/getUserByIdV2", "/rpc/getUserByIdV2"),
        ("/login/OAuth2Callback", "/login/OAuth2Callback"),
        ("/app;jsessionid=5F1A/page", "/app/page"),
        ("/search/caf%C3%A9%20au%20lait", "/search/{text}"),
        ("/..%2f..%2fetc/passwd", "/{text}/passwd"),
        ("/templates/{id}", "/templates/{text}"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/models/gpt-4o-2024-08-06", "/v1/models/gpt-4o-{date}"),
        ("/a" * 12, "/a" * 9 + "/{rest}"),
    ],
)
def test_paths_and_their_routes(path: str, expected: str) -> None:
    """The shapes that the table of the module names, and words that only look like them."""
    assert route(path) == expected


@given(st.lists(_WORDS, max_size=DEPTH - 1))
def test_words_stay(words: list[str]) -> None:
    """A path of words is its own route."""
    path = "/" + "/".join(words)
    assert route(path) == path


_IDS = st.one_of(
    st.integers(0, 10**30).map(str),
    st.uuids().map(str),
    st.uuids().map(lambda u: str(u).upper()),
    st.dates().map(lambda d: d.isoformat()),
    st.datetimes().map(lambda d: d.isoformat()),
    st.text("0123456789abcdef", min_size=16, max_size=64),
)


@given(before=_WORDS, arbitrary=_IDS, after=_WORDS)
def test_ids_leave_one_placeholder(before: str, arbitrary: str, after: str) -> None:
    """Whatever the id, nothing of it is left and the words beside it are."""
    folded = route(f"/{before}/{arbitrary}/{after}")
    assert re.fullmatch(f"/{before}/{_PLACEHOLDER.pattern}/{after}", folded), folded


@given(st.text(max_size=2000))
def test_any_text_gives_a_bounded_printable_route(text: str) -> None:
    """Whatever a peer sends: short, of a path's own characters, without a longer number."""
    folded = route(text)
    assert len(folded) <= (DEPTH + 1) * (LONGEST + 1)
    assert folded.isprintable()
    assert folded.isascii()
    rest = _PLACEHOLDER.sub("", folded)
    assert "{" not in rest
    assert "}" not in rest
    assert not re.search(r"\d{3}", rest)


@given(st.lists(st.sampled_from([*"09aZ-._~%/;{", "id"]), max_size=60))
def test_awkward_texts_give_bounded_routes(parts: list[str]) -> None:
    """The same for texts made of what the rules look at."""
    test_any_text_gives_a_bounded_printable_route.hypothesis.inner_test("".join(parts))  # type: ignore[attr-defined]


def test_a_million_objects_share_few_routes() -> None:
    """Numbers, however many, give one route each place."""
    routes = {route(f"/shop/{n % 7}/items/{n}/photo{n:06}.jpg") for n in range(20_000)}
    assert routes == {"/shop/{id}/items/{id}/photo{id}.jpg"}
