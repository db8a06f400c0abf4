/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Everything that outlives a packet. Settings, ports, own sockets and counters are memory-mapped
 * arrays: an agent without any privilege changes and reads them without a bpf() call, which older
 * kernels would refuse it. Their layout in user space is shipper/capture/layout.py.
 */
#define MAX_BLOCK 16384		/* bytes of one header block that are handed out */
#define CARRY 48		/* bytes of an unfinished line that a side remembers */
#define JUNK 256		/* bytes before a status line that are passed over */
#define PORTS 65536
#define OWN_SOCKETS 1024
#define OWN_PROBES 4
#define SCRATCH_SLOTS 4
#define MAX_RINGS 8		/* of one agent: see turn.h */

#define ROLE_SERVER 1
#define ROLE_CLIENT 2

#define MATCH_INCLUDE 1
#define MATCH_EXCLUDE 2
#define MATCH_SINK 4

#define FILTER_PORT_INCLUDE (1 << 0)
#define FILTER_PORT_EXCLUDE (1 << 1)
#define FILTER_CIDR_INCLUDE (1 << 2)
#define FILTER_CIDR_EXCLUDE (1 << 3)
#define FILTER_CGROUP_INCLUDE (1 << 4)
#define FILTER_CGROUP_EXCLUDE (1 << 5)
#define FILTER_OWN (1 << 6)
#define FILTER_SINK (1 << 7)
#define JOIN_TWINS (1 << 8) /* a connection may show itself twice: see flow.h */
#define OPEN_VXLAN (1 << 9) /* tunnels: see tunnel.h */
#define OPEN_GENEVE (1 << 10)
#define OPEN_GRE (1 << 11)
#define OPEN_IP (1 << 12)
#define OPEN_GTP (1 << 13)
#define OPEN_TEREDO (1 << 14)
#define OPEN_ANY (OPEN_VXLAN | OPEN_GENEVE | OPEN_GRE | OPEN_IP | OPEN_GTP | OPEN_TEREDO)

struct settings {
	u32 generation; /* changed last, whenever a filter changed: flows decide again */
	u32 roles;
	u32 filters;
	u32 max_block;
	u32 rings;
	u32 wake_bytes; /* a reader is woken when this much waits; otherwise it comes by itself */
	u32 turn; /* which agent's it is: see turn.h */
	u32 pad;
	u64 zero;
};

/* One counter for everything that can fail or be left out; the names are user space's too. */
enum counter {
	PACKETS,		/* packets with a TCP payload that need more than arithmetic */
	EVENTS_HEADER,		/* events handed to the ring, by kind */
	EVENTS_MESSAGE_END,
	EVENTS_FLOW_END,
	EVENTS_GAP,
	RING_FULL,		/* events that found no room in the ring */
	FLOWS_CREATED,
	FLOW_TABLE_FULL,	/* a flow that could not be put into the table */
	STATE_MISSING,		/* data in the middle of a connection whose state is not known */
	BLOCK_TOO_LONG,		/* header blocks cut at max_block */
	PLACE_LOST,		/* directions that lost their place in the message */
	PLACE_RESUMED,		/* and found it again at a start line */
	PARSE_GIVEN_UP,		/* packets whose headers or messages were too many to follow */
	OWNER_UNNOTED,		/* processes of sockets for which the table had no room */
	LOAD_FAILED,		/* bytes of a packet that the kernel did not give out */
	SCRATCH_BUSY,		/* no scratch memory was free on this CPU */
	FRAGMENTS,		/* IP fragments with TCP inside */
	RETRANSMITTED,		/* segments with nothing new */
	OVERLAPPED,		/* of these, inside the last header block: handed out to be compared */
	OUT_OF_WINDOW,		/* segments that the receiver would not take */
	BEYOND_HOLE,		/* segments beyond a hole */
	HELD,			/* of these, kept until the hole is filled */
	HELD_FULL,		/* kept without all their bytes, or not at all, for want of room */
	HELD_LOST,		/* sides whose kept segments went to another connection */
	DEFERRED,		/* packets that held more messages than one chain of calls takes */
	KIND_QUEUE_FULL,	/* more requests in flight than are remembered */
	OTHER_INTERFACE,	/* packets of a flow that another interface shows already */
	FLOWS_OWN,		/* flows left out: the agent's own sockets */
	FLOWS_SINK,		/* to or from a configured sink */
	FLOWS_FILTERED,		/* by port, CIDR or cgroup filters */
	FLOWS_ROLE,		/* HTTP flows of a role that is not wanted */
	FLOWS_TWIN,		/* told by their other end on this host */
	FLOWS_TUNNEL,		/* became something else after CONNECT or an upgrade */
	EVENTS_LEFT,		/* events of what an agent that is no more left open */
	SERVER_HTTP1,		/* coverage: connections by their first bytes, by the role of */
	SERVER_HTTP2,		/* whoever did not speak first */
	SERVER_TLS,
	SERVER_OTHER,
	SERVER_LATE,
	CLIENT_HTTP1,
	CLIENT_HTTP2,
	CLIENT_TLS,
	CLIENT_OTHER,
	CLIENT_LATE,
	COUNTERS,
};

