"""Recordings: samples in memory, and the files that they are read from and written to."""
