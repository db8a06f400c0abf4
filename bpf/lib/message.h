/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Where a message is due: start lines as they ought to be and as they are, PROXY protocol headers
 * (haproxy's proxy-protocol.txt) in front of them, answers without one, and places found again.
 */
/* The three digits behind the version and its space, 0 if they are none. */
static u16 read_status(u8 *at)
{
	u32 a, b, c, behind = 8;

	/* "HTTP/1.1 200", and whatever other version was named */
	if (at[8] != ' ') {
#pragma unroll
		for (u32 i = 5; i < 16; i++) {
			if (at[i] == ' ') {
				behind = i;
				break;
			}
		}
	}
	if (behind > 15)
		behind = 15;
	a = at[behind + 1] - '0';
	b = at[behind + 2] - '0';
	c = at[behind + 3] - '0';
	if (a > 9 || b > 9 || c > 9 || (at[behind + 4] >= '0' && at[behind + 4] <= '9'))
		return 0;
	return a * 100 + b * 10 + c;
}

/* Is this side a server's? Before its first start line, it is if the other is a client's. */
static bool responds(struct segment *segment)
{
	struct side *side = segment->side;

	if (side->flags & SIDE_STARTED)
		return side->flags & SIDE_RESPONSE;
	side = side_of(segment->flow, !segment->origin->side);
	return (side->flags & (SIDE_STARTED | SIDE_RESPONSE)) == SIDE_STARTED;
}

/* No start line yet, and no line's end: may the rest of it come in the next segment? */
static bool may_be_longer(struct segment *segment, u8 *at)
{
	/* A CR whose LF is still to come, or a method that is not registered. */
	return at[0] == '\r' || (segment->flow->class == CLASS_HTTP1 && !responds(segment));
}

/*
 * Where a status line is due and none is: the position of one behind some junk, or one that names
 * a version of its own, as lenient clients take it. `from` itself when there is none.
 */
static u64 find_status_line(struct scratch *scratch, u64 from, u64 loaded)
{
	u64 at = from + scratch->zero;

	bounded_loop(JUNK_TURNS)
	{
		u64 word;

		if (at >= from + JUNK || at + 12 > DATA + loaded)
			break;
		asm volatile("%0 &= 0x1ff" : "+r"(at));
		word = *(u64 *)(scratch->buffer + at) | W(0x20, 0x20, 0x20, 0x20, 0, 0, 0, 0);
		if ((word & LOW(5)) == W('h', 't', 't', 'p', '/', 0, 0, 0))
			return at;
		at++;
	}
	return 0;
}

/*
 * A message is due in order, and what stands here is no start line as such: what else may it be?
 * `scan->from` is moved to where the line begins.
 */
static enum start odd_start(struct segment *segment, struct scratch *scratch, struct scan *scan,
			    u64 loaded, bool named)
{
	u64 from = scan->from, found;
	u8 first;

	asm volatile("%0 &= 0xff" : "+r"(from));
	first = scratch->buffer[from];
	if (!responds(segment)) {
		/* A method that is not registered; white space before one that is. Where the
		 * line goes on in the next segment, it is enough what the connection is. */
		if (!named && (scan->first_line || segment->flow->class != CLASS_HTTP1))
			return START_NONE;
		return first == '\t' || (first >= ' ' && first < 0x7f) ? START_REQUEST : START_NONE;
	}
	found = find_status_line(scratch, from, loaded);
	if (!found)
		return START_NONE;
	if (found != from)
		segment->found->block_flags |= FLAG_JUNK;
	scan->from = found;
	return START_RESPONSE;
}

/*
 * The first answer of a connection, and it has no status line: HTTP/0.9 (RFC 1945 section 6.1).
 * All of it is a body that ends with the connection; if the request had named a version, then
 * nobody can tell where it ends. True when it was taken for an answer.
 */
static bool simple_response(struct segment *segment)
{
	struct side *side = segment->side;
	struct rest *rest = segment->rest;

	if (!responds(segment) || side->flags & SIDE_STARTED || side->state != STATE_START)
		return false;
	/* A request without a version has no header lines, and no blank line need follow. */
	if (segment->flow->pushed == segment->flow->popped && !segment->flow->simple)
		return false;
	pop_kind(segment->flow);
	side->flags &= SIDE_FIN;
	side->flags |= SIDE_STARTED | SIDE_RESPONSE;
	side->body = side->carry_length;
	segment->found->block_flags = FLAG_RESPONSE | FLAG_START | FLAG_END | FLAG_SIMPLE;
	note_block(segment, DATA, 0, rest->sequence);
	if (!segment->flow->simple) {
		lose_place(side);
		return true;
	}
	segment->found->block_flags |= FLAG_UNTIL_CLOSE;
	side->state = STATE_UNTIL_CLOSE;
	side->carry_length = 0;
	advance_body(side, rest->sequence + rest->length);
	return true;
}

/* The bytes of the PROXY protocol header that the connection begins with, 0 if it has none. */
static u64 proxy_header(struct segment *segment, struct scratch *scratch, struct scan *scan)
{
	struct side *side = segment->side;
	u64 from = scan->from, length;
	u8 *at;

	if (segment->flow->class != CLASS_UNKNOWN || side->state != STATE_START ||
	    side->flags & SIDE_STARTED)
		return 0;
	asm volatile("%0 &= 0xff" : "+r"(from));
	at = scratch->buffer + from;
	/* Version 1: one line of at most 107 bytes. */
	if ((*(u64 *)at & LOW(6)) == W('P', 'R', 'O', 'X', 'Y', ' ', 0, 0)) {
		length = scan->first_line + 1 - from;
		return scan->first_line && length <= 107 ? length : 0;
	}
	/* Version 2: a signature of twelve bytes, four more, and as many as the last two say. */
	if (DATA + scan->loaded - from < 16 || *(u64 *)at != W('\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q') ||
	    (*(u64 *)(at + 8) & LOW(4)) != W('U', 'I', 'T', '\n', 0, 0, 0, 0))
		return 0;
	return 16 + (at[14] << 8 | at[15]);
}

/* What has a PROXY protocol header in front is a client's side. True when the segment holds more. */
static bool follow_proxy_header(struct segment *segment, struct scan *scan, u64 bytes)
{
	struct side *side = segment->side;
	struct rest *rest = segment->rest;
	u32 carry = DATA - scan->from;

	side->carry_length = 0;
	side->next = rest->sequence - carry + bytes;
	if (!role_wanted(segment, false))
		return false;
	segment->found->block_flags = FLAG_REQUEST | FLAG_PROXY | FLAG_START | FLAG_END;
	if (bytes > rest->length + carry) {
		/* It is to be sent in one piece; then it is the rest that is skipped. */
		segment->found->block_flags |= FLAG_CUT;
		bytes = rest->length + carry;
	}
	if (bytes > WINDOW)
		bytes = WINDOW;
	note_block(segment, scan->from, bytes, rest->sequence - carry);
	return (s32)(rest->sequence + rest->length - side->next) > 0;
}

/*
 * A message is due, and these bytes begin none: that is told once. Up to the end of their line they
 * are passed over if a request seems to be behind it; otherwise the place is lost.
 */
static void pass_over(struct segment *segment, struct scratch *scratch, struct scan *scan,
		      u64 loaded)
{
	struct side *side = segment->side;
	u64 lf = scan->first_line, behind;

	if (segment->flow->told && !(side->flags & SIDE_EXCESS)) {
		note_message_end(segment, side);
		segment->found->message_flags |= FLAG_EXCESS;
		side->flags |= SIDE_EXCESS;
	}
	if (!lf || lf + 16 > DATA + loaded || responds(segment)) {
		lose_place(side);
		return;
	}
	side->next = segment->rest->sequence + (lf + 1 - DATA);
	CLAMP(lf);
	if (lf > BUFFER_END)
		return;
	behind = *(u64 *)(scratch->buffer + lf + 1);
	/* Three capitals, as methods begin: see may_resume(). */
	if ((behind & 0xe0e0e0) != 0x404040)
		lose_place(side);
}

/*
 * A response ended inside the segment. Does what is behind it begin another, as far as its first
 * bytes tell? (Of requests that takes a whole line: pass_over() tells it when it comes to it.)
 */
static void look_behind(struct segment *segment)
{
	struct side *side = segment->side;
	struct rest *rest = segment->rest;
	struct findings *found = segment->found;
	u32 behind = side->next - rest->sequence;
	u64 bytes, word, name = W('h', 't', 't', 'p', '/', 0, 0, 0);

	if (side->state != STATE_START || !(side->flags & SIDE_RESPONSE) ||
	    !(found->message_flags || found->block_flags & FLAG_MESSAGE_END))
		return;
	/* A body may have ended in a hole before the segment. */
	if ((s32)behind < 0)
		return;
	rest->sequence += behind;
	rest->offset += behind;
	rest->length -= behind;
	bytes = load_first(segment, segment->scratch);
	word = *(u64 *)segment->scratch->buffer;
	/* Empty lines are nobody's. */
	if (!bytes || (word & 0xff) == '\r' || (word & 0xff) == '\n')
		return;
	word = (word | W(0x20, 0x20, 0x20, 0x20, 0, 0, 0, 0)) ^ name;
	if (!(bytes < 5 ? word << (64 - 8 * bytes) : word & LOW(5)))
		return;
	side->flags |= SIDE_EXCESS;
	if (found->message_flags)
		found->message_flags |= FLAG_EXCESS;
	else
		found->block_flags |= FLAG_EXCESS;
}

/*
 * Prepares a side for the message whose start line stands at `scan->from`. False when there is
 * none, or none that counts here: then the place, or the whole connection, has been dealt with.
 */
static bool begin_message(struct segment *segment, struct scratch *scratch, struct scan *scan,
			  u64 loaded)
{
	struct side *side = segment->side;
	bool lost = side->state == STATE_LOST, response, named = false;
	u64 first_line = scan->first_line, start = scan->from;
	enum start kind;
	u8 request = REQUEST_OTHER, *at;
	u16 status;

	asm volatile("%0 &= 0xff" : "+r"(start));
	at = scratch->buffer + start;
	kind = start_kind(at, DATA + loaded - start, &request);
	if (!lost && !first_line && DATA + loaded - start <= CARRY &&
	    (kind == START_PARTIAL || (kind == START_NONE && may_be_longer(segment, at)))) {
		save_carry(side, scratch, scan, start, DATA + loaded);
		side->next += loaded;
		return false;
	}
	if (first_line >= 16) {
		/* A copy of its own: 5.10 forgets what it learned when the number is spilled. */
		u64 lf = first_line;

		CLAMP(lf);
		if (lf <= BUFFER_END)
			named = names_version(scratch->buffer + lf);
	}
	if (!lost && (kind == START_NONE || kind == START_PARTIAL)) {
		kind = odd_start(segment, scratch, scan, loaded, named);
		start = scan->from;
		asm volatile("%0 &= 0x1ff" : "+r"(start));
		at = scratch->buffer + start;
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
		if (!lost && simple_response(segment))
			return false;
		classify(segment, at);
		side->carry_length = 0;
		if (side->state == STATE_START && segment->flow->verdict == VERDICT_FOLLOW)
			pass_over(segment, scratch, scan, loaded);
		return false;
	}
	if (!take_role(segment, response))
		return false;
	if (THIS_HOOK != HOOK_REPLAY && segment->set->filters & JOIN_TWINS && !response &&
	    silenced_by_twin(segment, at)) {
		segment->flow->verdict = VERDICT_DONE;
		return false;
	}
	if (!response)
		change_over(segment->flow, segment->set,
			    side_of(segment->flow, !segment->origin->side));
	side->flags &= SIDE_FIN | SIDE_DROPPED | SIDE_LATE;
	side->flags |= SIDE_STARTED;
	if (response)
		side->flags |= SIDE_RESPONSE;
	else
		segment->flow->simple = first_line && !named;
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

	if (segment->rest->length < 16 || !load_first(segment, segment->scratch))
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
