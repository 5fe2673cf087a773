"""Who is calling: users, what operators may do, and sessions."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from bson import ObjectId
from django.conf import settings
from django.contrib.auth import hashers
from mongoengine import BooleanField, DateTimeField, StringField

from accounts.hashers import FlaskSHA256Hasher
from templatesvc.documents import RawField, ServiceDocument, TypedField, now


class Operator(ServiceDocument):
    """What an operator may do. Apart from users, where a registration could have put anything.

    A right counts only for the very user document it was given to: a name that was deleted and
    registered again is another person.
    """

    username = StringField(primary_key=True)
    user_id = RawField(required=True)
    is_staff = BooleanField(default=True)
    is_superuser = BooleanField(default=False)

    meta = {"collection": "operators"}


class User(ServiceDocument):
    """A person, as the Flask service and this one keep them in the same collection.

    Registration there stores whatever fields the caller sends, so every field of ours may be there
    with any value: each is read as absent if its type is wrong, and none of them grants a right.
    """

    USERNAME_MAX_LENGTH: ClassVar = 150
    PASSWORD_MAX_LENGTH: ClassVar = 128

    id = RawField(primary_key=True, default=ObjectId)
    username = TypedField(str)
    password = TypedField(str, default="!")
    is_active = TypedField(bool, default=True)
    date_joined = TypedField(datetime)
    last_login = TypedField(datetime)
    # Any new value ends all sessions at once: each names the version it was started with.
    token_version = TypedField(str, default="")

    meta = {"collection": "users", "indexes": [{"fields": ["username"], "unique": True}]}

    is_authenticated: ClassVar = True
    is_anonymous: ClassVar = False

    _dependants: ClassVar[list[Callable[[Any], object]]] = []

    def __str__(self) -> str:
        return self.username

    def get_username(self) -> str:
        return self.username

    @classmethod
    def named(cls, username: str) -> Self | None:
        """Return the user of exactly this name, or None."""
        # Ordered, because races in the Flask service may have left two users of one name.
        return cls.objects(username=username).order_by("id").first()

    @classmethod
    def register(cls, username: str, password: str) -> Self:
        """Store a new user; raises mongoengine's NotUniqueError if the name is taken."""
        user = cls(username=username, password=hashers.make_password(password), date_joined=now())
        return user.save(force_insert=True)

    @property
    def joined(self) -> datetime | None:
        """When the user registered; for one of the Flask service, the time in their ObjectId."""
        made = self.id.generation_time if isinstance(self.id, ObjectId) else None
        return self.date_joined or made

    # --- Passwords ---------------------------------------------------------------------------

    def check_password(self, password: str) -> bool:
        """Tell whether this is the password; if so, replace a hash weaker than today's."""
        encoded = FlaskSHA256Hasher.identified(self.password)
        if hashers.check_password(password, encoded, setter=self._upgrade_password):
            return True
        preferred = hashers.get_hasher().algorithm
        if hashers.is_password_usable(encoded) and not encoded.startswith(f"{preferred}$"):
            # A quick old hash must not tell by its time that the account is an old one.
            hashers.make_password(password)
        return False

    def _upgrade_password(self, password: str) -> None:
        new = hashers.make_password(password)
        # Not if another write, such as a change of password, came first.
        if type(self).objects(id=self.id, password=self.password).update_one(set__password=new):
            self.password = new

    # --- Sessions ----------------------------------------------------------------------------

    def get_session_auth_hash(self) -> str:
        """Return what a browser session keeps to compare: Django calls this at each request."""
        return f"{self.id}:{self.token_version}"

    def end_sessions(self, **changes: Any) -> None:
        """End every session, in the one write that also makes the changes given (``set__…``)."""
        version = secrets.token_hex(8)
        type(self).objects(id=self.id).update_one(set__token_version=version, **changes)
        self.token_version = version
        Session.objects(user_id=self.id).delete()

    # --- Rights: asked for by pages for operators only, never on an ordinary request -----------

    @property
    def operator(self) -> Operator | None:
        return Operator.objects(username=self.username, user_id=self.id).first()

    @property
    def is_staff(self) -> bool:
        return self.is_active and self.operator is not None and self.operator.is_staff

    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.operator is not None and self.operator.is_superuser

    # --- The end -----------------------------------------------------------------------------

    @classmethod
    def deletes_with_it(cls, delete_all_of: Callable[[Any], object]) -> None:
        """Have ``erase`` call this with the user: for apps that keep documents of a user's."""
        cls._dependants.append(delete_all_of)

    def erase(self) -> None:
        """Delete the user with all that is theirs.

        The user document goes last: if this is cut short, nobody can log in and the name stays
        taken, so that nobody else can register it and find what was left.
        """
        self.end_sessions(set__is_active=False)
        Operator.objects(username=self.username, user_id=self.id).delete()
        for delete_all_of in self._dependants:
            delete_all_of(self)
        type(self).objects(id=self.id).delete()


class Session(ServiceDocument):
    """What a login starts and a log-out ends; tokens and browser cookies are worth nothing without.

    A browser session's ``id`` is the SHA-256 of its cookie, so that the list of sessions gives no
    cookie away.
    """

    id = StringField(primary_key=True, default=lambda: secrets.token_hex(16))
    user_id = RawField()
    username = StringField()
    token_version = StringField(default="")
    created_at = DateTimeField(required=True, default=now)
    last_used_at = DateTimeField(required=True, default=now)
    expires_at = DateTimeField(required=True)
    data = StringField()  # of a browser session: Django's, signed

    meta = {
        "collection": "sessions",
        "indexes": [
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
            {"fields": ["user_id", "created_at"]},
        ],
    }

    @classmethod
    def start(cls, user: User) -> Self:
        """Store a new session of the user's."""
        session = cls(
            user_id=user.id,
            username=user.username,
            token_version=user.token_version,
            expires_at=now() + min(settings.REFRESH_TOKEN_LIFETIME, settings.SESSION_MAX_AGE),
        )
        return session.save(force_insert=True)

    @classmethod
    def resolve(cls, session_id: str) -> tuple[Self, User] | None:
        """Return a session that stands with its user, in one round trip of two indexed look-ups.

        None if the session has ended, the user is gone or inactive, or all the user's sessions
        were ended since.
        """
        found = list(
            cls._get_collection().aggregate(
                [
                    # TTL indexes delete about once a minute: the expiry is asked for as well.
                    {"$match": {"_id": session_id, "expires_at": {"$gt": now()}}},
                    {
                        "$lookup": {
                            "from": User._get_collection_name(),
                            "localField": "user_id",
                            "foreignField": "_id",
                            "as": "user",
                        }
                    },
                ]
            )
        )
        if not found or not found[0]["user"]:
            return None
        session, user = cls._from_son(found[0]), User._from_son(found[0]["user"][0])
        if not user.is_active or user.token_version != session.token_version:
            return None
        return session, user

    @property
    def age(self) -> timedelta:
        return now() - self.created_at
