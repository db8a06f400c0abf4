/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Two agents, one after the other, share the tables and the program. Whose turn it is stands in one
 * word of the settings, so that every packet sees one of the two: its number, and whether the agent
 * before still reads. Odd and even turns have rings of their own.
 *
 * A connection keeps the agent that reads of it until nothing of it is open, and changes over at
 * the first byte of a request then. So every exchange is told by one of them, and by one alone.
 */
#define TURN_NUMBER 0xff
#define TURN_ALONE (1 << 8) /* the agent before has ended */

static void take_turn(struct flow *flow, struct settings *set)
{
	u32 turn = set->turn;

	flow->turn = turn;
	flow->ring = (turn & 1) * MAX_RINGS + (set->rings > 1 ? mix(flow->id) % set->rings : 0);
}

/* A request begins, and `answers` is the other side. */
static void change_over(struct flow *flow, struct settings *set, struct side *answers)
{
	if (flow->turn == (set->turn & TURN_NUMBER) || flow->pushed != flow->popped ||
	    flow->overflow)
		return;
	if (answers->state == STATE_NEW || answers->state == STATE_START ||
	    answers->state == STATE_LOST)
		take_turn(flow, set);
}

/* Is there nobody any more who could make sense of what is told of this flow? */
static bool was_left(struct flow *flow, struct settings *set)
{
	u32 turn = set->turn, behind = (turn - flow->turn) & TURN_NUMBER;

	return behind > !(turn & TURN_ALONE);
}
