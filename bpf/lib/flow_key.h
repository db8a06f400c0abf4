/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Which flow a packet belongs to: the only thing that differs between the builds.
 *
 * cgroup: the socket cookie. It is unique for the life of the kernel, whatever addresses two
 * network namespaces share, and the socket says where its stream begins.
 * interface and replay: addresses, ports and VLAN; a SYN says where the stream begins.
 */

static u64 mix(u64 value)
{
	/* Finalizer of MurmurHash3: an XOR of the ports alone would send all to one ring. */
	value ^= value >> 33;
	value *= 0xff51afd7ed558ccdULL;
	value ^= value >> 33;
	value *= 0xc4ceb9fe1a85ec53ULL;
	return value ^ value >> 33;
}

#ifdef FLOW_BY_COOKIE
#define THIS_HOOK HOOK_CGROUP
#define PASS 1		   /* a cgroup program that returns 0 would drop the packet */
#define KEY_IS_REUSED false

/* bcc 0.26 cuts the result of its own declaration to 32 bits. */
static u64 (*get_socket_cookie)(void *) = (void *)46;

/* States of a socket (net/tcp_states.h) in which both ends have sent all they had. */
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_LAST_ACK 9
#define TCP_CLOSING 11
/* ... and of one that waits for connections. */
#define TCP_LISTEN 10

struct flow_key {
	u64 cookie;
};

/*
 * A key for a connection that has no socket yet. Data may complete the handshake (always with
 * TCP_DEFER_ACCEPT, which Apache's httpd uses; also when the bare ACK was lost): the hook then shows
 * the listener, whose cookie all its connections would share. What the connection's own socket
 * shows next has the same addresses and the same first sequence number of the server's, which no
 * other network namespace with these addresses has. The top bit keeps it apart from cookies.
 */
static u64 embryo_key(struct packet *packet)
{
	bool out = packet->direction == DIRECTION_EGRESS;
	u64 *client = (u64 *)(out ? packet->destination : packet->source);
	u64 *server = (u64 *)(out ? packet->source : packet->destination);
	u64 ports = out ? (u64)packet->destination_port << 16 | packet->source_port
			: (u64)packet->source_port << 16 | packet->destination_port;
	u64 first = out ? packet->sequence : packet->acknowledged;

	return mix(client[0] ^ mix(client[1] ^ mix(server[0] ^ mix(server[1] ^
	       mix(ports << 32 | first))))) | 1ULL << 63;
}

/*
 * Only what this host received has an ingress interface: sockets send fresh skbs. One program
 * thus serves both directions and is verified once.
 */
static bool flow_key(struct __sk_buff *skb, struct packet *packet, struct flow_key *key,
		     struct origin *origin)
{
	u32 ingress = skb->ingress_ifindex, ifindex = skb->ifindex;

	/* Each is loaded by itself, here and below: the verifier allows no offset that depends on
	 * which of two fields is meant. */
	asm volatile("" : "+r"(ingress), "+r"(ifindex));
	packet->direction = ingress ? DIRECTION_INGRESS : DIRECTION_EGRESS;
	/* A pure ACK says nothing here: the socket itself knows its holes. */
	if (!packet->length && !(packet->tcp_flags & (TCP_FIN | TCP_RST)))
		return false;
	origin->side = packet->direction == DIRECTION_EGRESS;
	key->cookie = get_socket_cookie(skb);
	origin->cookie = key->cookie;
	origin->id = key->cookie;
	origin->interface = ingress ? ingress : ifindex;
	return key->cookie != 0;
}

/*
 * Asks the socket where its stream begins: only for flows and sides that are new, because each
 * question is a call. True when the key has changed: the connection has no socket of its own yet.
 */
static bool ask_socket(struct __sk_buff *skb, struct packet *packet, struct flow_key *key,
		       struct origin *origin)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp;
	u64 received, sent, next_in, next_out;

	if (!sk)
		return false;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return false;
	if (sk->state == TCP_LISTEN) {
		key->cookie = embryo_key(packet);
		origin->cookie = 0;
		origin->id = key->cookie;
		origin->sequence = packet->sequence;
		origin->known = origin->fresh = 1;
		return true;
	}
	origin->over = sk->state == TCP_TIME_WAIT || sk->state == TCP_CLOSE ||
		       sk->state == TCP_LAST_ACK || sk->state == TCP_CLOSING;
	tcp = bpf_tcp_sock(sk);
	if (!tcp)
		return false;
	received = !tcp->bytes_received; /* nothing yet */
	/* An active opener counts its SYN among the acknowledged bytes. */
	sent = tcp->bytes_acked <= 1;
	next_in = tcp->rcv_nxt;
	next_out = tcp->snd_una;
	asm volatile("" : "+r"(received), "+r"(sent), "+r"(next_in), "+r"(next_out));
	origin->known = origin->side ? sent : received;
	origin->sequence = origin->side ? next_out : next_in;
	origin->fresh = received & sent;
	return false;
}

