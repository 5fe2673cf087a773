"""Read one line of an import into a document, or into the reason why it can't be imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
from bson import ObjectId
from bson.errors import BSONError
from django.utils.crypto import salted_hmac
from rest_framework.exceptions import ValidationError

from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.notation import from_extended_json, least_size
from templatesvc.api.problems import message
from templatesvc.mongo import ids
from templatesvc.mongo.clock import in_milliseconds, now
from templatesvc.mongo.ids import FIRST_MOMENT, LAST_MOMENT, new_id
from templatesvc.mongo.resources import ResourceDocument
from templatesvc.mongo.values import MAX_OBJECT_SIZE

# Every reader of JSON reads it exactly, and changes can count on from it.
MAX_IMPORTED_VERSION = 10**15 - 1
# No document has a longer line: JSON writes a character of one byte in at most six.
MAX_LINE_LENGTH = 7 * MAX_OBJECT_SIZE
# How far ahead the clock may be of the machine that wrote the lines.
CLOCK_TOLERANCE = timedelta(minutes=1)
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
class LineReader:
    """Reads the lines of one import, in which no id may come twice."""

    user: Any
    serializer_class: type[DocumentSerializer]
    seed: str
    context: dict[str, Any] = field(default_factory=dict)  # of the serializer
    lines_of: dict[ObjectId, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.owner = self.user.get_username()
        self.serializer = self.serializer_class(context=self.context)
        self.kind: type[ResourceDocument] = self.serializer_class.Meta.document

    def read(self, number: int, line: bytes) -> Entry:
        """Return a line's entry, which has no document if the line can't be imported."""
        entry = Entry(number)
        try:
            entry.given, document = self._document(number, line)
            if self.lines_of.setdefault(document.id, number) != number:
                raise ValueError(f"Line {self.lines_of[document.id]} has this id as well.")
            own_bson(document)
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
        own_id = _given_id(given.get("id"))
        default = (own_id or ObjectId(self.seed)).generation_time
        created = _moment(given.get("created_at"), default)
        if own_id and created.replace(microsecond=0) != own_id.generation_time:
            # Documents are listed in the order of their ids.
            raise ValueError("created_at: it is not when the id was made; leave one of them out.")
        updated = max(created, _moment(given.get("updated_at"), created))
        if updated > now() + CLOCK_TOLERANCE:
            raise ValueError("created_at, updated_at, id: give times that are not in the future.")
        version = given.get("version", 1)
        if type(version) is not int or not 1 <= version <= MAX_IMPORTED_VERSION:
            raise ValueError(f"version: give a whole number from 1 to {MAX_IMPORTED_VERSION}.")
        document = self.kind(
            id=own_id or self.derived_id(new_id(created), f"{self.seed}/{number}"),
            owner=self.owner,
            version=version,
            created_at=created,
            updated_at=updated,
            **values,
        )
        return own_id, document

    def complete(self, document: ResourceDocument, existing: ResourceDocument) -> None:
        """Give a document that a line replaces the values that no line of an export can give."""
        for name in document.own_fields:
            is_given = name in self.serializer.writable
            if is_given and self.serializer.fields[name].write_only:
                is_given = getattr(document, name) != document.default_of(name)
            if not is_given:
                setattr(document, name, getattr(existing, name))

    def _values(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return a document's values that a line gives; raises ValidationError."""
        return self.serializer.values_of(self.serializer.run_validation(given))

    def derived_id(self, id: ObjectId, source: str) -> ObjectId:
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
    if len(line) > MAX_LINE_LENGTH or least_size(line) > MAX_OBJECT_SIZE:
        # Before parsing, which would take many times its bytes.
        raise ValueError(f"An object has at most {MAX_OBJECT_SIZE:,} bytes of BSON.")
    try:
        given = from_extended_json(line.decode())
    except ValueError as error:
        raise ValueError(f"The line can't be read: {error}") from error
    if not isinstance(given, dict):
        raise ValueError("A line is an object, as the export writes it.")
    return given


def own_bson(document: ResourceDocument) -> bytes:
    """Return the document's own values as the store has them."""
    return bson.encode(document.stored(document.own_values))


def _given_id(text: Any) -> ObjectId | None:
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
