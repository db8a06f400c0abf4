/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * From an IP header to a TCP segment (RFC 791, 8200, 9293). Bytes are copied out with
 * bpf_skb_load_bytes, which reads non-linear packets too.
 */
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define PROTOCOL_TCP 6
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define MAX_EXTENSIONS 8

struct ipv4_header {
	u8 version_length;
	u8 service;
	u16 total_length;
	u16 id;
	u16 fragment;
	u8 ttl;
	u8 protocol;
	u16 checksum;
	u32 source;
	u32 destination;
};

struct ipv6_header {
	u32 version_class_label;
	u16 payload_length;
	u8 next_header;
	u8 hop_limit;
	u8 source[16];
	u8 destination[16];
};

struct tcp_header {
	u16 source;
	u16 destination;
	u32 sequence;
	u32 acknowledged;
	u8 offset;
	u8 flags;
	u16 window;
	u16 checksum;
	u16 urgent;
};

/*
 * The packet ends where the kernel says. The header's own length is only used to take Ethernet
 * padding off: it is truncated or zero for packets above 64 KiB (GSO, BIG TCP).
 */
static u32 packet_end(struct __sk_buff *skb, u32 claimed)
{
	u32 length = skb->len;

	if (length <= 65535 && claimed && claimed < length)
		return claimed;
	return length;
}

/* Returns the offset of the transport header, 0 if this is not TCP. */
static u32 parse_ipv4(struct __sk_buff *skb, struct packet *packet, u32 *end)
{
	struct ipv4_header ip;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) < 0)
		return 0;
	if (ip.protocol != PROTOCOL_TCP)
		return 0;
	if (ip.fragment & bpf_htons(0x3fff)) {
		count(FRAGMENTS);
		return 0;
	}
	packet->source[10] = packet->source[11] = 0xff;
	packet->destination[10] = packet->destination[11] = 0xff;
	*(u32 *)&packet->source[12] = ip.source;
	*(u32 *)&packet->destination[12] = ip.destination;
	*end = packet_end(skb, bpf_ntohs(ip.total_length));
	return (ip.version_length & 0x0f) * 4;
}

static u32 parse_ipv6(struct __sk_buff *skb, struct packet *packet, u32 *end)
{
	struct ipv6_header ip;
	u32 offset = sizeof(ip);
	u8 next;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) < 0)
		return 0;
	next = ip.next_header;
	*end = packet_end(skb, ip.payload_length ? bpf_ntohs(ip.payload_length) + sizeof(ip) : 0);
	__builtin_memcpy(packet->source, ip.source, 16);
	__builtin_memcpy(packet->destination, ip.destination, 16);
	for (u32 i = 0; i < MAX_EXTENSIONS; i++) {
		u8 extension[4];

		if (next == PROTOCOL_TCP)
			return offset;
		/* hop-by-hop, routing, fragment, authentication, destination options */
		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60)
			return 0;
		if (bpf_skb_load_bytes(skb, offset, extension, sizeof(extension)) < 0)
			return 0;
		if (next == 44) {
			/* Offset or more-fragments; an atomic fragment (RFC 6946) is whole. */
			if (extension[3] & 0xf9 || extension[2]) {
				if (extension[0] == PROTOCOL_TCP)
					count(FRAGMENTS);
				return 0;
			}
			offset += 8;
		} else if (next == 51) {
			offset += (extension[1] + 2) * 4;
		} else {
			offset += (extension[1] + 1) * 8;
		}
		next = extension[0];
	}
	count(PARSE_GIVEN_UP);
	return 0;
}

static bool parse_packet(struct __sk_buff *skb, struct packet *packet)
{
	struct tcp_header tcp;
	u32 transport, end = 0;
	u8 version;

	if (bpf_skb_load_bytes(skb, 0, &version, 1) < 0)
		return false;
	if (version >> 4 == 4)
		transport = parse_ipv4(skb, packet, &end);
	else if (version >> 4 == 6)
		transport = parse_ipv6(skb, packet, &end);
	else
		return false;
	if (!transport || bpf_skb_load_bytes(skb, transport, &tcp, sizeof(tcp)) < 0)
		return false;
	packet->source_port = bpf_ntohs(tcp.source);
	packet->destination_port = bpf_ntohs(tcp.destination);
	packet->sequence = bpf_ntohl(tcp.sequence);
	packet->acknowledged = bpf_ntohl(tcp.acknowledged);
	packet->tcp_flags = tcp.flags;
	packet->payload = transport + (tcp.offset >> 4) * 4;
	packet->length = end > packet->payload ? end - packet->payload : 0;
	return (tcp.offset >> 4) >= 5;
}
