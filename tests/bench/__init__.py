"""Benchmarks: each prints a table, its last line is one JSON object. `make bench-...` runs them."""
