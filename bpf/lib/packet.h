/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * From an IP header to a TCP segment (RFC 791, 8200, 9293), through tunnels where that is wanted
 * (tunnel.h). Bytes are copied out with bpf_skb_load_bytes, which reads non-linear packets too.
 */
#define PROTOCOL_IPV4 4
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_IPV6 41
#define PROTOCOL_GRE 47
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

/* Where a header was found, and what follows it. */
struct layer {
	u32 offset; /* of the transport header, or what stands in its place */
	u32 end;    /* of the packet */
	u32 protocol;
	bool usual; /* an IPv4 header without options: what follows was loaded with it */
};

/*
 * The packet ends where the kernel says. The header's own length is only used to take Ethernet
 * padding off: it is truncated or zero for packets above 64 KiB (GSO, BIG TCP).
 */
static u32 packet_end(struct __sk_buff *skb, u32 at, u32 claimed)
{
	u32 length = skb->len;

	if (length <= 65535 && claimed && at + claimed < length)
		return at + claimed;
	return length;
}

/* The first bytes from an IP header on: as many as the least IP and TCP headers have together. */
union head {
	u64 words[5];
	struct ipv4_header four;
	struct ipv6_header six;
	struct {
		struct ipv4_header ip;
		struct tcp_header tcp;
	} usual;
};

static bool parse_ipv4(struct __sk_buff *skb, struct packet *packet, struct layer *layer,
		       struct ipv4_header *ip)
{
	u32 at = layer->offset;

	layer->protocol = ip->protocol;
	if (ip->fragment & bpf_htons(0x3fff)) {
		if (ip->protocol == PROTOCOL_TCP)
			count(FRAGMENTS);
		return false;
	}
	__builtin_memset(packet->source, 0, 10);
	__builtin_memset(packet->destination, 0, 10);
	packet->source[10] = packet->source[11] = 0xff;
	packet->destination[10] = packet->destination[11] = 0xff;
	*(u32 *)&packet->source[12] = ip->source;
	*(u32 *)&packet->destination[12] = ip->destination;
	layer->end = packet_end(skb, at, bpf_ntohs(ip->total_length));
	layer->usual = (ip->version_length & 0x0f) == 5;
	layer->offset = at + (ip->version_length & 0x0f) * 4;
	return true;
}

static bool parse_ipv6(struct __sk_buff *skb, struct packet *packet, struct layer *layer,
		       struct ipv6_header *ip)
{
	u32 at = layer->offset, claimed;
	u8 next = ip->next_header;

	claimed = ip->payload_length ? bpf_ntohs(ip->payload_length) + sizeof(*ip) : 0;
	layer->end = packet_end(skb, at, claimed);
	layer->usual = false;
	__builtin_memcpy(packet->source, ip->source, 16);
	__builtin_memcpy(packet->destination, ip->destination, 16);
	at += sizeof(*ip);
	for (u32 i = 0; i < MAX_EXTENSIONS; i++) {
		u8 extension[4];

		/* hop-by-hop, routing, fragment, authentication, destination options */
		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60) {
			layer->protocol = next;
			layer->offset = at;
			return true;
		}
		if (bpf_skb_load_bytes(skb, at, extension, sizeof(extension)) < 0)
			return false;
		if (next == 44) {
			/* Offset or more-fragments; an atomic fragment (RFC 6946) is whole. */
			if (extension[3] & 0xf9 || extension[2]) {
				if (extension[0] == PROTOCOL_TCP)
					count(FRAGMENTS);
				return false;
			}
			at += 8;
		} else if (next == 51) {
			at += (extension[1] + 2) * 4;
		} else {
			at += (extension[1] + 1) * 8;
		}
		next = extension[0];
	}
	count(PARSE_GIVEN_UP);
	return false;
}

/* Calls are what a packet costs here: none where it may be read in place, else one for both headers. */
static bool load_head(struct __sk_buff *skb, u32 offset, union head *head)
{
#ifdef FLOW_BY_COOKIE
	u64 *data = (u64 *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if ((void *)(data + 5) <= end) {
#pragma unroll
		for (u32 i = 0; i < 5; i++)
			head->words[i] = data[i];
		return true;
	}
#endif
	return bpf_skb_load_bytes(skb, offset, head, sizeof(*head)) >= 0;
}

/* From the IP header at `layer->offset` to what it carries. */
static bool parse_ip(struct __sk_buff *skb, struct packet *packet, struct layer *layer,
		     union head *head)
{
	if (!load_head(skb, layer->offset, head))
		return false;
	if (head->four.version_length >> 4 == 4)
		return parse_ipv4(skb, packet, layer, &head->four);
	if (head->four.version_length >> 4 == 6)
		return parse_ipv6(skb, packet, layer, &head->six);
	return false;
}

static bool parse_tcp(struct __sk_buff *skb, struct packet *packet, struct layer *layer,
		      union head *head)
{
	struct tcp_header *tcp = &head->usual.tcp;

	if (!layer->usual && bpf_skb_load_bytes(skb, layer->offset, tcp, sizeof(*tcp)) < 0)
		return false;
	packet->source_port = bpf_ntohs(tcp->source);
	packet->destination_port = bpf_ntohs(tcp->destination);
	packet->sequence = bpf_ntohl(tcp->sequence);
	packet->acknowledged = bpf_ntohl(tcp->acknowledged);
	packet->window = bpf_ntohs(tcp->window);
	packet->tcp_flags = tcp->flags;
	packet->options = layer->offset + sizeof(*tcp);
	packet->payload = layer->offset + (tcp->offset >> 4) * 4;
	packet->length = layer->end > packet->payload ? layer->end - packet->payload : 0;
	return (tcp->offset >> 4) >= 5;
}
