/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * A pass over a packet first decides and then, at one place, hands out what it found: a gap, the
 * bytes of a header block, the end of a message, the end of a flow, in this order.
 *
 * An event that finds no room is counted, and the next start line of both sides says that
 * something was lost before it, so that user space never pairs across the loss.
 */

/* What most functions work on: one segment, and whom it belongs to. */
struct segment {
	struct __sk_buff *skb;
	struct packet *packet;
	struct flow *flow;
	struct origin *origin;
	struct settings *set;
	struct side *side;
	struct scratch *scratch;
	struct rest *rest;
	struct findings *found;
};

static void find_scratch(struct segment *segment)
{
	segment->packet = &segment->scratch->packet;
	segment->origin = &segment->scratch->origin;
	segment->rest = &segment->scratch->rest;
	segment->found = &segment->scratch->found;
}

static void describe(struct segment *segment, struct event *event)
{
	struct packet *packet = segment->packet;
	struct origin *origin = segment->origin;

	event->version = EVENT_VERSION;
	event->stream = STREAM_TCP;
	event->hook = THIS_HOOK;
	event->direction = packet->direction;
	event->side = origin->side;
	event->reason = 0;
	event->pad = 0;
	event->flags = 0;
	event->interface = origin->interface;
	event->time = bpf_ktime_get_boot_ns();
	event->cookie = origin->cookie;
	event->cgroup = flow_owner(segment->skb);
	event->flow = 0;
	event->sequence = packet->sequence;
	event->until = 0;
	event->body_bytes = 0;
	event->scope = origin->scope;
	event->source_port = packet->source_port;
	event->destination_port = packet->destination_port;
	__builtin_memcpy(event->source, packet->source, 16);
	__builtin_memcpy(event->destination, packet->destination, 16);
	event->length = 0;
	event->pad2 = 0;
}

static void note_message_end(struct segment *segment, struct side *side)
{
	segment->found->message_flags =
		side->flags & SIDE_RESPONSE ? FLAG_RESPONSE : FLAG_REQUEST;
	segment->found->message_end = side->next;
	segment->found->message_body = side->body;
}

static void note_flow_end(struct segment *segment, struct flow *flow, enum flow_end reason)
{
	if (!flow->told)
		return;
	segment->found->ended = reason;
	segment->found->ended_flow = flow->id;
	segment->found->ended_ring = flow->ring;
}

/* Is there anything of the kind to be told? */
static bool found_any(struct findings *found, u32 kind)
{
	if (kind == EVENT_GAP)
		return found->gap_until != found->gap_start;
	if (kind == EVENT_HEADER)
		return found->block_flags;
	if (kind == EVENT_MESSAGE_END)
		return found->message_flags;
	return found->ended;
}

static void fill_note(struct segment *segment, struct event *event, u32 kind)
{
	struct findings *found = segment->found;

	if (kind == EVENT_GAP) {
		event->sequence = found->gap_start;
		event->until = found->gap_until;
		event->side = found->gap_side;
	} else if (kind == EVENT_MESSAGE_END) {
		event->sequence = found->message_end;
		event->body_bytes = found->message_body;
		event->flags = found->message_flags;
	} else {
		event->reason = found->ended;
	}
}

static void fill_block(struct segment *segment, struct event *event, u32 bytes)
{
	event->flags = segment->found->block_flags;
	event->sequence = segment->found->block_sequence;
	/* What the sender had of the other side by then; not known of what was kept. */
	event->until = segment->rest->held || segment->rest->turned ||
				       !(segment->packet->tcp_flags & TCP_ACK) ?
			       0 :
			       segment->packet->acknowledged;
	event->body_bytes = segment->found->block_body;
	event->length = bytes;
	event->process = segment->scratch->process;
}

static void count_event(u64 kind)
{
	/* The four counters are in the order of the kinds. */
	kind -= EVENT_HEADER;
	asm volatile("%0 &= 3" : "+r"(kind));
	count(EVENTS_HEADER + kind);
}

static void emit(struct segment *segment)
{
	struct findings *found = segment->found;
	struct flow *flow = segment->flow;

	if (found->gap_until == found->gap_start && !found->block_flags && !found->message_flags &&
	    !found->ended)
		return;
	if (was_left(flow, segment->set)) {
		count(EVENTS_LEFT);
		return;
	}
	/* The end whose role the flow has: a server's sends the responses. (Out of the loop, because
	 * the verifier follows every turn of it.) */
	if (found->block_flags)
		find_owner(&segment->scratch->process, segment->packet, segment->origin,
			   (flow->role == ROLE_SERVER) == !!(found->block_flags & FLAG_RESPONSE));
	found->step = 0;
	bounded_loop(4)
	{
		/* gap, header, message end, flow end */
		u32 step = *(volatile u8 *)&found->step, index = flow->ring & (2 * MAX_RINGS - 1);
		u32 kind = step ? step : EVENT_GAP;
		struct event *event = &segment->scratch->note;
		u64 wake = BPF_RB_NO_WAKEUP, size, waiting;
		void *ring;

		if (step > 3)
			break;
		*(volatile u8 *)&found->step = step + 1;
		if (!found_any(found, kind))
			continue;

		if (kind == EVENT_HEADER) {
			u64 from = found->block, bytes = found->block_bytes;

			asm volatile("%0 &= 0x1ff" : "+r"(from)); /* at most CARRY + JUNK */
			asm volatile("%0 &= 0x7fff" : "+r"(bytes));
			if (bytes > MAX_BLOCK)
				continue;
			event = (struct event *)(segment->scratch->buffer + from);
			describe(segment, event);
			fill_block(segment, event, bytes);
			size = sizeof(*event) + bytes;
		} else {
			describe(segment, event);
			fill_note(segment, event, kind);
			size = sizeof(*event);
		}
		event->kind = kind;
		event->flags |= flow->late ? FLAG_LATE : 0;
		event->flow = flow->id;
		if (kind == EVENT_FLOW_END) {
			event->flow = found->ended_flow;
			index = found->ended_ring & (2 * MAX_RINGS - 1);
		}
		ring = rings.lookup(&index);
		if (!ring)
			break;
		/* Woken once, by the event that makes it enough: a reader comes by itself every
		 * few ms, which costs less than a wake-up each, and one is ten times an event. */
		waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
		if (waiting < segment->set->wake_bytes &&
		    waiting + size >= segment->set->wake_bytes)
			wake = BPF_RB_FORCE_WAKEUP;
		/* Old verifiers follow the bound only when it is made anew right here. */
		asm volatile("" : "+r"(size));
		if (size > sizeof(*event) + MAX_BLOCK)
			continue;
		if (bpf_ringbuf_output(ring, event, size, wake) < 0) {
			count(RING_FULL);
			flow->side[0].flags |= SIDE_DROPPED;
			flow->side[1].flags |= SIDE_DROPPED;
			continue;
		}
		flow->told = 1;
		count_event(kind);
	}
}
