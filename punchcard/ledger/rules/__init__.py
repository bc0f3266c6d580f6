"""Pure decisions: (account, command, instant) -> new state and rows, or a refusal.

No Django, no clock, no random, no I/O. `state` says what an account is while a
batch is decided, `lots` how points are taken and given back, `settling` what time
does by itself, `deciding` what each command does, `shape` what is malformed, and
`encoding` what is hashed.
"""
