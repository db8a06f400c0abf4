"""The names of what may be odd on the wire, and what each means.

HTTP assembly gives the names; a new one needs a line here (the reference is generated from it)
and nothing else: the schema takes any name of this form.
"""

from typing import Final, NamedTuple


class Anomaly(NamedTuple):
    """One oddity: what was seen, and the rule that it breaks."""

    meaning: str
    source: str


ANOMALIES: Final[dict[str, Anomaly]] = {
    "bare_lf": Anomaly("A line ended with LF alone.", "RFC 9112 section 2.2"),
    "bare_cr": Anomaly("A CR stood inside a line.", "RFC 9112 section 2.2"),
    "obs_fold": Anomaly("A header was continued on a folded line.", "RFC 9112 section 5.2"),
    "space_before_colon": Anomaly(
        "White space stood between a header's name and its colon.", "RFC 9112 section 5.1"
    ),
    "invalid_header_line": Anomaly(
        "A line was no header; it is not passed on.", "RFC 9112 section 5"
    ),
    "nul": Anomaly("A NUL byte stood in a value.", "RFC 9110 section 5.5"),
    "multiple_content_length": Anomaly(
        "Content-Length was given more than once.", "RFC 9110 section 8.6, RFC 9112 section 6.3"
    ),
    "content_length_with_transfer_encoding": Anomaly(
        "Content-Length and Transfer-Encoding were both given.", "RFC 9112 section 6.3"
    ),
    "multiple_host": Anomaly("Host was given more than once.", "RFC 9112 section 3.2"),
    "missing_version": Anomaly("The start line had no HTTP version.", "RFC 9112 section 2.3"),
    "unusual_version": Anomaly(
        "The version was neither 1.0 nor 1.1.", "RFC 9112 section 2.3, RFC 9110 section 2.5"
    ),
    "invalid_content_length": Anomaly(
        "Content-Length was no number.", "RFC 9110 section 8.6, RFC 9112 section 6.3"
    ),
    "unknown_transfer_coding": Anomaly(
        "Transfer-Encoding named a coding that is not registered.", "RFC 9112 section 6.1"
    ),
    "start_line_cut": Anomaly("The start line is longer than is taken.", "RFC 9112 section 3"),
    "start_line_whitespace": Anomaly(
        "The parts of the start line were not parted by single spaces.", "RFC 9112 section 3"
    ),
    "missing_target": Anomaly("The request line had no target.", "RFC 9112 section 3"),
    "unreadable_response": Anomaly(
        "What answered the request could not be read as a response.", "RFC 9112 section 4"
    ),
    "target_with_spaces": Anomaly("The request target held spaces.", "RFC 9112 section 3.2"),
    "overlap_conflict": Anomaly(
        "A retransmission carried other bytes for the same place.", "RFC 9293 section 3.10"
    ),
    "junk_before_start_line": Anomaly(
        "Bytes that begin no message came before the start line; they are left out.",
        "RFC 9112 section 2.2",
    ),
    "simple_response": Anomaly(
        "The answer had no status line and no headers (HTTP/0.9).", "RFC 1945 section 6"
    ),
    "invalid_proxy_header": Anomaly(
        "A PROXY protocol header was malformed; it is not believed.",
        "PROXY protocol sections 2.1 and 2.2",
    ),
    "untrusted_proxy_header": Anomaly(
        "A PROXY protocol header came from a peer that is not in `record.trusted_proxies`; "
        "it is not believed.",
        "PROXY protocol section 5",
    ),
}
