"""Tables that belong to no room: the audit, kept answers, and what happened."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from punchcard.kernel.ids import new_id


class AuditRow(models.Model):
    """One change that somebody made; the row never changes (`sql/0001_audit`)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.UUIDField(db_column="program_id", null=True)
    """No foreign key: the kernel knows no programs. Null: the whole installation."""
    actor = models.CharField(max_length=60)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=80)
    fields = models.JSONField()
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    at = models.DateTimeField()

    class Meta:
        db_table = "kernel_audit"
        constraints = [
            models.CheckConstraint(
                name="audit_action_is_dotted",
                condition=Q(action__regex=r"^[a-z_]+\.[a-z_]+$"),
            ),
            models.CheckConstraint(name="audit_has_an_actor", condition=~Q(actor="")),
            models.CheckConstraint(name="audit_has_a_target", condition=~Q(target="")),
        ]
        indexes = [
            # The id is a UUIDv7: each is a list by the time of writing.
            models.Index(name="audit_by_program", fields=["program", "id"]),
            models.Index(name="audit_by_actor", fields=["program", "actor", "id"]),
            models.Index(name="audit_by_target", fields=["program", "target", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"


class KeptAnswer(models.Model):
    """The answer to a call that came with a key, to be given again to its retries."""

    scope = models.BinaryField(primary_key=True, max_length=32)
    """SHA-256 of program, credential and key: a caller's key may name a person."""
    program = models.UUIDField(db_column="program_id")
    fingerprint = models.BinaryField(max_length=32, null=True)
    """SHA-256 of what was asked. Null: the answer named somebody who was erased."""
    status = models.SmallIntegerField()
    headers = models.JSONField()
    body = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "kernel_kept_answer"
        constraints = [
            models.CheckConstraint(
                name="kept_answer_is_not_of_the_server_s_failure",
                condition=Q(status__gte=200, status__lt=500),
            ),
            models.CheckConstraint(
                name="kept_answer_is_kept_a_while",
                condition=Q(expires_at__gt=models.F("created_at")),
            ),
        ]
        indexes = [
            models.Index(name="kept_answer_by_expiry", fields=["expires_at"]),
            models.Index(name="kept_answer_by_program", fields=["program"]),
        ]

    def __str__(self) -> str:
        return f"{self.status}, until {self.expires_at}"


class Announced(models.Model):
    """Something that a room announced, until a relay puts it into the log."""

    n = models.BigAutoField(primary_key=True)
    event = models.UUIDField(db_column="event_id")
    program = models.UUIDField(db_column="program_id")
    type = models.CharField(max_length=60)
    member = models.UUIDField(db_column="member_id", null=True)
    account = models.UUIDField(db_column="account_id", null=True)
    after = models.BigIntegerField(db_column="after_sequence", null=True)
    data = models.JSONField()
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    """Of the request, or the task, that it happened in; null: of neither."""
    created_at = models.DateTimeField()

    class Meta:
        db_table = "kernel_outbox"
        constraints = [
            models.CheckConstraint(
                name="announced_type_is_dotted",
                condition=Q(type__regex=r"^[a-z_]+\.[a-z_]+$"),
            ),
            models.CheckConstraint(
                name="announced_of_an_account_after_an_entry",
                condition=Q(account__isnull=True, after__isnull=True)
                | Q(account__isnull=False, after__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="announced_of_account",
                fields=["account"],
                condition=Q(account__isnull=False),
            ),
            models.Index(name="announced_by_program", fields=["program"]),
        ]

    def __str__(self) -> str:
        return f"{self.n}: {self.type}"


class Event(models.Model):
    """What happened, at its place in its program's log (`sql/0003_forgetting`)."""

    pk = models.CompositePrimaryKey("program", "position")
    program = models.UUIDField(db_column="program_id")
    position = models.BigIntegerField()
    """1, 2, 3 …: in this order they became visible, without gaps."""
    id = models.UUIDField()
    type = models.CharField(max_length=60)
    account = models.UUIDField(db_column="account_id", null=True)
    sequence = models.BigIntegerField(null=True)
    member = models.UUIDField(db_column="member_id", null=True)
    data = models.JSONField()
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    """Of the request, or the task, that it happened in; null: of neither."""
    created_at = models.DateTimeField()
    appended_at = models.DateTimeField(db_default=Now())
    """Since when it stands here; of one program never before an earlier position."""

    class Meta:
        db_table = "kernel_event"
        constraints = [
            models.UniqueConstraint(name="event_id_is_unique", fields=["id"]),
            models.UniqueConstraint(
                name="event_of_an_entry_is_unique",
                fields=["account", "sequence"],
                condition=Q(sequence__isnull=False),
            ),
            models.CheckConstraint(
                name="event_type_is_dotted",
                condition=Q(type__regex=r"^[a-z_]+\.[a-z_]+$"),
            ),
            models.CheckConstraint(
                name="event_position_positive", condition=Q(position__gt=0)
            ),
        ]
        indexes = [
            models.Index(name="event_by_type", fields=["program", "type", "position"]),
            models.Index(name="event_by_account", fields=["account", "position"]),
            models.Index(name="event_by_member", fields=["member", "position"]),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.type}"


class Told(models.Model):
    """How far the log has told an account's entries, also those forgotten since."""

    account = models.UUIDField(primary_key=True, db_column="account_id")
    last_sequence = models.BigIntegerField()

    class Meta:
        db_table = "kernel_told"
        constraints = [
            models.CheckConstraint(
                name="told_sequence_positive", condition=Q(last_sequence__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.last_sequence}"


class Reading(models.Model):
    """A number that a scan found, and when: see `readings.py`."""

    pk = models.CompositePrimaryKey("name", "subject")
    name = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    value = models.BigIntegerField()
    read_at = models.DateTimeField()

    class Meta:
        db_table = "kernel_reading"

    def __str__(self) -> str:
        return f"{self.name} {self.subject}: {self.value}"


class Job(models.Model):
    """Long work that somebody asked for; what it has done so far stands in it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.UUIDField(db_column="program_id")
    kind = models.CharField(max_length=40)
    status = models.CharField(max_length=20)
    options = models.JSONField()
    actor = models.CharField(max_length=60)
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    asked_at = models.DateTimeField()
    """In the program's time, which in a test program may be another."""
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    attempt = models.IntegerField(default=0)
    """Whoever began last has it; an earlier one writes no more."""
    fruitless = models.SmallIntegerField(default=0)
    """How many attempts have begun since anything was done."""
    rows_total = models.BigIntegerField(null=True)
    rows_done = models.BigIntegerField(default=0)
    tally = models.JSONField(default=dict)
    failure = models.JSONField(null=True)
    input_digest = models.BinaryField(max_length=32, null=True)
    """SHA-256 of the file that was sent."""
    result_bytes = models.BigIntegerField(null=True)
    """Null: there is no result, not yet or no longer."""

    class Meta:
        db_table = "kernel_job"
        constraints = [
            models.CheckConstraint(
                name="job_status_is_known",
                condition=Q(
                    status__in=(
                        "awaiting_file",
                        "queued",
                        "running",
                        "succeeded",
                        "failed",
                        "cancelled",
                    )
                ),
            ),
            models.CheckConstraint(
                name="job_has_ended_when_it_has",
                condition=Q(
                    status__in=("succeeded", "failed", "cancelled"),
                    ended_at__isnull=False,
                )
                | Q(
                    status__in=("awaiting_file", "queued", "running"),
                    ended_at__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="job_says_why_it_failed",
                condition=Q(status="failed", failure__isnull=False)
                | (~Q(status="failed") & Q(failure__isnull=True)),
            ),
            models.CheckConstraint(
                name="job_does_no_more_than_there_is",
                condition=Q(rows_done__gte=0)
                & (Q(rows_total__isnull=True) | Q(rows_total__gte=F("rows_done"))),
            ),
        ]
        indexes = [
            models.Index(name="job_by_program", fields=["program", "id"]),
            models.Index(
                name="job_open",
                fields=["id"],
                condition=Q(status__in=("awaiting_file", "queued", "running")),
            ),
            models.Index(
                name="job_by_end",
                fields=["ended_at"],
                condition=Q(ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.status}"


class JobFile(models.Model):
    """A piece of the file that a job reads, or of the one that it makes."""

    pk = models.CompositePrimaryKey("job", "part", "n")
    job = models.ForeignKey(Job, models.PROTECT, related_name="+", db_index=False)
    part = models.CharField(max_length=10)
    """`input` or `result`."""
    n = models.IntegerField()
    content = models.BinaryField()

    class Meta:
        db_table = "kernel_job_file"
        constraints = [
            models.CheckConstraint(
                name="job_file_is_of_a_known_part",
                condition=Q(part__in=("input", "result")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.part} {self.n}"


class JobFault(models.Model):
    """A row of a job's file that could not be applied, and why."""

    pk = models.CompositePrimaryKey("job", "line")
    job = models.ForeignKey(Job, models.PROTECT, related_name="+", db_index=False)
    line = models.BigIntegerField()
    column = models.TextField()
    reason = models.TextField()
    value = models.TextField()

    class Meta:
        db_table = "kernel_job_fault"

    def __str__(self) -> str:
        return f"{self.line}: {self.reason}"
