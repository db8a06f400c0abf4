/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * What crosses to user space: one struct for every kind of event, followed by `length` bytes of a
 * header block. Fixed-size fields, explicit padding, host byte order except the addresses.
 * Its other description is shipper/capture/layout.py; a test compares the two, and the numbers of
 * the enums with shipper/contract/events.py.
 */
#define EVENT_VERSION 3

enum event_kind { EVENT_HEADER = 1, EVENT_MESSAGE_END = 2, EVENT_FLOW_END = 3, EVENT_GAP = 4 };
enum stream_kind { STREAM_TCP = 1 };
enum hook_kind { HOOK_CGROUP = 1, HOOK_INTERFACE = 2, HOOK_REPLAY = 3 };
enum direction { DIRECTION_UNKNOWN = 0, DIRECTION_INGRESS = 1, DIRECTION_EGRESS = 2 };
enum flow_end {
	FLOW_END_FIN = 1,
	FLOW_END_RST = 2,
	FLOW_END_CLOSED = 3,
	FLOW_END_EVICTED = 4,
	FLOW_END_TWIN = 5,
	FLOW_END_TUNNEL = 6,
};

#define FLAG_REQUEST (1 << 0)
#define FLAG_RESPONSE (1 << 1)
#define FLAG_START (1 << 2)
#define FLAG_END (1 << 3)
#define FLAG_JUNK (1 << 4)
#define FLAG_CUT (1 << 5)
#define FLAG_RESUMED (1 << 6)
#define FLAG_OVERLAP (1 << 7)
#define FLAG_MESSAGE_END (1 << 8)
#define FLAG_LATE (1 << 9)
#define FLAG_UNTIL_CLOSE (1 << 10)
#define FLAG_CHUNKED (1 << 11)
#define FLAG_PROXY (1 << 12)
#define FLAG_SIMPLE (1 << 13)
#define FLAG_EXCESS (1 << 14)
#define FLAG_BAD_CHUNK (1 << 15)
#define FLAG_OPEN_END (1 << 16)

/* The process at the local end, as far as it is known; zeros where nothing is. */
struct process {
	u64 start;  /* when it began, on the boot-time clock */
	u64 cgroup; /* the process's, which need not be the socket's */
	u32 pid;    /* in the host's pid namespace, */
	u32 vpid;   /* and in its own, where that is another */
	u32 user;
	u32 parent; /* its parent's pid in the host's namespace */
	u8 name[16];
	u8 parent_name[16];
};

struct event {
	u8 version;
	u8 kind;
	u8 stream;
	u8 hook;
	u8 direction;
	u8 side;
	u8 reason;
	u8 pad;
	u32 flags;
	u32 interface;
	u64 time;
	u64 cookie;
	u64 cgroup;
	u64 flow;
	u32 sequence;
	u32 until;
	u64 body_bytes;
	u32 scope;
	u16 source_port;
	u16 destination_port;
	u8 source[16];
	u8 destination[16];
	struct process process;
	u32 length;
	u32 pad2;
};
