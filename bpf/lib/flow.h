/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/* A flow's life: opened, attended to or left alone, closed. */

#ifdef FLOW_BY_COOKIE
/* A connection's own socket shows itself for the first time: what the listener showed is its. */
static void adopt_embryo(struct segment *segment, struct flow_key *key)
{
	struct flow_key embryo = { .cookie = embryo_key(segment->packet) };
	struct flow *flow = flows.lookup(&embryo);

	if (!flow)
		return;
	flows.update(key, flow);
	flows.delete(&embryo);
	segment->flow = flows.lookup(key);
}
#else
static void adopt_embryo(struct segment *segment, struct flow_key *key)
{
}
#endif

/* Finds, or makes, the flow of a packet; false when there is none to be followed. */
static bool open_flow(struct segment *segment, struct flow_key *key)
{
	struct packet *packet = segment->packet;
	struct origin *origin = segment->origin;
	struct flow *template;
	u32 zero = 0;

	if (segment->flow) {
		/* Not a SYN, a SYN-ACK, or the same SYN again? */
		if ((packet->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN ||
		    segment->flow->id == origin->id)
			return true;
		if (segment->flow->verdict == VERDICT_FOLLOW)
			note_flow_end(segment, segment->flow, FLOW_END_CLOSED);
	} else {
		adopt_embryo(segment, key);
		if (segment->flow)
			return true;
	}
	/* Ends of connections that were never seen begin nothing. */
	if (origin->over || (!packet->length && !(packet->tcp_flags & TCP_SYN)))
		return false;
	template = flow_template.lookup(&zero);
	if (!template)
		return false;
	if (flows.update(key, template) < 0) {
		count(FLOW_TABLE_FULL);
		return false;
	}
	segment->flow = flows.lookup(key);
	if (!segment->flow)
		return false;
	count(FLOWS_CREATED);
	segment->flow->id = origin->id;
	segment->flow->verdict = VERDICT_NEW;
	segment->flow->generation = segment->set->generation - 1;
	take_turn(segment->flow, segment->set);
	segment->flow->late = !origin->fresh;
	if (segment->flow->late)
		count(STATE_MISSING);
	return true;
}

/*
 * A flow is new, or the filters changed since it was looked at: one that comes in later is joined
 * late, one that goes out has ended.
 */
static void decide(struct segment *segment)
{
	struct flow *flow = segment->flow;
	u8 before = flow->verdict;

	flow->generation = segment->set->generation;
	if (before == VERDICT_CLASS || before == VERDICT_DONE)
		return;
	flow->verdict = filter_flow(segment->skb, segment->packet, segment->origin, segment->set);
	if (before == VERDICT_FOLLOW && flow->verdict != VERDICT_FOLLOW)
		note_flow_end(segment, flow, FLOW_END_CLOSED);
	if ((before == VERDICT_FILTERED || before == VERDICT_ROLE) &&
	    flow->verdict == VERDICT_FOLLOW) {
		flow->late = 1;
		flow->role = 0;
		flow->side[0].state = STATE_LOST;
		flow->side[1].state = STATE_LOST;
		flow->side[0].flags |= SIDE_LATE;
		flow->side[1].flags |= SIDE_LATE;
	}
}

/* Is this packet one to be followed? */
static bool attend(struct segment *segment)
{
	struct origin *origin = segment->origin;
	struct side *side = segment->side;

	if (segment->flow->generation != segment->set->generation)
		decide(segment);
	if (KEY_IS_REUSED && origin->interface) {
		if (!side->interface)
			side->interface = origin->interface;
		if (side->interface != origin->interface) {
			count(OTHER_INTERFACE);
			return false;
		}
	}
	if (segment->packet->tcp_flags & TCP_SYN && side->state == STATE_NEW && origin->known) {
		side->next = origin->sequence;
		side->state = STATE_START;
	}
	return segment->flow->verdict == VERDICT_FOLLOW;
}

/* The first payload of a side: from where does it count? */
static void begin_side(struct segment *segment)
{
	struct side *side = segment->side;

	if (side->state != STATE_NEW)
		return;
	side->next = segment->packet->sequence + !!(segment->packet->tcp_flags & TCP_SYN);
	side->state = STATE_START;
	if (segment->origin->known && !(segment->packet->tcp_flags & TCP_SYN))
		side->next = segment->origin->sequence;
	else if (segment->flow->late) {
		side->state = STATE_LOST;
		side->flags |= SIDE_LATE;
	}
}

/* By the role of whoever did not speak first. */
static void count_class(struct segment *segment, u8 class)
{
	bool server = segment->packet->direction != DIRECTION_EGRESS;

	if (class == CLASS_OTHER && segment->packet->direction != DIRECTION_UNKNOWN &&
	    side_of(segment->flow, !segment->origin->side)->flags & SIDE_STRANGE)
		server = !server;

	segment->flow->class = class;
	if (class == CLASS_HTTP1)
		count(server ? SERVER_HTTP1 : CLIENT_HTTP1);
	else if (class == CLASS_HTTP2)
		count(server ? SERVER_HTTP2 : CLIENT_HTTP2);
	else if (class == CLASS_TLS)
		count(server ? SERVER_TLS : CLIENT_TLS);
	else if (class == CLASS_OTHER)
		count(server ? SERVER_OTHER : CLIENT_OTHER);
	else
		count(server ? SERVER_LATE : CLIENT_LATE);
}

/* Segments of a side that speaks something else, after which nobody waits for the other one. */
#define STRANGE_LIMIT 8

/*
 * A greeting, a request or an answer of SOCKS, as far as two bytes tell (versions 4 and 5, RFC 1928
 * and RFC 1929)? Behind these the connection speaks something else, perhaps HTTP.
 */
static bool maybe_socks(u64 a)
{
	u8 version = a, second = a >> 8;

	if (!version)
		return second >= 0x5a && second <= 0x5d;
	return version == 1 || version == 5 || (version == 4 && second <= 2);
}

/*
 * The first bytes of a side are no start line. That alone says little: a request may be one that
 * nobody foresaw. The other side's first bytes decide; until then this one has no place.
 */
static bool other_side_decides(struct segment *segment, u64 a)
{
	struct side *side = segment->side;
	struct side *other = side_of(segment->flow, !segment->origin->side);
	bool socks = maybe_socks(a);

	if ((other->flags & SIDE_STRANGE && !socks) || ++side->strange > STRANGE_LIMIT)
		return false;
	side->flags |= SIDE_STRANGE;
	if (socks) /* nothing is lost by it */
		side->flags |= SIDE_LATE;
	side->state = STATE_LOST;
	return true;
}

/*
 * No start line where the first one would be. TLS: a handshake or application data record of
 * version 3.x (RFC 8446 section 5.1). HTTP/2: its preface (RFC 9113 section 3.4).
 */
static void classify(struct segment *segment, u8 *at)
{
	u64 a = *(u64 *)at;

	if (segment->flow->class != CLASS_UNKNOWN)
		return;
	if (a == W('P', 'R', 'I', ' ', '*', ' ', 'H', 'T'))
		count_class(segment, CLASS_HTTP2);
	else if ((a & 0xff) >= 0x14 && (a & 0xff) <= 0x17 && (a >> 8 & 0xff) == 3)
		count_class(segment, CLASS_TLS);
	else if (segment->flow->late || (segment->side->state == STATE_LOST &&
					 !(segment->side->flags & SIDE_STRANGE)))
		count_class(segment, CLASS_LATE); /* the first bytes were not seen */
	else if (!other_side_decides(segment, a))
		count_class(segment, CLASS_OTHER);
	else
		return;
	/* A connection joined late may yet show a start line. */
	if (segment->flow->class != CLASS_LATE)
		segment->flow->verdict = VERDICT_CLASS;
}

#ifdef FLOW_BY_COOKIE
/* Ends the story of another flow: only a cookie finds it again. */
static void silence(struct segment *segment, u64 cookie)
{
	struct flow_key key = { .cookie = cookie };
	struct flow *twin = flows.lookup(&key);

	if (!twin || twin->verdict != VERDICT_FOLLOW)
		return;
	twin->verdict = VERDICT_DONE;
	note_flow_end(segment, twin, FLOW_END_TWIN);
}
#else
static void silence(struct segment *segment, u64 flow)
{
}
#endif

/*
 * A connection may show itself twice: at its two ends, when both are on this host and both roles
 * are wanted; or on two interfaces, before and after NAT. NAT changes addresses, not sequence
 * numbers and not bytes: by these the second view of a request finds the first one. Of two ends the
 * server tells the story, of two interfaces the one that saw it first. True when this view is the
 * one to be silent.
 */
static bool silenced_by_twin(struct segment *segment, u8 *at)
{
	struct twin mine = {}, *other;
	struct twin_key key = {};
	s32 apart;

	key.bytes[0] = *(u64 *)at;
	key.bytes[1] = *(u64 *)(at + 8);
	key.sequence = segment->rest->sequence;
	mine.time = bpf_ktime_get_boot_ns();
	mine.flow = segment->flow->id;
	mine.acknowledged = segment->packet->acknowledged;
	mine.role = segment->flow->role;
	other = twins.lookup(&key);
	if (other && other->flow != mine.flow && (KEY_IS_REUSED || other->role != mine.role) &&
	    mine.time - other->time < 10000000000ULL) {
		apart = other->acknowledged - mine.acknowledged;
		if (apart > -(1 << 20) && apart < 1 << 20) {
			count(FLOWS_TWIN);
			if (KEY_IS_REUSED)
				return true;
			if (mine.role == ROLE_SERVER)
				silence(segment, other->flow);
			return mine.role == ROLE_CLIENT;
		}
	}
	twins.update(&key, &mine);
	return false;
}

/* The first message of a flow says who is the server; is its story wanted? */
static bool role_wanted(struct segment *segment, bool response)
{
	struct flow *flow = segment->flow;
	u8 request_direction = segment->packet->direction;

	if (flow->role)
		return true;
	/* A mirrored packet, of which neither end is known to be here, is a server's. */
	if (request_direction == DIRECTION_UNKNOWN)
		flow->role = ROLE_SERVER;
	else if ((request_direction == DIRECTION_INGRESS) != response)
		flow->role = ROLE_SERVER;
	else
		flow->role = ROLE_CLIENT;
	if (segment->set->roles & flow->role)
		return true;
	flow->verdict = VERDICT_ROLE;
	count(FLOWS_ROLE);
	return false;
}

static bool take_role(struct segment *segment, bool response)
{
	if (segment->flow->class == CLASS_UNKNOWN)
		count_class(segment, CLASS_HTTP1);
	return role_wanted(segment, response);
}

/*
 * A reset counts where the stream stands, or a little before or behind, as far as anything is known
 * of it: who spoils the sequence number only wants to be overlooked (RFC 5961 section 3).
 */
static bool reset_counts(struct segment *segment)
{
	struct side *side = segment->side;
	s32 ahead = segment->packet->sequence - side->next;
	s32 furthest = 1 << 20;

	if (side->state == STATE_NEW || side->state == STATE_LOST || segment->flow->late)
		return true;
	if (side->window)
		furthest = side->edge + side->window - side->next;
	return ahead >= -65536 && ahead <= furthest;
}

/* Has everything before the FIN been seen, or will it not come? */
static bool all_was_seen(struct segment *segment)
{
	struct side *side = segment->side;

	if (side->state == STATE_NEW || side->state == STATE_LOST)
		return true;
	if (side->state == STATE_BODY || side->state == STATE_UNTIL_CLOSE) {
		if (advance_body(side, side->fin))
			end_body(segment, side);
	}
	return (s32)(side->next - side->fin) >= 0;
}

/*
 * The story ends once: with a reset, with the server's FIN (after which there are no responses), or
 * with the second FIN. A client that closes its half may still be answered.
 */
static void close_flow(struct segment *segment)
{
	struct flow *flow = segment->flow;
	struct side *side = segment->side;
	bool reset = segment->packet->tcp_flags & TCP_RST && reset_counts(segment);

	if (flow->verdict != VERDICT_FOLLOW)
		return;
	/* The other side never spoke. */
	if (flow->class == CLASS_UNKNOWN && side->flags & SIDE_STRANGE &&
	    segment->packet->tcp_flags & (TCP_FIN | TCP_RST)) {
		count_class(segment, CLASS_OTHER);
		flow->verdict = VERDICT_CLASS;
		return;
	}
	if (!reset) {
		if (!(side->flags & SIDE_FIN) || side->flags & SIDE_CLOSED || !all_was_seen(segment))
			return;
		side->flags |= SIDE_CLOSED;
		if (side->state == STATE_UNTIL_CLOSE) {
			side->state = STATE_START;
			note_message_end(segment, side);
		}
		if (!(flow->side[0].flags & flow->side[1].flags & SIDE_CLOSED) &&
		    !(side->flags & SIDE_RESPONSE))
			return;
	}
	note_flow_end(segment, flow, reset ? FLOW_END_RST : FLOW_END_FIN);
	flow->verdict = VERDICT_DONE;
}
