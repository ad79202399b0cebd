"""Benchmarks: every figure together with a named competitor's, measured in the same run. `make bench` runs them."""
