/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Whose socket it is: a table that the programs of owner.c write, and that is asked when a header
 * block is handed out. By then whoever reads a request has read it, because it answers.
 *
 * cgroup: by the socket cookie. interface: by both ends as the socket has them, this network
 * namespace's sockets alone. Replay has no sockets, and without OWNERS there is no table.
 */
#if defined(OWNERS) && !defined(REPLAY)

#ifdef FLOW_BY_COOKIE
struct owner_key {
	u64 cookie;
};

static u64 check_of(struct owner_key *key)
{
	return key->cookie;
}
#else
struct owner_key {
	u8 local[16];
	u8 remote[16];
	u16 local_port;
	u16 remote_port;
	u32 pad;
};

static u64 check_of(struct owner_key *key)
{
	u64 *words = (u64 *)key;

	return mix(words[0] ^ mix(words[1] ^ mix(words[2] ^ mix(words[3] ^ mix(words[4])))));
}
#endif

struct owner {
	u64 check; /* of the key: the table gives an entry to another key while it is read */
	struct process process;
};

BPF_TABLE("lru_hash", struct owner_key, struct owner, owners, OWNERS);

#ifdef FLOW_BY_COOKIE
static bool find_owner_key(struct packet *packet, struct origin *origin, bool sender,
			   struct owner_key *key)
{
	key->cookie = origin->cookie;
	return key->cookie != 0;
}
#else
static bool find_owner_key(struct packet *packet, struct origin *origin, bool sender,
			   struct owner_key *key)
{
	if (packet->direction == DIRECTION_UNKNOWN)
		return false;
	__builtin_memcpy(key->local, sender ? packet->source : packet->destination, 16);
	__builtin_memcpy(key->remote, sender ? packet->destination : packet->source, 16);
	key->local_port = sender ? packet->source_port : packet->destination_port;
	key->remote_port = sender ? packet->destination_port : packet->source_port;
	return true;
}
#endif

/* `sender`: the end whose process is meant sent the packet (on loopback both ends are here). */
static void find_owner(struct process *process, struct packet *packet, struct origin *origin,
		       bool sender)
{
	struct owner_key key = {};
	struct owner *owner = 0;

	__builtin_memset(process, 0, sizeof(*process));
	if (find_owner_key(packet, origin, sender, &key))
		owner = owners.lookup(&key);
	if (!owner)
		return;
	__builtin_memcpy(process, &owner->process, sizeof(*process));
	asm volatile("" ::: "memory");
	if (*(volatile u64 *)&owner->check != check_of(&key))
		__builtin_memset(process, 0, sizeof(*process));
}
#else
static void find_owner(struct process *process, struct packet *packet, struct origin *origin,
		       bool sender)
{
	__builtin_memset(process, 0, sizeof(*process));
}
#endif
