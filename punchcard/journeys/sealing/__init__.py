"""Seals outside the database: the files, the keys that sign them, writing the next."""
