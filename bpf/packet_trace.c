/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * packet_trace: finds the header blocks of HTTP/1 messages in TCP segments and hands them, and
 * nothing else, to user space.
 *
 * For each direction of each connection it knows what the next byte is (struct side). A segment is
 * taken up to the next boundary; where more follows in it, the program calls itself again, and the
 * sequence numbers tell it where to go on. A body is skipped by arithmetic.
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
#include "lib/hole.h"
#include "lib/block.h"
#include "lib/chunk.h"

/* A segment with a payload, on a side that is followed. True when the rest holds more. */
static bool follow(struct segment *segment)
{
	struct side *side = segment->side;
	s32 ahead;

	if (side->state == STATE_BODY || side->state == STATE_UNTIL_CLOSE)
		return follow_body(segment);
	ahead = segment->sequence - side->next;
	if (side->state == STATE_LOST) {
		if (!may_resume(segment))
			return false;
	} else if (ahead > 0) {
		count(BEYOND_HOLE);
		beyond_hole(segment, ahead);
		return false;
	} else if (ahead < 0) {
		u32 known = -ahead;

		if (known >= segment->length) {
			if (!segment->again)
				count(RETRANSMITTED);
			return false;
		}
		segment->sequence += known;
		segment->offset += known;
		segment->length -= known;
	}
	if (side->state == STATE_CHUNK_SIZE || side->state == STATE_TRAILER)
		return follow_chunks(segment);
	return follow_block(segment);
}

/* One packet of a flow. True when it holds more than this pass could take. */
static bool trace(struct segment *segment, struct flow_key *key)
{
	struct packet *packet = segment->packet;
	u8 side = segment->origin->side;
	bool more = false;

	if ((!segment->flow || packet->tcp_flags & TCP_SYN) && !open_flow(segment, key))
		return false;
	segment->side = side ? &segment->flow->side[1] : &segment->flow->side[0];
	if (!attend(segment))
		return false;
	flow_owner(segment->skb, segment->origin);
	if (KEY_IS_REUSED && !segment->again)
		notice_gap(segment, side ? &segment->flow->side[0] : &segment->flow->side[1]);
	if (segment->length) {
		begin_side(segment);
		more = follow(segment);
	}
	if (!more && packet->tcp_flags & (TCP_FIN | TCP_RST))
		close_flow(segment);
	return more;
}

int packet_trace(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct origin origin = {};
	struct flow_key key = {};
	struct segment segment = {};
	u32 zero = 0;
	bool more;

	if (!parse_packet(skb, &packet) || !flow_key(skb, &packet, &key, &origin))
		return PASS;
	segment.set = settings.lookup(&zero);
	if (!segment.set)
		return PASS;
	segment.again = skb->cb[0];
	if (packet.length && !segment.again)
		count(PACKETS);
	segment.flow = flows.lookup(&key);
	if (segment.flow && segment.flow->verdict != VERDICT_FOLLOW &&
	    segment.flow->generation == segment.set->generation && !(packet.tcp_flags & TCP_SYN))
		return PASS;
	segment.scratch = take_scratch();
	if (!segment.scratch) {
		/* Nothing of this segment is known: so neither is the place behind it. */
		if (segment.flow)
			lose_place(origin.side ? &segment.flow->side[1] : &segment.flow->side[0]);
		return PASS;
	}
	segment.skb = skb;
	segment.scratch->packet = packet;
	segment.scratch->origin = origin;
	segment.packet = &segment.scratch->packet;
	segment.origin = &segment.scratch->origin;
	segment.found = &segment.scratch->found;
	__builtin_memset(segment.found, 0, sizeof(*segment.found));
	segment.sequence = segment.packet->sequence + !!(segment.packet->tcp_flags & TCP_SYN);
	segment.offset = segment.packet->payload;
	segment.length = segment.packet->length;
	more = trace(&segment, &key);
	if (segment.flow)
		emit(&segment);
	/* Addresses come again, and late segments of the old connection with them: such a flow
	 * stays, silent, until a SYN or the table's need ends it. A cookie never comes again. */
	if (!KEY_IS_REUSED && segment.flow && segment.flow->verdict == VERDICT_DONE &&
	    packet.tcp_flags & (TCP_FIN | TCP_RST))
		flows.delete(&key);
	give_back(segment.scratch);
	if (more) {
		skb->cb[0] = segment.again + 1;
		again.call(skb, 0);
		/* Only reached when the chain of calls is as long as the kernel allows. */
		count(PARSE_GIVEN_UP);
		if (segment.side)
			lose_place(segment.side);
	}
	return PASS;
}
