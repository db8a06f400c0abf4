/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * What a mirror port may have wrapped a packet in: VXLAN (RFC 7348), GENEVE (RFC 8926), GRE
 * (RFC 2784, 2890) with IP, Ethernet or ERSPAN (draft-foschiano-erspan) inside, IP in IP (RFC 2003,
 * RFC 2473), GTP-U (3GPP TS 29.281), Teredo (RFC 4380). Which of them are opened is a setting: a UDP
 * port alone proves nothing.
 *
 * A socket's own hook shows packets outside of tunnels, so that only the other builds have this.
 */
#define TUNNELS 3 /* one in another */

#define PORT_VXLAN 4789
#define PORT_GENEVE 6081
#define PORT_GTP 2152
#define PORT_TEREDO 3544

#define ETHER_IPV4 0x0800
#define ETHER_IPV6 0x86dd
#define ETHER_VLAN 0x8100
#define ETHER_QINQ 0x88a8
#define ETHER_BRIDGED 0x6558
#define ETHER_ERSPAN2 0x88be
#define ETHER_ERSPAN3 0x22eb

/* In the flow's scope, which kind of tunnel its number is of; a VLAN has none. */
#define SCOPE_VXLAN (1u << 28)
#define SCOPE_GENEVE (2u << 28)
#define SCOPE_GRE (3u << 28)
#define SCOPE_IP (4u << 28)
#define SCOPE_GTP (5u << 28)
#define SCOPE_TEREDO (6u << 28)

#define GTP_EXTENSIONS 4 /* headers, each four bytes or more */

/*
 * Is this kind to be opened? Asked anew each time: a compiler that works the answer out once, for
 * all tunnels in one another, has the verifier follow every combination of answers to the end.
 */
static bool is_opened(u32 filters, u32 kind)
{
	asm volatile("" : "+r"(filters));
	return filters & kind;
}

static u16 load16(struct __sk_buff *skb, u32 at)
{
	u16 value = 0;

	bpf_skb_load_bytes(skb, at, &value, sizeof(value));
	return bpf_ntohs(value);
}

static u32 load32(struct __sk_buff *skb, u32 at)
{
	u32 value = 0;

	bpf_skb_load_bytes(skb, at, &value, sizeof(value));
	return bpf_ntohl(value);
}

/* From an EtherType at `at` to the IP header behind it and any VLAN tags. */
static bool enter_ether_type(struct __sk_buff *skb, struct layer *layer, u32 at, u16 type)
{
	for (u32 tags = 0; tags < 2; tags++) {
		if (type != ETHER_VLAN && type != ETHER_QINQ)
			break;
		type = load16(skb, at + 2);
		at += 4;
	}
	layer->offset = at;
	return type == ETHER_IPV4 || type == ETHER_IPV6;
}

static bool enter_ethernet(struct __sk_buff *skb, struct layer *layer, u32 at)
{
	return enter_ether_type(skb, layer, at + 14, load16(skb, at + 12));
}

/* GTP-U: the IP packet behind the header and its extensions. */
static bool enter_gtp(struct __sk_buff *skb, struct packet *packet, struct layer *layer, u32 at)
{
	u32 first = load32(skb, at);

	/* Version 1, GTP and not GTP'; and 255, a packet of a user. */
	if ((first & 0xf0ff0000) != 0x30ff0000)
		return false;
	at += first & 0x07000000 ? 12 : 8;
	for (u32 i = 0; i < GTP_EXTENSIONS && first & 0x04000000; i++) {
		/* The byte before says what follows: nothing, or a header that begins with its length. */
		if (!(load16(skb, at - 2) & 0xff))
			break;
		at += load16(skb, at) >> 8 << 2;
	}
	/* The two directions have numbers of their own, so that these tell no flows apart. */
	packet->tunnel = SCOPE_GTP;
	layer->offset = at;
	return true;
}

/* Teredo: an IPv6 packet, perhaps behind an authentication and an origin indication. */
static bool enter_teredo(struct __sk_buff *skb, struct packet *packet, struct layer *layer, u32 at)
{
	if (load16(skb, at) == 1) {
		u16 lengths = load16(skb, at + 2);

		at += 13 + (lengths >> 8) + (lengths & 0xff);
	}
	if (!load16(skb, at))
		at += 8;
	packet->tunnel = SCOPE_TEREDO;
	layer->offset = at;
	return load16(skb, at) >> 12 == 6;
}

