/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * packet_trace: finds the header blocks of HTTP/1 messages in TCP segments and hands them, and
 * nothing else, to user space.
 *
 * For each direction of each connection it knows what the next byte is (struct side). A segment is
 * taken up to the next boundary; where more follows in it, the program calls itself again, and the
 * sequence numbers tell it where to go on. A body is skipped by arithmetic.
 *
 * What the verifier had to follow of the three builds, of a million instructions at most (kernel
 * 6.18): 61,000 to 84,000 in 0.1 s; with bounded loops 730,000 to 890,000. There each pass takes less
 * (scratch.h), and limits are what they are because of this. Three things keep it small: numbers
 * live in scratch memory, so that paths which differ in a value only merge; a side is reached by
 * arithmetic; and no loop holds another pass, or its events, twice.
 *
 * It only reads: every path returns PASS. It is loaded through bcc, which rewrites map accesses in
 * the main file only; the loader therefore folds the files of lib/ into this one.
 */
#include "lib/event.h"
#include "lib/loop.h"
#include "lib/maps.h"
#include "lib/packet.h"
#include "lib/flow_key.h"
#include "lib/filter.h"
#include "lib/emit.h"
#include "lib/start_line.h"
#include "lib/scan.h"
#include "lib/body.h"
#include "lib/flow.h"
#include "lib/scratch.h"
#include "lib/block.h"
#include "lib/hole.h"
#include "lib/chunk.h"

/* A segment with a payload, on a side that is followed. True when the rest holds more. */
static bool follow(struct segment *segment)
{
	struct side *side = segment->side;
	struct rest *rest = segment->rest;
	s32 ahead;

	if (side->state == STATE_BODY || side->state == STATE_UNTIL_CLOSE)
		return follow_body(segment);
	ahead = rest->sequence - side->next;
	if (side->state != STATE_LOST && ahead > 0) {
		if (!rest->again)
			count(BEYOND_HOLE);
		if (!hole_stays(side)) {
			beyond_hole(segment, ahead);
			return false;
		}
		give_up_hole(segment, side, rest->sequence);
	}
	if (side->state == STATE_LOST) {
		if (!may_resume(segment))
			return false;
	} else if (ahead < 0) {
		u32 known = -ahead;

		if (known >= rest->length) {
			if (!rest->again)
				count(RETRANSMITTED);
			return false;
		}
		rest->sequence += known;
		rest->offset += known;
		rest->length -= known;
	}
	if (side->state == STATE_CHUNK_SIZE || side->state == STATE_TRAILER)
		return follow_chunks(segment);
	return follow_block(segment);
}

/*
 * Takes the packet up to the next boundary and hands out what was found. The sequence numbers tell
 * the next pass where to go on. (A loop over passes would be one in which every other loop nests:
 * the verifier then compares states exactly, and a million instructions are not enough.)
 */
static void pass(struct segment *segment, bool attended)
{
	struct packet *packet = segment->packet;
	struct rest *rest = segment->rest;
	volatile u64 *more = &rest->more;

	rest->sequence = packet->sequence + !!(packet->tcp_flags & TCP_SYN);
	rest->offset = packet->payload;
	rest->length = packet->length;
	*more = 0;
	if (attended && rest->length) {
		*more = follow(segment);
		if (!*more)
			join_hole(segment);
	}
	if (attended && !*more && packet->tcp_flags & (TCP_FIN | TCP_RST))
		close_flow(segment);
	emit(segment);
	__builtin_memset(segment->found, 0, sizeof(*segment->found));
	rest->again++;
}

/* The side that the packet belongs to, by arithmetic: the verifier then looks at one, not at two. */
static struct side *side_of(struct flow *flow, u64 which)
{
	asm volatile("%0 &= 1" : "+r"(which));
	return (struct side *)((u8 *)flow->side + which * sizeof(struct side));
}

/* One packet of a flow. True when it holds more than could be taken. */
static bool trace(struct segment *segment)
{
	u8 side = segment->origin->side;
	bool attended;

	segment->side = side_of(segment->flow, side);
	attended = attend(segment);
	if (attended) {
		flow_owner(segment->skb, segment->origin);
		if (KEY_IS_REUSED && !segment->rest->again)
			notice_gap(segment, side_of(segment->flow, !side));
		if (segment->packet->length)
			begin_side(segment);
	}
	pass(segment, attended);
	return segment->rest->more;
}

/*
 * A cookie never comes again: its flow goes with the second FIN. After a reset it stays, silent,
 * until the table needs the room: a sender that holds the socket's lock learns of the reset later
 * than this hook, and what it still sends is not to be taken for a connection joined late. So does
 * every flow of addresses, which come again, and late segments of the old connection with them.
 */
static void forget_closed(struct flow *flow, struct flow_key *key, u64 side, u8 tcp_flags)
{
	if (KEY_IS_REUSED || !(tcp_flags & TCP_FIN))
		return;
	side_of(flow, side)->flags |= SIDE_FIN;
	if (flow->verdict != VERDICT_FOLLOW &&
	    flow->side[0].flags & flow->side[1].flags & SIDE_FIN)
		flows.delete(key);
}

int packet_trace(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct origin origin = {};
	struct flow_key key = {};
	struct segment segment = {};
	u32 zero = 0;
	bool more = false;

	if (!parse_packet(skb, &packet) || !flow_key(skb, &packet, &key, &origin))
		return PASS;
	segment.set = settings.lookup(&zero);
	if (!segment.set)
		return PASS;
	if (packet.length && !skb->cb[0])
		count(PACKETS);
	segment.flow = flows.lookup(&key);
	if (segment.flow && segment.flow->verdict != VERDICT_FOLLOW &&
	    segment.flow->generation == segment.set->generation && !(packet.tcp_flags & TCP_SYN)) {
		forget_closed(segment.flow, &key, origin.side, packet.tcp_flags);
		return PASS;
	}
	segment.scratch = take_scratch();
	if (!segment.scratch) {
		/* Nothing of this segment is known: so neither is the place behind it. */
		if (segment.flow)
			lose_place(side_of(segment.flow, origin.side));
		return PASS;
	}
	segment.skb = skb;
	segment.scratch->packet = packet;
	segment.scratch->origin = origin;
	find_scratch(&segment);
	segment.rest->again = skb->cb[0];
	__builtin_memset(segment.found, 0, sizeof(*segment.found));
	if (open_flow(&segment, &key)) {
		more = trace(&segment);
		forget_closed(segment.flow, &key, segment.origin->side, segment.packet->tcp_flags);
	}
	zero = segment.rest->again;
	give_back(segment.scratch);
	if (more) {
		skb->cb[0] = zero;
		again.call(skb, 0);
		/* Only reached when the chain of calls is as long as the kernel allows. */
		count(PARSE_GIVEN_UP);
		if (segment.side)
			lose_place(segment.side);
	}
	return PASS;
}
