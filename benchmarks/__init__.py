"""Benchmarks: every figure beside a named rival's, measured in the same run. `make bench` runs them."""
