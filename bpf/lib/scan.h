/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Positions in the scratch buffer are 64 bits wide all through: the verifier forgets the bounds of
 * a narrower one when the compiler widens it.
 *
 * One pass over the bytes of a header block: where it ends, and the lines that say how its body
 * is framed. Eight bytes at a time; only at a line's end is there anything to decide.
 *
 * A line ends at LF; an empty line, with or without CR, ends the block (RFC 9112 section 2.2).
 */
#define ONES 0x0101010101010101ULL
#define SEVENS (0x7fULL * ONES)

/* With bounded loops, bytes that are read of a line, and of what stands before a status line. */
#define LENGTH_TURNS 24
#define CODING_TURNS 40
#define JUNK_TURNS 32

/* Of a field line: as far as it was read. */
enum part { PART_NAME, PART_VALUE, PART_DIGITS, PART_END };

#define CLAMP(value) asm volatile("%0 &= 0x7fff" : "+r"(value))
#define BUFFER_END (DATA + MAX_BLOCK + 32)

/* The position (0 to 7) of the first LF in a word, 8 if there is none. Exact: no borrow. */
static u64 first_lf(u64 word)
{
	u64 x = word ^ ('\n' * ONES);
	u64 zero = ~(((x & SEVENS) + SEVENS) | x | SEVENS);

	if (!zero)
		return 8;
	/* Isolate the lowest set bit; the product puts its byte's number on top. */
	zero = (zero & -zero) >> 7;
	return (zero * 0x0001020304050607ULL) >> 56;
}

/* "Content-Length: 123" at `line`; false when it is no plain number. */
static bool read_length(struct scratch *scratch, u64 line, u64 *length)
{
	volatile struct scan *scan = &scratch->scan;
	u64 at = line + 14 + scratch->zero, value = scratch->zero;

	scan->part = PART_NAME;
	scan->digits = 0;
	bounded_loop(LENGTH_TURNS)
	{
		u8 byte, part = scan->part;

		CLAMP(at);
		if (at > BUFFER_END)
			break;
		byte = scratch->buffer[at++];
		if (byte == '\n') {
			*length = value;
			return scan->digits && scan->digits < 19;
		}
		if (byte == ' ' || byte == '\t' || byte == '\r') {
			if (part == PART_DIGITS)
				scan->part = PART_END;
			continue;
		}
		if (byte == ':' && part == PART_NAME) {
			scan->part = PART_VALUE;
			continue;
		}
		if (byte < '0' || byte > '9' || part == PART_NAME || part == PART_END)
			break;
		scan->part = PART_DIGITS;
		scan->digits++;
		value = value * 10 + (byte - '0');
	}
	return false;
}

enum coding { CODING_NONE, CODING_CHUNKED, CODING_IDENTITY, CODING_OTHER };

/*
 * "Transfer-Encoding: gzip, chunked" at `line`: the last coding, which says how the body ends
 * (RFC 9112 section 6.3). Whatever is not plainly one of the known ones is another.
 */
static u32 last_coding(struct scratch *scratch, u64 line)
{
	volatile struct scan *scan = &scratch->scan;
	u64 at = line + 17 + scratch->zero;

	scan->coding = CODING_NONE;
	scan->fresh = 0;
	bounded_loop(CODING_TURNS)
	{
		u64 word, fresh = scan->fresh;
		u8 byte;

		CLAMP(at);
		if (at > BUFFER_END)
			break;
		word = *(u64 *)(scratch->buffer + at++);
		byte = word;
		word |= 0x20 * ONES;
		if (byte == '\n')
			return scan->coding;
		if (byte == ' ' || byte == '\t' || byte == '\r')
			continue;
		scan->fresh = byte == ',' || (byte == ':' && !scan->coding && !fresh);
		if (scan->fresh)
			continue;
		scan->coding = CODING_OTHER;
		if (fresh && (word & LOW(7)) == W('c', 'h', 'u', 'n', 'k', 'e', 'd', 0)) {
			scan->coding = CODING_CHUNKED;
			at += 6;
		} else if (fresh && word == W('i', 'd', 'e', 'n', 't', 'i', 't', 'y')) {
			scan->coding = CODING_IDENTITY;
			at += 7;
		}
	}
	return CODING_OTHER;
}
