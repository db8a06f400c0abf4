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
	u64 at = line + 14 + scratch->zero, digits = scratch->zero, value = scratch->zero;
	u64 colon = scratch->zero;

	bounded_loop(LENGTH_TURNS)
	{
		u8 byte;

		CLAMP(at);
		if (at > BUFFER_END)
			return false;
		byte = scratch->buffer[at++];
		if (byte == ':' && !colon) {
			colon++;
		} else if (byte == ' ' || byte == '\t') {
			if (digits)
				break;
		} else if (byte >= '0' && byte <= '9' && colon && digits < 19) {
			value = value * 10 + (byte - '0');
			digits++;
		} else {
			if (byte != '\r' && byte != '\n')
				return false;
			break;
		}
	}
	*length = value;
	return digits > 0 && digits < 19;
}

/* "Transfer-Encoding: gzip, chunked" at `line`: is chunked among the codings? */
static bool names_chunked(struct scratch *scratch, u64 line)
{
	u64 at = line + 18 + scratch->zero;

	bounded_loop(CODING_TURNS)
	{
		u64 word;

		CLAMP(at);
		if (at > BUFFER_END)
			return false;
		word = *(u64 *)(scratch->buffer + at++);
		if ((u8)word == '\n')
			return false;
		if (((word | 0x20 * ONES) & LOW(7)) == W('c', 'h', 'u', 'n', 'k', 'e', 'd', 0))
			return true;
	}
	return false;
}
