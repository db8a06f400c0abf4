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
 * 6.18; LLVM 14, 18 and 19): 84,000 to 186,000; with bounded loops 410,000 to 868,000. There each
 * pass takes less (scratch.h), and limits are what they are because of this. Three things keep it
 * small: numbers live in scratch memory, so that paths which differ in a value only merge; a side is
 * reached by arithmetic; and no loop holds another pass, or its events, twice.
 *
 * It only reads: every path returns PASS. It is loaded through bcc, which rewrites map accesses in
 * the main file only; the loader therefore folds the files of lib/ into this one.
 */
#include "lib/event.h"
#include "lib/loop.h"
#include "lib/maps.h"
#include "lib/packet.h"
#include "lib/flow_key.h"
#include "lib/tunnel.h"
#include "lib/filter.h"
#include "lib/owner.h"
#include "lib/turn.h"
#include "lib/emit.h"
#include "lib/start_line.h"
#include "lib/scan.h"
#include "lib/body.h"
#include "lib/flow.h"
#include "lib/window.h"
#include "lib/hold.h"
#include "lib/scratch.h"
#include "lib/message.h"
#include "lib/block.h"
#include "lib/disorder.h"
#include "lib/chunk.h"

/* What lies further behind the furthest byte seen is no retransmission: that byte was a stray. */
#define RESUME_BEHIND (1 << 20)

