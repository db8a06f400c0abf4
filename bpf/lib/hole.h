/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Segments out of order. Ingress programs run before TCP has put segments in order, and TCP will
 * not show a segment again; so one that lies beyond a hole in a header block is handed out at once,
 * flagged, up to its first blank line, and user space throws away what proves to be body. A
 * connection not yet known to speak HTTP gives nothing beyond a hole.
 *
 * A segment that begins with a line's end may begin with the blank line, if the hole ends with a
 * line: no more than that line's end is handed out.
 *
 * Of what lies beyond, one range is remembered. Whether the lines where two ranges meet are about
 * framing can't be told: where they may be, the place is lost behind the block.
 */

/* Segments after which a hole is believed to stay. At a socket it does not: so many only come when
 * a segment out of the window was taken for one beyond a hole. */
#define BEYOND_LIMIT (KEY_IS_REUSED ? 16 : 250)

static void give_up_hole(struct segment *segment, struct side *side, u32 until)
{
	if (segment->flow->told) {
		segment->found->gap_start = side->next;
		segment->found->gap_until = until;
		segment->found->gap_side = side != segment->side ? !segment->origin->side :
								   segment->origin->side;
	}
	lose_place(side);
}

/*
 * A capture may miss what the receiver did not: an acknowledgement of bytes that were never seen
 * says that they will not come. (A socket's own hook misses nothing, so it need not ask.)
 */
static void notice_gap(struct segment *segment, struct side *other)
{
	u32 acknowledged = segment->packet->acknowledged;

	if (!(segment->packet->tcp_flags & TCP_ACK))
		return;
	if (other->state == STATE_NEW || other->state == STATE_LOST)
		return;
	other->acked = (s32)(acknowledged - other->next) > 0;
	other->acknowledged = acknowledged;
	if (other->acked && other->beyond)
		give_up_hole(segment, other, acknowledged);
}

/* Will the hole before this segment stay? */
static bool hole_stays(struct side *side)
{
	if (side->acked && (s32)(side->acknowledged - side->next) > 0)
		return true;
	return side->beyond > BEYOND_LIMIT;
}

/* How the bytes before a joint end, from the line under way there: HOLE_LINE_START and so on. */
static u16 line_end(u8 *line, u64 bytes)
{
	u8 first = line[0];

	if (!bytes)
		return HOLE_LINE_START;
	if (bytes == 1 && first == '\r')
		return HOLE_CR;
	first |= 0x20;
	return first == 'c' || first == 't' ? HOLE_DOUBT : 0;
}

/* Is this side a server's? Before its first start line, it is if the other is a client's. */
static bool responds(struct segment *segment)
{
	struct side *side = segment->side;

	if (side->flags & SIDE_STARTED)
		return side->flags & SIDE_RESPONSE;
	return (segment->flow->role == ROLE_SERVER) ==
	       (segment->packet->direction == DIRECTION_EGRESS);
}

/* What is remembered of a segment just handed out from beyond a hole. */
static void note_hole(struct segment *segment, struct hole *hole, struct scan *scan, u32 bytes)
{
	struct scratch *scratch = segment->scratch;
	u64 line = scan->line;

	hole->end = segment->rest->sequence + segment->rest->length;
	hole->flags |= HOLE_SEEN | HOLE_TAKEN;
	hole->flags &= ~(HOLE_LINE_START | HOLE_CR | HOLE_DOUBT);
	if (scan->end) {
		hole->flags |= HOLE_END;
		hole->block_end = segment->rest->sequence + bytes;
	} else if (scan->loaded < segment->rest->length) {
		hole->flags |= HOLE_MORE;
	} else if (scan->mid_line) {
		/* All of one line, whose beginning says whether it is in doubt. But a CR alone: */
		if (scan->loaded == 1 && scratch->buffer[DATA] == '\r') {
			hole->flags |= HOLE_CR;
			hole->framing |= SIDE_AMBIGUOUS;
		}
	} else {
		CLAMP(line);
		if (line <= BUFFER_END)
			hole->flags |= line_end(scratch->buffer + line,
						DATA + scan->loaded - line);
	}
	note_framing(scratch, scan, &hole->framing, &hole->length);
}

