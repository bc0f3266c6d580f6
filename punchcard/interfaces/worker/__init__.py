"""Background work: Celery's tasks, each of which does one journey.

`queues.py` says how urgent work is, `terms.py` how long it may take, `carrying.py` what
a message says besides its task, `running.py` how a task
is done (once at a time, again after a while), `tasks.py` which there are. The truth is
in the database and never in a message: a message that is lost comes again with its
schedule, and one that comes twice finds the work done.
"""