static bool enter_udp(struct __sk_buff *skb, struct packet *packet, struct layer *layer, u32 filters)
{
	u16 port = load16(skb, layer->offset + 2);
	u32 at = layer->offset + 8;

	if (port == PORT_VXLAN && is_opened(filters, OPEN_VXLAN)) {
		/* The flag says that the number holds. */
		if (!(load32(skb, at) & 0x08000000))
			return false;
		packet->tunnel = SCOPE_VXLAN | load32(skb, at + 4) >> 8;
		return enter_ethernet(skb, layer, at + 8);
	}
	if (port == PORT_GENEVE && is_opened(filters, OPEN_GENEVE)) {
		u32 first = load32(skb, at);

		if (first >> 30) /* the version */
			return false;
		packet->tunnel = SCOPE_GENEVE | load32(skb, at + 4) >> 8;
		at += 8 + (first >> 24 & 0x3f) * 4;
		if ((first & 0xffff) == ETHER_BRIDGED)
			return enter_ethernet(skb, layer, at);
		return enter_ether_type(skb, layer, at, first);
	}
	if (port == PORT_GTP && is_opened(filters, OPEN_GTP))
		return enter_gtp(skb, packet, layer, at);
	if (is_opened(filters, OPEN_TEREDO) &&
	    (port == PORT_TEREDO || load16(skb, layer->offset) == PORT_TEREDO))
		return enter_teredo(skb, packet, layer, at);
	return false;
}

static bool enter_gre(struct __sk_buff *skb, struct packet *packet, struct layer *layer)
{
	u32 first = load32(skb, layer->offset), at = layer->offset + 4;
	u16 type = first;

	if (first >> 16 & 0x4007) /* routing, or another version (PPTP) */
		return false;
	packet->tunnel = SCOPE_GRE;
	if (first & 0x80000000) /* checksum */
		at += 4;
	if (first & 0x20000000) { /* key */
		packet->tunnel = SCOPE_GRE | (load32(skb, at) & 0x0fffffff);
		at += 4;
	}
	if (first & 0x10000000) /* sequence number */
		at += 4;
	if (type == ETHER_BRIDGED)
		return enter_ethernet(skb, layer, at);
	if (type == ETHER_ERSPAN2) {
		/* Type I has neither sequence number nor header of its own. */
		if (!(first & 0x10000000))
			return enter_ethernet(skb, layer, at);
		packet->tunnel = SCOPE_GRE | (load32(skb, at) & 0x3ff);
		return enter_ethernet(skb, layer, at + 8);
	}
	if (type == ETHER_ERSPAN3) {
		packet->tunnel = SCOPE_GRE | (load32(skb, at) & 0x3ff);
		/* The last bit says that eight bytes more follow. */
		return enter_ethernet(skb, layer, at + 12 + (load32(skb, at + 8) & 1) * 8);
	}
	return enter_ether_type(skb, layer, at, type);
}

/* Not TCP: a tunnel that is to be opened? `layer` then stands at the inner IP header. */
static bool enter_tunnel(struct __sk_buff *skb, struct packet *packet, struct layer *layer,
			 u32 filters)
{
	if (layer->protocol == PROTOCOL_UDP)
		return enter_udp(skb, packet, layer, filters);
	if (layer->protocol == PROTOCOL_GRE && is_opened(filters, OPEN_GRE))
		return enter_gre(skb, packet, layer);
	if ((layer->protocol == PROTOCOL_IPV4 || layer->protocol == PROTOCOL_IPV6) &&
	    is_opened(filters, OPEN_IP)) {
		packet->tunnel = SCOPE_IP;
		return true;
	}
	return false;
}

static bool parse_packet(struct __sk_buff *skb, struct packet *packet, u32 filters)
{
	struct layer layer = {};
	union head head;

#if KEY_IS_REUSED && !defined(REPLAY)
	/* The kernel has taken off one VLAN tag; of two the inner one stands in front. */
	if (skb->protocol == bpf_htons(ETHER_VLAN) || skb->protocol == bpf_htons(ETHER_QINQ)) {
		packet->inner_vlan = load16(skb, 0) & 0xfff;
		if (!enter_ether_type(skb, &layer, 4, load16(skb, 2)))
			return false;
	}
#endif

	if (!parse_ip(skb, packet, &layer, &head))
		return false;
	if (KEY_IS_REUSED && layer.protocol != PROTOCOL_TCP && is_opened(filters, OPEN_ANY)) {
		for (u32 depth = 0; depth < TUNNELS; depth++) {
			if (!enter_tunnel(skb, packet, &layer, filters) ||
			    !parse_ip(skb, packet, &layer, &head))
				return false;
			if (layer.protocol == PROTOCOL_TCP)
				break;
		}
	}
	return layer.protocol == PROTOCOL_TCP && parse_tcp(skb, packet, &layer, &head);
}
