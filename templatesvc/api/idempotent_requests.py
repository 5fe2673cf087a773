"""The keys of Idempotency-Key, as they are stored: what each was used for, and the answer.

The first request claims its key with one insert, and holds it for a lease. A worker that died holds
it until the lease is over; one that failed gives it up. The next request then does the work again
under the same ``seed``, an ObjectId in hex from which new documents take their ids. So what the
first request had stored before it failed is not stored twice. If it was changed or deleted since,
the history tells, and the answer is that of the first request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Self

import pymongo
from django.conf import settings
from django.http import HttpResponse
from mongoengine import BinaryField, DateTimeField, DictField, IntField, QuerySet, StringField
from mongoengine.errors import NotUniqueError
from rest_framework import status
from rest_framework.exceptions import APIException

from templatesvc.api.exceptions import Conflict
from templatesvc.mongo.amounts import OVERHEAD, Amount, amount_of
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.errors import STORE_ERRORS
from templatesvc.mongo.ids import new_id

# Bytes that count in the owner's quota beside those of the answer.
KEY_SIZE = 700
# Longer than a batch of an import takes, plus the difference between two machines' clocks.
LEASE = timedelta(seconds=60)
FREE_SECONDS = 0.4  # to give up a key of which nobody knows whether it is held
STORED_HEADERS = ("Content-Type", "ETag", "Location")


class KeyInUse(Conflict):
    """409: the first request with this key is still running."""

    default_detail = "The first request with this Idempotency-Key is still running. Try again."
    default_code = "idempotency_key_in_use"

    def __init__(self, wait: int = 1) -> None:
        super().__init__()
        self.wait = wait


class KeyReused(APIException):
    """422: the ``Idempotency-Key`` came before with another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = (
        "This Idempotency-Key was used for another request. Use a new key for a new request."
    )
    default_code = "idempotency_key_reused"


class IdempotentRequest(ServiceDocument):
    """A key, what it was used for, and the answer once there is one."""

    id = StringField(primary_key=True)
    username = StringField(required=True)
    fingerprint = StringField(required=True)
    seed = StringField(required=True)
    lease_until = DateTimeField(required=True)
    status = IntField()  # absent while the first request runs
    headers = DictField()
    body = BinaryField()
    expires_at = DateTimeField(required=True)

    is_repeated = False  # whether an earlier request may have done some of the work

    meta = {
        "collection": "idempotent_requests",
        "shards_by": ("username", 1),
        "indexes": [{"fields": ["expires_at"], "expireAfterSeconds": 0}, {"fields": ["username"]}],
    }

    @classmethod
    def claim(cls, key: str, username: str, fingerprint: str) -> tuple[Self, bool]:
        """Return the key's document, and whether the caller is to do the work.

        Raises KeyInUse and KeyReused.
        """
        moment = now()
        request = cls(
            id=hashlib.sha256(f"{username}\0{key}".encode()).hexdigest(),
            username=username,
            fingerprint=fingerprint,
            seed=str(new_id(moment)),
            lease_until=moment + LEASE,
            expires_at=moment + settings.IDEMPOTENCY_RETENTION,
        )
        for _ in range(2):
            try:
                with request.freed_if_unknown(request.lease_until):
                    return request.insert(), True
            except NotUniqueError:
                first = cls.objects(id=request.id, username=username).first()
            if first and first.expires_at > moment:
                return first._claimed_again(fingerprint)
            # TTL indexes delete about once a minute.
            cls.objects(id=request.id, username=username, expires_at__lte=moment).delete()
        raise KeyInUse()

    def _claimed_again(self, fingerprint: str) -> tuple[Self, bool]:
        if self.fingerprint != fingerprint:
            raise KeyReused()
        if self.status is not None:
            return self, False
        if self.lease_until > now():
            raise KeyInUse(wait=_seconds_until(self.lease_until))
        self.hold()
        self.is_repeated = True
        return self, True

    def hold(self) -> None:
        """Hold the key for a lease from now on; raises KeyInUse if another worker holds it.

        By this a request takes over from a worker that died, and long work keeps its key.
        """
        lease = now() + LEASE
        with self.freed_if_unknown(lease):
            if not self._unfinished().update_one(set__lease_until=lease):
                raise KeyInUse(wait=_seconds_until(lease))
        self.lease_until = lease

    @contextmanager
    def freed_if_unknown(self, lease: datetime) -> Iterator[None]:
        """Give the key up if the store does not say whether it is held until ``lease`` now.

        Otherwise a repeated request would have to wait until the lease is over.
        """
        try:
            yield
        except NotUniqueError:
            raise
        except STORE_ERRORS:
            self.lease_until = lease
            with suppress(*STORE_ERRORS), pymongo.timeout(FREE_SECONDS):
                self.free()
            raise

    def finish(self, response: HttpResponse) -> None:
        """Store the answer: whoever sends the key again gets it."""
        headers = {name: response[name] for name in STORED_HEADERS if name in response}
        self._unfinished().update_one(
            set__status=response.status_code, set__headers=headers, set__body=response.content
        )

    def _unfinished(self) -> QuerySet:
        mine = type(self).objects(id=self.id, username=self.username)
        return mine.filter(lease_until=self.lease_until, status=None)

    def free(self) -> None:
        """Give the key up: the next request that has it does the work."""
        self._unfinished().update_one(set__lease_until=now())

    def forget(self) -> None:
        """Give up a key under which nothing was done, so that it takes no room."""
        if self.is_repeated:
            self.free()
        else:
            self._unfinished().delete()

    @classmethod
    def amount_of(cls, owner: str) -> Amount:
        """Return the bytes of an owner's keys with their answers, for the quota."""
        kept = amount_of(cls, {"username": owner}, ["body"])
        return Amount(bytes=kept.bytes + kept.documents * (KEY_SIZE - OVERHEAD))

    @classmethod
    def belonging_to(cls, user: Any) -> dict[str, Any]:
        # The answers would show documents to the next person who has the name.
        return {"username": user.get_username()}

    def exported(self) -> dict[str, Any]:
        text = (self.body or b"").decode(errors="replace")
        return {"status": self.status, "body": text, "expires_at": self.expires_at}

    def replayed(self) -> HttpResponse:
        """Return the stored answer, byte for byte."""
        headers = {**self.headers, "Idempotency-Replayed": "true"}
        return HttpResponse(self.body, status=self.status, headers=headers)


def _seconds_until(moment: datetime) -> int:
    return max(1, round((moment - now()).total_seconds()))
