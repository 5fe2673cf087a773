"""How much an owner may keep: documents, and bytes with their history.

One stored document counts for each owner. A write first reserves room there, by one conditional
write, so that no number of parallel requests gets past the limit; room that is not used is given
back. The count may be too high, after a crash between the two writes or when history has expired,
but never too low. Before an old count makes anybody be refused, what is stored is counted again.
(What another program stores, or this one with quotas off, is noticed only when it is counted
again.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context, ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

import bson
import pymongo
from django.conf import settings
from mongoengine import DateTimeField, IntField, StringField
from mongoengine.errors import NotUniqueError

from templatesvc.mongo import store
from templatesvc.mongo.batches import BATCH_SECONDS
from templatesvc.mongo.documents import ServiceDocument, now

COUNT_SECONDS = 20
# Bytes that a document takes beside its values: for its other fields and its index entries.
OVERHEAD = 300
# After so long what was reserved is stored, or never will be: no write takes longer than a batch.
QUIET = timedelta(seconds=BATCH_SECONDS + 5)
# How soon a count may be made again for an owner who is refused, and must be for one who writes.
AT_MOST_EVERY = timedelta(minutes=1)
AT_LEAST_EVERY = timedelta(days=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Amount(NamedTuple):
    """So many documents, and so many bytes."""

    documents: int = 0
    bytes: int = 0


class Limits(NamedTuple):
    """The most of each; None is no limit."""

    documents: int | None
    bytes: int | None


NO_LIMITS = Limits(None, None)  # of the settings: then nothing is counted


class OverQuota(Exception):
    """The owner keeps as much as they may; the text says how much that is.

    ``wait`` is the seconds until a new count, which may find less, or 0 if there was one just now.
    """

    def __init__(self, used: Amount, limits: Limits, wait: int = 0) -> None:
        self.wait = wait
        shown = [
            f"{count:,} of {most:,} {unit}"
            for count, most, unit in zip(used, limits, Amount._fields, strict=True)
            if most is not None
        ]
        super().__init__(f"You keep {' and '.join(shown)}, and this would be more.")


class AnswerRoom:
    """Room for an answer, which an owner's next reservation reserves too, to save a round trip.

    As many bytes as the write itself, because the answer repeats what was written, and ``more``.
    """

    def __init__(self, owner: str, more: int) -> None:
        self.owner, self.more = owner, more
        self.reserved = 0  # bytes


_answer_room: ContextVar[AnswerRoom | None] = ContextVar("_answer_room", default=None)


class Usage(ServiceDocument):
    """What an owner keeps or has reserved, and the owner's own limits, if there are any."""

    id = StringField(primary_key=True)  # the owner's name
    documents = IntField(required=True)
    bytes = IntField(required=True)
    max_documents = IntField()
    max_bytes = IntField()
    counted_at = DateTimeField(required=True)
    touched_at = DateTimeField(required=True)

    meta = {"collection": "usage", "shards_by": ("_id", "hashed")}

    _counters: list[Callable[[str], Amount]] = []

    @classmethod
    def counts(cls, count: Callable[[str], Amount]) -> None:
        """Register a function that counts what the owner of a name keeps, for the quota."""
        cls._counters.append(count)

    @property
    def amount(self) -> Amount:
        return Amount(self.documents, self.bytes)

    @property
    def limits(self) -> Limits:
        """The owner's own, or else those of the settings."""
        documents, size = default_limits()
        return Limits(
            documents if self.max_documents is None else self.max_documents,
            size if self.max_bytes is None else self.max_bytes,
        )

    @property
    def shown(self) -> dict[str, int | None]:
        """What ``QuotaSerializer`` shows, in a fraction of its time."""
        limits = self.limits
        return {
            "documents": self.documents,
            "bytes": self.bytes,
            "max_documents": limits.documents,
            "max_bytes": limits.bytes,
        }

    @classmethod
    def peek(cls, owner: str) -> Self:
        """Return what an owner keeps, and store nothing: the owner may have been erased."""
        return cls.objects(id=owner).first() or cls._counted(owner)

    @classmethod
    def of(cls, owner: str) -> Self:
        """Return what an owner keeps; count and store it if that was never done."""
        usage = cls.objects(id=owner).first()
        if usage is not None:
            return usage
        usage = cls._counted(owner)
        if default_limits() == NO_LIMITS:
            usage.counted_at = LONG_AGO  # what is stored from now on is not counted
        try:
            return usage.insert()
        except NotUniqueError:
            return cls.of(owner)

    @classmethod
    def _counted(cls, owner: str) -> Self:
        # In a context of its own, because the request's time for the store is not meant for this.
        moment, amount = now(), Context().run(cls._count, owner)
        return cls(id=owner, **amount._asdict(), counted_at=moment, touched_at=moment)

    @classmethod
    def _count(cls, owner: str) -> Amount:
        with pymongo.timeout(COUNT_SECONDS):
            counted = [count(owner) for count in cls._counters]
        return Amount(sum(each.documents for each in counted), sum(each.bytes for each in counted))

    # --- Reserving: one write, unless there is something to find out ---------------------------

    @classmethod
    @contextmanager
    def reserved(cls, owner: str | None, amount: Amount) -> Iterator[None]:
        """Reserve room for what the block stores, unless it has no owner; raises OverQuota.

        The room is given back if the block finds that such a document exists. After any other
        failure nobody knows whether it was stored.
        """
        cls.reserve(owner, amount)
        try:
            yield
        except NotUniqueError:
            cls.give_back(owner, amount)
            raise

    @classmethod
    @contextmanager
    def with_answer_room(cls, owner: str, more: int) -> Iterator[AnswerRoom]:
        """Have the owner's first reservation in the block reserve room for the answer as well."""
        room = AnswerRoom(owner, more)
        token = _answer_room.set(room)
        try:
            yield room
        finally:
            _answer_room.reset(token)

    @classmethod
    def reserve(cls, owner: str | None, amount: Amount) -> None:
        """Reserve room, with that of an ``AnswerRoom``; raises OverQuota."""
        if owner is None:
            return
        room = _answer_room.get()
        if room is None or room.owner != owner or room.reserved:
            cls._reserve(owner, amount)
            return
        more = amount.bytes - OVERHEAD * amount.documents + room.more
        cls._reserve(owner, amount._replace(bytes=amount.bytes + more))
        room.reserved = more

    @classmethod
    def _reserve(cls, owner: str, amount: Amount) -> None:
        limits = default_limits()
        if limits == NO_LIMITS:
            return
        fresh = {"max_documents": None, "max_bytes": None}
        counted = {"counted_at": {"$gt": now() - AT_LEAST_EVERY}}
        if cls._add(owner, amount, limits, fresh | counted):
            return
        usage = cls.of(owner)
        if usage.counted_at <= now() - AT_LEAST_EVERY:
            usage = usage._count_anew() or usage
        own = {"max_documents": usage.max_documents, "max_bytes": usage.max_bytes}
        if cls._add(owner, amount, usage.limits, own):
            return
        wait = 0
        if usage.counted_at <= now() - AT_MOST_EVERY:
            if anew := usage._count_anew():
                usage = anew
            else:
                wait = QUIET.seconds
            if cls._add(owner, amount, usage.limits, own):
                return
        raise OverQuota(usage.amount, usage.limits, wait)

    @classmethod
    def _add(cls, owner: str, amount: Amount, limits: Limits, condition: dict[str, Any]) -> bool:
        query: dict[str, Any] = {"_id": owner, **condition}
        for name, more, most in zip(Amount._fields, amount, limits, strict=True):
            if most is not None and more:
                query[name] = {"$lte": most - more}
        change = {"$inc": amount._asdict(), "$set": {"touched_at": now()}}
        return bool(cls._get_collection().update_one(query, change).matched_count)

    @classmethod
    def give_back(cls, owner: str | None, amount: Amount) -> None:
        """Note that an amount is not kept, or no longer."""
        if owner is None or default_limits() == NO_LIMITS or amount == Amount():
            return
        # No count goes below zero: what another program stored may never have been counted.
        query = {"_id": owner} | {name: {"$gte": n} for name, n in amount._asdict().items() if n}
        less = {name: -n for name, n in amount._asdict().items()}
        change = {"$inc": less, "$set": {"touched_at": now()}}
        cls._get_collection().update_one(query, change)

    def _count_anew(self) -> Self | None:
        """Count what is stored; return None if something was reserved just now, or meanwhile."""
        if self.touched_at > now() - QUIET:
            return None
        counted = type(self)._counted(self.id)
        untouched = type(self).objects(id=self.id, touched_at=self.touched_at)
        if not untouched.update_one(
            set__documents=counted.documents,
            set__bytes=counted.bytes,
            set__counted_at=counted.counted_at,
        ):
            return None
        self.documents, self.bytes = counted.amount
        self.counted_at = counted.counted_at
        return self

    @classmethod
    def outdate(cls, owner: str) -> None:
        """Have the owner counted again at the next refusal: nobody knows how much was deleted."""
        cls.objects(id=owner).update_one(set__counted_at=LONG_AGO)

    @classmethod
    def limit(cls, owner: str, own: Limits) -> Self:
        """Give an owner limits of their own; None stands for those of the settings."""
        usage = cls.of(owner)
        usage.max_documents, usage.max_bytes = own
        cls.objects(id=owner).update_one(set__max_documents=own.documents, set__max_bytes=own.bytes)
        return usage

    @classmethod
    def belonging_to(cls, user: Any) -> dict[str, Any]:
        return {"_id": user.get_username()}


def default_limits() -> Limits:
    """Return what the settings allow each owner."""
    return Limits(settings.QUOTA_DOCUMENTS, settings.QUOTA_BYTES)


def size_of(values: dict[str, Any]) -> int:
    """Return how many bytes a document with these stored values counts."""
    return len(bson.encode(values)) + OVERHEAD


def amount_of(
    document: type[ServiceDocument], query: dict[str, Any], fields: Sequence[str]
) -> Amount:
    """Return how many documents a query finds, and how many bytes they count with these fields."""
    collection = document._get_collection()
    if store.is_in_memory(settings.MONGODB_URI):  # mongomock does not know $bsonSize
        rows = collection.find(query, dict.fromkeys(fields, True))
        sizes = [size_of({name: row[name] for name in fields if name in row}) for row in rows]
        return Amount(len(sizes), sum(sizes))
    size = {"$add": [{"$bsonSize": {name: f"${name}" for name in fields}}, OVERHEAD]}
    grouped = {"_id": None, "documents": {"$sum": 1}, "bytes": {"$sum": size}}
    found = list(collection.aggregate([{"$match": query}, {"$group": grouped}]))
    return Amount(int(found[0]["documents"]), int(found[0]["bytes"])) if found else Amount()
