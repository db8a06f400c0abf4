"""The HTTP half of a record: the two messages, the URL, the user agent."""

from typing import Annotated, Required

from pydantic import Field
from typing_extensions import TypedDict

from shipper.record.model.scalars import Count, Port, Word, about

# One shape for both: every value is a list of strings, so that one `flattened` (Elasticsearch)
# or `flat_object` (OpenSearch) field, or one Avro map, holds all of it. "@" is no character of a
# field name (RFC 9110 section 5.6.2), so `@names` can't be a header's.
Headers = dict[str, list[str]]

_HEADERS = (
    "Lower-case name to the values in order of arrival, secrets masked. The key `@names` holds "
    "the names of the header block as they were spelled, in order, kept or not."
)


class Body(TypedDict, total=False):
    """The body of a message."""

    bytes: Annotated[
        Count, about("Body bytes", "Bytes of the body as sent, chunk framing included.", 887)
    ]


class RequestBody(Body):
    """The body of the request."""


class ResponseBody(Body):
    """The body of the response."""


class HttpRequest(TypedDict, total=False):
    """The request."""

    method: Annotated[
        Word, about("Method", "The method as in the request line (case-sensitive).", "GET")
    ]
    referrer: Annotated[
        str, about("Referrer", "The Referer header, redacted.", "https://example.org/?q=***")
    ]
    bytes: Annotated[
        Count, about("Request bytes", "Header block and body, where both are known.", 1437)
    ]
    body: RequestBody
    headers: Annotated[
        Headers,
        about(
            "Request headers",
            _HEADERS,
            {"accept": ["*/*"], "@names": ["Host", "Accept"]},
        ),
    ]


class HttpResponse(TypedDict, total=False):
    """The response."""

    status_code: Annotated[
        int,
        Field(ge=100, le=999),
        about(
            "Status code",
            "Three digits on the wire, of whatever class; absent where there were none.",
            200,
        ),
    ]
    bytes: Annotated[
        Count, about("Response bytes", "Header block and body, where both are known.", 1437)
    ]
    body: ResponseBody
    headers: Annotated[
        Headers,
        about(
            "Response headers",
            _HEADERS,
            {"server": ["nginx"], "@names": ["Server"]},
        ),
    ]


class Http(TypedDict, total=False):
    """The exchange."""

    version: Annotated[
        Word,
        about(
            "HTTP version",
            "Of the request, or of the response if it is alone. An unusual one as it was sent.",
            "1.1",
        ),
    ]
    request: HttpRequest
    response: HttpResponse


class Url(TypedDict, total=False):
    """The target of the request, redacted in each of its fields."""

    original: Annotated[
        Word, about("Request target", "The target as in the request line.", "/search?q=shipper")
    ]
    full: Annotated[
        str,
        about(
            "Target URI",
            "Rebuilt from target and Host (RFC 9112 section 3.3); absent without a host.",
            "http://example.org/search?q=shipper",
        ),
    ]
    path: Annotated[str, about("Path", "The path of the target.", "/search")]
    query: Annotated[str, about("Query", "The query without the question mark.", "q=shipper")]
    domain: Annotated[
        Word,
        about("Domain", "Host of the target or of the Host header, lower-case.", "example.org"),
    ]
    scheme: Annotated[Word, about("Scheme", "Lower-case, without the colon.", "http")]
    port: Annotated[
        Port,
        about("Port", "As written in the target or the Host header; absent where not.", 8080),
    ]


class UserAgent(TypedDict, total=False):
    """Who asked, by its own words."""

    original: Required[
        Annotated[str, about("User agent", "The User-Agent header, unparsed.", "curl/7.88.1")]
    ]
