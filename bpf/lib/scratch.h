/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Scratch memory: a segment's bytes are loaded into it, scanned, and handed out from it, with room
 * in front for the event and for the unfinished line of the segment before.
 */
#define WINDOW 2048 /* bytes loaded and scanned at a time: most blocks end in the first */
#define FIRST_BYTES 32 /* and where only the first ones are asked for */
#ifdef HAVE_MAY_GOTO
#define PASS_BYTES MAX_BLOCK /* loaded at most in a pass */
#else
#define PASS_BYTES WINDOW
#endif
#define LINES 16     /* with bounded loops, turns in a pass: of a line, or of a part of one, */
#define LINE_WORDS 8 /* of so many words, */
#define TURN_WORDS 4 /* so many at once */

static struct scratch *take_scratch(void)
{
	/* A softirq or a preempting task may be in the middle of its own: each takes a slot. */
	for (u32 i = 0; i < SCRATCH_SLOTS; i++) {
		u32 slot = i;
		struct scratch *scratch_ = scratch.lookup(&slot);

#ifdef HAVE_EXCHANGE
		if (scratch_ && !__sync_lock_test_and_set(&scratch_->busy, 1))
			return scratch_;
#else
		/* No task preempts here; an interrupt has given back what it took when it ends. */
		if (scratch_ && !scratch_->busy) {
			scratch_->busy = 1;
			return scratch_;
		}
#endif
	}
	count(SCRATCH_BUSY);
	return 0;
}

static void give_back(struct scratch *scratch)
{
	scratch->busy = 0;
}

/* Copies `words` words out of the hold: bytes of a kept segment, from `at` bytes behind its start. */
static bool copy_held(struct segment *segment, u64 *to, u64 at, u32 words)
{
	struct hold *hold = hold_of(segment);
	u64 *from;

	if (!hold)
		return false;
	at += segment->rest->offset;
	asm volatile("%0 &= 0x3fff" : "+r"(at));
	from = (u64 *)(hold->data + at);
#pragma unroll
	for (u32 i = 0; i < words; i++)
		to[i] = from[i];
	/* Still ours? It may have been taken away in the middle. */
	return hold->owner == hold_owner(segment);
}

/* Loads the next window behind those already there; returns the bytes loaded, 0 on failure. */
static u32 load_window(struct segment *segment, struct scratch *scratch, u64 at)
{
	u64 bytes;
	u32 offset = segment->rest->offset + at;

	/* Asked before the mask below, which would take what lies behind the buffer to its begin. */
	if (at >= segment->rest->length || at > PASS_BYTES - WINDOW)
		return 0;
	bytes = segment->rest->length - at;
	if (bytes > WINDOW)
		bytes = WINDOW;
	if (segment->rest->held) {
		asm volatile("%0 &= 0x3fff" : "+r"(at));
		if (at > PASS_BYTES - WINDOW)
			return 0;
		return copy_held(segment, (u64 *)(scratch->buffer + DATA + at), at, WINDOW / 8)
			       ? bytes
			       : 0;
	}
	/* Old verifiers follow the bounds only when they are made anew right here. */
	bytes -= 1;
	asm volatile("%0 &= 0x7ff" : "+r"(bytes));
	bytes += 1;
	asm volatile("%0 &= 0x3fff" : "+r"(at));
	if (at > PASS_BYTES - WINDOW)
		return 0;
	if (bpf_skb_load_bytes(segment->skb, offset, scratch->buffer + DATA + at, bytes) < 0) {
		count(LOAD_FAILED);
		return 0;
	}
	return bytes;
}

/* Loads the first bytes of the rest to the buffer's begin; how many, 0 on failure. */
static u64 load_first(struct segment *segment, struct scratch *scratch)
{
	u64 bytes = segment->rest->length;

	if (bytes > FIRST_BYTES)
		bytes = FIRST_BYTES;
	if (segment->rest->held)
		return copy_held(segment, (u64 *)scratch->buffer, 0, FIRST_BYTES / 8) ? bytes : 0;
	bytes -= 1;
	asm volatile("%0 &= 0x1f" : "+r"(bytes));
	bytes += 1;
	if (bpf_skb_load_bytes(segment->skb, segment->rest->offset, scratch->buffer, bytes) < 0) {
		count(LOAD_FAILED);
		return 0;
	}
	return bytes;
}

