"""Tables of programs and wallets: small reference tables that accounts point to."""

from django.db import models

from punchcard.kernel.ids import new_id


class Program(models.Model):
    """One loyalty programme: the tenant that everything belongs to."""

    class Mode(models.TextChoices):
        LIVE = "live"
        TEST = "test"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.CharField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    mode = models.CharField(max_length=4, choices=Mode, default=Mode.LIVE)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64, default="UTC")
    clock_at = models.DateTimeField(null=True)
    """Where a test program's own clock stands; null: the real clock."""
    self_registration = models.BooleanField(default=False)
    """Whether people may register themselves as members."""
    created_at = models.DateTimeField()

    class Meta:
        db_table = "programs_program"
        constraints = [
            models.CheckConstraint(
                name="program_slug_is_a_slug",
                condition=models.Q(slug__regex=r"^[a-z0-9](-?[a-z0-9])*$"),
            ),
            models.CheckConstraint(
                name="program_currency_is_iso_4217",
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"),
            ),
            models.CheckConstraint(
                name="program_mode_is_known",
                condition=models.Q(mode__in=["live", "test"]),
            ),
            models.CheckConstraint(
                name="program_clock_only_in_test",
                condition=models.Q(clock_at__isnull=True) | models.Q(mode="test"),
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Wallet(models.Model):
    """A unit that members can hold, and the policy its points live by.

    Durations are ISO 8601 text on the program's calendar.
    """

    class DebtPolicy(models.TextChoices):
        DEBT = "debt"
        CAP = "cap"
        REFUSE = "refuse"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey(Program, models.PROTECT, related_name="+")
    code = models.CharField(max_length=63)
    name = models.CharField(max_length=200)
    scale = models.SmallIntegerField(default=0)
    """Decimals of the unit; amounts are whole minor units."""
    pending_period = models.CharField(max_length=40, default="PT0S")
    validity = models.CharField(max_length=40, null=True)  # noqa: DJ001
    """Null: points never expire."""
    grace = models.CharField(max_length=40, default="P30D")
    debt_policy = models.CharField(
        max_length=6, choices=DebtPolicy, default=DebtPolicy.DEBT
    )
    hold_time_max = models.CharField(max_length=40, default="P7D")
    idle = models.CharField(max_length=40, null=True)  # noqa: DJ001
    """All open lots lapse after this long without an earn or a spend."""
    limit_per_command = models.BigIntegerField(null=True)
    limit_per_day = models.BigIntegerField(null=True)
    limit_per_month = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "programs_wallet"
        constraints = [
            models.UniqueConstraint(
                name="wallet_code_is_unique", fields=["program", "code"]
            ),
            models.CheckConstraint(
                name="wallet_code_is_a_slug",
                condition=models.Q(code__regex=r"^[a-z0-9]([-_]?[a-z0-9])*$"),
            ),
            models.CheckConstraint(
                name="wallet_scale_in_range",
                condition=models.Q(scale__gte=0, scale__lte=9),
            ),
            models.CheckConstraint(
                name="wallet_debt_policy_is_known",
                condition=models.Q(debt_policy__in=["debt", "cap", "refuse"]),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Place(models.Model):
    """A shop, a till, a counter: where a program's points are earned and spent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey(
        Program, models.PROTECT, related_name="+", db_index=False
    )
    code = models.CharField(max_length=63)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "programs_place"
        constraints = [
            models.UniqueConstraint(
                name="place_code_is_unique", fields=["program", "code"]
            ),
            models.CheckConstraint(
                name="place_code_is_a_slug",
                condition=models.Q(code__regex=r"^[a-z0-9]([-_]?[a-z0-9])*$"),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Configuration(models.Model):
    """A version of what a programme is like; it never changes (`sql/`)."""

    pk = models.CompositePrimaryKey("program", "version")
    program = models.ForeignKey(
        Program, models.PROTECT, related_name="+", db_index=False
    )
    version = models.IntegerField()
    """1, 2, 3 …: a later one corrects what an earlier one said of the same time."""
    effective_from = models.DateTimeField()
    document = models.JSONField()
    note = models.CharField(max_length=200)
    actor = models.CharField(max_length=60)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "programs_configuration"
        constraints = [
            models.CheckConstraint(
                name="configuration_version_positive",
                condition=models.Q(version__gt=0),
            ),
        ]
        indexes = [
            models.Index(
                name="configuration_in_force",
                fields=["program", "effective_from", "version"],
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"
