/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Segments out of order. Ingress programs run before TCP has put segments in order, and TCP will
 * not show a segment again; so one that lies beyond a hole in a header block is handed out at once,
 * flagged, up to its first blank line, and user space throws away what proves to be body. A
 * connection not yet known to speak HTTP gives nothing beyond a hole.
 */
#define BEYOND_LIMIT 64 /* segments after which a hole is believed to stay */

static void give_up_hole(struct segment *segment, struct side *side, u32 until)
{
	if (segment->flow->told) {
		segment->found->gap_start = side->next;
		segment->found->gap_until = until;
		segment->found->gap_side = side == &segment->flow->side[1];
	}
	lose_place(side);
}

/*
 * A capture may miss what the receiver did not: an acknowledgement of bytes that were never seen
 * says that they will not come. (A socket's own hook misses nothing, so it need not ask.)
 */
static void notice_gap(struct segment *segment, struct side *other)
{
	if (!other->beyond || !(segment->packet->tcp_flags & TCP_ACK))
		return;
	if (other->state == STATE_NEW || other->state == STATE_LOST)
		return;
	if ((s32)(segment->packet->acknowledged - other->next) > 0)
		give_up_hole(segment, other, segment->packet->acknowledged);
}

static void beyond_hole(struct segment *segment, u32 ahead)
{
	struct side *side = segment->side;
	u32 end = segment->sequence + segment->length, loaded, bytes;
	u32 *flags = &segment->found->block_flags;
	bool held = side->hole_end != side->hole_start;
	struct scratch *scratch = segment->scratch;
	struct scan *scan = &scratch->scan;

	if (held && (s32)(end - side->hole_end) <= 0)
		return;
	if (++side->beyond > BEYOND_LIMIT) {
		give_up_hole(segment, side, segment->sequence);
		return;
	}
	if (side->state != STATE_HEADER &&
	    !(side->state == STATE_START && segment->flow->class == CLASS_HTTP1))
		return;
	if (side->taken + ahead >= segment->set->max_block)
		return;
	if (held && (segment->sequence != side->hole_end || side->flags & SIDE_HOLE_END))
		return;
	__builtin_memset(scan, 0, sizeof(*scan));
	scan->line = DATA + scratch->zero;
	loaded = load_and_scan(segment, scratch, true);
	bytes = scan->end ? scan->end - DATA : loaded;
	if (side->state == STATE_START)
		side->taken = 0;
	bytes = within_limit(side, segment->set, bytes, flags);
	if (bytes) {
		note_framing(side, scratch, scan);
		if (!held)
			side->hole_start = segment->sequence;
		side->hole_end = end;
		if (scan->end) {
			side->flags |= SIDE_HOLE_END;
			side->hole_block_end = segment->sequence + bytes;
			*flags |= FLAG_END;
		}
		side->taken += bytes;
		*flags |= FLAG_SPECULATIVE;
		*flags |= side->flags & SIDE_RESPONSE ? FLAG_RESPONSE : FLAG_REQUEST;
		count(SPECULATIVE);
		note_block(segment, DATA, bytes, segment->sequence);
	}
}

/* The hole may be filled now: go on behind what was handed out from beyond it. */
static void join_hole(struct segment *segment)
{
	struct side *side = segment->side;
	u32 end = side->hole_end;

	if ((s32)(side->next - side->hole_start) < 0)
		return;
	side->hole_start = side->hole_end = 0;
	side->beyond = 0;
	if (side->state == STATE_START) {
		/* What lay beyond was a message of its own: its framing is not known. */
		if ((s32)(end - side->next) > 0)
			lose_place(side);
		return;
	}
	if (side->state != STATE_HEADER)
		return;
	if (!(side->flags & SIDE_HOLE_END)) {
		side->next = end;
		side->carry_length = 0;
		side->flags |= SIDE_MID_LINE;
		return;
	}
	side->flags &= ~SIDE_HOLE_END;
	side->next = side->hole_block_end;
	if (frame_body(segment->flow, side)) {
		segment->flow->verdict = VERDICT_DONE;
		count(FLOWS_TUNNEL);
		return;
	}
	if (side->state == STATE_CHUNK_SIZE && side->next != end) {
		lose_place(side);
	} else if (side->state == STATE_BODY && advance_body(side, end)) {
		note_message_end(segment, side);
		side->state = STATE_START;
		if (side->next != end)
			lose_place(side);
	} else if (side->state == STATE_UNTIL_CLOSE) {
		advance_body(side, end);
	}
}
