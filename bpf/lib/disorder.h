/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Segments out of order: kept in the side's hold (hold.h), found again, and given up.
 */
/* Segments after which a hole is believed to stay. At a socket it does not: so many only come when
 * a segment out of the window was taken for one beyond a hole. */
#define BEYOND_LIMIT (KEY_IS_REUSED ? 64 : 250)

/* Copies what is left of the packet into the hold, as far as there is room. */
static void keep_bytes(struct segment *segment, struct hold *hold, struct held *held)
{
	volatile u32 *kept = &held->length, *used = &hold->used;

	*kept = 0;
	bounded_loop(HELD_BYTES / WINDOW)
	{
		u64 at = *used, bytes = segment->rest->length - *kept;

		if (*kept >= segment->rest->length || at >= HELD_BYTES)
			break;
		if (bytes > HELD_BYTES - at)
			bytes = HELD_BYTES - at;
		if (bytes > WINDOW)
			bytes = WINDOW;
		bytes -= 1;
		asm volatile("%0 &= 0x7ff" : "+r"(bytes));
		bytes += 1;
		asm volatile("%0 &= 0x3fff" : "+r"(at));
		if (bpf_skb_load_bytes(segment->skb, segment->rest->offset + *kept,
				       hold->data + at, bytes) < 0) {
			count(LOAD_FAILED);
			break;
		}
		*kept += bytes;
		*used += bytes;
	}
	if (*kept < segment->rest->length)
		count(HELD_FULL);
}

/* Keeps what is left of the packet until the hole before it is filled. */
static void keep(struct segment *segment)
{
	struct hold *hold = hold_of(segment);
	struct rest *rest = segment->rest;
	struct held *held;
	u64 index;

	if (!hold)
		hold = take_hold(segment);
	if (!hold || hold->count >= HELD_SEGMENTS) {
		count(HELD_FULL);
		return;
	}
	index = hold->count;
	asm volatile("%0 &= 0x1f" : "+r"(index));
	held = &hold->segments[index];
	held->sequence = rest->sequence;
	held->until = rest->sequence + rest->length;
	held->at = hold->used;
	keep_bytes(segment, hold, held);
	hold->count++;
	if (!segment->side->held || (s32)(rest->sequence - segment->side->lowest) < 0)
		segment->side->lowest = rest->sequence;
	segment->side->held++;
	count(HELD);
}

/* A number from 1 on to the segment in the hold. */
static struct held *held_segment(struct hold *hold, u64 number)
{
	number -= 1;
	asm volatile("%0 &= 0x1f" : "+r"(number));
	return &hold->segments[number];
}

/*
 * The kept segment that is next, counted from 1: the lowest one, if no hole lies before it that
 * matters. 0 when there is none.
 */
static u32 next_held(struct segment *segment)
{
	struct side *side = segment->side;
	volatile struct rest *rest = segment->rest;
	struct hold *hold;
	u64 number = 1 + segment->scratch->zero;

	if (!side->held)
		return 0;
	hold = hold_of(segment);
	if (!hold) {
		miss_hold(side);
		return 0;
	}
	rest->pick = 0;
	rest->ahead = 0;
	bounded_loop(HELD_SEGMENTS)
	{
		struct held *held = held_segment(hold, number);
		s32 ahead = held->sequence - side->next;

		if (number > hold->count || number > HELD_SEGMENTS)
			break;
		if (held->until != held->sequence && (!rest->pick || ahead < rest->ahead)) {
			rest->pick = number;
			rest->ahead = ahead;
		}
		number++;
	}
	if (rest->ahead > 0 && side->state != STATE_LOST && side->state != STATE_BODY &&
	    side->state != STATE_UNTIL_CLOSE)
		return 0;
	return rest->pick;
}

/* Turns to a kept segment. */
static void look_at_held(struct segment *segment)
{
	struct rest *rest = segment->rest;
	struct hold *hold = hold_of(segment);

	rest->length = 0;
	if (hold) {
		struct held *held = held_segment(hold, rest->held);

		rest->sequence = held->sequence;
		rest->offset = held->at;
		rest->length = held->length;
	} else {
		miss_hold(segment->side);
	}
}

