"""Importing lines of documents, in batches: which exist already, which are stored or replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pymongo
from bson import ObjectId
from bson.errors import BSONError
from django.utils.crypto import salted_hmac
from pymongo import UpdateMany
from pymongo.errors import BulkWriteError, DuplicateKeyError
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, ValidationError

from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.lines import batches
from templatesvc.api.notation import from_extended_json, least_size
from templatesvc.api.problems import message
from templatesvc.mongo import ids
from templatesvc.mongo.documents import in_milliseconds, new_id, now
from templatesvc.mongo.errors import DUPLICATE_KEY
from templatesvc.mongo.ids import FIRST_MOMENT, LAST_MOMENT
from templatesvc.mongo.quota import Amount, OverQuota, Usage
from templatesvc.mongo.resources import ResourceDocument
from templatesvc.mongo.values import MAX_OBJECT_SIZE
from templatesvc.mongo.walks import walk_by_id

# Every reader of JSON reads it exactly, and changes can count on from it.
MAX_IMPORTED_VERSION = 10**15 - 1
BATCH = 500
BATCH_SIZE = 2**20  # bytes of lines, or of stored documents
BATCH_SECONDS = 20
# No document has a longer line: JSON writes a character of one byte in at most six.
LONGEST_LINE = 7 * MAX_OBJECT_SIZE
# How far ahead the clock may be of the machine that wrote the lines.
LATEST = timedelta(minutes=1)
# Lines of which the answer gives details, so that its size is bounded.
MOST_DETAILS = 100
# What a line has beside the document's own fields.
FIELDS = {"id", "version", "created_at", "updated_at"}


@dataclass
class Entry:
    """A line of an import, and what became of it."""

    line: int
    given: ObjectId | None = None  # the id that the line names, whoever has a document of it
    document: Any = None  # None if the line can't be imported
    status: str = "invalid"
    detail: str = ""

    @property
    def id(self) -> ObjectId:
        return self.document.id

    def fail(self, status: str, detail: str) -> None:
        self.status, self.detail = status, detail

    def outcome(self, is_detailed: bool) -> dict[str, Any]:
        """Return what the answer says of the line."""
        outcome: dict[str, Any] = {"line": self.line, "status": self.status}
        if self.document:
            outcome["id"] = str(self.id)
        # Cut, because names from the line may be in it.
        is_told = is_detailed and self.detail
        return outcome | ({"detail": self.detail[:150]} if is_told else {})


@dataclass
class Import:
    """An import of lines that ``exported`` wrote.

    A document is recognised by its id among the owner's own, or by a unique index. ``mode`` says
    what to do with one that the owner has already: ``skip`` or ``replace``.

    An id that is not the owner's is always exchanged for one that is derived from it and the owner.
    So nobody can find out whether somebody else has it, and importing the same lines again finds
    the same documents.
    """

    user: Any
    serializer_class: type[DocumentSerializer]
    mode: str
    seed: str
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    lines_of: dict[ObjectId, int] = field(default_factory=dict)
    details: int = 0
    is_full: OverQuota | None = None  # once there was no room for a line

    def __post_init__(self) -> None:
        self.owner = self.user.get_username()
        self.serializer = self.serializer_class()
        self.kind: type[ResourceDocument] = self.serializer_class.Meta.document

    def run(self, text: bytes, holds: Iterable[Callable[[], None]] = ()) -> dict[str, Any]:
        """Import every line that can be imported; return what became of each.

        ``holds`` are called before each batch, and may raise to end the import there. Raises what
        the user's ``check_standing`` raises if they were erased or deactivated meanwhile; what
        earlier batches stored then stays the owner's, as long as there is an account.
        """
        for lines in batches(text, BATCH, BATCH_SIZE):
            batch = [self._read(*line) for line in lines]
            # In a context of its own: the request's time for the store is not meant for this.
            Context().run(self._import, batch, holds)
            self._note(batch)
        met = Counter(outcome["status"] for outcome in self.outcomes)
        counts = {status: met[status] for status in ("created", "replaced", "skipped", "invalid")}
        return counts | {"results": self.outcomes}

    def _note(self, batch: list[Entry]) -> None:
        """Keep what the answer says of a batch; details only of the first MOST_DETAILS lines."""
        for entry in batch:
            is_detailed = self.details < MOST_DETAILS
            self.details += is_detailed and bool(entry.detail)
            self.outcomes.append(entry.outcome(is_detailed))

    def _read(self, number: int, line: bytes) -> Entry:
        entry = Entry(number)
        try:
            entry.given, document = self._document(number, line)
            if self.lines_of.setdefault(document.id, number) != number:
                raise ValueError(f"Line {self.lines_of[document.id]} has this id as well.")
            _bson(document)
            entry.document = document
        except BSONError as error:
            entry.detail = f"It can't be kept: {error}"
        except ValueError as error:
            entry.detail = str(error)
        except ValidationError as error:
            entry.detail = message(error)
        return entry

    def _document(self, number: int, line: bytes) -> tuple[ObjectId | None, ResourceDocument]:
        """Return the id that a line names, and its document, which is not stored yet.

        Raises ValueError with a sentence, and ValidationError.
        """
        given = _members(line)
        values = self._values({n: value for n, value in given.items() if n not in FIELDS})
        # Where the line gives no time, the import's own, so that a repetition has the same.
        own_id = given_id(given.get("id"))
        default = (own_id or ObjectId(self.seed)).generation_time
        created = _moment(given.get("created_at"), default)
        if own_id and created.replace(microsecond=0) != own_id.generation_time:
            # Documents are listed in the order of their ids.
            raise ValueError("created_at: it is not when the id was made; leave one of them out.")
        updated = max(created, _moment(given.get("updated_at"), created))
        if updated > now() + LATEST:
            raise ValueError("created_at, updated_at, id: give times that are not in the future.")
        version = given.get("version", 1)
        if type(version) is not int or not 1 <= version <= MAX_IMPORTED_VERSION:
            raise ValueError(f"version: give a whole number from 1 to {MAX_IMPORTED_VERSION}.")
        document = self.kind(
            id=own_id or self._derived_id(new_id(created), f"{self.seed}/{number}"),
            owner=self.owner,
            version=version,
            created_at=created,
            updated_at=updated,
            **values,
        )
        return own_id, document

    def _values(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return a document's values that a line gives; raises ValidationError."""
        return self.serializer.values_of(self.serializer.run_validation(given))

    def _import(self, entries: list[Entry], holds: Iterable[Callable[[], None]]) -> None:
        """Store a batch in a constant number of round trips, however many lines it has."""
        readable = [entry for entry in entries if entry.document]
        with pymongo.timeout(BATCH_SECONDS):
            for hold in holds:
                hold()
            there = self._recognise(readable)
            known = [entry for entry in readable if entry.id in there]
            new = [entry for entry in readable if entry.id not in there]
            self._create(new)
            self._meet(known)
            # Checked after the writes: an erasure that begins later deletes the batch as well.
            try:
                self.user.check_standing()
            except (AuthenticationFailed, NotAuthenticated):
                self._take_back(new, known)
                raise
            if created := [entry.id for entry in new if entry.status == "created"]:
                self.kind.Version.stand_again(self.owner, created)

    def _take_back(self, new: list[Entry], known: list[Entry]) -> None:
        """Delete what a batch stored for an owner who is gone, or is being erased.

        It deletes by ids, because the name may be another person's by now. An owner who was only
        deactivated keeps the documents that were there before, and their history.
        """
        ids = [entry.id for entry in new if entry.status == "created"]
        self.kind.objects.of(self.owner).filter(id__in=ids).delete()
        there = self._ids_there([entry.id for entry in known])
        gone = [entry.id for entry in known if entry.id not in there]
        self.kind.Version.objects(owner=self.owner, document_id__in=gone).delete()

    def _recognise(self, entries: list[Entry]) -> set[ObjectId]:
        """Give each entry the id that it has among the owner's; return those that are there."""
        exchanged = {e.given: self._derived_id(e.given, str(e.given)) for e in entries if e.given}
        there = self._ids_there([entry.id for entry in entries] + list(exchanged.values()))
        for entry in entries:
            if entry.given and entry.id not in there:
                entry.document.id = exchanged[entry.given]
        return there

    def _create(self, entries: list[Entry]) -> None:
        """Store documents whose ids the owner does not have, or no longer has."""
        if not entries:
            return
        named = [id for entry in entries for id in (entry.id, entry.given) if id]
        had = self.kind.Version.last_of(self.owner, named)
        for entry in entries:
            if entry.given in had:  # it was the owner's, and was deleted
                entry.document.id = entry.given
            entry.document.version = max(entry.document.version, had.get(entry.id, 0) + 1)
        entries = self._within_quota(entries, documents=1)
        refused = self._insert(entries)
        self._give_back(refused, documents=1)
        for entry in refused:
            entry.fail("skipped", self.kind.names.fill("You have this {name} already."))
            entry.document = None  # the answer can't name the id of the document in the way

    def _within_quota(self, entries: list[Entry], documents: int) -> list[Entry]:
        """Reserve room for entries, and return those for which there was room; the others fail.

        Once there is no room for an entry, all after it fail as well.
        """
        if not entries:
            return []
        try:
            if self.is_full:
                raise self.is_full
            Usage.reserve(self.owner, _amount(entries, documents))
        except OverQuota as error:
            if len(entries) > 1 and not self.is_full:
                half = len(entries) // 2
                first = self._within_quota(entries[:half], documents)
                return first + self._within_quota(entries[half:], documents)
            self.is_full = error
            for entry in entries:
                entry.fail("invalid", str(error))
                entry.document = None
            return []
        return entries

    def _give_back(self, entries: list[Entry], documents: int) -> None:
        Usage.give_back(self.owner, _amount(entries, documents))

    def _ids_there(self, ids: list[ObjectId]) -> set[ObjectId]:
        """Return the ids of which the owner has documents."""
        query = self.kind.objects.of(self.owner).filter(id__in=ids)._query
        return {row["_id"] for row in self.kind._get_collection().find(query, {"_id": 1})}

    def _there(self, ids: list[ObjectId]) -> Iterator[dict[ObjectId, ResourceDocument]]:
        """Yield the owner's documents with these ids, about BATCH_SIZE bytes of them at a time."""
        part: dict[ObjectId, ResourceDocument] = {}
        size = 0
        for document in walk_by_id(self.kind.objects.of(self.owner).filter(id__in=ids)):
            part[document.id] = document
            size += document.stored_size
            if size > BATCH_SIZE:
                yield part
                part, size = {}, 0
        if part:
            yield part

    def _insert(self, entries: list[Entry]) -> list[Entry]:
        """Insert all that can be inserted; return the entries whose id or value is taken."""
        if not entries:
            return []
        try:
            self.kind._get_collection().insert_many(
                [entry.document.to_mongo() for entry in entries], ordered=False
            )
            failed = set()
        except BulkWriteError as error:
            failed = _duplicates(error)
        except DuplicateKeyError:
            # A server that only resembles MongoDB may refuse all of them for one.
            if len(entries) > 1:
                return [refused for entry in entries for refused in self._insert([entry])]
            failed = {0}
        for place, entry in enumerate(entries):
            if place not in failed:
                entry.status = "created"
        return [entries[place] for place in sorted(failed)]

    def _meet(self, entries: list[Entry]) -> None:
        """Skip or replace documents whose ids the owner has already."""
        for entry in entries:  # without an id in its line, this import made it when sent before
            entry.status = "skipped" if entry.given else "created"
        skipped = {entry.id: entry for entry in entries if entry.status == "skipped"}
        if self.mode == "replace" and skipped:
            for there in self._there(list(skipped)):
                self._replace([skipped[id] for id in there], there)

    def _replace(self, entries: list[Entry], there: dict[ObjectId, ResourceDocument]) -> None:
        # Compared in BSON: to Python 1, 1.0 and True are equal, and so are objects whose keys are
        # in another order.
        changed = [e for e in entries if _bson(e.document) != _bson(there[e.id])]
        changed = self._within_quota(changed, documents=0)
        if not changed:
            return
        writes, failed = [self._replacement(e, there[e.id]) for e in changed], set()
        try:
            result = self.kind._get_collection().bulk_write(writes, ordered=False)
            matched = result.matched_count
        except BulkWriteError as error:
            failed, matched = _duplicates(error), error.details["nMatched"]
        for place in failed:
            name = self.kind.names.singular
            changed[place].detail = f"You have this {name} already, under another id."
        done = [entry for place, entry in enumerate(changed) if place not in failed]
        if matched < len(done):
            done = self._arrived(done, there)
        for entry in done:
            entry.status = "replaced"
        self.kind.Version.keep_all(there[entry.id] for entry in done)
        lines = {entry.line for entry in done}
        self._give_back([entry for entry in changed if entry.line not in lines], documents=0)
        forgotten = sum(there[entry.id].forgotten.bytes for entry in done)
        Usage.give_back(self.owner, Amount(bytes=forgotten))

    def _replacement(self, entry: Entry, seen: ResourceDocument) -> UpdateMany:
        # UpdateMany with an _id, because mongomock knows no other bulk operation.
        query = {"_id": entry.id, **self.kind.owned_by(self.owner), **seen.state_query}
        document = entry.document
        return UpdateMany(query, self.kind.replacement(document.own_values, document.updated))

    def _arrived(
        self, entries: list[Entry], there: dict[ObjectId, ResourceDocument]
    ) -> list[Entry]:
        """Return the entries that were stored, if others wrote at the same time."""
        ids = [entry.id for entry in entries]
        current = {id: document for part in self._there(ids) for id, document in part.items()}
        arrived = []
        for entry in entries:
            entry.document.version = there[entry.id].version + 1
            if entry.id in current and current[entry.id].etag == entry.document.etag:
                arrived.append(entry)
            else:
                entry.detail = "Somebody changed or deleted it during the import."
        return arrived

    def _derived_id(self, id: ObjectId, source: str) -> ObjectId:
        """Return an id with the time of another: always the same for the same source.

        The time is exact to the millisecond if ``new_id`` made the other id. The rest is signed, so
        that nobody can choose a source whose id would be somebody else's.
        """
        text = f"{ids.encode(self.user.id)}\0{source}"
        salt = f"{self.kind.__module__.partition('.')[0]}.import"
        digest = salted_hmac(salt, text, algorithm="sha256").digest()
        return ObjectId(id.binary[:6] + digest[:6])


