"""How much an owner may keep: documents, and bytes with their history.

One stored document counts for each owner. A write first reserves room there, by one conditional
write, so that no number of parallel requests gets past the limit; room that is not used is given
back. What is stored is counted again once a day if the owner writes, and before an old count makes
anybody be refused. (What another program stores, or this one with quotas off, is noticed only
then.)


Until the next count, a count may be too high: after a crash between the two writes, when history
has expired or was replaced by an import, or by what was reserved or deleted while it was made. It
is too low only after one of two coincidences, by what was being changed at that moment:

- It was made within the milliseconds between a change and the entry of its history. Then it lacks
  the state that was replaced or deleted.
- It was made while a document was being deleted, by a machine whose clock is behind that of the
  other. Then the document is subtracted, although the count did not have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, NamedTuple, Self

import pymongo
from django.conf import settings
from mongoengine import DateTimeField, IntField, StringField
from mongoengine.errors import NotUniqueError

from templatesvc.mongo.amounts import OVERHEAD, Amount
from templatesvc.mongo.batches import BATCH_SECONDS
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.errors import STORE_ERRORS, is_transient

COUNT_SECONDS = 20
CLOCK_SECONDS = 20  # by which the clocks of two machines may differ
# After so long what was reserved is stored, or never will be: no write takes longer than a batch.
# The clocks of two machines may differ.
QUIET = timedelta(seconds=BATCH_SECONDS + CLOCK_SECONDS + 5)
# How soon a count may be made again for an owner who is refused, and must be for one who writes;
# and how soon for one who writes if the store needed too long for it.
AT_MOST_EVERY = timedelta(minutes=1)
AT_LEAST_EVERY = timedelta(days=1)
AFTER_FAILURE = timedelta(hours=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


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
    """What an owner keeps or has reserved, and the owner's own limits, if there are any.

    Those that an earlier release stored lack the fields ``recent_…``, ``tried_at`` and ``due_at``.
    """

    id = StringField(primary_key=True)  # the owner's name
    documents = IntField(required=True)
    bytes = IntField(required=True)
    max_documents = IntField()
    max_bytes = IntField()
    recent_documents = IntField()  # reserved since tried_at
    recent_bytes = IntField()
    counted_at = DateTimeField(required=True)
    tried_at = DateTimeField()  # when a count was last begun
    due_at = DateTimeField()  # from when on a write is to begin one
    touched_at = DateTimeField(required=True)  # when something was last reserved

    # Whether the count that this request made has more than what is stored.
    is_rough = False

    meta = {"collection": "usage", "shards_by": ("_id", "hashed")}

    _counters: list[Callable[[str], Amount]] = []

    @classmethod
    def register_counter(cls, count: Callable[[str], Amount]) -> None:
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
            usage.due_at = LONG_AGO  # what is stored from now on is not counted
        try:
            return usage.insert()
        except NotUniqueError:
            return cls.of(owner)

    @classmethod
    def _counted(cls, owner: str) -> Self:
        amount = cls._count(owner)
        moment = now()
        return cls(
            id=owner,
            **amount._asdict(),
            recent_documents=0,
            recent_bytes=0,
            counted_at=moment,
            tried_at=moment,
            due_at=moment + AT_LEAST_EVERY,
            touched_at=moment,
        )

    @classmethod
    def _count(cls, owner: str) -> Amount:
        # In a context of its own, because the request's time for the store is not meant for this.
        return Context().run(cls._count_in_time, owner)

    @classmethod
    def _count_in_time(cls, owner: str) -> Amount:
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
        fresh = {"max_documents": None, "max_bytes": None, "due_at": {"$gt": now()}}
        if cls._add(owner, amount, limits, fresh):
            return
        usage = cls.of(owner)
        if (usage.due_at or LONG_AGO) <= now():
            usage._count_anew()
        if usage._has_room(amount):
            return
        is_old = usage.counted_at <= now() - AT_MOST_EVERY
        if is_old and usage._count_anew() and usage._has_room(amount):
            return
        raise OverQuota(usage.amount, usage.limits, usage._wait)

    def _has_room(self, amount: Amount) -> bool:
        """Reserve room within the owner's own limits; tell whether there was enough."""
        own = {"max_documents": self.max_documents, "max_bytes": self.max_bytes}
        return self._add(self.id, amount, self.limits, own)

    @classmethod
    def _add(cls, owner: str, amount: Amount, limits: Limits, condition: dict[str, Any]) -> bool:
        query: dict[str, Any] = {"_id": owner, **condition}
        for name, more, most in zip(Amount._fields, amount, limits, strict=True):
            if most is not None and more:
                query[name] = {"$lte": most - more}
        added = cls._get_collection().update_one(query, cls._addition(amount))
        return bool(added.matched_count)

    @classmethod
    def charge(cls, owner: str | None, amount: Amount) -> None:
        """Note that more is stored than was reserved, whatever the limits."""
        if owner is None or default_limits() == NO_LIMITS or amount == Amount():
            return
        cls._get_collection().update_one({"_id": owner}, cls._addition(amount))

    @classmethod
    def _addition(cls, amount: Amount) -> dict[str, Any]:
        recent = {f"recent_{name}": n for name, n in amount._asdict().items()}
        return {"$inc": amount._asdict() | recent, "$set": {"touched_at": now()}}

    # --- Giving back ---------------------------------------------------------------------------

    @classmethod
    def give_back(cls, owner: str | None, amount: Amount) -> None:
        """Note that an amount was reserved, and was not stored."""
        cls._subtract(owner, amount, {})

    @classmethod
    def free(cls, owner: str | None, amount: Amount, until: datetime) -> None:
        """Note that an amount is no longer stored, which was until this moment at least.

        A count that was made later may not have it.
        """
        cls._subtract(owner, amount, {"counted_at": {"$lte": until}})

    @classmethod
    def _subtract(cls, owner: str | None, amount: Amount, condition: dict[str, Any]) -> None:
        if owner is None or default_limits() == NO_LIMITS or amount == Amount():
            return
        # No count goes below zero: what another program stored may never have been counted.
        enough = {name: {"$gte": n} for name, n in amount._asdict().items() if n}
        less = {name: -n for name, n in amount._asdict().items()}
        query = {"_id": owner, **condition, **enough}
        cls._get_collection().update_one(query, {"$inc": less})

    # --- Counting anew -------------------------------------------------------------------------

    def _count_anew(self) -> bool:
        """Count what is stored, and add what was reserved just now; tell whether that was done.

        It is not if nobody knows yet how much was reserved just now, if another request counts, or
        if the store needs too long. Then the old count stands, and is good for some time.
        """
        recent = self._recent
        if self._is_tried() or not self._begin(recent) or recent is None:
            return False
        try:
            stored = self._count(self.id)
        except STORE_ERRORS as error:
            if not is_transient(error):
                raise
            return False
        return self._finish(Amount(*map(sum, zip(stored, recent, strict=True))), any(recent))

    @property
    def _recent(self) -> Amount | None:
        """What was reserved just now, and may not be stored yet, or more; None if nobody knows."""
        moment = now()
        if self.touched_at <= moment - QUIET:
            return Amount()
        if self._is_open and moment - 3 * QUIET <= self.tried_at <= moment - QUIET:
            return Amount(self.recent_documents, self.recent_bytes)
        return None

    @property
    def _is_open(self) -> bool:
        """Whether a count was begun that is not finished."""
        return (self.tried_at or LONG_AGO) > self.counted_at

    def _is_tried(self) -> bool:
        """Tell whether a count was begun just now; then no other is due until it is over."""
        if not self._is_open or self.tried_at <= now() - QUIET:
            return False
        if self.due_at <= now():
            waiting = type(self).objects(id=self.id, tried_at=self.tried_at, due_at=self.due_at)
            waiting.update_one(set__due_at=self.tried_at + QUIET)
        return True

    def _begin(self, recent: Amount | None) -> bool:
        """Note that a count begins; False if something was reserved or begun since this was read.

        What is reserved from now on is summed up, for this count or else for the next.
        """
        known = ("tried_at", "touched_at", "recent_documents", "recent_bytes")
        query = {"_id": self.id} | {name: getattr(self, name) for name in known}
        self.tried_at = now()
        self.due_at = self.tried_at + (QUIET if recent is None else AFTER_FAILURE)
        change = {"tried_at": self.tried_at, "due_at": self.due_at}
        change |= {"recent_documents": 0, "recent_bytes": 0}
        return bool(self._get_collection().update_one(query, {"$set": change}).matched_count)

    def _finish(self, counted: Amount, is_rough: bool) -> bool:
        """Store a count that was begun; False if it is out of date already."""
        query = {"_id": self.id, "tried_at": self.tried_at, "due_at": self.due_at}
        # What is deleted in this millisecond may have been deleted before.
        moment = now() + timedelta(milliseconds=1)
        change = {name: {"$add": [n, f"$recent_{name}"]} for name, n in counted._asdict().items()}
        change |= {"counted_at": moment, "due_at": moment + AT_LEAST_EVERY}
        if not self._get_collection().update_one(query, [{"$set": change}]).matched_count:
            return False
        self.documents, self.bytes = counted
        self.counted_at, self.is_rough = moment, is_rough
        return True

    @property
    def _wait(self) -> int:
        """The seconds until a new count, which may find less; 0 if there was one just now."""
        if not (self._is_open or self.is_rough):
            return 0
        return max(1, ceil((self.tried_at + QUIET - now()).total_seconds()))

    @classmethod
    def outdate(cls, owner: str) -> None:
        """Have the owner counted again at the next write: nobody knows how much was deleted."""
        cls.objects(id=owner).update_one(set__due_at=LONG_AGO)

    @classmethod
    def set_limits(cls, owner: str, own: dict[str, int | None]) -> Self:
        """Give an owner limits of their own, by the names of ``Limits``; what is not named stays.

        None stands for that of the settings.
        """
        usage = cls.of(owner)
        changes = {f"max_{name}": most for name, most in own.items()}
        for name, most in changes.items():
            setattr(usage, name, most)
        if changes:
            cls.objects(id=owner).update_one(**{f"set__{name}": n for name, n in changes.items()})
        return usage

    @classmethod
    def belonging_to(cls, user: Any) -> dict[str, Any]:
        return {"_id": user.get_username()}


def default_limits() -> Limits:
    """Return what the settings allow each owner."""
    return Limits(settings.QUOTA_DOCUMENTS, settings.QUOTA_BYTES)
