/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Loops over bytes. Kernels from 6.9 on have `may_goto`, an instruction by which the verifier sees
 * a loop's body once instead of once per turn; LLVM 14 does not know it, so it is written as bytes
 * (encoding: linux/bpf.h, BPF_JCOND). Elsewhere the loop is bounded by a constant. The loader
 * defines HAVE_MAY_GOTO when a probe of the running kernel accepted it.
 *
 * With may_goto a counter must start from a value that the verifier can't know (`zero` in the
 * scratch memory), or it would still follow every turn.
 */
#ifdef HAVE_MAY_GOTO
#define can_loop                                                                                   \
	({                                                                                         \
		__label__ l_break, l_continue;                                                     \
		bool ret = true;                                                                   \
		asm volatile goto("1:.byte 0xe5; .byte 0; "                                        \
				  ".long ((%l[l_break] - 1b - 8) / 8) & 0xffff; .short 0" ::       \
					  :                                                        \
				  : l_break);                                                      \
		goto l_continue;                                                                   \
	l_break:                                                                                   \
		ret = false;                                                                       \
	l_continue:;                                                                               \
		ret;                                                                               \
	})
#define bounded_loop(bound) while (can_loop)
#else
#define bounded_loop(bound) for (u32 turn_ = 0; turn_ < (bound); turn_++)
#endif