/* Passes over words without an LF; the position of the LF, or of the limit, or as far as it came. */
static u64 next_lf(u8 *buffer, u64 at, u64 limit, bool *found)
{
	*found = false;
	bounded_loop(LINE_WORDS / TURN_WORDS)
	{
		if (at >= limit)
			return limit;
		CLAMP(at);
		if (at > BUFFER_END)
			return limit;
		/* A turn of `may_goto` costs more than a word: several words a turn. */
#pragma unroll
		for (u32 word = 0; word < TURN_WORDS; word++) {
			u64 lf = first_lf(*(u64 *)(buffer + at + 8 * word));

			if (lf != 8) {
				at += 8 * word + lf;
				*found = at < limit;
				return *found ? at : limit;
			}
		}
		at += 8 * TURN_WORDS;
	}
	return at < limit ? at : limit;
}

static bool ends_name(u8 byte)
{
	return byte == ':' || byte == ' ' || byte == '\t';
}

/* The line [line, lf) is complete. True when it is empty: the block ends. */
static bool end_line(struct scan *scan, u8 *buffer, u64 line, u64 lf)
{
	u64 first, second;

	/* A line about framing that goes on in a folded one (RFC 9112 section 5.2). */
	if (scan->about_framing && (buffer[line] == ' ' || buffer[line] == '\t'))
		scan->folded = 1;
	scan->about_framing = 0;
	if (lf - line < 2)
		return lf == line || buffer[line] == '\r';
	/* One CR too many: whoever skips CRs takes it for an empty line, as does user space. */
	if (lf - line == 2 && buffer[line] == '\r' && buffer[line + 1] == '\r')
		return true;
	first = *(u64 *)(buffer + line) | 0x20 * ONES;
	if (first == W('c', 'o', 'n', 't', 'e', 'n', 't', '-')) {
		second = *(u64 *)(buffer + line + 8) | 0x20 * ONES;
		if ((second & LOW(6)) == W('l', 'e', 'n', 'g', 't', 'h', 0, 0) &&
		    ends_name(buffer[line + 14])) {
			scan->about_framing = 1;
			if (scan->length_line)
				scan->length_again = line;
			else
				scan->length_line = line;
		}
	} else if (first == W('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')) {
		second = *(u64 *)(buffer + line + 8) | 0x20 * ONES;
		if (second == W('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n') &&
		    (buffer[line + 16] | 0x20) == 'g' && ends_name(buffer[line + 17])) {
			scan->about_framing = 1;
			scan->coding_line = line;
		}
	} else if ((first & LOW(7)) == W('e', 'x', 'p', 'e', 'c', 't', ':' | 0x20, 0)) {
		scan->expects = 1;
	}
	return false;
}

/*
 * Loads and scans, a window at a time, until the block ends or the segment does, or as much as a
 * pass takes; returns the bytes scanned. `mid_line`: the first line is the rest of one that was too
 * long to keep.
 *
 * The positions go through memory at every line: so the verifier sees one turn of the loop, not
 * one for every range that they may have.
 */
static u64 load_and_scan(struct segment *segment, struct scratch *scratch, bool mid_line)
{
	volatile struct scan *scan = &scratch->scan;
	u8 *buffer = scratch->buffer;

	scan->at = scan->line;
	scan->loaded = 0;
	scan->mid_line = mid_line;
	bounded_loop(LINES)
	{
		u64 at = scan->at, line = scan->line, limit = DATA + scan->loaded, lf;
		bool found;

		if (at >= limit) {
			u64 bytes = load_window(segment, scratch, scan->loaded);

			if (!bytes)
				break;
			scan->loaded += bytes;
			continue;
		}
		lf = next_lf(buffer, at, limit, &found);
		if (!found) {
			scan->at = lf;
			continue;
		}
		CLAMP(line);
		if (line > BUFFER_END)
			break;
		scan->at = lf + 1;
		scan->line = lf + 1;
		if (!scan->first_line)
			scan->first_line = lf;
		if (scan->mid_line) {
			scan->mid_line = 0;
		} else if (end_line((struct scan *)scan, buffer, line, lf)) {
			scan->end = lf + 1;
			break;
		}
	}
	/* Turns ran out: what was not scanned counts as not loaded. */
	if (!scan->end && scan->at >= DATA && scan->at < DATA + scan->loaded)
		scan->loaded = scan->at - DATA;
	return scan->loaded;
}