/* A segment with a payload, on a side that is followed. True when the rest holds more. */
static bool follow(struct segment *segment)
{
	struct side *side = segment->side;
	struct rest *rest = segment->rest;
	s32 ahead;

	if (repeats_block(segment))
		return true;
	if (side->state == STATE_BODY || side->state == STATE_UNTIL_CLOSE)
		return follow_body(segment);
	ahead = rest->sequence - side->next;
	if (ahead <= 0)
		side->beyond = 0;
	else if (side->state != STATE_LOST && !beyond_hole(segment))
		return false;
	if (side->state == STATE_LOST) {
		/* A retransmission leads back to what is over. */
		if (ahead < 0 && ahead > -RESUME_BEHIND)
			return false;
		if (ahead + (s32)rest->length > 0)
			side->next = rest->sequence + rest->length;
		if (!may_resume(segment))
			return false;
	} else if (ahead < 0) {
		u32 known = -ahead;

		if (known >= rest->length) {
			count_repeated(rest);
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

/* The kernel allows 33 tail calls in a row (MAX_TAIL_CALL_CNT), of which one may lead to the first
 * pass. */
#define LAST_PASS 32

/* A FIN before what was seen of the stream already is none of its own, and no receiver's either. */
static void note_fin(struct segment *segment)
{
	struct packet *packet = segment->packet;
	struct side *side = segment->side;
	u32 fin = packet->sequence + !!(packet->tcp_flags & TCP_SYN) + packet->length;

	if (!(packet->tcp_flags & TCP_FIN))
		return;
	if (side->state != STATE_NEW && side->state != STATE_LOST && (s32)(fin - side->next) < 0)
		return;
	side->fin = fin;
	side->flags |= SIDE_FIN;
}

/* Of what comes before the packet so many only that calls are left for the packet itself. */
static bool calls_are_used(struct rest *rest)
{
	return rest->again >= (rest->turned == TURNED_FIRST ? LAST_PASS / 2 : LAST_PASS);
}

/*
 * What was looked at is used up. True when something else is to be looked at: a kept segment that
 * is next now, or the other side's, which were waiting for bytes that will not come.
 */
static bool go_on(struct segment *segment)
{
	struct rest *rest = segment->rest;
	struct side *side = segment->side;

	if (rest->held) {
		if (!rest->waits)
			let_go(segment);
	} else {
		note_fin(segment);
	}
	rest->compared = 0;
	rest->held = next_held(segment);
	if (rest->held && rest->turned == TURNED_FIRST && calls_are_used(rest)) {
		rest->held = 0;
		side->flags |= SIDE_DEFERRED;
	} else if (rest->held) {
		return true;
	} else {
		side->flags &= ~SIDE_DEFERRED;
	}
	close_flow(segment);
	if (segment->flow->verdict != VERDICT_FOLLOW)
		return false;
	if (rest->turned) {
		/* Back to the packet, if it is still to be looked at. */
		rest->turned = rest->turned == TURNED_FIRST ? NOT_TURNED : TURNED_LAST;
		return rest->turned == NOT_TURNED;
	}
	side = side_of(segment->flow, !segment->origin->side);
	if (side->flags & SIDE_DEFERRED ||
	    (side->state == STATE_LOST && (side->held || side->flags & SIDE_FIN)))
		rest->turned = TURNED_LAST;
	return rest->turned;
}

/*
 * The packet holds more than a chain of calls can take: the rest is kept like a segment beyond a
 * hole, and looked at with the next packet of either side: before it, if it is the other side's.
 */
static void defer(struct segment *segment)
{
	struct rest *rest = segment->rest;
	struct packet *packet = segment->packet;
	struct side *side = segment->side;
	u32 done;

	side->flags |= SIDE_DEFERRED;
	if (rest->held)
		use_part(segment);
	if (rest->turned == TURNED_FIRST) {
		/* Back to the packet. */
		rest->turned = NOT_TURNED;
		rest->held = 0;
		rest->compared = 0;
		return;
	}
	if (rest->held || rest->turned || side->state == STATE_LOST)
		return;
	done = side->next - packet->sequence - !!(packet->tcp_flags & TCP_SYN);
	rest->sequence = side->next;
	rest->offset = packet->payload + done;
	rest->length = packet->length - done;
	keep(segment);
	note_fin(segment);
}

/* The end of a pass. */
static void tell(struct segment *segment)
{
	emit(segment);
	segment->rest->again++;
}

/*
 * Takes the packet up to the next boundary and hands out what was found. The sequence numbers tell
 * the next pass where to go on. (A loop over passes would be one in which every other loop nests:
 * the verifier then compares states exactly, and a million instructions are not enough.)
 */
static void pass(struct segment *segment)
{
	struct packet *packet = segment->packet;
	struct rest *rest = segment->rest;
	volatile u64 *more = &rest->more;

	rest->waits = 0;
	if (rest->held) {
		look_at_held(segment);
	} else {
		rest->sequence = packet->sequence + !!(packet->tcp_flags & TCP_SYN);
		rest->offset = packet->payload;
		rest->length = packet->length;
	}
	*more = 0;
	if (rest->length)
		*more = follow(segment);
	if (*more)
		look_behind(segment);
	if (segment->flow->verdict != VERDICT_FOLLOW)
		*more = 0;
	else if (!*more)
		*more = go_on(segment);
	else if (calls_are_used(rest))
		defer(segment);
	if (*more && rest->again >= LAST_PASS) {
		count(DEFERRED);
		if (rest->held)
			segment->side->flags |= SIDE_DEFERRED;
		*more = 0;
	}
	tell(segment);
}

/* The first pass over a packet: is it to be followed at all? */
static bool begin(struct segment *segment)
{
	struct side *other = side_of(segment->flow, !segment->origin->side);
	bool attended = attend(segment);

	if (!attended)
		return false;
	if (KEY_IS_REUSED) {
		note_window(segment, segment->side, other);
		if (out_of_window(segment)) {
			count(OUT_OF_WINDOW);
			return false;
		}
		if (notice_gap(segment, other))
			segment->rest->turned = TURNED_FIRST;
	}
	/* What the packet acknowledges was there before it, so it comes first. */
	if (other->flags & SIDE_DEFERRED)
		segment->rest->turned = TURNED_FIRST;
	if (segment->packet->length)
		begin_side(segment);
	return true;
}

/* The packet as the other side would have sent it, with nothing in it. */
static void turn_around(struct segment *segment)
{
	struct packet *packet = segment->packet;
	u64 *source = (u64 *)packet->source, *destination = (u64 *)packet->destination;
	u64 first = source[0], second = source[1];
	u16 port = packet->source_port;

	source[0] = destination[0];
	source[1] = destination[1];
	destination[0] = first;
	destination[1] = second;
	packet->source_port = packet->destination_port;
	packet->destination_port = port;
	if (packet->direction == DIRECTION_INGRESS)
		packet->direction = DIRECTION_EGRESS;
	else if (packet->direction == DIRECTION_EGRESS)
		packet->direction = DIRECTION_INGRESS;
	packet->tcp_flags = 0;
	packet->length = 0;
	segment->origin->side ^= 1;
}

/* One packet of a flow. True when it holds more than could be taken. */
static bool trace(struct segment *segment)
{
	struct rest *rest = segment->rest;

	if (rest->turned)
		turn_around(segment);
	segment->side = side_of(segment->flow, segment->origin->side);
	if (!rest->again) {
		bool attended = begin(segment);

		if (!attended || rest->turned) {
			tell(segment); /* a gap; or a filter ended the flow's story */
			return attended;
		}
	}
	if (rest->turned && !rest->held)
		rest->held = next_held(segment);
	pass(segment);
	return rest->more;
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

/*
 * Is there nothing to do for this packet? A flow that is left alone, or the midst of a body: what
 * most packets are, and what has to be cheap.
 */
static bool needs_nothing(struct segment *segment, struct flow_key *key, struct packet *packet,
			  u8 side)
{
	struct flow *flow = segment->flow;

	if (!flow || flow->generation != segment->set->generation || packet->tcp_flags & TCP_SYN)
		return false;
	if (flow->verdict == VERDICT_FOLLOW)
		return !segment->skb->cb[0] && inside_body(flow, packet, side);
	forget_closed(flow, key, side, packet->tcp_flags);
	return true;
}

/* Where the last pass left off; what a program and its tail call share is only the packet's. */
static void recall(struct __sk_buff *skb, struct rest *rest)
{
	rest->again = skb->cb[0];
	rest->held = skb->cb[2];
	rest->turned = skb->cb[3] & 3;
	rest->compared = skb->cb[3] >> 2;
}

static void remember(struct __sk_buff *skb, struct rest *rest)
{
	skb->cb[0] = rest->again;
	skb->cb[2] = rest->held;
	skb->cb[3] = rest->turned | rest->compared << 2;
}

int packet_trace(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct origin origin = {};
	struct flow_key key = {};
	struct segment segment = {};
	u32 zero = 0;
	bool more = false;

	segment.set = settings.lookup(&zero);
	if (!segment.set || !parse_packet(skb, &packet, segment.set->filters) ||
	    !flow_key(skb, &packet, &key, &origin))
		return PASS;
	segment.skb = skb;
	segment.flow = flows.lookup(&key);
	if (needs_nothing(&segment, &key, &packet, origin.side))
		return PASS;
	if (!segment.flow || side_of(segment.flow, origin.side)->state == STATE_NEW) {
		if (ask_socket(skb, &packet, &key, &origin)) {
			segment.flow = flows.lookup(&key);
			if (needs_nothing(&segment, &key, &packet, origin.side))
				return PASS;
		}
	}
	if (packet.length && !skb->cb[0])
		count(PACKETS);
	segment.scratch = take_scratch();
	if (!segment.scratch) {
		/* Nothing of this segment is known: so neither is the place behind it. */
		if (segment.flow)
			lose_place(side_of(segment.flow, origin.side));
		return PASS;
	}
	segment.scratch->packet = packet;
	segment.scratch->origin = origin;
	find_scratch(&segment);
	recall(skb, segment.rest);
	__builtin_memset(segment.found, 0, sizeof(*segment.found));
	if (open_flow(&segment, &key)) {
		more = trace(&segment);
		forget_closed(segment.flow, &key, segment.origin->side, segment.packet->tcp_flags);
	}
	if (more)
		remember(skb, segment.rest);
	give_back(segment.scratch);
	if (more) {
		again.call(skb, 0);
		/* Not reached: the chain of calls ends by itself. */
		count(PARSE_GIVEN_UP);
	}
	return PASS;
}
