"""The kernel program, run on built packets by BPF_PROG_TEST_RUN."""
