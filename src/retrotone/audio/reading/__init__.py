"""Readers of sound files: which decoder reads a file, and how much sound is truly in it.

A header is a hint. `opening.open_reader` compares it with what the file holds, and chooses.
"""
