"""Tables of access: users, memberships, sessions, links, attempts, API keys."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from punchcard.kernel.ids import new_id


class User(AbstractBaseUser):
    """A person, known by their e-mail address in every program."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.CharField(max_length=254)
    """In small letters, so that one address is one person."""
    name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=35, blank=True)
    """BCP 47, as in `fr-CH`; empty: not known."""
    email_verified_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    """By whoever runs the installation; a program disables its own membership."""
    token_version = models.IntegerField(default=0)
    """Goes up when every token of this person is to be worth nothing."""
    created_at = models.DateTimeField()

    USERNAME_FIELD = "email"

    class Meta:
        db_table = "access_user"
        constraints = [
            models.UniqueConstraint(name="user_email_is_unique", fields=["email"]),
            models.CheckConstraint(
                name="user_email_is_in_small_letters",
                condition=Q(email__regex=r"^[^A-Z\s]+@[^A-Z\s]+$"),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Membership(models.Model):
    """What a user is in one program."""

    class Role(models.TextChoices):
        MEMBER = "member"
        CASHIER = "cashier"
        SUPPORT = "support"
        ANALYST = "analyst"
        ADMIN = "admin"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", db_index=False
    )
    role = models.CharField(max_length=7, choices=Role)
    name = models.CharField(max_length=200, blank=True)
    """What the program calls them; empty: their own name for themselves."""
    member = models.UUIDField(null=True)
    """Of the role `member`: whose points they see. Another room's, so no foreign key;
    null again when that member was erased."""
    adjust_limit = models.BigIntegerField(null=True)
    """Of the role `support`: points of one adjustment at most."""
    created_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    """Null: invited, and not come yet."""
    disabled_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "access_membership"
        constraints = [
            models.UniqueConstraint(
                name="membership_user_is_unique", fields=["program", "user"]
            ),
            models.CheckConstraint(
                name="membership_role_is_known",
                condition=Q(role__in=["member", "cashier", "support", "analyst"])
                | Q(role="admin"),
            ),
            models.CheckConstraint(
                name="membership_member_only_of_members",
                condition=Q(member__isnull=True) | Q(role="member"),
            ),
            models.CheckConstraint(
                name="membership_adjust_limit_of_support",
                # A comparison with null is no refusal, so it is said as well.
                condition=Q(
                    role="support", adjust_limit__isnull=False, adjust_limit__gte=0
                )
                | (~Q(role="support") & Q(adjust_limit__isnull=True)),
            ),
        ]
        indexes = [
            # The id is a UUIDv7: this is the list by the time of the invitation.
            models.Index(name="membership_by_program", fields=["program", "id"]),
            models.Index(
                name="membership_by_member",
                fields=["member"],
                condition=Q(member__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class MembershipPlace(models.Model):
    """One of the places where a cashier works."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    membership = models.ForeignKey(
        Membership, models.CASCADE, related_name="+", db_index=False
    )
    place = models.ForeignKey("programs.Place", models.PROTECT, related_name="+")

    class Meta:
        db_table = "access_membership_place"
        constraints = [
            models.UniqueConstraint(
                name="membership_place_is_unique", fields=["membership", "place"]
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Session(models.Model):
    """One sign-in: the refresh tokens that come of it are one family."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    membership = models.ForeignKey(Membership, models.CASCADE, related_name="+")
    token = models.UUIDField()
    """`jti` of the one refresh token that is good now; any earlier one was used."""
    created_at = models.DateTimeField()
    refreshed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "access_session"
        constraints = [
            models.CheckConstraint(
                name="session_ends_after_it_began",
                condition=Q(expires_at__gt=F("created_at")),
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Link(models.Model):
    """A way in that was sent by mail, for one purpose and once."""

    class Purpose(models.TextChoices):
        FIRST_ADMIN = "first_admin"
        INVITATION = "invitation"
        REGISTRATION = "registration"
        PASSWORD_RESET = "password_reset"  # noqa: S105

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    purpose = models.CharField(max_length=14, choices=Purpose)
    hash = models.BinaryField(max_length=32)
    """SHA-256 of the token; it has 256 random bits, so no salt is needed."""
    user = models.ForeignKey(User, models.CASCADE, related_name="+", null=True)
    """Null: nobody yet, or nobody at all (see `operations/links.py`)."""
    program = models.ForeignKey(
        "programs.Program", models.PROTECT, related_name="+", null=True
    )
    email = models.CharField(max_length=254, blank=True)
    """Of a registration, as the three below: who this will be once it is confirmed.
    Nothing is known of them elsewhere, and the row goes when it has expired."""
    name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=35, blank=True)
    password = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "access_link"
        constraints = [
            models.UniqueConstraint(name="link_hash_is_unique", fields=["hash"]),
            models.CheckConstraint(
                name="link_of_an_invitation_is_somebodys",
                condition=~Q(purpose="invitation") | Q(user__isnull=False),
            ),
        ]
        indexes = [models.Index(name="link_by_expiry", fields=["expires_at"])]

    def __str__(self) -> str:
        return str(self.id)


class Attempts(models.Model):
    """How often a door was tried of late, by whom or from where."""

    subject = models.BinaryField(primary_key=True, max_length=32)
    """Keyed hash of what is counted: no address is kept, and none can be tried."""
    taken = models.IntegerField()
    ends_at = models.DateTimeField()
    """When the count begins anew."""

    class Meta:
        db_table = "access_attempts"
        constraints = [
            models.CheckConstraint(
                name="attempts_are_not_negative", condition=Q(taken__gte=0)
            )
        ]
        indexes = [models.Index(name="attempts_by_end", fields=["ends_at"])]

    def __str__(self) -> str:
        return f"{self.taken} until {self.ends_at}"


class ApiKey(models.Model):
    """What a machine shows to be let in: only the hash of a secret is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    program = models.ForeignKey("programs.Program", models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=8)
    """`sk_` or `pk_`, then `test_` or `live_`."""
    last4 = models.CharField(max_length=4)
    hash = models.BinaryField(max_length=32)
    """SHA-256 of the whole secret; it has 256 random bits, so no salt is needed."""
    public = models.CharField(max_length=60, null=True)  # noqa: DJ001
    """The whole text of a publishable key, which is no secret; null of the others."""
    previous_hash = models.BinaryField(max_length=32, null=True)
    """Of the secret before the rotation, which goes on until `previous_until`."""
    previous_until = models.DateTimeField(null=True)
    scopes = ArrayField(models.CharField(max_length=40))
    networks = ArrayField(models.CharField(max_length=43), default=list)
    """CIDR; empty: it may come from anywhere."""
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    """To the minute or so."""
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "access_api_key"
        constraints = [
            models.UniqueConstraint(name="api_key_hash_is_unique", fields=["hash"]),
            models.UniqueConstraint(
                name="api_key_previous_hash_is_unique", fields=["previous_hash"]
            ),
            models.CheckConstraint(
                name="api_key_shows_publishable_ones_alone",
                condition=Q(public__isnull=True) | Q(prefix__startswith="pk_"),
            ),
            models.CheckConstraint(
                name="api_key_publishable_reads_the_program_alone",
                condition=~Q(prefix__startswith="pk_") | Q(scopes=["program:read"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last4}"
