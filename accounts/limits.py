"""Limits on failed log-ins and on registrations, counted in MongoDB, so exact over all workers.

Successful log-ins are counted in the user's document, by the write that each makes anyway.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import NamedTuple, Self

from django.conf import settings
from mongoengine import DateTimeField, IntField, StringField
from mongoengine.errors import NotUniqueError

from templatesvc.api.exceptions import TryAgain
from templatesvc.api.proxies import network
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.errors import not_unique
from templatesvc.rates import Rate


class TooManyAttempts(TryAgain):
    """429, with the seconds to wait in Retry-After."""

    default_detail = "Too many attempts."
    default_code = "too_many_attempts"

    @classmethod
    def until(cls, moment: datetime) -> Self:
        """Return the refusal of somebody who may try again at a moment."""
        return cls(wait=max(1, ceil((moment - now()).total_seconds())))


class Attempts(ServiceDocument):
    """How often something happened in its current period."""

    id = StringField(primary_key=True)
    count = IntField(required=True)
    last_at = DateTimeField()  # when the last one was counted
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "attempts",
        "shards_by": ("_id", "hashed"),
        "indexes": [{"fields": ["expires_at"], "expireAfterSeconds": 0}],
    }


class Lock(NamedTuple):
    """Since when a limit has been reached, and until when nothing more is accepted."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Limit:
    """A rate for one name or one address; a rate of None limits nothing."""

    key: str
    rate: Rate | None

    @classmethod
    def of(cls, kind: str, subject: str, rate: Rate | None) -> Self:
        # Hashed, because people type passwords as names, and texts of any length.
        return cls(f"{kind}:{hashlib.sha256(subject.encode()).hexdigest()}", rate)

    def current(self) -> Attempts | None:
        """Return the attempts that count now, if there are any."""
        found = _current(self)
        return found[0] if found else None

    def check(self) -> None:
        """Raise TooManyAttempts if the limit is reached."""
        check(self)

    def refuse(self, attempts: Attempts | None) -> None:
        """Raise TooManyAttempts if the attempts reach the limit."""
        if attempts and self._is_reached_by(attempts):
            raise TooManyAttempts.until(attempts.expires_at)

    def _is_reached_by(self, attempts: Attempts) -> bool:
        # The comparison that ``_add`` makes in the store: what has no room there is refused here.
        return self.rate is not None and not attempts.count < self.rate.limit

    @property
    def lock(self) -> Lock | None:
        """The lock, if the limit is reached."""
        attempts = self.current()
        if self.rate is None or attempts is None or not self._is_reached_by(attempts):
            return None
        return Lock(attempts.last_at or attempts.expires_at - self.rate.period, attempts.expires_at)

    def count(self) -> None:
        """Count one more; raises TooManyAttempts, and counts nothing, if the limit is reached."""
        while self.rate and not self._add(self.rate):
            # The limit is reached, or the period ended just now: find out which.
            self.check()

    def _add(self, rate: Rate) -> bool:
        """Begin a period with one, or else add one to it; tell whether there was room.

        Two writes, each with one condition: for an ``$or`` some servers read all attempts.
        """
        attempts, moment = Attempts._get_collection(), now()
        # A period that is over may still be there, because a TTL index deletes late.
        is_over = {"_id": self.key, "expires_at": {"$not": {"$gt": moment}}}
        first = {"count": 1, "last_at": moment, "expires_at": moment + rate.period}
        with suppress(NotUniqueError), not_unique():
            attempts.update_one(is_over, {"$set": first}, upsert=True)
            return True
        is_running = {"_id": self.key, "expires_at": {"$gt": moment}, "count": {"$lt": rate.limit}}
        more = {"$inc": {"count": 1}, "$set": {"last_at": moment}}
        return bool(attempts.update_one(is_running, more).matched_count)

    def reset(self) -> bool:
        """Forget all attempts; tell whether there were any."""
        return bool(Attempts.objects(id=self.key).delete())


def check(*limits: Limit) -> None:
    """Raise TooManyAttempts for the first of the limits that is reached: one round trip."""
    current = {attempts.id: attempts for attempts in _current(*limits)}
    for limit in limits:
        limit.refuse(current.get(limit.key))


def _current(*limits: Limit) -> list[Attempts]:
    """Return the attempts that count now, of the limits that have any."""
    keys = [limit.key for limit in limits if limit.rate]
    if not keys:
        return []
    # By PyMongo's cursor, because MongoEngine's takes 0.1 ms more, and a log-in asks twice.
    in_time = {"_id": {"$in": keys}, "expires_at": {"$gt": now()}}
    return [Attempts._from_son(row) for row in Attempts._get_collection().find(in_time)]


def failures_of(username: str) -> Limit:
    """Return the limit on wrong passwords at log-ins with a name."""
    return Limit.of("login-user", username, settings.LOGIN_LIMIT_PER_USER)


def own_failures_of(username: str) -> Limit:
    """Return the limit on wrong passwords of a user who is logged in.

    Strangers can't reach it, and so, unless they share the user's address, not keep anybody from
    changing a password that they attack.
    """
    return Limit.of("own-password", username, settings.LOGIN_LIMIT_PER_USER)


def failures_from(ip: str) -> Limit:
    """Return the limit on wrong passwords from an address."""
    return Limit.of("login-address", network(ip), settings.LOGIN_LIMIT_PER_ADDRESS)


@dataclass(frozen=True)
class LoginLimits:
    """The limits on checking a password: one for the name, and one for the address."""

    user: Limit
    address: Limit

    @classmethod
    def of(cls, username: str, ip: str) -> Self:
        """Return the limits on logging in."""
        return cls(failures_of(username), failures_from(ip))

    @classmethod
    def of_own(cls, username: str, ip: str) -> Self:
        """Return the limits on confirming one's own password."""
        return cls(own_failures_of(username), failures_from(ip))

    def check(self) -> None:
        """Raise TooManyAttempts if the password must not be checked now, right or wrong."""
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

        Raises TooManyAttempts if the limit was reached while the password was being checked, so
        that guesses in parallel are limited as much as guesses in turn.
        """
        # Most people have not failed, and pay for one read and no write.
        if attempts := self.user.current():
            self.user.refuse(attempts)
            self.user.reset()


def registration_limit(ip: str) -> Limit:
    return Limit.of("registration", network(ip), settings.REGISTRATION_LIMIT)
