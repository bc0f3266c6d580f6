"""Servers that Punchcard runs for itself: for trying out, for tests, for one machine.

`launcher.py` is the life-cycle that every such server shares: one process per home,
started detached, found again by every other process, stopped by a signal.
`identity.py` says as whom it runs, `sockets.py` where it is reached.
`postgres.py` and `valkey.py` are what only that server needs. An installation with
servers of its own never enters this room.
"""
