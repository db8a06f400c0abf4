/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * After the header block: how the body is framed (RFC 9112 section 6.3) and where it ends, by
 * sequence numbers alone. No byte of a body is read, except for the lines between chunks.
 */
/* One of a flow's sides, by arithmetic: the verifier then looks at one, not at two. */
static struct side *side_of(struct flow *flow, u64 which)
{
	asm volatile("%0 &= 1" : "+r"(which));
	return (struct side *)((u8 *)flow->side + which * sizeof(struct side));
}

static void lose_place(struct side *side)
{
	if (side->state != STATE_LOST)
		count(PLACE_LOST);
	side->state = STATE_LOST;
	side->carry_length = 0;
	side->block_end = side->block;
	side->beyond = 0;
}

/*
 * The queue holds 32 kinds. Requests beyond are only numbered: as long as none of them is special,
 * nothing is lost by it.
 */
static void push_kind(struct flow *flow, u8 kind)
{
	u32 slot = (flow->pushed & (KIND_QUEUE - 1)) * 2;

	if (flow->overflow || flow->pushed - flow->popped >= KIND_QUEUE) {
		count(KIND_QUEUE_FULL);
		flow->overflow++;
		if (kind != REQUEST_OTHER)
			flow->overflow_kinds = 1;
		return;
	}
	flow->kinds = (flow->kinds & ~(3ULL << slot)) | (u64)kind << slot;
	flow->pushed++;
}

/* The kind of the request that is answered. */
static u8 pop_kind(struct flow *flow)
{
	u32 slot = (flow->popped & (KIND_QUEUE - 1)) * 2;

	if (flow->popped != flow->pushed) {
		flow->popped++;
		return flow->kinds >> slot & 3;
	}
	if (!flow->overflow)
		return REQUEST_OTHER; /* never seen: most are ordinary */
	flow->overflow--;
	if (!flow->overflow_kinds)
		return REQUEST_OTHER;
	if (!flow->overflow)
		flow->overflow_kinds = 0;
	return REQUEST_FORGOTTEN;
}

/*
 * Responses were missed. Whoever does not pipeline has one request under way: the last one. (Who
 * does, and sends HEAD, may lose the place once more.)
 */
static void forget_kinds(struct flow *flow)
{
	flow->overflow = 0;
	flow->overflow_kinds = 0;
	if (flow->pushed != flow->popped)
		flow->popped = flow->pushed - 1;
}

static void frame_by_fields(struct side *side)
{
	side->remaining = 0;
	if (side->flags & SIDE_AMBIGUOUS) {
		lose_place(side);
	} else if (side->flags & SIDE_HAVE_CHUNKED) {
		side->state = STATE_CHUNK_SIZE;
		side->kind = 0;
		side->odd_chunk = 0;
	} else if (side->flags & SIDE_LENGTHS_DIFFER) {
		lose_place(side);
	} else if (side->flags & SIDE_HAVE_LENGTH) {
		side->state = STATE_BODY;
		side->remaining = side->length;
	} else if (side->flags & SIDE_RESPONSE) {
		side->state = STATE_UNTIL_CLOSE;
	} else {
		side->state = STATE_BODY;
	}
}

/* The body has `remaining` bytes and no chunks: forget what its fields said of chunks. */
static void no_body(struct side *side)
{
	side->flags &= ~SIDE_HAVE_CHUNKED;
	side->remaining = 0;
	side->state = STATE_BODY;
}

/* Sets the state that follows a complete block; true when the connection leaves HTTP/1. */
static bool frame_body(struct flow *flow, struct side *side)
{
	u8 kind;

	side->body = 0;
	side->carry_length = 0;
	if (!(side->flags & SIDE_RESPONSE)) {
		push_kind(flow, side->kind);
		frame_by_fields(side);
		return false;
	}
	if (side->status >= 100 && side->status < 200 && side->status != 101) {
		no_body(side);
		return false;
	}
	kind = pop_kind(flow);
	if (side->status == 101 || (kind == REQUEST_CONNECT && side->status < 300)) {
		no_body(side);
		return true;
	}
	if (kind == REQUEST_HEAD || side->status == 204 || side->status == 304)
		no_body(side);
	else if (kind == REQUEST_FORGOTTEN)
		lose_place(side);
	else
		frame_by_fields(side);
	return false;
}

/*
 * Moves a body on to the sequence number `end`, holes or not. Returns true when it is complete;
 * `next` is then one past it.
 */
static bool advance_body(struct side *side, u32 end)
{
	u32 advance = end - side->next;

	if ((s32)advance < 0)
		advance = 0;
	if (side->state == STATE_BODY && side->remaining <= advance) {
		side->body += side->remaining;
		side->next += side->remaining;
		side->remaining = 0;
		return true;
	}
	side->body += advance;
	side->next += advance;
	if (side->state == STATE_BODY)
		side->remaining -= advance;
	/* Far behind: sequence numbers come round again. */
	if (side->body >> 28)
		side->block_end = side->block;
	return false;
}

/* The bytes of a body, or of one chunk, are over: what is next? */
static void end_body(struct segment *segment, struct side *side)
{
	if (side->flags & SIDE_HAVE_CHUNKED) {
		side->state = STATE_CHUNK_SIZE;
		return;
	}
	note_message_end(segment, side);
	side->state = STATE_START;
}

/*
 * A segment in the midst of a body, at a socket: most packets are this, and all there is to do is
 * arithmetic. False for whatever needs a closer look.
 */
static bool inside_body(struct flow *flow, struct packet *packet, u64 which)
{
	struct side *side = side_of(flow, which), *other = side_of(flow, !which);
	u32 advance = packet->sequence + packet->length - side->next;

	if (KEY_IS_REUSED || packet->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))
		return false;
	if ((side->state != STATE_BODY && side->state != STATE_UNTIL_CLOSE) || side->held ||
	    other->flags & SIDE_DEFERRED)
		return false;
	/* A retransmission, perhaps of the header block. */
	if (packet->sequence != side->next)
		return false;
	if (side->state == STATE_BODY && side->remaining <= advance)
		return false;
	advance_body(side, packet->sequence + packet->length);
	return true;
}
