/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Which flows are followed. Decided once a flow, and again when `generation` says that a filter
 * changed. Exclusion wins; where there is an include rule of a kind, one end has to match it.
 */
static u32 port_match(u16 port)
{
	u32 index = port;
	struct port_rule *rule = ports.lookup(&index);

	return rule ? rule->match : 0;
}

static u32 cidr_match(u8 *address)
{
	struct cidr_key key = { .prefix = 128 };
	u32 *match;

	__builtin_memcpy(key.address, address, 16);
	match = cidrs.lookup(&key);
	return match ? *match : 0;
}

static bool is_sink(u8 *address, u16 port)
{
	struct sink_key key = { .port = port };

	__builtin_memcpy(key.address, address, 16);
	return sinks.lookup(&key) != 0;
}

/* A hash table with linear probing, so that the agent writes it without a bpf() call. */
static bool is_own(u64 cookie)
{
	u64 slot = mix(cookie);

	for (u32 i = 0; i < OWN_PROBES; i++) {
		u32 index = (slot + i) & (OWN_SOCKETS - 1);
		u64 *own = own_sockets.lookup(&index);

		if (own && *own == cookie)
			return true;
	}
	return false;
}

#ifdef FLOW_BY_COOKIE
#define CGROUP_LEVELS 8
/* A rule for a cgroup holds for everything below it. */
static u32 cgroup_match(struct __sk_buff *skb)
{
	u32 found = 0;

	for (int level = 0; level <= CGROUP_LEVELS; level++) {
		u64 id = bpf_skb_ancestor_cgroup_id(skb, level);
		u32 *match = id ? cgroups.lookup(&id) : 0;

		if (match)
			found |= *match;
	}
	return found;
}
#else
static u32 cgroup_match(struct __sk_buff *skb)
{
	return MATCH_INCLUDE; /* no socket, no cgroup: the filter does not apply */
}
#endif

static bool wanted(u32 match, u32 filters, u32 include, u32 exclude)
{
	if (filters & exclude && match & MATCH_EXCLUDE)
		return false;
	return !(filters & include) || match & MATCH_INCLUDE;
}

static enum verdict filter_flow(struct __sk_buff *skb, struct packet *packet,
				struct origin *origin, struct settings *set)
{
	u32 filters = set->filters, match;

	if (filters & FILTER_OWN && origin->cookie && is_own(origin->cookie)) {
		count(FLOWS_OWN);
		return VERDICT_FILTERED;
	}
	if (filters & FILTER_SINK && (is_sink(packet->source, packet->source_port) ||
				      is_sink(packet->destination, packet->destination_port))) {
		count(FLOWS_SINK);
		return VERDICT_FILTERED;
	}
	if (filters & (FILTER_PORT_INCLUDE | FILTER_PORT_EXCLUDE)) {
		match = port_match(packet->source_port) | port_match(packet->destination_port);
		if (!wanted(match, filters, FILTER_PORT_INCLUDE, FILTER_PORT_EXCLUDE))
			goto filtered;
	}
	if (filters & (FILTER_CIDR_INCLUDE | FILTER_CIDR_EXCLUDE)) {
		match = cidr_match(packet->source) | cidr_match(packet->destination);
		if (!wanted(match, filters, FILTER_CIDR_INCLUDE, FILTER_CIDR_EXCLUDE))
			goto filtered;
	}
	if (filters & (FILTER_CGROUP_INCLUDE | FILTER_CGROUP_EXCLUDE)) {
		match = cgroup_match(skb);
		if (!wanted(match, filters, FILTER_CGROUP_INCLUDE, FILTER_CGROUP_EXCLUDE))
			goto filtered;
	}
	return VERDICT_FOLLOW;
filtered:
	count(FLOWS_FILTERED);
	return VERDICT_FILTERED;
}
