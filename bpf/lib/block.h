/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* Header blocks in order: recognised, scanned, handed out whole or piecemeal, and what follows. */

/* A body that goes on, or the state after one. True when the segment holds more. */
static bool follow_body(struct segment *segment)
{
	struct side *side = segment->side;
	u32 end = segment->rest->sequence + segment->rest->length;

	if ((s32)(end - side->next) <= 0) {
		if (!segment->rest->again)
			count(RETRANSMITTED);
		return false;
	}
	if (!advance_body(side, end))
		return false;
	end_body(segment, side);
	return (s32)(end - side->next) > 0;
}

/* The block is complete and `next` is one past it: what follows? */
static bool after_block(struct segment *segment)
{
	struct side *side = segment->side;
	u32 end = segment->rest->sequence + segment->rest->length;
	u32 *flags = &segment->found->block_flags;

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

/* Three digits behind "HTTP/1.x ". */
static u16 read_status(u8 *at)
{
	u32 a = at[9] - '0', b = at[10] - '0', c = at[11] - '0';

	return a > 9 || b > 9 || c > 9 ? 0 : a * 100 + b * 10 + c;
}

/*
 * Prepares a side for the message whose start line stands at `start`. False when there is none, or
 * none that counts here: then the place, or the whole connection, has been dealt with.
 */
static bool begin_message(struct segment *segment, struct scratch *scratch, struct scan *scan,
			  u64 start, u64 loaded)
{
	struct side *side = segment->side;
	bool lost = side->state == STATE_LOST, response, named = false;
	u64 first_line = scan->first_line;
	enum start kind;
	u8 request = REQUEST_OTHER, *at;
	u16 status;

	asm volatile("%0 &= 0xff" : "+r"(start));
	at = scratch->buffer + start;
	kind = start_kind(at, DATA + loaded - start, &request);
	if (kind == START_PARTIAL && !lost && !first_line && loaded < START_BYTES) {
		save_carry(side, scratch, scan, start, DATA + loaded);
		side->next += loaded;
		return false;
	}
	if (first_line) {
		CLAMP(first_line);
		if (first_line >= 16 && first_line <= BUFFER_END)
			named = names_version(scratch->buffer + first_line);
	}
	response = kind == START_RESPONSE;
	status = read_status(at);
	/* Where the place is lost, only a whole and valid start line counts. */
	if (lost && (!first_line || (response ? at[8] != ' ' || !status : !named)))
		kind = START_NONE;
	/* Protocols that resemble HTTP (RTSP, SIP) name another version and no path. */
	if (kind == START_REQUEST && segment->flow->class != CLASS_HTTP1 && first_line && !named &&
	    scratch->buffer[start + 4] != '/' && scratch->buffer[start + 5] != '/')
		kind = START_NONE;
	if (kind == START_NONE || kind == START_PARTIAL) {
		classify(segment, at);
		side->carry_length = 0;
		if (!lost && segment->flow->class == CLASS_HTTP1)
			lose_place(side);
		return false;
	}
	if (!take_role(segment, response))
		return false;
	if (THIS_HOOK != HOOK_REPLAY && segment->set->filters & JOIN_TWINS && !response &&
	    silenced_by_twin(segment, at)) {
		segment->flow->verdict = VERDICT_DONE;
		return false;
	}
	side->flags &= SIDE_FIN | SIDE_DROPPED | SIDE_LATE;
	side->flags |= SIDE_STARTED;
	if (response)
		side->flags |= SIDE_RESPONSE;
	side->kind = request;
	side->status = response ? status : 0;
	side->taken = 0;
	side->length = 0;
	return true;
}

/* A start line was found where the place was lost, or behind events that were. */
static void resume(struct segment *segment, struct side *side, bool lost)
{
	if (!(side->flags & SIDE_LATE)) {
		segment->found->block_flags |= FLAG_RESUMED;
		if (side->flags & SIDE_RESPONSE)
			forget_kinds(segment->flow);
		if (lost)
			count(PLACE_RESUMED);
	}
	side->flags &= ~(SIDE_DROPPED | SIDE_LATE);
}

/*
 * The place is lost: could this segment begin with a start line? Methods and "HTTP" begin with
 * three capitals; whatever does not costs no scan.
 */
static bool may_resume(struct segment *segment)
{
	u8 *begin = segment->scratch->buffer;

	if (segment->rest->length < 16 ||
	    bpf_skb_load_bytes(segment->skb, segment->rest->offset, begin, 16) < 0)
		return false;
	segment->side->carry_length = 0;
	for (u32 i = 0; i < 3; i++) {
		if (begin[i] < 'A' || begin[i] > 'Z') {
			classify(segment, begin);
			return false;
		}
	}
	return true;
}

/* The bytes of an empty line that the rest of the segment begins with: 0, 1 or 2. */
static u32 leading_line_end(struct segment *segment)
{
	u8 lead[2] = {};

	if (segment->rest->length < 2)
		bpf_skb_load_bytes(segment->skb, segment->rest->offset, lead, 1);
	else
		bpf_skb_load_bytes(segment->skb, segment->rest->offset, lead, 2);
	if (lead[0] == '\n')
		return 1;
	return lead[0] == '\r' && lead[1] == '\n' ? 2 : 0;
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
	if (starts && !carry && !lost) {
		/* Empty lines before a start line are skipped (RFC 9112 section 2.2). */
		u32 skipped = leading_line_end(segment);

		if (skipped) {
			side->next = rest->sequence + skipped;
			return rest->length > skipped;
		}
	}
	__builtin_memcpy(scratch->buffer + sizeof(struct event), side->carry, CARRY);
	__builtin_memset(scan, 0, sizeof(*scan));
	scan->line = DATA - carry + scratch->zero;
	from = starts ? scan->line : DATA + scratch->zero;
	loaded = load_and_scan(segment, scratch, side->flags & SIDE_MID_LINE && !starts);
	if (!loaded) {
		lose_place(side);
		return false;
	}
	if (lost)
		side->next = rest->sequence;
	if (starts) {
		if (!begin_message(segment, scratch, scan, from, loaded))
			return false;
		*flags |= FLAG_START;
		if (lost || side->flags & SIDE_DROPPED)
			resume(segment, side, lost);
		side->state = STATE_HEADER;
	}
	note_framing(scratch, scan, &side->flags, &side->length);
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
