"""Sessions, which tokens and browser cookies stand on."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from mongoengine import DateTimeField, EmbeddedDocument, EmbeddedDocumentListField, StringField
from mongoengine.queryset import QuerySet

from accounts.clients import Client
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.fields import RawField, as_value

if TYPE_CHECKING:
    from accounts.documents.users import User

NOBODY = Client()


class SpentToken(EmbeddedDocument):
    """A refresh token that was used, kept during its time of grace."""

    id = StringField()
    at = DateTimeField()


class Session(ServiceDocument):
    """Starts with a log-in and ends with a log-out; tokens and cookies are worthless without it.

    The ``id`` of a browser's session is a digest of its cookie, so that the list of sessions gives
    no cookie away.
    """

    # How often last_used_at is written, so that an ordinary request writes nothing.
    TOUCH_EVERY: ClassVar = timedelta(minutes=5)
    # Spent tokens that are kept: nobody honest refreshes so often within the time of grace.
    MAX_SPENT: ClassVar = 100
    # Sessions that are ended at a time: after a higher limit there may be any number.
    MAX_SURPLUS: ClassVar = 100

    id = StringField(primary_key=True, default=lambda: secrets.token_hex(16))
    user_id = RawField(null=True)  # null is an id like any other
    username = StringField()
    token_version = StringField(default="")
    created_at = DateTimeField(required=True, default=now)
    last_used_at = DateTimeField(required=True, default=now)
    expires_at = DateTimeField(required=True)
    ip = StringField(default="")
    user_agent = StringField(default="")
    refresh_id = StringField()  # the jti of the one refresh token that has not been used
    spent = EmbeddedDocumentListField(SpentToken)  # tokens in their time of grace
    data = StringField()  # Django's signed data, only of a browser's session

    meta = {
        "collection": "sessions",
        "shards_by": ("_id", "hashed"),
        "indexes": [
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
            {"fields": ["user_id", "created_at"]},
            {"fields": ["-created_at", "-id"]},
        ],
    }

    @classmethod
    def start(cls, user: User, client: Client = NOBODY) -> Self:
        """Store a new session of the user for tokens."""
        session = cls(
            user_id=user.id,
            username=user.username,
            token_version=user.token_version,
            expires_at=now() + settings.REFRESH_TOKEN_LIFETIME,
            refresh_id=secrets.token_hex(16),
            **client._asdict(),
        )
        return session.insert()

    @classmethod
    def of(cls, user: User) -> QuerySet:
        """Return the query of the user's current sessions, the newest first."""
        # The user first: some servers take the first index that fits a part of a query.
        # The name as well: a browser's session without a user has no user_id, which reads as null.
        theirs = {
            "user_id": {"$eq": user.id},
            "username": user.username,
            "token_version": user.token_version,
        }
        return cls.objects(__raw__=theirs | cls.in_time()).order_by("-created_at")

    @property
    def user_query(self) -> dict[str, Any]:
        """The query for the user whose session it is."""
        return {"_id": as_value(self.user_id), "username": self.username}

    @staticmethod
    def in_time() -> dict[str, Any]:
        """Return the condition for sessions that have not expired, nor exceed SESSION_MAX_AGE.

        Every query for valid sessions needs it, because TTL indexes delete only once a minute.
        """
        moment = now()
        oldest = moment - settings.SESSION_MAX_AGE
        return {"expires_at": {"$gt": moment}, "created_at": {"$gt": oldest}}

    @classmethod
    def end_surplus(cls, user: User) -> tuple[list[str], int]:
        """End the user's oldest sessions beyond MAX_SESSIONS.

        Return the ids of those that this call ended, and how many are left.
        """
        collection, limit = cls._get_collection(), settings.MAX_SESSIONS
        newest_first = [("created_at", -1), ("_id", -1)]
        found = collection.find(cls.of(user)._query, {"_id": 1}, sort=newest_first)
        ids = [row["_id"] for row in found.limit(limit + cls.MAX_SURPLUS)]
        # One by one, so that of several log-ins at the same time only one ends each session.
        ended = [id for id in ids[limit:] if collection.delete_one({"_id": id}).deleted_count]
        return ended, min(len(ids), limit)

    @property
    def is_stale(self) -> bool:
        """Whether ``touch`` would write something."""
        return now() - self.last_used_at >= self.TOUCH_EVERY

    def touch(self, client: Client) -> None:
        """Note when and from where the session was last used, to within a few minutes."""
        if not self.is_stale:
            return
        moment = now()
        changes = {"last_used_at": moment, **client._asdict()}
        if self.data is not None:
            # A browser's session is prolonged by its use, one of tokens by a refresh.
            changes["expires_at"] = self._until(moment)
        stale = type(self).objects(id=self.id, last_used_at=self.last_used_at)
        stale.update_one(**{f"set__{name}": value for name, value in changes.items()})

    def _until(self, moment: datetime) -> datetime:
        """Return when a session that is used at a moment expires."""
        return min(
            moment + settings.REFRESH_TOKEN_LIFETIME, self.created_at + settings.SESSION_MAX_AGE
        )

    def rotate(self, used: str, client: Client) -> bool:
        """Use up the refresh token ``used`` (its jti); tell whether it was still good.

        If several callers use it, only the one whose write finds it unused makes a new token. The
        others, parallel tabs within the time of grace, get the same one, so the chain never forks.
        """
        if self._spend(used, client):
            return True
        current = type(self).objects(id=self.id, expires_at__gt=now()).first()
        if current is None or not current.is_in_grace(used):
            return False
        self.refresh_id, self.expires_at = current.refresh_id, current.expires_at
        return True

    def _spend(self, used: str, client: Client) -> bool:
        moment, new = now(), secrets.token_hex(16)
        recent = [token for token in self.spent if token.at > moment - settings.REFRESH_TOKEN_GRACE]
        expires_at = self._until(moment)
        won = (
            type(self)
            .objects(id=self.id, refresh_id=used)
            .update_one(
                set__refresh_id=new,
                set__spent=[*recent, SpentToken(id=used, at=moment)][-self.MAX_SPENT :],
                set__expires_at=expires_at,
                set__last_used_at=moment,
                set__ip=client.ip,
                set__user_agent=client.user_agent,
            )
        )
        if won:
            self.refresh_id, self.expires_at = new, expires_at
        return bool(won)

    def is_in_grace(self, used: str) -> bool:
        """Tell whether a refresh token was used so recently that a parallel tab may use it too."""
        grace = settings.REFRESH_TOKEN_GRACE
        # Without a time of grace there is none, even if another machine's clock is ahead.
        return bool(grace) and any(
            token.id == used and token.at > now() - grace for token in self.spent
        )

    def accepts(self, refresh_id: str) -> bool:
        """Tell whether ``rotate`` would find this refresh token good now."""
        return refresh_id == self.refresh_id or self.is_in_grace(refresh_id)

    @classmethod
    def end(cls, session_id: str) -> bool:
        """End one session; tell whether there was one."""
        return bool(cls.objects(id=session_id).delete())
