/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Whose sockets they are: who connected, and who reads. Compiled in one piece with packet_trace.c,
 * whose table of owners (lib/owner.h) is filled here.
 *
 * A connection's owner is the process that read of it last; until it has read, the one that
 * connected. Reading, and not accepting or binding: a master binds, a worker accepts, a third may
 * be handed the socket, and who reads the request is who deals with it.
 *
 * There are no kernel headers and no relocations: where the members of the kernel's structs lie is
 * told by definitions (shipper/capture/owners.py). Without them (no BTF) only what helpers give is
 * known, and who reads is not. Nothing here is attached to a packet's path but connect().
 */
#ifdef TASK_LEADER
#define READ(type, at)                                                                             \
	({                                                                                         \
		type value_ = 0;                                                                   \
		bpf_probe_read_kernel(&value_, sizeof(value_), (void *)(at));                      \
		value_;                                                                            \
	})

/* Pid in the namespace that the process itself lives in; 0 where that is the host's. */
static u32 inner_pid(u64 leader)
{
	u64 pid = READ(u64, leader + TASK_PID);
	u32 level = READ(u32, pid + PID_LEVEL);

	/* linux/pid_namespace.h: MAX_PID_NS_LEVEL */
	if (!level || level > 32)
		return 0;
	return READ(u32, pid + PID_NUMBERS + level * UPID_BYTES + UPID_NR);
}

/* What tells a process from all others: pid, start, and the name, which goes with exec. */
static u64 identify(struct process *process)
{
	u64 leader = READ(u64, bpf_get_current_task() + TASK_LEADER);

	process->start = READ(u64, leader + TASK_START);
	bpf_probe_read_kernel(process->name, sizeof(process->name), (void *)(leader + TASK_NAME));
	return leader;
}

static void describe_process(struct process *process, u64 leader)
{
	u64 parent = READ(u64, leader + TASK_PARENT);

	process->vpid = inner_pid(leader);
	process->parent = READ(u32, parent + TASK_TGID);
	parent = READ(u64, parent + TASK_LEADER);
	bpf_probe_read_kernel(process->parent_name, sizeof(process->parent_name),
			      (void *)(parent + TASK_NAME));
}
#else
static u64 identify(struct process *process)
{
	u64 both = bpf_get_current_pid_tgid();

	/* A thread may be called as it likes: only the first one's name is the process's. */
	if ((u32)both == both >> 32)
		bpf_get_current_comm(process->name, sizeof(process->name));
	return 0;
}

static void describe_process(struct process *process, u64 leader)
{
}
#endif

static bool same_process(struct process *one, struct process *other)
{
	u64 *name = (u64 *)one->name, *named = (u64 *)other->name;

	return one->pid == other->pid && one->start == other->start && one->user == other->user &&
	       name[0] == named[0] && name[1] == named[1];
}

/* The process that runs now, all but what is the same as in `known`; false if it is that one. */
static bool now_another(struct process *process, struct process *known)
{
	u64 leader;

	process->pid = bpf_get_current_pid_tgid() >> 32;
	process->user = bpf_get_current_uid_gid();
	if (!process->pid)
		return false; /* nobody's turn */
	leader = identify(process);
	if (known && same_process(process, known))
		return false;
	process->cgroup = bpf_get_current_cgroup_id();
	describe_process(process, leader);
	return true;
}

static void own(struct owner_key *key, struct owner *owner)
{
	owner->check = check_of(key);
	if (owners.update(key, owner) < 0)
		count(OWNER_UNNOTED);
}

/* The running process deals with the socket. */
static void note_owner(struct owner_key *key)
{
	struct owner owner = {}, *known = owners.lookup(key);

	if (now_another(&owner.process, known ? &known->process : 0))
		own(key, &owner);
}

#ifndef FLOW_BY_COOKIE
/* Who is connecting, by cookie: the socket has no port yet. */
BPF_TABLE("lru_hash", u64, struct owner, connecting, 4096);
static u64 (*get_socket_cookie)(void *) = (void *)46; /* as in lib/flow_key.h */
#endif

