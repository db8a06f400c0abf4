/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* Header blocks in order: recognised, scanned, handed out whole or piecemeal, and what follows. */

/* Nothing new in a segment: counted in the first pass over it, but for that of repeats_block(). */
static void count_repeated(struct rest *rest)
{
	if (!rest->held && rest->again == rest->compared - 1)
		count(RETRANSMITTED);
}

/* A body that goes on, or the state after one. True when the segment holds more. */
static bool follow_body(struct segment *segment)
{
	struct side *side = segment->side;
	u32 end = segment->rest->sequence + segment->rest->length;

	if ((s32)(end - side->next) <= 0) {
		count_repeated(segment->rest);
		return false;
	}
	if (!advance_body(side, end))
		return false;
	end_body(segment, side);
	return (s32)(end - side->next) > 0;
}

/*
 * A final answer to a request that asked whether its body is wanted, before any of it came: the
 * body may come or not (RFC 9110 section 10.1.1).
 */
static void doubt_expected_body(struct segment *segment)
{
	struct side *side = segment->side, *other = side_of(segment->flow, !segment->origin->side);

	if (side->flags & SIDE_RESPONSE && side->status >= 200 && other->flags & SIDE_EXPECTS &&
	    other->state == STATE_BODY && !other->body)
		lose_place(other);
}

/* The block is complete and `next` is one past it: what follows? */
static bool after_block(struct segment *segment)
{
	struct side *side = segment->side;
	u32 end = segment->rest->sequence + segment->rest->length;
	u32 *flags = &segment->found->block_flags;

	doubt_expected_body(segment);
	if (frame_body(segment->flow, side)) {
		*flags |= FLAG_MESSAGE_END;
		segment->flow->verdict = VERDICT_DONE;
		count(FLOWS_TUNNEL);
		return false;
	}
	if (side->state == STATE_LOST)
		return false;
	if (side->state == STATE_CHUNK_SIZE) {
		*flags |= FLAG_CHUNKED;
	} else if (side->state == STATE_UNTIL_CLOSE) {
		*flags |= FLAG_UNTIL_CLOSE;
		advance_body(side, end);
	} else if (advance_body(side, end)) {
		*flags |= FLAG_MESSAGE_END;
		segment->found->block_body = side->body;
		side->state = STATE_START;
	}
	return (s32)(end - side->next) > 0;
}

/*
 * The segment repeats bytes of the last block, perhaps with other boundaries, perhaps with other
 * bytes: they are handed out once more, as far as a window goes, to be compared.
 */
static bool repeats_block(struct segment *segment)
{
	struct side *side = segment->side;
	struct rest *rest = segment->rest;
	u32 first = rest->sequence, end = first + rest->length;

	if (rest->compared)
		return false;
	rest->compared = 1;
	if ((s32)(side->block - first) > 0)
		first = side->block;
	if ((s32)(end - side->block_end) > 0)
		end = side->block_end;
	if ((s32)(end - first) <= 0 || side->block == side->block_end)
		return false;
	/* A keep-alive may carry a byte of anything (RFC 9293 section 3.8.4). */
	if (rest->length == 1 && end == side->next)
		return false;
	rest->offset += first - rest->sequence;
	rest->sequence = first;
	rest->length = end - first;
	rest->compared = 2;
	count(OVERLAPPED);
	note_block(segment, DATA, load_window(segment, segment->scratch, 0), first);
	segment->found->block_flags =
		FLAG_OVERLAP | (side->flags & SIDE_RESPONSE ? FLAG_RESPONSE : FLAG_REQUEST);
	return true;
}

/* In order, at a message's start or inside a block. True when the segment holds more. */
static bool follow_block(struct segment *segment)
{
	struct side *side = segment->side;
	bool lost = side->state == STATE_LOST, starts = lost || side->state == STATE_START, more;
	struct scratch *scratch = segment->scratch;
	struct rest *rest = segment->rest;
	u32 bytes, carry = side->carry_length;
	u32 *flags = &segment->found->block_flags;
	struct scan *scan = &scratch->scan;
	u64 loaded, from, to;

	if (carry > CARRY)
		carry = CARRY;
	__builtin_memcpy(scratch->buffer + sizeof(struct event), side->carry, CARRY);
	__builtin_memset(scan, 0, sizeof(*scan));
	scan->line = DATA - carry + scratch->zero;
	scan->from = starts ? scan->line : DATA + scratch->zero;
	loaded = load_and_scan(segment, scratch, side->flags & SIDE_MID_LINE && !starts);
	if (!loaded) {
		lose_place(side);
		return false;
	}
	if (lost)
		side->next = rest->sequence;
	if (starts && !lost) {
		u64 proxy = proxy_header(segment, scratch, scan);

		if (proxy)
			return follow_proxy_header(segment, scan, proxy);
		/* Empty lines before a start line are skipped (RFC 9112 section 2.2). */
		if (scan->end && scan->end - scan->from <= 2) {
			side->carry_length = 0;
			side->next = rest->sequence + (scan->end - DATA);
			return (s32)(rest->sequence + rest->length - side->next) > 0;
		}
	}
	if (starts) {
		if (!begin_message(segment, scratch, scan, loaded))
			return side->state == STATE_START &&
			       (s32)(rest->sequence + rest->length - side->next) > 0;
		*flags |= FLAG_START;
		if (lost || side->flags & SIDE_DROPPED)
			resume(segment, side, lost);
		side->state = STATE_HEADER;
	}
	from = scan->from;
	if (starts)
		side->block = rest->sequence - (u32)(DATA - from);
	note_framing(scratch, scan, side);
	*flags |= side->flags & SIDE_RESPONSE ? FLAG_RESPONSE : FLAG_REQUEST;
	to = scan->end ? scan->end : DATA + loaded;
	bytes = within_limit(side, segment->set, to - from, flags);
	side->taken += to - from;
	if (scan->end) {
		if (bytes == to - from)
			*flags |= FLAG_END;
		side->next = rest->sequence + (scan->end - DATA);
		more = after_block(segment);
	} else {
		side->next = rest->sequence + loaded;
		save_carry(side, scratch, scan, scan->line, to);
		more = loaded < rest->length;
	}
	side->block_end = rest->sequence + (u32)(from + bytes - DATA);
	if (bytes || *flags & FLAG_CUT) {
		note_block(segment, from, bytes, rest->sequence - (DATA - from));
	} else {
		/* Beyond the limit: nothing of it is handed out, but its end is told. */
		if (*flags & FLAG_MESSAGE_END)
			note_message_end(segment, side);
		*flags = 0;
	}
	if (segment->flow->verdict == VERDICT_DONE) {
		segment->flow->told = 1;
		note_flow_end(segment, segment->flow, FLOW_END_TUNNEL);
	}
	return more;
}