struct cpu_counters {
	u64 value[COUNTERS];
};

/* Where a side stands: what the byte at `next` is. */
enum state {
	STATE_NEW,	   /* nothing seen yet */
	STATE_START,	   /* the first byte of a message */
	STATE_HEADER,	   /* inside a header block */
	STATE_BODY,	   /* inside a body (or its rest) of `remaining` bytes */
	STATE_CHUNK_SIZE,  /* inside the line that says how long the next chunk is */
	STATE_TRAILER,	   /* inside the lines after the last chunk */
	STATE_UNTIL_CLOSE, /* inside a body that ends with the connection */
	STATE_LOST,	   /* not known: only a complete start line gives the place back */
};

/* What the bytes of a flow are. */
enum class {
	CLASS_UNKNOWN,
	CLASS_HTTP1,
	CLASS_HTTP2,
	CLASS_TLS,
	CLASS_OTHER,
	CLASS_LATE,
};

/* Why a flow is left alone. */
enum verdict {
	VERDICT_NEW, /* not decided yet */
	VERDICT_FOLLOW,
	VERDICT_FILTERED,
	VERDICT_CLASS, /* not HTTP/1 */
	VERDICT_ROLE,
	VERDICT_DONE, /* its story is told */
};

/* Kinds of requests, as far as the response's framing depends on them. */
enum request_kind {
	REQUEST_OTHER = 0,
	REQUEST_HEAD = 1,
	REQUEST_CONNECT = 2,
	REQUEST_FORGOTTEN = 3, /* one of those that found no room */
};
#define KIND_QUEUE 32 /* two bits each in a u64 */

#define SIDE_HAVE_LENGTH (1 << 0)
#define SIDE_HAVE_CHUNKED (1 << 1)
#define SIDE_AMBIGUOUS (1 << 2)	 /* a framing line was split so that it can't be read */
#define SIDE_CUT (1 << 3)
#define SIDE_MID_LINE (1 << 4)	 /* the unfinished line is longer than the carry */
#define SIDE_DROPPED (1 << 5)	 /* an event was lost: the next start says RESUMED */
#define SIDE_RESPONSE (1 << 6)	 /* the block under way is a response */
#define SIDE_FIN (1 << 7)	 /* a FIN was seen, perhaps beyond a hole */
#define SIDE_STARTED (1 << 8)	 /* a start line of this side was seen */
#define SIDE_LATE (1 << 9)	 /* joined late and not at a start line yet */
#define SIDE_CLOSED (1 << 10)	 /* and all before the FIN was seen */
#define SIDE_STRANGE (1 << 11)	 /* its first bytes are no start line */
#define SIDE_EXPECTS (1 << 12)	 /* the request asks whether its body is wanted */
#define SIDE_DEFERRED (1 << 13)	 /* what the last packet held was too much: the rest is kept */
#define SIDE_LENGTHS_DIFFER (1 << 14) /* Content-Length says two things */
#define SIDE_EXCESS (1 << 15)	 /* it was told that bytes behind the last message begin none */

/* Segments beyond a hole, kept in order of arrival until it is filled (hold.h). */
#define HELD_SEGMENTS 32
#define HELD_BYTES 16384
#define HOLD_PROBES 4

