"""Register as a member of a program, and confirm the address by a letter."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from punchcard.access import errors
from punchcard.access.operations import links
from punchcard.access.operations.attempts import forgive_attempts
from punchcard.access.operations.links import Registration, make_link, use_link
from punchcard.access.operations.memberships import Terms, create_membership
from punchcard.access.operations.passwords import (
    hash_password,
    read_email,
    require_language,
    require_name,
    require_password,
)
from punchcard.access.operations.users import (
    change_profile,
    ensure_user,
    set_password,
)
from punchcard.access.queries import (
    LinkView,
    UserView,
    find_user,
    list_memberships_of_user,
)
from punchcard.journeys.open_member_accounts import open_member_accounts
from punchcard.kernel.audit import Author, Change, record_changes
from punchcard.kernel.ids import typed
from punchcard.kernel.transactions import transaction
from punchcard.members.operations import enrol_members
from punchcard.programs.errors import ProgramNotFound
from punchcard.programs.queries import (
    ProgramView,
    find_program_by_slug,
    get_program,
    list_programs,
    list_wallets,
    program_now,
)

from .letters import Letter, send_after_commit, write_confirmation, write_known_already
from .throttling import knock, letters, tokens_from

MEMBER = "member"


def register_user(
    *,
    email: str,
    password: str,
    name: str,
    language: str,
    program: str | None,
    address: str | None,
    now: datetime,
) -> None:
    """Send a letter to somebody who wants to be a member of a program.

    Nothing says whether we know the address: the answer, the work and the number of
    letters are the same. Until the letter has come back there is no user and no
    member, so that nobody makes accounts in other people's names.

    Raises:
        AccessMalformed: no e-mail address, a weak password, a name or a language.
        ProgramNotFound: there is no such program, or one registers nobody.
        TooManyAttempts: letters to this address, or from this network address.
    """
    known_as = read_email(email)
    require_name(name)
    require_language(language)
    require_password(password=password, email=known_as, name=name)
    wanted = _open_program(program)
    knock(doors=letters(email=known_as, address=address), now=now)
    # Slow on purpose: nobody may ask for it without end.
    hashed = hash_password(password=password, email=known_as, name=name)
    said = Registration(email=known_as, name=name, language=language, password=hashed)
    user = find_user(email=known_as)
    with transaction():
        letter = _letter(said, user, wanted, now)
    send_after_commit(letter)


def confirm_registration(
    *, token: str, address: str | None, request_id: str | None, now: datetime
) -> None:
    """Make the user, the membership, the member and its accounts of a registration.

    Who is a user already keeps password and name, and joins the program.

    Raises:
        TooManyAttempts: from this network address.
        LinkInvalid: unknown, used or expired.
    """
    doors = tokens_from(address=address)
    knock(doors=doors, now=now)
    with transaction():
        forgive_attempts(clear=[], give_back=doors)
        link = use_link(token=token, purpose=links.REGISTRATION, now=now)
        if link.program is None:
            raise errors.LinkInvalid
        program = get_program(program=link.program)
        user = ensure_user(email=link.email, now=now)
        changes = [] if user.proven else _prove(user.id, link, now)
        changes += _join(program, user.id, now)
        author = Author(
            actor=typed("usr", user.id), program=program.id, request_id=request_id
        )
        record_changes(author=author, changes=changes, now=now)


def _prove(user: UUID, link: LinkView, now: datetime) -> list[Change]:
    """Let somebody be who they said they are: the letter has reached them."""
    set_password(user=user, password=link.password, now=now)
    change_profile(user=user, name=link.name, language=link.language)
    return [Change(action="user.email_verified", target=typed("usr", user))]


def _join(program: ProgramView, user: UUID, now: datetime) -> list[Change]:
    """Make somebody a member, unless they belong to the program already."""
    target = typed("usr", user)
    there = program_now(program)
    (member,) = enrol_members(program=program.id, external_ids=[target], now=there)
    open_member_accounts(
        wallets=list_wallets(program=program.id), members=[member.id], now=there
    )
    try:
        membership = create_membership(
            program=program.id,
            user=user,
            terms=Terms(role=MEMBER, member=member.id),
            now=now,
            accepted_at=now,
        )
    except errors.MembershipExists:
        return []
    return [
        Change(
            action="user.registered",
            target=target,
            fields={"member": typed("mem", member.id)},
        ),
        Change(
            action="membership.created",
            target=typed("mbr", membership),
            fields={"role": MEMBER},
        ),
    ]


def _open_program(slug: str | None) -> ProgramView:
    if slug is None:
        programs = list_programs(limit=2)
        found = programs[0] if len(programs) == 1 else None
    else:
        found = find_program_by_slug(slug=slug)
    if found is None or not found.self_registration:
        raise ProgramNotFound
    return found


def _letter(
    said: Registration, user: UserView | None, program: ProgramView, now: datetime
) -> Letter:
    """Make one link and the letter with it, whatever we know."""
    # Also where there is no user: no clock tells who has an account.
    theirs = list_memberships_of_user(user=None if user is None else user.id)
    if user is not None and any(found.program == program.id for found in theirs):
        token = make_link(purpose=links.PASSWORD_RESET, user=user.id, now=now)
        return write_known_already(to=user.email, program=program.name, token=token)
    token = make_link(
        purpose=links.REGISTRATION, program=program.id, registration=said, now=now
    )
    return write_confirmation(to=said.email, program=program.name, token=token)
