"""Users: their passwords, the end of their sessions, and their rights as operators."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Self

from bson import ObjectId
from django.conf import settings
from mongoengine import Q
from mongoengine.queryset import QuerySet

from accounts.documents.passwords import PasswordDocument
from accounts.documents.sessions import Session
from accounts.exceptions import SessionEnded, UserInactive
from accounts.limits import Lock, TooManyAttempts, failures_of, own_failures_of
from accounts.names import known_as
from accounts.operators import Operators, Role
from accounts.querysets import UserQuerySet
from templatesvc.api.exceptions import Conflict
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import base_of
from templatesvc.mongo.errors import tidying_up
from templatesvc.mongo.fields import RawField, TypedField
from templatesvc.mongo.ids import new_id

# The value of ``sessions_at_most`` if sessions were never counted, or another program wrote it.
MANY_SESSIONS = 10**9
# How far ahead the clock may be of another service, whose tokens stand on no session.
CLOCKS_APART = timedelta(minutes=1)
# How often it is tried to count a log-in while others count, or somebody unlocks.
TIMES = 3


def _one_more(name: str, below: int, otherwise: int) -> dict[str, Any]:
    """Return the expression for one more than a stored count, or for another if it is no count."""
    stored = f"${name}"
    is_count = {"$and": [{"$gte": [stored, 0]}, {"$lt": [stored, below]}]}
    return {"$cond": [is_count, {"$add": [stored, 1]}, otherwise]}


class User(base_of("accounts.User", PasswordDocument)):  # type: ignore[misc]
    """A person.

    Another program may have registered them and stored any fields that its caller sent. So each of
    our fields may have any value: a value of a wrong type is read as absent, and no field grants a
    right.
    """

    USERNAME_MAX_LENGTH: ClassVar = 150
    PASSWORD_MAX_LENGTH: ClassVar = 128

    id = RawField(primary_key=True, default=ObjectId)
    username = TypedField(str)
    is_active = TypedField(bool, default=True)
    must_change_password = TypedField(bool, default=False)
    date_joined = TypedField(datetime)
    last_login = TypedField(datetime)
    # Only a tombstone has these: what is left of a user whose erasure has begun.
    erased_at = TypedField(datetime)
    swept_at = TypedField(datetime)
    erasure_entry = TypedField(ObjectId)  # the id of the audit entry that says so
    # A new value ends all sessions at once: each has the version that it was started with.
    token_version = TypedField(str, default="")
    sessions_ended_at = TypedField(datetime)
    # Right passwords within the current period of SUCCESSFUL_LOGIN_LIMIT, and its end.
    logins = TypedField(int)
    logins_until = TypedField(datetime)
    # A bound on the number of sessions: each log-in adds one, and counts them if it is high. One
    # that comes while another counts may be missing.
    sessions_at_most = TypedField(int)

    meta = {
        "collection": "users",
        "shards_by": ("username", 1),
        "queryset_class": UserQuerySet,
        "indexes": [
            {"fields": ["username"], "unique": True},
            # Only of users who are deactivated, so that these few are found among any number.
            {
                "fields": ["is_active", "username"],
                "partialFilterExpression": {"is_active": False},
            },
            {
                "fields": ["erased_at"],
                "partialFilterExpression": {"erased_at": {"$type": "date"}},
            },
        ],
    }

    is_authenticated: ClassVar = True
    is_anonymous: ClassVar = False
    has_usable_password: ClassVar = True  # so that Django's admin links to its change of password

    # The session that the user came with, when a token let them in.
    session: Session | None = None
    # False if the user came with a token that stands on no session, and so proves less.
    may_operate = True

    def __str__(self) -> str:
        return self.username

    def get_username(self) -> str:
        return self.username

    @classmethod
    def named(cls, username: str) -> Self | None:
        """Return the user of exactly this name, or None."""
        # A stored list is found by each of its members. If two users have the same name, which is
        # possible without the unique index, the first that is found is taken.
        found = (user for user in cls.objects(username=username) if user.username == username)
        return next((user for user in found if user.erased_at is None), None)

    @classmethod
    def called(cls, username: str) -> Self | None:
        """Return the user of exactly this name, or else of its normalised form, or None."""
        other = known_as(username)
        return cls.named(username) or (cls.named(other) if other else None)

    @classmethod
    def register(cls, username: str, password: str, **fields: Any) -> Self:
        """Store a new user; raises mongoengine's NotUniqueError if the name is taken."""
        fields |= cls.password_fields(password)
        user = cls(username=username, date_joined=now(), sessions_at_most=0, **fields)
        return user.insert()

    @property
    def joined(self) -> datetime | None:
        """When the user registered; if that was not stored, the time in their ObjectId."""
        made = self.id.generation_time if isinstance(self.id, ObjectId) else None
        return self.date_joined or made

    # --- Passwords ---------------------------------------------------------------------------

    def change_password(self, password: str) -> bool:
        """Set a new password and end every session, in one write.

        Return False if another write changed the password since it was read.
        """
        return self._end_sessions(
            only_if=Q(password=self.password),
            must_change_password=False,
            **self.password_fields(password),
        )

    def set_password(self, password: str, must_change: bool) -> bool:
        """Set a password, whatever it was, and end every session; tell whether the user exists.

        ``must_change``: the password is good only for setting another.
        """
        return self._end_sessions(
            must_change_password=must_change, **self.password_fields(password)
        )

    def force_password_change(self) -> bool:
        """End every session; later ones are good only for setting another password."""
        return self._end_sessions(must_change_password=True)

    # --- Sessions ----------------------------------------------------------------------------

    @classmethod
    def of_session(cls, session_id: str) -> Self | None:
        """Return the user of a session, with this ``session``, in one round trip.

        None if the session has ended, the user is gone or inactive, or all of the user's sessions
        were ended since it started.
        """
        found = list(
            Session._get_collection().aggregate(
                [
                    {"$match": {"_id": session_id, **Session.in_time()}},
                    {
                        "$lookup": {
                            "from": cls._get_collection_name(),
                            # By the shard key of users; the id tells two of one name apart.
                            "localField": "username",
                            "foreignField": "username",
                            "as": "user",
                        }
                    },
                ]
            )
        )
        if not found:
            return None
        theirs = [row for row in found[0]["user"] if row["_id"] == found[0].get("user_id")]
        if not theirs:
            return None
        session, user = Session._from_son(found[0]), cls._from_son(theirs[0])
        if not user.is_active or user.token_version != session.token_version:
            return None
        user.session = session
        return user

    def accepts_issue_of(self, issued_at: int) -> bool:
        """Tell whether a token that was issued in this second, and stands on no session, is good.

        It is not if it was issued to an earlier user of the name, or before the user's sessions
        were last ended; within that very second nobody can tell, so it is refused. Nor is one whose
        time of issue lies ahead: ending the sessions would not end it.
        """
        if issued_at > (now() + CLOCKS_APART).timestamp():
            return False
        begun, ended = self.joined, self.sessions_ended_at
        is_theirs = begun is None or issued_at >= int(begun.timestamp())
        return is_theirs and (ended is None or issued_at > int(ended.timestamp()))

    def get_session_auth_hash(self) -> str:
        """Return what a browser's session keeps, which Django compares at each request."""
        return f"{self.id}:{self.token_version}"

    def get_session_auth_fallback_hash(self) -> list[str]:
        """Return what else Django would accept if the hash differs: nothing."""
        return []

    def check_logins(self) -> None:
        """Raise TooManyAttempts if the limit on right passwords was reached when this was read."""
        if until := self._logins_refused_until:
            raise TooManyAttempts.until(until)

    @property
    def _logins_refused_until(self) -> datetime | None:
        """When right passwords count again, if the limit on them was reached."""
        rate, until = settings.SUCCESSFUL_LOGIN_LIMIT, self.logins_until
        is_reached = rate and until and until > now() and (self.logins or 0) >= rate.limit
        return until if is_reached else None

    @property
    def lock(self) -> Lock | None:
        """The lock if the user's passwords are not looked at now; at most two round trips."""
        if self.username is None:
            return None
        if until := self._logins_refused_until:
            return Lock(self.last_login or now(), until)
        return failures_of(self.username).lock or own_failures_of(self.username).lock

    def unlock(self) -> bool:
        """Let the user's passwords be checked again; tell whether there was anything to forget."""
        if self.username is None:
            return False
        counted = type(self).objects(__raw__=self.identity_query, logins__exists=True)
        was_counted = counted.update_one(unset__logins=True, unset__logins_until=True)
        limits = failures_of(self.username), own_failures_of(self.username)
        were_failures = [limit.reset() for limit in limits]
        return any(were_failures) or bool(was_counted)

    def count_login(self, **changes: Any) -> None:
        """Count a right password, and make changes in the same write; raises TooManyAttempts."""
        user = self
        for _ in range(TIMES):
            for condition, count in user._ways_to_count():
                change = changes | count
                if not change:
                    return
                query = self.identity_query | condition
                if self._get_collection().update_one(query, [{"$set": change}]).matched_count:
                    return
            current = type(self).objects(__raw__=self.identity_query).first()
            if current is None:  # erased meanwhile
                return
            current.check_logins()
            user = current  # a period ended, or began, between the two writes
        raise TooManyAttempts.until(now())

    def _ways_to_count(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return the conditions under which a log-in is counted, each with what it changes.

        The first is the one that fitted when the user was read. (One query for both would need an
        ``$or``, for which some servers read all users.)
        """
        rate, moment = settings.SUCCESSFUL_LOGIN_LIMIT, now()
        if rate is None:
            return [({}, {})]
        is_running = {"logins_until": {"$gt": moment}, "logins": {"$not": {"$gte": rate.limit}}}
        is_over = {"logins_until": {"$not": {"$gt": moment}}}
        one_more = is_running, {"logins": _one_more("logins", below=rate.limit, otherwise=1)}
        the_first = is_over, {"logins": 1, "logins_until": moment + rate.period}
        was_running = self.logins_until is not None and self.logins_until > moment
        return [one_more, the_first] if was_running else [the_first, one_more]

    def logged_in(self) -> None:
        """Note the time of a log-in, and that there will be one session more.

        Raises TooManyAttempts, and notes nothing, if there were too many.
        """
        one_more = _one_more("sessions_at_most", below=MANY_SESSIONS, otherwise=MANY_SESSIONS)
        self.count_login(last_login=now(), sessions_at_most=one_more)

    def end_surplus_sessions(self) -> list[str]:
        """End the user's oldest sessions beyond MAX_SESSIONS; return their ids.

        It is called after each log-in. Usually the user that was read says that there are few
        sessions, and nothing is asked. From half the limit on, each log-in counts them, so that of
        several at the same time the last one sees all sessions.
        """
        known = self.sessions_at_most
        if known is not None and 0 <= known < settings.MAX_SESSIONS // 2:
            return []
        surplus, count = Session.end_surplus(self)
        change = {"$set": {"sessions_at_most": count}}
        self._get_collection().update_one(self.identity_query, change)
        return surplus

    def end_sessions(self) -> bool:
        """End every session of the user; tell whether the user exists."""
        return self._end_sessions()

    def deactivate(self) -> dict[str, list[Any]]:
        """Lock the user out: every session ends, and no log-in starts another.

        An operator loses the role for good. Return the changes, ``{field: [before, after]}``, which
        are empty if the user was locked out already. Raises LastSuperuser.
        """
        role = Operators.appoint(self, None)
        was_active = self._end_sessions(only_if=Q(is_active__ne=False), is_active=False)
        if not was_active:
            self._end_sessions()  # another program may have deactivated them, and left sessions
        self.is_active = False
        role = Operators.appoint(self, None) or role  # they may have been appointed in between
        changes: dict[str, list[Any]] = {"is_active": [True, False]} if was_active else {}
        return changes | ({"role": [role.value, None]} if role else {})

    def reactivate(self) -> dict[str, list[Any]]:
        """Let a user who was deactivated log in again, without a role.

        Return the changes, ``{field: [before, after]}``, which are empty if they could log in.
        """
        inactive = self._not_erased.filter(is_active=False)
        if not inactive.first():
            return {}
        # Another program may have deactivated an operator, and left them the role.
        role = Operators.appoint(self, None)
        if not inactive.update_one(set__is_active=True):
            return {}
        self.is_active = True
        changes: dict[str, list[Any]] = {"is_active": [False, True]}
        return changes | ({"role": [role.value, None]} if role else {})

    @property
    def _not_erased(self) -> UserQuerySet:
        """The query for this user, unless they are being erased."""
        return type(self).objects(__raw__=self.identity_query).not_erased()

    def is_stored(self) -> bool:
        """Tell whether the user still exists."""
        return self._not_erased.first() is not None

    def check_named(self) -> None:
        """Raise Conflict (409) if the name is no text, as another program may have stored it."""
        if self.username is None:
            raise Conflict("The user's name is no text: they can't log in, and keep nothing.")

    def check_active(self) -> None:
        """Raise SessionEnded (401) if the user was erased or deactivated meanwhile."""
        if not self._can_log_in():
            raise SessionEnded()

    def _can_log_in(self) -> bool:
        """Tell whether the store has the user, neither erased nor deactivated."""
        return self._not_erased.filter(is_active__ne=False).first() is not None

    def _end_sessions(self, only_if: Q | None = None, **changes: Any) -> bool:
        """End every session and make the changes, in one write; tell whether it found the user.

        Sessions of an old version are worthless from then on; they are deleted only to tidy up.
        """
        version = secrets.token_hex(8)
        changes |= {"token_version": version, "sessions_ended_at": now()}
        found = self._not_erased.filter(only_if or Q())
        if not found.update_one(**{f"set__{name}": value for name, value in changes.items()}):
            return False
        self.token_version = version
        with tidying_up("Sessions that were ended are not deleted"):
            Session.objects(user_id=self.id, username=self.username).delete()
        return True

    # --- Rights: read only where operators work, never for an ordinary request -----------------

    @cached_property
    def operators(self) -> Operators:
        """All operators, read once for the sender of a request."""
        return Operators.current()

    @property
    def role(self) -> Role | None:
        """The user's role as an operator; None for everybody else."""
        return self.stored_role if self.is_active and self.may_operate else None

    @property
    def stored_role(self) -> Role | None:
        """The role that the user has, or would have if they could use it."""
        return self.operators.role_of(self)

    def appoint(self, role: Role | None, by: Self | None = None) -> Role | None:
        """Give the user a role as an operator, or take it away with None; return the former role.

        Raises PermissionDenied if ``by`` is no superuser, LastSuperuser, and UserInactive.
        """
        if role and not self._can_log_in():
            raise UserInactive()
        before = Operators.appoint(self, role, by)
        for user in filter(None, (self, by)):
            user.__dict__.pop("operators", None)
        # Once more: a deactivation that begins later takes the role away as well.
        if role and not self._can_log_in():
            Operators.appoint(self, None)
            raise UserInactive()
        return before

    @property
    def is_staff(self) -> bool:
        return self.role is not None

    @property
    def is_superuser(self) -> bool:
        return self.role == Role.SUPERUSER

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Tell whether an operator has a permission, such as ``accounts.change_user``."""
        return self.role is not None and self.role.allows(perm)

    def has_perms(self, perms: Iterable[str], obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        """Tell whether the user may look at anything in an app."""
        return self.is_staff

    # --- Erasure: see accounts.erasure ----------------------------------------------------------

    @classmethod
    def tombstones(cls) -> QuerySet:
        """Return the query of the tombstones of users whose erasure has begun."""
        return cls.objects(__raw__={"erased_at": {"$type": "date"}})

    @classmethod
    def erased_in(cls, session_id: str) -> Self | None:
        """Return the tombstone of the user who is erasing themselves in this session, with it."""
        session = Session.objects(__raw__={"_id": session_id, **Session.in_time()}).first()
        user = session and cls.tombstones().filter(__raw__=session.user_query).first()
        if not user or user.token_version != session.token_version:
            return None
        user.session = session
        return user

    def bury(self) -> bool:
        """Put a tombstone in place of the user; tell whether this call did it.

        From then on the user's sessions are good only for going on with the erasure. A user whose
        name is no text leaves no tombstone: nobody can register such a name, and nothing is kept
        under it. Raises LastSuperuser.
        """
        Operators.appoint(self, None)
        if self.username is None:
            self.erasure_entry = new_id(now())
            return bool(self._not_erased.delete())
        stone = type(self)(
            id=self.id,
            username=self.username,
            is_active=False,
            token_version=self.token_version,
            erased_at=now(),
            erasure_entry=new_id(now()),
        )
        # Without the _id, which stays: in place of null, MongoEngine would invent one.
        fields = {name: value for name, value in stone.to_mongo().items() if name != "_id"}
        replaced = self._get_collection().replace_one(self._not_erased._query, fields)
        if replaced.modified_count:
            self.erased_at, self.erasure_entry = stone.erased_at, stone.erasure_entry
        return bool(replaced.modified_count)