struct held {
	u32 sequence;
	u32 until;  /* one past the segment's last byte; `sequence` when it was used */
	u32 at;	    /* where its bytes lie, */
	u32 length; /* as many as found room */
};

struct hold {
	u64 owner; /* a side of a flow; 0: nobody's */
	u64 time;  /* when it was taken */
	u32 count; /* of `segments`, used ones included */
	u32 used;  /* bytes of `data` */
	struct held segments[HELD_SEGMENTS];
	u8 data[HELD_BYTES + 2048]; /* slack for copies of a fixed size */
};

struct side {
	u32 next;
	u32 acknowledged; /* what the receiver has, with `acked`: further than what was seen here */
	u64 remaining;
	u64 body;
	u64 length;
	u32 taken; /* bytes of the block under way that were handed out */
	u32 interface;
	u32 block;     /* where the last block handed out begins, */
	u32 block_end; /* and ends, as far as it was */
	u32 fin;       /* where the stream ends, with SIDE_FIN */
	u32 edge;      /* how far the receiver allows it to go, with `window` */
	u32 window;    /* bytes that the receiver last offered; 0: not known */
	u32 hold;      /* one more than the number of the hold that it has; 0: none */
	u32 lowest;    /* of what the hold has kept since it was taken */
	u16 flags;
	u16 status;
	u8 state;
	u8 carry_length;
	u8 kind;  /* of the request; in chunk lines, what was seen of the line */
	u8 beyond; /* segments seen beyond the hole */
	u8 acked;
	u8 held;  /* segments in the hold */
	u8 scale; /* of its windows, plus 1; 0: not known */
	u8 outside; /* segments in a row that lay out of the window */
	u8 strange; /* segments seen of something that is not HTTP/1 */
	u8 odd_chunk; /* a line between chunks ended otherwise than with CRLF */
	u8 pad[6];
	u8 carry[CARRY];
};

struct flow {
	u64 id;
	u64 kinds;
	u32 pushed;
	u32 popped;
	u32 generation;
	u32 ring;
	u32 overflow; /* requests that found no room among the kinds */
	u8 overflow_kinds; /* and whether one of them was a HEAD or a CONNECT */
	u8 class;
	u8 verdict;
	u8 role;
	u8 late;
	u8 told; /* an event of this flow was emitted */
	u8 simple; /* the last request named no version */
	u8 turn;   /* which agent's it is */
	struct side side[2];
};

struct cidr_key {
	u32 prefix; /* bits, of the 128 of a v4-mapped address */
	u8 address[16];
};

struct sink_key {
	u8 address[16];
	u32 port;
};

struct port_rule {
	u32 match;
	u32 pad;
};

/* The two ends of one connection on this host, joined by what NAT preserves. */
struct twin_key {
	u64 bytes[2]; /* the first bytes of a request */
	u32 sequence;
	u32 pad;
};

struct twin {
	u64 time;
	u64 flow;
	u32 acknowledged;
	u32 role;
};

/* What is worked on: one packet. */
struct packet {
	u8 source[16];
	u8 destination[16];
	u32 sequence;
	u32 acknowledged;
	u16 source_port;
	u16 destination_port;
	u32 options; /* offset of the TCP options */
	u32 payload; /* offset of the TCP payload */
	u32 length;  /* and its bytes */
	u32 tunnel;  /* what it was wrapped in: see tunnel.h */
	u32 inner_vlan; /* of two VLAN tags */
	u16 window;
	u8 tcp_flags;
	u8 direction;
};

/* Where a side's stream begins, as far as the hook can tell. */
struct origin {
	u32 sequence; /* of the first byte that was not seen yet */
	u8 fresh;     /* nothing of the connection was missed before this packet */
	u8 known;     /* `sequence` holds */
	u8 side;
	u8 over;      /* both ends have sent all they had */
	u64 id;
	u64 cookie;
	u32 scope;
	u32 interface;
};

enum turned { NOT_TURNED, TURNED_FIRST, TURNED_LAST };