/* The unfinished line is kept at the end of the carry, ready to stand before the next bytes. */
static void save_carry(struct side *side, struct scratch *scratch, struct scan *scan, u64 from,
		       u64 to)
{
	u64 bytes = to - from;

	side->carry_length = 0;
	if (scan->mid_line)
		return; /* still in the line that was too long to keep */
	side->flags &= ~SIDE_MID_LINE;
	if (bytes > CARRY) {
		u64 first, second;

		CLAMP(from);
		if (from > BUFFER_END)
			return;
		side->flags |= SIDE_MID_LINE;
		/* A framing line that long can't be read when it is whole at last. */
		first = *(u64 *)(scratch->buffer + from) | 0x20 * ONES;
		second = *(u64 *)(scratch->buffer + from + 8) | 0x20 * ONES;
		if (first == W('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
		    (second & LOW(6)) == W('l', 'e', 'n', 'g', 't', 'h', 0, 0) &&
		    ends_name(scratch->buffer[from + 14]))
			side->flags |= SIDE_AMBIGUOUS;
		else if (first == W('t', 'r', 'a', 'n', 's', 'f', 'e', 'r') &&
			 second == W('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n') &&
			 (scratch->buffer[from + 16] | 0x20) == 'g' &&
			 ends_name(scratch->buffer[from + 17]))
			side->flags |= SIDE_AMBIGUOUS;
		return;
	}
	/* One comparison each: of two at once the older verifiers learn nothing. */
	if (to < CARRY)
		return;
	to -= CARRY;
	CLAMP(to);
	if (to > BUFFER_END)
		return;
	__builtin_memcpy(side->carry, scratch->buffer + to, CARRY);
	side->carry_length = bytes;
}

/*
 * What the lines just scanned say about the body. Lengths that differ leave no way to tell
 * (RFC 9112 section 6.3); of more than two in one segment the first and the last are looked at.
 */
static void note_framing(struct scratch *scratch, struct scan *scan, struct side *side)
{
	volatile u64 *line = &scan->length_line;

	bounded_loop(2)
	{
		u64 length = 0;

		if (!*line)
			break;
		if (!read_length(scratch, *line, &length))
			side->flags |= SIDE_AMBIGUOUS;
		else if (side->flags & SIDE_HAVE_LENGTH && side->length != length)
			side->flags |= SIDE_LENGTHS_DIFFER;
		else
			side->flags |= SIDE_HAVE_LENGTH;
		side->length = length;
		*line = scan->length_again;
		scan->length_again = 0;
	}
	if (scan->coding_line) {
		u32 coding = last_coding(scratch, scan->coding_line);

		if (coding == CODING_CHUNKED)
			side->flags |= SIDE_HAVE_CHUNKED;
		else if (coding == CODING_OTHER)
			side->flags |= SIDE_AMBIGUOUS;
	}
	if (scan->folded)
		side->flags |= SIDE_AMBIGUOUS;
	if (scan->expects)
		side->flags |= SIDE_EXPECTS;
}

/* Notes that [from, from + bytes) of the buffer, which begins at `sequence`, is to be emitted. */
static void note_block(struct segment *segment, u32 from, u32 bytes, u32 sequence)
{
	segment->found->block = from - sizeof(struct event);
	segment->found->block_bytes = bytes;
	segment->found->block_sequence = sequence;
}

/* How many of `bytes` may still be handed out; the rest of the block is cut. */
static u32 within_limit(struct side *side, struct settings *set, u32 bytes, u32 *flags)
{
	u32 room = set->max_block > side->taken ? set->max_block - side->taken : 0;

	if (bytes <= room)
		return bytes;
	if (!(side->flags & SIDE_CUT)) {
		count(BLOCK_TOO_LONG);
		*flags |= FLAG_CUT;
	}
	side->flags |= SIDE_CUT;
	return room;
}

