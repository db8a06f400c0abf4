/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Segments out of order. Ingress programs run before TCP has put segments in order, and TCP will
 * not show a segment again. So one that lies beyond a hole is kept here, in the kernel, and looked
 * at when the hole is filled, as if it came then; nothing of it is handed out before. Only where
 * the next byte's meaning depends on what is missing: a body goes on over its holes by arithmetic.
 *
 * A hold is lent to one side of one flow and keeps up to HELD_SEGMENTS segments of it with together
 * HELD_BYTES bytes; a segment that finds room for a part of its bytes, or for none, is kept so,
 * and costs the place unless it proves to be body. Holds are few, and there is no timer: where none
 * is free, the oldest is taken away from its flow, which then finds its hole staying.
 *
 * A capture may miss what the receiver did not. There an acknowledgement says that the hole stays,
 * or, where only one direction is seen, the number of segments beyond it.
 */
static u64 hold_owner(struct segment *segment)
{
	return segment->flow->id << 1 | (segment->origin->side & 1);
}

/* The hold of this side; 0 when it has none any more. */
static struct hold *hold_of(struct segment *segment)
{
	u32 index = segment->side->hold - 1;
	struct hold *hold;

	if (!segment->side->hold)
		return 0;
	hold = holds.lookup(&index);
	if (hold && hold->owner == hold_owner(segment))
		return hold;
	return 0;
}

/* A hold was taken away, with what it kept. */
static void miss_hold(struct side *side)
{
	if (side->held)
		count(HELD_LOST);
	side->hold = 0;
	side->held = 0;
}

static bool claim(struct hold *hold, u64 seen, u64 owner)
{
#ifdef HAVE_EXCHANGE
	return __sync_val_compare_and_swap(&hold->owner, seen, owner) == seen;
#else
	/* Whoever interrupts us here has finished with the hold when we go on. */
	if (hold->owner != seen)
		return false;
	hold->owner = owner;
	return true;
#endif
}

/* Lends a hold to this side: of a few the first that is free, or else the oldest. */
static struct hold *take_hold(struct segment *segment)
{
	u64 owner = hold_owner(segment), time = ~0ULL, seen = 0;
	u32 chosen = 0, first = mix(owner);
	struct hold *hold;

	miss_hold(segment->side);
	for (u32 probe = 0; probe < HOLD_PROBES; probe++) {
		u32 index = (first + probe) % HOLDS;

		hold = holds.lookup(&index);
		if (!hold)
			return 0;
		if (!hold->owner || hold->time < time) {
			chosen = index;
			seen = hold->owner;
			time = seen ? hold->time : 0;
		}
	}
	hold = holds.lookup(&chosen);
	if (!hold || !claim(hold, seen, owner))
		return 0;
	hold->time = bpf_ktime_get_ns();
	hold->count = 0;
	hold->used = 0;
	segment->side->hold = chosen + 1;
	return hold;
}

static void return_hold(struct side *side, struct hold *hold)
{
	side->hold = 0;
	side->held = 0;
	hold->owner = 0;
}