/* What is left of the packet, or of a segment that was kept, to be looked at. */
struct rest {
	u32 sequence;
	u32 offset;
	u32 length;
	u32 again;    /* passes made over the packet so far */
	u32 held;     /* the kept segment that is looked at, counted from 1; 0: the packet's own */
	u32 turned;   /* it is the other side's: before the packet's own, or behind it */
	u32 compared; /* what it repeats of the last block was handed out */
	u32 pick;     /* of a search: the one found so far, */
	s32 ahead;    /* and how far it is ahead */
	u32 waits;    /* a hole lies before it */
	u64 more;     /* another pass is needed */
};

/* A pass over the bytes of a header block (scan.h). */
struct scan {
	u64 at;		 /* where to go on */
	u64 loaded;	 /* bytes of the segment in the buffer */
	u64 from;	 /* where the block begins, */
	u64 line;	 /* where the line under way does */
	u64 mid_line;	 /* the line under way began before the buffer does */
	u64 end;	 /* one past the block's last byte, 0 while it is not found */
	u64 first_line;	 /* the LF of the first line, 0 while it is not found */
	u64 length_line; /* where the lines about framing begin: the first Content-Length, */
	u64 length_again; /* the last of several, */
	u64 coding_line; /* and Transfer-Encoding */
	u64 about_framing; /* the line before was one of these, */
	u64 folded;	 /* and the next one continues it */
	u64 expects;	 /* there is an Expect */
	/* Of one line about framing, while it is read: */
	u64 part;	 /* of a length, where its reader is, */
	u64 digits;	 /* and how many it had; */
	u64 coding;	 /* the coding read last, */
	u64 fresh;	 /* and whether another may begin */
};

/* What a pass has to tell; nothing where the kind's field is zero. */
struct findings {
	u32 gap_start, gap_until;    /* until != start */
	u32 block, block_bytes;	     /* where in the scratch buffer its event goes, and the bytes */
	u32 block_sequence;
	u32 block_flags;	     /* never zero for a block */
	u64 block_body;
	u64 message_body;
	u32 message_end;	     /* sequence number, with `message_flags` */
	u32 message_flags;
	u32 ended_ring;
	u32 pad;
	u64 ended_flow;
	u8 ended;		     /* a flow ended: the reason */
	u8 gap_side;
	u8 step;		     /* of emit(): the kinds done */
	u8 pad2[5];
};

/* Room for one event: the struct, the carry, the block, and slack for word-wise reads. */
#define DATA (sizeof(struct event) + CARRY)
#define SLACK 640 /* JUNK and the carry, and a word */
struct scratch {
	u64 busy;
	u64 zero;
	/*
	 * All numbers of a pass live here and not on the stack: what comes out of a map the verifier
	 * takes as unknown, so it follows each path once and not once for each value. Measured with
	 * kernel 6.18: see the head of packet_trace.c.
	 */
	struct packet packet;
	struct origin origin;
	struct rest rest;
	struct scan scan;
	struct findings found;
	struct event note; /* an event without bytes */
	struct process process; /* whose the block is */
	u8 buffer[DATA + MAX_BLOCK + SLACK];
};

BPF_F_TABLE("array", u32, struct settings, settings, 1, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct port_rule, ports, PORTS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, u64, own_sockets, OWN_SOCKETS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct cpu_counters, counters, CPUS, BPF_F_MMAPABLE);
BPF_F_TABLE("lpm_trie", struct cidr_key, u32, cidrs, 4096, BPF_F_NO_PREALLOC);
BPF_TABLE("hash", u64, u32, cgroups, 1024);
BPF_TABLE("hash", struct sink_key, u32, sinks, 1024);
BPF_TABLE("array", u32, struct flow, flow_template, 1);
BPF_TABLE("lru_hash", struct twin_key, struct twin, twins, 16384);
BPF_TABLE("percpu_array", u32, struct scratch, scratch, SCRATCH_SLOTS);
BPF_TABLE("array", u32, struct hold, holds, HOLDS);
BPF_RINGBUF_OUTPUT(ring_template, 1);
BPF_ARRAY_OF_MAPS(rings, "ring_template", 2 * MAX_RINGS);
BPF_PROG_ARRAY(again, 1);

static void count(enum counter which)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_counters *counted = counters.lookup(&cpu);

	/* Atomic: a softirq may interrupt a sender on the same CPU between load and store. */
	if (counted)
		__sync_fetch_and_add(&counted->value[which], 1);
}