/* linux/net.h, linux/in.h: not in the tree that bcc is given */
#define SOCK_STREAM 1
#define IPPROTO_TCP 6

static void note_client(struct bpf_sock_addr *address)
{
#ifdef FLOW_BY_COOKIE
	struct owner_key key = {};
#else
	struct owner owner = {};
	u64 cookie;
#endif

	if (address->type != SOCK_STREAM || address->protocol != IPPROTO_TCP)
		return;
#ifdef FLOW_BY_COOKIE
	key.cookie = get_socket_cookie(address);
	note_owner(&key);
#else
	cookie = get_socket_cookie(address);
	if (now_another(&owner.process, 0))
		connecting.update(&cookie, &owner);
#endif
}

int owner_connect4(struct bpf_sock_addr *address)
{
	note_client(address);
	return 1; /* lets it connect */
}

int owner_connect6(struct bpf_sock_addr *address)
{
	note_client(address);
	return 1;
}

#ifdef SOCK_COOKIE
#ifdef FLOW_BY_COOKIE
static bool key_of_socket(u64 sk, struct owner_key *key)
{
	/* The hook of the packets has given it one before anybody could read. */
	key->cookie = READ(u64, sk + SOCK_COOKIE);
	return key->cookie != 0;
}
#else
#define AF_INET 2
#define AF_INET6 10

static bool key_of_socket(u64 sk, struct owner_key *key)
{
	u16 family = READ(u16, sk + SOCK_FAMILY);
	u64 net = READ(u64, sk + SOCK_NET);

	if (READ(u32, net + NET_NUMBER) != THIS_NET)
		return false;
	if (family == AF_INET) {
		*(u16 *)(key->local + 10) = 0xffff;
		*(u16 *)(key->remote + 10) = 0xffff;
		*(u32 *)(key->local + 12) = READ(u32, sk + SOCK_LOCAL);
		*(u32 *)(key->remote + 12) = READ(u32, sk + SOCK_REMOTE);
	} else if (family == AF_INET6) {
		bpf_probe_read_kernel(key->local, 16, (void *)(sk + SOCK_LOCAL6));
		bpf_probe_read_kernel(key->remote, 16, (void *)(sk + SOCK_REMOTE6));
	} else {
		return false;
	}
	key->local_port = bpf_ntohs(READ(u16, sk + SOCK_LOCAL_PORT));
	key->remote_port = bpf_ntohs(READ(u16, sk + SOCK_REMOTE_PORT));
	return true;
}
#endif

/* tcp_rcv_space_adjust(sk): bytes were copied to whoever reads. */
int owner_read(struct bpf_raw_tracepoint_args *arguments)
{
	struct owner_key key = {};
	u64 sk = arguments->args[0];

	/* The kernel itself may read (a parser of streams, in an interrupt): then nobody holds the
	 * socket, and the process that happens to run has nothing to do with it. */
	if (READ(u32, sk + SOCK_OWNED) && key_of_socket(sk, &key))
		note_owner(&key);
	return 0;
}

/* include/net/tcp_states.h */
#define STATE_ESTABLISHED 1
#define STATE_SYN_SENT 2
#define STATE_CLOSED 7

/* inet_sock_set_state(sk, old, new): nothing comes of a closed socket any more. */
int owner_state(struct bpf_raw_tracepoint_args *arguments)
{
	struct owner_key key = {};
	u64 sk = arguments->args[0], new = arguments->args[2];

	if (new == STATE_CLOSED) {
		if (key_of_socket(sk, &key))
			owners.delete(&key);
#ifndef FLOW_BY_COOKIE
	} else if (new == STATE_ESTABLISHED && arguments->args[1] == STATE_SYN_SENT) {
		u64 cookie = READ(u64, sk + SOCK_COOKIE);
		struct owner *known = connecting.lookup(&cookie), owner;

		if (!known || !key_of_socket(sk, &key))
			return 0;
		owner = *known;
		own(&key, &owner);
		connecting.delete(&cookie);
#endif
	}
	return 0;
}
#endif
