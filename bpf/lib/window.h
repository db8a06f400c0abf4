/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * How far a receiver lets its peer go (RFC 9293 section 3.8.6, RFC 7323 section 2). What lies far
 * beyond it no receiver takes, so it must not move anything here; who sends it wants to mislead
 * readers like this one. A capture may lack an acknowledgement or two: as much again is allowed.
 *
 * A socket knows its own window and does not tell it; there this is left out.
 */
#define OPTION_END 0
#define OPTION_NOTHING 1
#define OPTION_SCALE 3
#define OPTIONS 10
#define NO_SCALE 15 /* the option is not there */
#define LEAST_SLACK 4096

/* The window scale that a SYN announces. */
static u8 read_scale(struct __sk_buff *skb, struct packet *packet)
{
	u32 at = packet->options;

	for (u32 i = 0; i < OPTIONS; i++) {
		u8 option[3] = {};

		if (at >= packet->payload)
			break;
		if (bpf_skb_load_bytes(skb, at, option, 3) < 0 &&
		    bpf_skb_load_bytes(skb, at, option, 1) < 0)
			break;
		if (option[0] == OPTION_END)
			break;
		if (option[0] == OPTION_SCALE)
			return option[2] > 14 ? 14 : option[2];
		at += option[0] == OPTION_NOTHING || option[1] < 2 ? 1 : option[1];
	}
	return NO_SCALE;
}

/* What this packet of `side` says of how far the `other` one may go. */
static void note_window(struct segment *segment, struct side *side, struct side *other)
{
	struct packet *packet = segment->packet;
	u32 window = packet->window;

	if (packet->tcp_flags & TCP_SYN)
		side->scale = 1 + read_scale(segment->skb, packet);
	if (!(packet->tcp_flags & TCP_ACK) || packet->tcp_flags & TCP_RST)
		return;
	if (!(packet->tcp_flags & TCP_SYN)) {
		if (!side->scale || !other->scale)
			return; /* the handshake was not seen */
		/* Only where both announced one is it used. */
		if (side->scale <= NO_SCALE && other->scale <= NO_SCALE)
			window <<= (side->scale - 1) & 15;
	}
	other->edge = packet->acknowledged + window;
	other->window = window < LEAST_SLACK ? LEAST_SLACK : window;
}

/* Packets in a row after which it is the window that is not known. */
#define OUTSIDE_LIMIT 8

/* Does the packet lie where its receiver can't take it? */
static bool out_of_window(struct segment *segment)
{
	struct side *side = segment->side;
	s32 beyond = segment->packet->sequence - side->edge;

	if (!side->window || segment->packet->tcp_flags & TCP_SYN)
		return false;
	if (beyond <= (s32)side->window) {
		side->outside = 0;
		return false;
	}
	if (++side->outside > OUTSIDE_LIMIT)
		side->window = 0;
	return side->window;
}