static void beyond_hole(struct segment *segment, u32 ahead)
{
	struct side *side = segment->side;
	struct hole *hole = &side->hole;
	struct rest *rest = segment->rest;
	struct scratch *scratch = segment->scratch;
	struct scan *scan = &scratch->scan;
	u32 *flags = &segment->found->block_flags;
	u32 bytes, taken = ahead + (side->state == STATE_HEADER ? side->taken : 0), lead;
	bool held = hole->flags & HOLE_SEEN, before;
	u16 joint = held ? hole->flags : 0;

	if (side->beyond < 255)
		side->beyond++;
	before = held && (s32)(rest->sequence - hole->start) < 0;
	if (held && !before && (s32)(rest->sequence + rest->length - hole->end) <= 0)
		return; /* once more */
	if (before) {
		/* User space puts it in order; here the place will be lost. */
		joint = 0;
		hole->start = rest->sequence;
		hole->flags = HOLE_SEEN | HOLE_MORE;
	} else if (!held) {
		hole->start = rest->sequence;
		hole->end = rest->sequence + rest->length;
		hole->flags = HOLE_SEEN;
		hole->framing = 0;
		hole->length = 0;
	} else if (rest->sequence != hole->end || hole->flags & (HOLE_END | HOLE_LEAD | HOLE_MORE) ||
		   !(hole->flags & HOLE_TAKEN)) {
		hole->flags |= HOLE_MORE;
		return;
	}
	if (segment->flow->class != CLASS_HTTP1 ||
	    (side->state != STATE_HEADER && side->state != STATE_START) ||
	    taken >= segment->set->max_block) {
		hole->flags |= held ? HOLE_MORE : 0;
		return;
	}
	__builtin_memset(scan, 0, sizeof(*scan));
	scan->line = DATA + scratch->zero;
	lead = leading_line_end(segment);
	if (lead && (!held || before || joint & HOLE_LINE_START || (joint & HOLE_CR && lead == 1))) {
		bytes = lead;
		if (bpf_skb_load_bytes(segment->skb, rest->offset, scratch->buffer + DATA, 2) < 0 &&
		    bpf_skb_load_bytes(segment->skb, rest->offset, scratch->buffer + DATA, 1) < 0)
			return;
		if (!before) {
			hole->flags |= HOLE_TAKEN | (held ? HOLE_END : HOLE_LEAD);
			hole->block_end = rest->sequence + lead;
			hole->end = rest->sequence + rest->length;
		}
	} else {
		if (joint & (HOLE_LINE_START | HOLE_DOUBT))
			hole->framing |= SIDE_AMBIGUOUS;
		if (!load_and_scan(segment, scratch, true))
			return;
		bytes = scan->end ? scan->end - DATA : scan->loaded;
		if (!before)
			note_hole(segment, hole, scan, bytes);
	}
	if (bytes > segment->set->max_block - taken) {
		bytes = segment->set->max_block - taken;
		hole->flags |= HOLE_MORE;
	} else if (hole->flags & HOLE_END) {
		*flags |= FLAG_END;
	}
	*flags |= FLAG_SPECULATIVE;
	*flags |= responds(segment) ? FLAG_RESPONSE : FLAG_REQUEST;
	count(SPECULATIVE);
	note_block(segment, DATA, bytes, rest->sequence);
}

/* The block goes on in what was handed out from beyond the hole. True when it ended there. */
static bool join_block(struct side *side, struct hole *hole, u16 flags)
{
	u16 joint = 0;

	if (side->next != hole->start || !(flags & HOLE_TAKEN)) {
		lose_place(side);
		return false;
	}
	if (!(side->flags & SIDE_MID_LINE))
		joint = line_end(side->carry + CARRY - 1, 0);
	if (!(side->flags & SIDE_MID_LINE) && side->carry_length) {
		u64 at = CARRY - side->carry_length;

		asm volatile("%0 &= 0x3f" : "+r"(at));
		joint = at < CARRY ? line_end(side->carry + at, side->carry_length) : HOLE_DOUBT;
	}
	if (flags & HOLE_LEAD) {
		bool crlf = hole->block_end - hole->start == 2;

		if (joint & HOLE_LINE_START || (joint & HOLE_CR && !crlf))
			return true;
		lose_place(side);
		return false;
	}
	if (joint & (HOLE_LINE_START | HOLE_DOUBT))
		side->flags |= SIDE_AMBIGUOUS;
	if (hole->framing & SIDE_HAVE_LENGTH && !(side->flags & SIDE_HAVE_LENGTH))
		side->length = hole->length;
	side->flags |= hole->framing;
	side->taken += hole->end - hole->start;
	if (flags & HOLE_END)
		return true;
	/* The line under way where it ends: whole, or not worth knowing. */
	side->next = hole->end;
	side->flags &= ~SIDE_MID_LINE;
	side->carry_length = 0;
	if (flags & HOLE_CR) {
		side->carry[CARRY - 1] = '\r';
		side->carry_length = 1;
	} else if (!(flags & HOLE_LINE_START)) {
		side->flags |= SIDE_MID_LINE;
		if (flags & HOLE_DOUBT)
			side->flags |= SIDE_AMBIGUOUS;
	}
	return false;
}

/* The hole may be filled now: go on behind what lay beyond it. */
static void join_hole(struct segment *segment)
{
	struct side *side = segment->side;
	struct hole *hole = &side->hole;
	u16 flags = hole->flags;
	u32 end = hole->end;

	if (!(flags & HOLE_SEEN) || side->state == STATE_LOST ||
	    (s32)(side->next - hole->start) < 0)
		return;
	hole->flags = 0;
	side->beyond = 0;
	if (side->state == STATE_HEADER && (s32)(end - side->next) > 0) {
		if (join_block(side, hole, flags)) {
			side->next = hole->block_end;
			if (frame_body(segment->flow, side)) {
				segment->flow->verdict = VERDICT_DONE;
				count(FLOWS_TUNNEL);
				note_message_end(segment, side);
				note_flow_end(segment, segment->flow, FLOW_END_TUNNEL);
				return;
			}
			/* User space has the end of the block, but not that of the message. */
			if (side->state == STATE_BODY && !side->remaining)
				end_body(segment, side);
		}
	}
	if (side->state == STATE_BODY || side->state == STATE_UNTIL_CLOSE) {
		if (advance_body(side, end))
			end_body(segment, side);
	}
	if (side->state == STATE_BODY || side->state == STATE_UNTIL_CLOSE)
		return;
	/* Something lay beyond of which not even the framing was read. */
	if (flags & HOLE_MORE || (s32)(end - side->next) > 0)
		if (side->state != STATE_LOST)
			lose_place(side);
}