/* The kept segment was used: bytes of it that found no room are missing now. */
static void let_go(struct segment *segment)
{
	struct side *side = segment->side;
	struct hold *hold = hold_of(segment);
	struct held *held;
	u32 until;

	if (!hold)
		return;
	held = held_segment(hold, segment->rest->held);
	until = held->until;
	held->until = held->sequence;
	if (side->held)
		side->held--;
	if (!side->held)
		return_hold(side, hold);
	if (side->state == STATE_LOST || (s32)(until - side->next) <= 0)
		return;
	if (side->state == STATE_BODY || side->state == STATE_UNTIL_CLOSE) {
		if (advance_body(side, until))
			end_body(segment, side);
		if ((s32)(until - side->next) <= 0)
			return;
		if (side->state == STATE_BODY || side->state == STATE_UNTIL_CLOSE)
			return;
	}
	lose_place(side);
}

/* A part of the kept segment was used; the rest is for the next packet. */
static void use_part(struct segment *segment)
{
	struct hold *hold = hold_of(segment);
	struct held *held;
	u32 used;

	if (!hold)
		return;
	held = held_segment(hold, segment->rest->held);
	used = segment->side->next - held->sequence;
	if (used > held->length)
		return;
	held->sequence += used;
	held->at += used;
	held->length -= used;
}

/* The bytes before `until` will not come. */
static void give_up_hole(struct segment *segment, struct side *side, u32 until)
{
	/* Up to what is kept of it, which goes on from there. */
	if (side->held && (s32)(side->lowest - side->next) > 0 && (s32)(until - side->lowest) > 0)
		until = side->lowest;
	if (segment->flow->told) {
		segment->found->gap_start = side->next;
		segment->found->gap_until = until;
		segment->found->gap_side = side != segment->side ? !segment->origin->side :
								   segment->origin->side;
	}
	lose_place(side);
	if (!side->held)
		side->next = until;
}

/*
 * A capture may miss what the receiver did not: an acknowledgement of bytes that were never seen
 * says that they will not come. (A socket's own hook misses nothing, so it need not ask.) True
 * when kept segments of the other side were waiting for them.
 */
static bool notice_gap(struct segment *segment, struct side *other)
{
	u32 acknowledged = segment->packet->acknowledged;

	if (!(segment->packet->tcp_flags & TCP_ACK))
		return false;
	if (other->state == STATE_NEW || other->state == STATE_LOST)
		return false;
	/* The FIN counts as one. */
	if (other->flags & SIDE_FIN && acknowledged == other->fin + 1)
		acknowledged--;
	other->acked = (s32)(acknowledged - other->next) > 0;
	other->acknowledged = acknowledged;
	/* What is kept for want of calls lies beyond no hole. */
	if (!other->acked || !other->held || other->flags & SIDE_DEFERRED)
		return false;
	give_up_hole(segment, other, acknowledged);
	return true;
}

/* Will the hole before this segment stay? */
static bool hole_stays(struct segment *segment)
{
	struct side *side = segment->side;

	if (side->flags & SIDE_DEFERRED)
		return false;
	if (side->acked && (s32)(side->acknowledged - side->next) > 0)
		return true;
	/* A socket that has more than was seen here will not be sent it again. */
	if (socket_is_beyond(segment->skb, segment->origin, side->next))
		return true;
	return side->beyond > BEYOND_LIMIT;
}

/* The segment lies beyond a hole. True when the hole was given up, and the segment counts. */
static bool beyond_hole(struct segment *segment)
{
	struct side *side = segment->side;
	struct rest *rest = segment->rest;

	if (!rest->again)
		count(BEYOND_HOLE);
	if (side->beyond < 255)
		side->beyond++;
	if (!hole_stays(segment)) {
		rest->waits = 1;
		if (!rest->held)
			keep(segment);
		return false;
	}
	if (side->held && !rest->held) {
		/* What was kept comes first. */
		give_up_hole(segment, side, rest->sequence);
		keep(segment);
		return false;
	}
	give_up_hole(segment, side, rest->sequence);
	return true;
}
