"""Limits on failed logins and on registrations: counted in MongoDB, so exact over all workers.

Successful logins are counted with the user, in the write that each makes anyhow.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import NamedTuple, Self

from django.conf import settings
from mongoengine import DateTimeField, IntField, StringField
from mongoengine.errors import NotUniqueError

from templatesvc.api.exceptions import TryAgain
from templatesvc.api.proxies import network
from templatesvc.mongo.documents import ServiceDocument, not_unique, now
from templatesvc.rates import Rate


class TooManyAttempts(TryAgain):
    """429, with the seconds to wait in Retry-After."""

    default_detail = "Too many attempts."
    default_code = "too_many_attempts"

    @classmethod
    def until(cls, moment: datetime) -> Self:
        """Return the refusal of whoever may try again at a moment."""
        return cls(wait=max(1, ceil((moment - now()).total_seconds())))


class Attempts(ServiceDocument):
    """How often something happened since the first time within its period."""

    id = StringField(primary_key=True)
    count = IntField(required=True)
    last_at = DateTimeField()  # of the last one that was counted
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "attempts",
        "shards_by": ("_id", "hashed"),
        "indexes": [{"fields": ["expires_at"], "expireAfterSeconds": 0}],
    }


class Lock(NamedTuple):
    """Since when a limit is reached, and until when nothing more is looked at."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Limit:
    """A rate for one name or one address; a rate of None limits nothing."""

    key: str
    rate: Rate | None

    @classmethod
    def of(cls, kind: str, subject: str, rate: Rate | None) -> Self:
        # Hashed, because people type their password for their name, and texts of any length.
        return cls(f"{kind}:{hashlib.sha256(subject.encode()).hexdigest()}", rate)

    def standing(self) -> Attempts | None:
        """Return the attempts that count now, if there are any."""
        found = _standing(self)
        return found[0] if found else None

    def check(self) -> None:
        """Raise TooManyAttempts if the limit is reached."""
        check(self)

    def refuse(self, attempts: Attempts | None) -> None:
        """Raise TooManyAttempts if so many attempts reach the limit."""
        if attempts and self._is_reached_by(attempts):
            raise TooManyAttempts.until(attempts.expires_at)

    def _is_reached_by(self, attempts: Attempts) -> bool:
        return self.rate is not None and attempts.count >= self.rate.limit

    @property
    def lock(self) -> Lock | None:
        """What stands since the limit was reached, if it is."""
        attempts = self.standing()
        if self.rate is None or attempts is None or not self._is_reached_by(attempts):
            return None
        return Lock(attempts.last_at or attempts.expires_at - self.rate.period, attempts.expires_at)

    def count(self) -> None:
        """Count one more; raises TooManyAttempts, and counts nothing, if the limit is reached."""
        counted = self.rate is None
        while not counted:
            try:
                self._add()
                counted = True
            except NotUniqueError:
                # The limit is reached, or another's first attempt came between: look which.
                self.check()

    def _add(self) -> None:
        """Add one in one write; raises NotUniqueError where there is nothing that may be added to.

        A period that is over is begun anew in place, because a TTL index deletes later.
        """
        assert self.rate is not None
        moment = now()
        over = {"$lte": [{"$ifNull": ["$expires_at", moment]}, moment]}
        with not_unique():
            Attempts._get_collection().update_one(
                {
                    "_id": self.key,
                    "$or": [
                        {"expires_at": {"$lte": moment}},
                        {"count": {"$lt": self.rate.limit}},
                    ],
                },
                [
                    {
                        "$set": {
                            "count": {"$cond": [over, 1, {"$add": ["$count", 1]}]},
                            "last_at": moment,
                            "expires_at": {
                                "$cond": [over, moment + self.rate.period, "$expires_at"]
                            },
                        }
                    }
                ],
                upsert=True,
            )

    def reset(self) -> bool:
        """Forget all attempts; tell whether there were any."""
        return bool(Attempts.objects(id=self.key).delete())


def check(*limits: Limit) -> None:
    """Raise TooManyAttempts for the first of the limits that is reached: one round trip."""
    standing = {attempts.id: attempts for attempts in _standing(*limits)}
    for limit in limits:
        limit.refuse(standing.get(limit.key))


def _standing(*limits: Limit) -> list[Attempts]:
    """Return the attempts that count now of those of the limits that have any."""
    keys = [limit.key for limit in limits if limit.rate]
    if not keys:
        return []
    # By PyMongo's cursor: a log-in asks twice, and MongoEngine's takes 0.1 ms more each time.
    in_time = {"_id": {"$in": keys}, "expires_at": {"$gt": now()}}
    return [Attempts._from_son(row) for row in Attempts._get_collection().find(in_time)]


def failures_of(username: str) -> Limit:
    """Return the limit on wrong passwords for a name."""
    return Limit.of("login-user", username, settings.LOGIN_LIMIT_PER_USER)


@dataclass(frozen=True)
class LoginLimits:
    """What holds for checking somebody's password: a limit for the name, one for the address."""

    user: Limit
    address: Limit

    @classmethod
    def of(cls, username: str, ip: str) -> Self:
        return cls(
            failures_of(username),
            Limit.of("login-address", network(ip), settings.LOGIN_LIMIT_PER_ADDRESS),
        )

    def check(self) -> None:
        """Raise TooManyAttempts if the password is not to be looked at now, right or wrong."""
        check(self.user, self.address)

    def failed(self) -> None:
        """Count a wrong password; raises TooManyAttempts if a limit was reached meanwhile."""
        self.user.count()
        self.address.count()

    @property
    def locked(self) -> bool:
        """Whether the name is locked now."""
        return self.user.lock is not None

    def succeeded(self) -> None:
        """Forget the failures of the name.

        Raises TooManyAttempts if the limit was reached while the password was being checked: of
        guesses sent in parallel no more are looked at than of guesses sent in turn.
        """
        # Who has not failed, as most have not, pays one read for this and no write.
        if attempts := self.user.standing():
            self.user.refuse(attempts)
            self.user.reset()


def registration_limit(ip: str) -> Limit:
    return Limit.of("registration", network(ip), settings.REGISTRATION_LIMIT)
