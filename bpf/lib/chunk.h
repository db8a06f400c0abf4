/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Chunked bodies (RFC 9112 section 7.1): the lines between the chunks are read byte by byte, so
 * that they may be split anywhere; the chunks themselves are skipped like any body, together with
 * the CRLF behind them. Nothing of either leaves the kernel.
 */
#define CHUNKS 4       /* with bounded loops, lines in a pass, */
#define CHUNK_BYTES 12 /* or parts of a line of so many bytes */

/* In `kind`, what was seen of the line. */
#define LINE_EMPTY 0
#define LINE_DIGITS 1
#define LINE_REST 2
#define LINE_CR 3

static u32 hex_value(u8 byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : 16;
}

/* One byte of a chunk-size line. */
static void chunk_size_byte(struct side *side, u8 byte)
{
	u32 value = hex_value(byte);

	if (byte == '\n') {
		side->odd_chunk |= side->kind != LINE_CR;
		if (side->kind == LINE_EMPTY) {
			lose_place(side);
		} else if (side->remaining) {
			side->remaining += 2;
			side->state = STATE_BODY;
		} else {
			side->state = STATE_TRAILER;
		}
		side->kind = LINE_EMPTY;
	} else if (side->kind >= LINE_REST || (byte == '\r' && side->kind == LINE_DIGITS)) {
		/* What stands behind a CR that ends nothing is read otherwise by others. */
		side->odd_chunk |= side->kind == LINE_CR;
		side->kind = byte == '\r' ? LINE_CR : LINE_REST;
	} else if (value < 16 && !(side->remaining >> 56)) {
		side->remaining = side->remaining << 4 | value;
		side->kind = LINE_DIGITS;
	} else if (side->kind == LINE_DIGITS &&
		   (byte == ';' || byte == ' ' || byte == '\t')) {
		side->kind = LINE_REST;
	} else {
		lose_place(side);
	}
}

static void trailer_byte(struct side *side, u8 byte)
{
	if (byte == '\n') {
		if (side->kind == LINE_EMPTY)
			side->state = STATE_START;
		side->kind = LINE_EMPTY;
	} else if (byte != '\r') {
		side->kind = LINE_REST;
	}
}

/* A status line where a trailer, or the empty line behind it, is due: the empty line is missing. */
static bool answers_again(struct side *side, u64 line, u64 bytes)
{
	return side->state == STATE_TRAILER && side->kind == LINE_EMPTY && bytes >= 7 &&
	       side->flags & SIDE_RESPONSE && (line & LOW(7)) == W('H', 'T', 'T', 'P', '/', '1', '.', 0);
}

/* Reads a line, or a part of one; the bytes used. */
static u32 read_chunk_line(struct segment *segment, struct side *side)
{
	struct scratch *scratch = segment->scratch;
	u64 bytes = load_first(segment, scratch), used = scratch->zero;
	u8 state = side->state;

	if (!bytes) {
		lose_place(side);
		return 0;
	}
	if (answers_again(side, *(u64 *)scratch->buffer, bytes)) {
		side->state = STATE_START;
		return 0;
	}
	bounded_loop(CHUNK_BYTES)
	{
		u8 byte;

		if (used >= bytes || side->state != state)
			break;
		asm volatile("%0 &= 0x3f" : "+r"(used));
		byte = scratch->buffer[used++];
		if (state == STATE_CHUNK_SIZE)
			chunk_size_byte(side, byte);
		else
			trailer_byte(side, byte);
		if (byte == '\n')
			break;
	}
	return used;
}

/* Line after line, and over the chunks between them. True when something else follows. */
static bool follow_chunks(struct segment *segment)
{
	struct side *side = segment->side;
	volatile struct rest *rest = segment->rest;
	u32 end = rest->sequence + rest->length;

	bounded_loop(CHUNKS)
	{
		u32 used = read_chunk_line(segment, side);

		side->next += used;
		side->body += used;
		if (side->state == STATE_LOST && used) {
			note_message_end(segment, side);
			segment->found->message_flags |= FLAG_BAD_CHUNK | FLAG_OPEN_END;
		}
		if (side->state == STATE_LOST)
			return false;
		if (side->state == STATE_START) {
			note_message_end(segment, side);
			if (!used || side->odd_chunk)
				segment->found->message_flags |= FLAG_BAD_CHUNK;
			break;
		}
		if (side->state == STATE_BODY && advance_body(side, end))
			side->state = STATE_CHUNK_SIZE;
		if ((s32)(end - side->next) <= 0)
			return false;
		rest->offset += side->next - rest->sequence;
		rest->sequence = side->next;
		rest->length = end - side->next;
	}
	return (s32)(end - side->next) > 0;
}