def _members(line: bytes) -> dict[str, Any]:
    """Return the members of a line; raises ValueError with a sentence."""
    if len(line) > LONGEST_LINE or least_size(line) > MAX_OBJECT_SIZE:
        # Before parsing, which would take many times its bytes.
        raise ValueError(f"An object has at most {MAX_OBJECT_SIZE:,} bytes of BSON.")
    try:
        given = from_extended_json(line.decode())
    except ValueError as error:
        raise ValueError(f"The line can't be read: {error}") from error
    if not isinstance(given, dict):
        raise ValueError("A line is an object, as the export writes it.")
    return given


def _amount(entries: list[Entry], documents: int) -> Amount:
    return Amount(documents * len(entries), sum(entry.document.bson_size for entry in entries))


def _bson(document: ResourceDocument) -> bytes:
    return bson.encode(document.stored(document.own_values))


def _duplicates(error: BulkWriteError) -> set[int]:
    """Return the places of the writes that a unique index refused; raise any other failure."""
    failures = error.details["writeErrors"]
    if any(failure["code"] != DUPLICATE_KEY for failure in failures):
        raise error
    return {failure["index"] for failure in failures}


def given_id(text: Any) -> ObjectId | None:
    """Return the id that a line names, if it names one; raises ValueError."""
    if text is None:
        return None
    if not isinstance(text, str) or not ObjectId.is_valid(text):
        raise ValueError("id: give the 24 hexadecimal digits of an export, or none.")
    return ObjectId(text)


def _moment(text: Any, default: datetime) -> datetime:
    """Return the time that an export wrote; raises ValueError."""
    if text is None:
        return default
    moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError("created_at, updated_at: give times such as 2026-01-31T12:00:00Z.")
    if not FIRST_MOMENT <= moment <= LAST_MOMENT:
        raise ValueError("created_at, updated_at: give times from 1970 to 2106.")
    return in_milliseconds(moment.astimezone(UTC))
