"""What HTTP assembly hands to the record room: one HTTP exchange, whole or marked as not whole.

Text is ISO-8859-1: every byte of the wire is the code point of the same number. It loses
nothing, is valid JSON whatever a peer sends, and one rule covers every field (RFC 9110
section 5.5 leaves the bytes above 0x7F opaque). ASCII, which is nearly everything, reads as itself.

Compiled, a constructor that is written out is a plain call, and one that `dataclass` makes is
interpreted: those of what is made for every exchange stand here.
"""

from dataclasses import dataclass
from enum import StrEnum

from shipper.contract.events import Owner

Headers = tuple[tuple[str, str], ...]


class Incomplete(StrEnum):
    """Why an exchange is not whole. Each name stands in the record."""

    NO_RESPONSE = "no_response"  #: the request was never answered before the time-out
    NO_REQUEST = "no_request"  #: a response whose request was not seen
    REQUEST_CUT_OFF = "request_cut_off"  #: the connection ended inside the request
    RESPONSE_CUT_OFF = "response_cut_off"  #: the connection ended inside the response
    REQUEST_GAP = "request_gap"  #: bytes of the request's header block were never seen
    RESPONSE_GAP = "response_gap"  #: bytes of the response's header block were never seen


@dataclass(slots=True, frozen=True)
class Proxied:
    """What a PROXY protocol header said of the connection that a proxy took over.

    `source` asked, `destination` is what it had connected to: 4 or 16 bytes, and their ports.
    None where the header named no address. Whoever sends the header may claim anything.
    """

    version: int  # of the PROXY protocol: 1 or 2
    source: bytes | None = None
    source_port: int | None = None
    destination: bytes | None = None
    destination_port: int | None = None


@dataclass(slots=True, frozen=True)
class Connection:
    """Where an exchange took place.

    Addresses are 4 or 16 bytes. `direction` is `ingress` when the local socket is the server,
    `egress` when it is the client, None where neither is known to be local. `proxied` is what a
    PROXY protocol header in front of the first request said.
    """

    stream: str  # "tcp"
    hook: str  # "cgroup", "interface" or "replay"
    direction: str | None
    client_address: bytes
    client_port: int
    server_address: bytes
    server_port: int
    flow: int
    cookie: int | None = None
    cgroup: int | None = None
    interface: int | None = None
    scope: int | None = None
    proxied: Proxied | None = None


@dataclass(slots=True, init=False)
class Message:
    """What a request and a response have in common.

    Times are nanoseconds on the event's clock: the first byte of the header block, and the last
    byte of the message where it was seen. `header_bytes` counts the block as it was sent, blank
    line included; `body_bytes` is None where the end was not seen. `headers` keeps order,
    multiplicity and spelling, and is a tuple that messages may share: whoever is handed it may keep
    what was made of it.
    """

    version: str | None  # "1.1"; "0.9" for a simple request or response (RFC 1945 section 4.1)
    headers: Headers
    start: int
    end: int | None
    header_bytes: int
    body_bytes: int | None
    cut: bool  # the block was longer than is taken


@dataclass(slots=True, init=False)
class Request(Message):
    """`method` and `target` exactly as in the request line."""

    method: str
    target: str

    def __init__(  # noqa: PLR0913, PLR0917 - its fields
        self,
        version: str | None,
        headers: Headers,
        start: int,
        end: int | None,
        header_bytes: int,
        body_bytes: int | None,
        cut: bool = False,  # noqa: FBT001, FBT002
        method: str = "",
        target: str = "",
    ) -> None:
        self.version, self.headers = version, headers
        self.start, self.end = start, end
        self.header_bytes, self.body_bytes, self.cut = header_bytes, body_bytes, cut
        self.method, self.target = method, target


@dataclass(slots=True, init=False)
class Response(Message):
    """`interim` lists the 1xx codes that came before this final response.

    `status` is from 100 to 999; None where the status line held no such number, and for an answer
    that had no status line (HTTP/0.9).
    """

    status: int | None
    reason: str
    interim: tuple[int, ...]

    def __init__(  # noqa: PLR0913, PLR0917 - its fields
        self,
        version: str | None,
        headers: Headers,
        start: int,
        end: int | None,
        header_bytes: int,
        body_bytes: int | None,
        cut: bool = False,  # noqa: FBT001, FBT002
        status: int | None = None,
        reason: str = "",
        interim: tuple[int, ...] = (),
    ) -> None:
        self.version, self.headers = version, headers
        self.start, self.end = start, end
        self.header_bytes, self.body_bytes, self.cut = header_bytes, body_bytes, cut
        self.status, self.reason, self.interim = status, reason, interim


@dataclass(slots=True)
class Folded:
    """Exchanges that were alike, of which one stands for all.

    `last` is the start of the latest (ns, event's clock), `duration` the sum of what those took
    that were seen from first byte to last (ns).
    """

    count: int
    last: int
    duration: int


@dataclass(slots=True, init=False)
class Exchange:
    """A request and its response, or either alone with the reason why.

    `anomalies` are names (documented in docs/records.md) of what was odd on the wire; `number`
    counts the exchanges of one connection from 0. `sampling_rate` is the share of its like that
    become records, `folded` which others it stands for, if for any: both are set by who decides
    that. `process` dealt with it on this host, where the kernel has told of it: a server's where it
    has answered. `peer` is the client's process, where both ends are on this host and both were
    seen.
    """

    connection: Connection
    request: Request | None
    response: Response | None
    number: int
    incomplete: tuple[Incomplete, ...]
    anomalies: tuple[str, ...]
    joined_late: bool
    resumed: bool
    sampling_rate: float
    folded: Folded | None
    process: Owner | None
    peer: Owner | None

    def __init__(  # noqa: PLR0913, PLR0917 - its fields
        self,
        connection: Connection,
        request: Request | None,
        response: Response | None,
        number: int = 0,
        incomplete: tuple[Incomplete, ...] = (),
        anomalies: tuple[str, ...] = (),
        joined_late: bool = False,  # noqa: FBT001, FBT002
        resumed: bool = False,  # noqa: FBT001, FBT002
        sampling_rate: float = 1.0,
        folded: Folded | None = None,
        process: Owner | None = None,
        peer: Owner | None = None,
    ) -> None:
        self.connection, self.request, self.response = connection, request, response
        self.number, self.incomplete, self.anomalies = number, incomplete, anomalies
        self.joined_late, self.resumed, self.sampling_rate = joined_late, resumed, sampling_rate
        self.folded, self.process, self.peer = folded, process, peer

    @property
    def start(self) -> int:
        """First byte of the request; of the response if there is none (ns, event's clock)."""
        first = self.request or self.response
        if first is None:
            msg = "an exchange holds a request or a response"
            raise ValueError(msg)
        return first.start
