/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* Header blocks in order: recognised, scanned, handed out whole or piecemeal, and what follows. */
/* A body that goes on, or the state after one. True when the segment holds more. */
static bool follow_body(struct segment *segment)
{
	struct side *side = segment->side;
	u32 end = segment->sequence + segment->length;

	if ((s32)(end - side->next) <= 0 && side->remaining) {
		if (!segment->again)
			count(RETRANSMITTED);
		return false;
	}
	if (!advance_body(side, end))
		return false;
	if (side->flags & SIDE_HAVE_CHUNKED) {
		side->state = STATE_CHUNK_SIZE;
	} else {
		note_message_end(segment, side);
		side->state = STATE_START;
	}
	return (s32)(end - side->next) > 0;
}

/* The block is complete and `next` is one past it: what follows? */
static bool after_block(struct segment *segment)
{
	struct side *side = segment->side;
	u32 end = segment->sequence + segment->length;

	if (frame_body(segment->flow, side)) {
		segment->found->block_flags |= FLAG_MESSAGE_END;
		segment->flow->verdict = VERDICT_DONE;
		count(FLOWS_TUNNEL);
		return false;
	}
	if (side->state == STATE_CHUNK_SIZE)
		segment->found->block_flags |= FLAG_CHUNKED;
	else if (side->state == STATE_UNTIL_CLOSE)
		segment->found->block_flags |= FLAG_UNTIL_CLOSE;
	else if (side->state == STATE_BODY && advance_body(side, end)) {
		segment->found->block_flags |= FLAG_MESSAGE_END;
		segment->found->block_body = side->body;
		side->state = STATE_START;
	} else if (side->state == STATE_BODY)
		return false;
	if (side->state == STATE_UNTIL_CLOSE)
		advance_body(side, end);
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

	asm volatile("%0 &= 0xff" : "+r"(start));
	at = scratch->buffer + start;
	kind = start_kind(at, DATA + loaded - start, &request);
	if (kind == START_PARTIAL && !lost && !first_line && loaded < START_BYTES) {
		save_carry(side, scratch, start, DATA + loaded);
		side->next += loaded;
		return false;
	}
	if (first_line) {
		CLAMP(first_line);
		if (first_line >= 16 && first_line <= BUFFER_END)
			named = names_version(scratch->buffer + first_line);
	}
	response = kind == START_RESPONSE;
	if (lost && (!first_line || !(named || response)))
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
	if (segment->set->roles == (ROLE_SERVER | ROLE_CLIENT) && THIS_HOOK == HOOK_CGROUP &&
	    !response && silenced_by_twin(segment, at)) {
		segment->flow->verdict = VERDICT_DONE;
		return false;
	}
	side->flags &= SIDE_FIN | SIDE_DROPPED | SIDE_LATE;
	side->flags |= SIDE_STARTED;
	if (response)
		side->flags |= SIDE_RESPONSE;
	side->kind = request;
	side->status = response ? read_status(at) : 0;
	side->taken = 0;
	side->length = 0;
	return true;
}

/*
 * The place is lost: could this segment begin with a start line? Methods and "HTTP" begin with
 * three capitals; whatever does not costs no scan.
 */
static bool may_resume(struct segment *segment)
{
	u8 *begin = segment->scratch->buffer;

	if (segment->length < 16 ||
	    bpf_skb_load_bytes(segment->skb, segment->offset, begin, 16) < 0)
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

/* In order, at a message's start or inside a block. True when the segment holds more. */
static bool follow_block(struct segment *segment)
{
	struct side *side = segment->side;
	bool starts = side->state == STATE_START || side->state == STATE_LOST, more = false;
	bool lost = side->state == STATE_LOST;
	struct scratch *scratch = segment->scratch;
	u32 bytes, carry = side->carry_length;
	u32 *flags = &segment->found->block_flags;
	struct scan *scan = &scratch->scan;
	u64 loaded, from, to;

	if (carry > CARRY)
		carry = CARRY;
	__builtin_memcpy(scratch->buffer + sizeof(struct event), side->carry, CARRY);
	__builtin_memset(scan, 0, sizeof(*scan));
	scan->line = DATA - carry + scratch->zero;
	from = DATA;
	if (starts) {
		from = scan->line;
		/* Line ends before a start line are skipped (RFC 9112 section 2.2). */
		u16 lead = 0;

		bpf_skb_load_bytes(segment->skb, segment->offset, &lead, 2);
		if (!carry && ((u8)lead == '\r' || (u8)lead == '\n') && !lost) {
			u32 skipped = (u8)lead == '\r' && lead >> 8 == '\n' ? 2 : 1;

			side->next = segment->sequence + skipped;
			more = segment->length > skipped;
			return false;
		}
	}
	loaded = load_and_scan(segment, scratch, side->flags & SIDE_MID_LINE && !starts);
	if (!loaded) {
		lose_place(side);
		return false;
	}
	if (lost)
		side->next = segment->sequence;
	if (starts) {
		if (!begin_message(segment, scratch, scan, from, loaded))
			return false;
		*flags |= FLAG_START;
		if (lost || side->flags & SIDE_DROPPED) {
			if (!(side->flags & SIDE_LATE))
				*flags |= FLAG_RESUMED;
			side->flags &= ~(SIDE_DROPPED | SIDE_LATE);
			count(PLACE_RESUMED);
		}
		side->state = STATE_HEADER;
	}
	note_framing(side, scratch, scan);
	*flags |= side->flags & SIDE_RESPONSE ? FLAG_RESPONSE : FLAG_REQUEST;
	to = scan->end ? scan->end : DATA + loaded;
	bytes = within_limit(side, segment->set, to - from, flags);
	side->taken += to - from;
	if (scan->end) {
		*flags |= FLAG_END;
		side->next = segment->sequence + (scan->end - DATA);
		more = after_block(segment);
	} else if (loaded < segment->length) {
		/* Longer than one pass reads: whatever follows, its end was not seen. */
		if (!(*flags & FLAG_CUT)) {
			count(BLOCK_TOO_LONG);
			*flags |= FLAG_CUT;
		}
		lose_place(side);
	} else {
		side->next = segment->sequence + loaded;
		save_carry(side, scratch, scan->line, to);
	}
	if (bytes || *flags & FLAG_CUT)
		note_block(segment, from, bytes, segment->sequence - (DATA - from));
	else
		*flags = 0; /* beyond the limit: nothing of it is handed out */
	if (segment->flow->verdict == VERDICT_DONE) {
		segment->flow->told = 1;
		note_flow_end(segment, segment->flow, FLOW_END_TUNNEL);
	}
	if (side->hole_end != side->hole_start && !more)
		join_hole(segment);
	return more;
}