/* Has the receiver of this packet got over the sequence number already? */
static bool socket_is_beyond(struct __sk_buff *skb, struct origin *origin, u32 sequence)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp;

	if (origin->side || !sk)
		return false;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return false;
	tcp = bpf_tcp_sock(sk);
	return tcp && tcp->bytes_received && (s32)(tcp->rcv_nxt - sequence) > 0;
}

static u64 flow_owner(struct __sk_buff *skb)
{
	return bpf_skb_cgroup_id(skb);
}

#else
#define PASS 0		   /* a socket filter that returns 0 keeps the packet out of the socket */
#define KEY_IS_REUSED true
#ifdef REPLAY
#define THIS_HOOK HOOK_REPLAY
#else
#define THIS_HOOK HOOK_INTERFACE
#endif
#define PACKET_TYPE_OTHERHOST 3
#define PACKET_TYPE_OUTGOING 4
#define LOOPBACK_IFINDEX 1

struct flow_key {
	u8 low[16];
	u8 high[16];
	u16 low_port;
	u16 high_port;
	u32 scope;
};

static bool source_is_low(struct packet *packet)
{
	u64 *source = (u64 *)packet->source, *destination = (u64 *)packet->destination;

	if (source[1] != destination[1])
		return source[1] < destination[1];
	if (source[0] != destination[0])
		return source[0] < destination[0];
	return packet->source_port < packet->destination_port;
}

static bool flow_key(struct __sk_buff *skb, struct packet *packet, struct flow_key *key,
		     struct origin *origin)
{
	u64 *words = (u64 *)key;

#ifndef REPLAY
	if (skb->pkt_type == PACKET_TYPE_OUTGOING) {
		/* Loopback shows each packet twice: once is enough. */
		if (skb->ifindex == LOOPBACK_IFINDEX)
			return false;
		/* What came in elsewhere is passed on: no socket of this host sends it. */
		packet->direction = skb->ingress_ifindex ? DIRECTION_UNKNOWN : DIRECTION_EGRESS;
	} else if (skb->pkt_type == PACKET_TYPE_OTHERHOST) {
		packet->direction = DIRECTION_UNKNOWN;
	} else {
		packet->direction = DIRECTION_INGRESS;
	}
	origin->interface = skb->ifindex;
#endif
#ifdef REPLAY
	key->scope = skb->cb[1]; /* a test run can set no VLAN: it comes in a free field */
#else
	if (skb->vlan_present)
		key->scope = skb->vlan_tci & 0xfff;
	if (packet->inner_vlan)
		key->scope = key->scope << 12 | packet->inner_vlan;
#endif
	if (packet->tunnel)
		key->scope = packet->tunnel;
	origin->scope = key->scope;
	origin->side = !source_is_low(packet);
	__builtin_memcpy(key->low, origin->side ? packet->destination : packet->source, 16);
	__builtin_memcpy(key->high, origin->side ? packet->source : packet->destination, 16);
	key->low_port = origin->side ? packet->destination_port : packet->source_port;
	key->high_port = origin->side ? packet->source_port : packet->destination_port;
	origin->id = mix(words[0] ^ mix(words[1] ^ mix(words[2] ^ mix(words[3] ^ mix(words[4])))));
	if (packet->tcp_flags & TCP_SYN) {
		origin->fresh = 1;
		origin->known = 1;
		origin->sequence = packet->sequence + 1;
		/* A port that is used again is another flow. */
		if (!(packet->tcp_flags & TCP_ACK))
			origin->id = mix(origin->id ^ packet->sequence);
	}
	return true;
}

/* A SYN has said it. */
static bool ask_socket(struct __sk_buff *skb, struct packet *packet, struct flow_key *key,
		       struct origin *origin)
{
	return false;
}

static bool socket_is_beyond(struct __sk_buff *skb, struct origin *origin, u32 sequence)
{
	return false;
}

static u64 flow_owner(struct __sk_buff *skb)
{
	return 0;
}
#endif

BPF_TABLE("lru_hash", struct flow_key, struct flow, flows, FLOWS);
