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
    # Lines and bytes.
    "bare_lf": Anomaly("A line ended with LF alone.", "RFC 9112 section 2.2"),
    "bare_cr": Anomaly("A CR stood inside a line.", "RFC 9112 section 2.2"),
    "nul": Anomaly("A NUL byte stood in the header block.", "RFC 9110 section 5.5"),
    "control_character": Anomaly(
        "A control character other than tab, CR, LF and NUL stood in the header block.",
        "RFC 9110 section 5.5",
    ),
    "oversized_block": Anomaly(
        "The header block is longer than is taken (`capture.max_block`).",
        "RFC 9110 section 5.4, RFC 6585 section 5",
    ),
    "overlap_conflict": Anomaly(
        "A retransmission carried other bytes for the same place.", "RFC 9293 section 3.10"
    ),
    "junk_before_start_line": Anomaly(
        "Bytes that begin no message came before the start line; they are left out.",
        "RFC 9112 section 2.2",
    ),
    # The start line.
    "start_line_cut": Anomaly("The start line is longer than is taken.", "RFC 9112 section 3"),
    "start_line_whitespace": Anomaly(
        "The parts of the start line were not parted by single spaces.",
        "RFC 9112 sections 3 and 4",
    ),
    "missing_version": Anomaly("The request line had no HTTP version.", "RFC 9112 section 2.3"),
    "unusual_version": Anomaly(
        "The version was neither HTTP/1.0 nor HTTP/1.1, or not in upper case.",
        "RFC 9112 section 2.3, RFC 9110 section 2.5",
    ),
    "invalid_method": Anomaly("The method was no token.", "RFC 9110 section 9.1"),
    "unregistered_method": Anomaly(
        "The method is not in IANA's registry (which is no fault).", "RFC 9110 section 16.1"
    ),
    "missing_target": Anomaly("The request line had no target.", "RFC 9112 section 3"),
    "unusual_target_form": Anomaly(
        "The target was no path, no absolute URI, no `*` of OPTIONS and no host:port of CONNECT.",
        "RFC 9112 section 3.2",
    ),
    "target_with_spaces": Anomaly("The request target held spaces.", "RFC 9112 section 3.2"),
    "non_ascii_target": Anomaly(
        "The request target held bytes beyond ASCII.", "RFC 9112 section 3.2, RFC 3986 section 2"
    ),
    "fragment_in_target": Anomaly("The request target held a `#`.", "RFC 9110 section 7.1"),
    "userinfo_in_target": Anomaly(
        "The absolute target held user information.", "RFC 9110 section 4.2.4"
    ),
    "invalid_status": Anomaly(
        "The status was not three digits from 100 to 599; it is kept from 600 to 999.",
        "RFC 9112 section 4, RFC 9110 section 15",
    ),
    # The header lines.
    "obs_fold": Anomaly("A header was continued on a folded line.", "RFC 9112 section 5.2"),
    "leading_whitespace_in_headers": Anomaly(
        "White space came before the first header; the line is not passed on.",
        "RFC 9112 section 2.2",
    ),
    "space_before_colon": Anomaly(
        "White space stood between a header's name and its colon.", "RFC 9112 section 5.1"
    ),
    "empty_header_name": Anomaly("A header had no name.", "RFC 9112 section 5"),
    "non_ascii_header_name": Anomaly(
        "A header's name held bytes beyond ASCII.", "RFC 9110 sections 5.1 and 5.6.2"
    ),
    "invalid_header_line": Anomaly(
        "A line was no header; it is not passed on.", "RFC 9112 section 5"
    ),
    # Host.
    "missing_host": Anomaly("A request of HTTP/1.1 had no Host.", "RFC 9112 section 3.2"),
    "multiple_host": Anomaly("Host was given more than once.", "RFC 9112 section 3.2"),
    "invalid_host": Anomaly("Host was no host with or without a port.", "RFC 9112 section 3.2"),
    "host_mismatch": Anomaly(
        "The absolute target named another host, or another port, than Host.",
        "RFC 9112 section 3.2.2",
    ),
    # What says how long the body is.
    "invalid_content_length": Anomaly(
        "Content-Length was no number.", "RFC 9110 section 8.6, RFC 9112 section 6.3"
    ),
    "multiple_content_length": Anomaly(
        "Content-Length was given more than once.", "RFC 9110 section 8.6, RFC 9112 section 6.3"
    ),
    "conflicting_content_length": Anomaly(
        "The values of Content-Length differed.", "RFC 9110 section 8.6, RFC 9112 section 6.3"
    ),
    "content_length_with_transfer_encoding": Anomaly(
        "Content-Length and Transfer-Encoding were both given.", "RFC 9112 section 6.3"
    ),
    "unknown_transfer_coding": Anomaly(
        "Transfer-Encoding named a coding that is not registered.", "RFC 9112 section 6.1"
    ),
    "obfuscated_transfer_encoding": Anomaly(
        "Transfer-Encoding named a coding that only nearly is chunked.",
        "RFC 9112 sections 6.1, 7.1 and 11.2",
    ),
    "chunked_not_final": Anomaly(
        "Chunked was not the last transfer coding, or missing in a request.",
        "RFC 9112 sections 6.1 and 6.3",
    ),
    "multiple_chunked": Anomaly("Chunked was applied more than once.", "RFC 9112 section 6.1"),
    "transfer_encoding_in_http_1_0": Anomaly(
        "A message of HTTP/1.0 had a Transfer-Encoding.", "RFC 9112 section 6.1"
    ),
    "framing_without_body": Anomaly(
        "A response that can't have a body (1xx, 204, 2xx to CONNECT) announced one.",
        "RFC 9110 section 8.6, RFC 9112 section 6.1",
    ),
    "unknown_content_coding": Anomaly(
        "Content-Encoding named a coding that is not registered.", "RFC 9110 section 8.4.1"
    ),
    "multiple_content_codings": Anomaly(
        "More than one content coding was applied (which is no fault).", "RFC 9110 section 8.4"
    ),
    "invalid_chunk": Anomaly(
        "A line between the chunks of a body was no size, did not end with CRLF, or was not where "
        "the chunk before it ends; or the empty line behind the last one was missing.",
        "RFC 9112 sections 7.1 and 11.2",
    ),
    "data_after_message": Anomaly(
        "Bytes that begin no message came behind the end of one, as its framing says it. (Where "
        "they came after its exchange was told, the next one of the connection has the name.)",
        "RFC 9112 sections 6.3 and 11.2",
    ),
    # Answers, and what stands before the first request.
    "unreadable_response": Anomaly(
        "What answered the request could not be read as a response.", "RFC 9112 section 4"
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
