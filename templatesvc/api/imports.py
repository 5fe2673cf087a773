"""Importing lines of documents, in batches: which exist already, which are stored or replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

import pymongo
from bson import ObjectId
from django.http import Http404
from pymongo import UpdateMany
from pymongo.errors import BulkWriteError, DuplicateKeyError
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied

from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.import_lines import Entry, LineReader, own_bson
from templatesvc.api.lines import in_batches
from templatesvc.mongo.amounts import Amount
from templatesvc.mongo.batches import BATCH_SECONDS
from templatesvc.mongo.clock import now
from templatesvc.mongo.errors import duplicates_of
from templatesvc.mongo.quota import OverQuota, Usage
from templatesvc.mongo.resources import ResourceDocument, ResourceQuerySet
from templatesvc.mongo.walks import walk_by_id

BATCH = 500
BATCH_SIZE = 2**20  # bytes of lines, or of stored documents
# Lines of which the answer gives details, so that its size is bounded.
MAX_DETAILS = 100


@dataclass
class Import:
    """An import of lines that ``exported`` wrote.

    A document is recognised by its id among the owner's own, or by a unique index. ``mode`` says
    what to do with one that the owner has already: ``skip`` or ``replace``.

    An id that is not the owner's is always exchanged for one that is derived from it and the owner.
    So nobody can find out whether somebody else has it, and importing the same lines again finds
    the same documents.

    Only documents that ``found`` finds are replaced, by default all of the owner's, and for which
    ``check`` raises neither PermissionDenied nor Http404.
    """

    user: Any
    serializer_class: type[DocumentSerializer]
    mode: str
    seed: str
    found: ResourceQuerySet | None = None
    check: Callable[[ResourceDocument], None] | None = None
    context: dict[str, Any] = field(default_factory=dict)  # of the serializer
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    details: int = 0
    quota_error: OverQuota | None = None  # once there was no room for a line

    def __post_init__(self) -> None:
        self.reader = LineReader(self.user, self.serializer_class, self.seed, self.context)
        self.owner, self.kind = self.reader.owner, self.reader.kind

    def run(self, text: bytes, holds: Iterable[Callable[[], None]] = ()) -> dict[str, Any]:
        """Import every line that can be imported; return what became of each.

        ``holds`` are called before each batch, and may raise to end the import there. Raises what
        the user's ``check_active`` raises if they were erased or deactivated meanwhile; what
        earlier batches stored then stays the owner's, as long as there is an account.
        """
        for lines in in_batches(text, BATCH, BATCH_SIZE):
            batch = [self.reader.read(*line) for line in lines]
            # In a context of its own: the request's time for the store is not meant for this.
            Context().run(self._import, batch, holds)
            self._record_outcomes(batch)
        met = Counter(outcome["status"] for outcome in self.outcomes)
        counts = {status: met[status] for status in ("created", "replaced", "skipped", "invalid")}
        return counts | {"results": self.outcomes}

    def _record_outcomes(self, batch: list[Entry]) -> None:
        """Keep what the answer says of a batch; details only of the first MAX_DETAILS lines."""
        for entry in batch:
            is_detailed = self.details < MAX_DETAILS
            self.details += is_detailed and bool(entry.detail)
            self.outcomes.append(entry.outcome(is_detailed))

    def _import(self, entries: list[Entry], holds: Iterable[Callable[[], None]]) -> None:
        """Store a batch in a constant number of round trips, however many lines it has."""
        readable = [entry for entry in entries if entry.document]
        with pymongo.timeout(BATCH_SECONDS):
            for hold in holds:
                hold()
            existing = self._recognise(readable)
            known = [entry for entry in readable if entry.id in existing]
            new = [entry for entry in readable if entry.id not in existing]
            earlier_versions = self._create(new)
            self._skip_or_replace(known)
            # Checked after the writes: an erasure that begins later deletes the batch as well.
            try:
                self.user.check_active()
            except (AuthenticationFailed, NotAuthenticated):
                self._take_back(new, known)
                raise
            created = (entry for entry in new if entry.status == "created")
            again = {
                entry.id: entry.document.version
                for entry in created
                if entry.id in earlier_versions
            }
            self.kind.Version.mark_restored(self.owner, again)

    def _take_back(self, new: list[Entry], known: list[Entry]) -> None:
        """Delete what a batch stored for an owner who is gone, or is being erased.

        It deletes by ids, because the name may be another person's by now. An owner who was only
        deactivated keeps the documents that were there before, and their history.
        """
        ids = [entry.id for entry in new if entry.status == "created"]
        self.kind.objects.of(self.owner).filter(id__in=ids).delete()
        existing = self._existing_ids([entry.id for entry in known])
        gone = [entry.id for entry in known if entry.id not in existing]
        self.kind.Version.objects(owner=self.owner, document_id__in=gone).delete()

    def _recognise(self, entries: list[Entry]) -> set[ObjectId]:
        """Give each entry the id that it has among the owner's; return those that exist."""
        exchanged = {
            e.given: self.reader.derived_id(e.given, str(e.given)) for e in entries if e.given
        }
        existing = self._existing_ids([entry.id for entry in entries] + list(exchanged.values()))
        for entry in entries:
            if entry.given and entry.id not in existing:
                entry.document.id = exchanged[entry.given]
        return existing

    def _create(self, entries: list[Entry]) -> Collection[ObjectId]:
        """Store documents whose ids the owner does not have; return those ids that once had one."""
        if not entries:
            return ()
        named = [id for entry in entries for id in (entry.id, entry.given) if id]
        earlier_versions = self.kind.Version.last_of(self.owner, named)
        for entry in entries:
            if entry.given in earlier_versions:  # it was the owner's, and was deleted
                entry.document.id = entry.given
            entry.document.version = max(
                entry.document.version, earlier_versions.get(entry.id, 0) + 1
            )
        entries = self._within_quota(entries, documents=1)
        refused = self._insert(entries)
        self._give_back(refused, documents=1)
        for entry in refused:
            entry.fail("skipped", self.kind.names.fill("You have this {name} already."))
            entry.document = None  # the answer can't name the id of the document in the way
        return earlier_versions

    def _within_quota(self, entries: list[Entry], documents: int) -> list[Entry]:
        """Reserve room for entries, and return those for which there was room; the others fail.

        Once there is no room for an entry, all after it fail as well.
        """
        if not entries:
            return []
        try:
            if self.quota_error:
                raise self.quota_error
            Usage.reserve(self.owner, _amount(entries, documents))
        except OverQuota as error:
            if len(entries) > 1 and not self.quota_error:
                half = len(entries) // 2
                first = self._within_quota(entries[:half], documents)
                return first + self._within_quota(entries[half:], documents)
            self.quota_error = error
            for entry in entries:
                entry.fail("invalid", str(error))
                entry.document = None
            return []
        return entries

    def _give_back(self, entries: list[Entry], documents: int) -> None:
        Usage.give_back(self.owner, _amount(entries, documents))

    def _existing_ids(self, ids: list[ObjectId]) -> set[ObjectId]:
        """Return the ids of which the owner has documents."""
        query = self.kind.objects.of(self.owner).filter(id__in=ids)._query
        return {row["_id"] for row in self.kind._get_collection().find(query, {"_id": 1})}

    def _documents(
        self, found: ResourceQuerySet, ids: list[ObjectId]
    ) -> Iterator[dict[ObjectId, ResourceDocument]]:
        """Yield the documents found with these ids, about BATCH_SIZE bytes of them at a time."""
        part: dict[ObjectId, ResourceDocument] = {}
        size = 0
        for document in walk_by_id(found.filter(id__in=ids)):
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
            failed = duplicates_of(error)
        except DuplicateKeyError:
            # A server that only resembles MongoDB may refuse all of them for one.
            if len(entries) > 1:
                return [refused for entry in entries for refused in self._insert([entry])]
            failed = {0}
        for index, entry in enumerate(entries):
            if index not in failed:
                entry.status = "created"
        return [entries[index] for index in sorted(failed)]

    def _skip_or_replace(self, entries: list[Entry]) -> None:
        """Skip or replace documents whose ids the owner has already."""
        for entry in entries:  # without an id in its line, this import made it when sent before
            entry.status = "skipped" if entry.given else "created"
        skipped = {entry.id: entry for entry in entries if entry.status == "skipped"}
        if self.mode == "replace" and skipped:
            found = self.kind.objects.of(self.owner) if self.found is None else self.found
            for existing in self._documents(found, list(skipped)):
                self._replace([skipped[id] for id in existing], existing)

    def _replace(self, entries: list[Entry], existing: dict[ObjectId, ResourceDocument]) -> None:
        entries = [entry for entry in entries if self._may_replace(entry, existing[entry.id])]
        for entry in entries:
            self.reader.complete(entry.document, existing[entry.id])
        # Compared in BSON: to Python 1, 1.0 and True are equal, and so are objects whose keys are
        # in another order.
        changed = [e for e in entries if own_bson(e.document) != own_bson(existing[e.id])]
        changed = self._within_quota(changed, documents=0)
        if not changed:
            return
        writes, failed = [self._replacement(e, existing[e.id]) for e in changed], set()
        moment = now()
        try:
            result = self.kind._get_collection().bulk_write(writes, ordered=False)
            matched = result.matched_count
        except BulkWriteError as error:
            failed, matched = duplicates_of(error), error.details["nMatched"]
        for index in failed:
            name = self.kind.names.singular
            changed[index].detail = f"You have this {name} already, under another id."
        done = [entry for index, entry in enumerate(changed) if index not in failed]
        if matched < len(done):
            done = self._confirmed(done, existing)
        for entry in done:
            entry.status = "replaced"
        self.kind.Version.keep_all(existing[entry.id] for entry in done)
        lines = {entry.line for entry in done}
        self._give_back([entry for entry in changed if entry.line not in lines], documents=0)
        freed = sum(existing[entry.id].freed.bytes for entry in done)
        Usage.free(self.owner, Amount(bytes=freed), until=moment)

    def _may_replace(self, entry: Entry, existing: ResourceDocument) -> bool:
        """Tell whether the caller's permissions allow a replacement; if not, the line says why."""
        try:
            if self.check:
                self.check(existing)
        except (PermissionDenied, Http404):
            entry.detail = self.kind.names.fill("You may not change this {name}.")
            return False
        return True

    def _replacement(self, entry: Entry, seen: ResourceDocument) -> UpdateMany:
        # UpdateMany with an _id, because mongomock knows no other bulk operation.
        query = {"_id": entry.id, **self.kind.owned_by(self.owner), **seen.state_query}
        document = entry.document
        return UpdateMany(query, self.kind.replacement(document.own_values, document.updated))

    def _confirmed(
        self, entries: list[Entry], existing: dict[ObjectId, ResourceDocument]
    ) -> list[Entry]:
        """Return the entries that were stored, if others wrote at the same time."""
        parts = self._documents(self.kind.objects.of(self.owner), [entry.id for entry in entries])
        current = {id: document for part in parts for id, document in part.items()}
        confirmed = []
        for entry in entries:
            entry.document.version = existing[entry.id].version + 1
            if entry.id in current and current[entry.id].etag == entry.document.etag:
                confirmed.append(entry)
            else:
                entry.detail = "Somebody changed or deleted it during the import."
        return confirmed


def _amount(entries: list[Entry], documents: int) -> Amount:
    return Amount(documents * len(entries), sum(entry.document.bson_size for entry in entries))
