"""What became of everything that came in: the counters, and the equations that they keep.

Each event is counted once by its fate, each block once, each message once; what is still held is
asked of the assembler. The equations hold after every call:

    events    = header_taken + duplicate + header_out_of_order + header_without_start
              + proxy_header + proxy_header_invalid + proxy_header_late
              + gap_in_block + gap_outside_block
              + message_end_taken + message_end_after_exchange + message_end_after_timeout
              + message_end_repeated + message_end_unmatched
              + flow_end + flow_end_without_state + twin
              + unknown_kind + unknown_side + unknown_stream
    blocks    = messages + block_no_start_line + block_invalid_start_line
              + block_role_conflict + block_twin
    messages  = messages_paired + messages_alone + messages_interim + messages_twin
              + held messages
    exchanges = messages_paired / 2 + messages_alone

Beside them stand facts that are no fates: `overlap_conflict` (retransmitted bytes disagreed),
`pipeline_overflow`, `timeouts` (connections whose wait ended), `connections`,
`connections_idle`, `connections_evicted`, `connections_relieved` (what they held was told early,
because all together held too much), `blocks_broken_off` (no blank line, for whatever
reason), `interim_dropped` (1xx codes beyond what one exchange lists) and `odd_end_late` (what was
odd about a message's end came when its exchange was told: the connection's next one has the name,
if there is one).
"""

from typing import Final

#: Events that told something, and those that did not.
EVENTS_USED: Final = ("header_taken", "proxy_header", "message_end_taken", "flow_end")
EVENTS_DISCARDED: Final = (
    "duplicate",
    "header_out_of_order",
    "header_without_start",
    "proxy_header_invalid",
    "proxy_header_late",
    "gap_in_block",
    "gap_outside_block",
    "message_end_after_exchange",
    "message_end_after_timeout",
    "message_end_repeated",
    "message_end_unmatched",
    "flow_end_without_state",
    "twin",
    "unknown_kind",
    "unknown_side",
    "unknown_stream",
)
EVENT_FATES: Final = (*EVENTS_USED, *EVENTS_DISCARDED)
BLOCK_FATES: Final = (
    "messages",
    "block_no_start_line",
    "block_invalid_start_line",
    "block_role_conflict",
    "block_twin",
)
MESSAGE_FATES: Final = ("messages_paired", "messages_alone", "messages_interim", "messages_twin")
FACTS: Final = (
    "overlap_conflict",
    "pipeline_overflow",
    "timeouts",
    "connections",
    "connections_idle",
    "connections_evicted",
    "connections_relieved",
    "blocks_broken_off",
    "interim_dropped",
    "odd_end_late",
)
TOTALS: Final = ("events", "blocks", "exchanges")


def new_counters() -> dict[str, int]:
    """Every counter there is, at 0."""
    return dict.fromkeys((*TOTALS, *EVENT_FATES, *BLOCK_FATES, *MESSAGE_FATES, *FACTS), 0)


def imbalance(counters: dict[str, int], *, held_messages: int) -> dict[str, int]:
    """By how much each equation is off, by the name of its left side; empty when all hold."""
    off = {
        "events": counters["events"] - sum(counters[n] for n in EVENT_FATES),
        "blocks": counters["blocks"] - sum(counters[n] for n in BLOCK_FATES),
        "messages": counters["messages"] - sum(counters[n] for n in MESSAGE_FATES) - held_messages,
        "exchanges": 2 * counters["exchanges"]
        - counters["messages_paired"]
        - 2 * counters["messages_alone"],
    }
    return {name: by for name, by in off.items() if by}
