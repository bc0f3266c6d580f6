"""Writes of access, by subject.

They require an open transaction; only hashing a password refuses one, and noting the
use of a key needs none.
"""
