"""Taking over a database that the Flask service wrote: what stands in the way, and clearing it.

Everything is streamed, so that a million documents need no more memory than a thousand. Each step
can be cut off at any point and begun again: what is taken out is copied to the quarantine first,
under an id of its own making, and then deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pymongo
from mongoengine import DateTimeField, DictField, StringField
from mongoengine.errors import NotUniqueError
from mongoengine.queryset import QuerySet
from pymongo import UpdateMany
from pymongo.collection import Collection

from accounts.documents import User
from accounts.hashers import FLASK_HASH, WrappedFlaskHasher
from accounts.serializers import CONTROL_CHARACTERS
from accounts.transfer import SECRET, as_line, walk
from templates_app.documents import Template
from templates_app.values import check_template
from templatesvc import indexes
from templatesvc.documents import RawField, ServiceDocument, now

SAMPLES = 5
BATCH = 500
# The whole collection is read at once; an answer may take its time.
STEP_SECONDS = 3600
RIGHTS = {"is_staff", "is_superuser", "is_admin", "admin", "role", "roles", "permissions"}
OURS = {name for name in User._db_field_map.values() if name not in ("_id", "username", "password")}

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]


class Quarantined(ServiceDocument):
    """A document as it was before the adoption took it out or changed it, and why."""

    id = StringField(primary_key=True)
    collection = StringField(required=True)
    document_id = RawField()
    document = RawField(required=True)
    reason = StringField(required=True)
    at = DateTimeField(required=True, default=now)
    change = DictField()  # of a document that stayed: the fields that were set in it

    meta = {"collection": "quarantine"}

    @classmethod
    def keep(cls, collection: str, document: dict[str, Any], reason: str, **change: Any) -> None:
        """Store a copy, once however often it is called."""
        copy = cls(
            id=f"{collection}/{document['_id']!r}",
            collection=collection,
            document_id=document["_id"],
            document=document,
            reason=reason,
            change=change,
        )
        # It is there from a run that was cut off between the copy and the deletion.
        with suppress(NotUniqueError):
            copy.save(force_insert=True)

    @classmethod
    def of(cls, owner: User) -> QuerySet:
        """Return the query of what was taken from a user, or from another of the same name."""
        name = {"$eq": owner.username}
        return cls.objects(
            __raw__={"$or": [{"document.username": name}, {"document.profile": name}]}
        )

    @classmethod
    def delete_all_of(cls, owner: User) -> None:
        cls.of(owner).delete()

    @classmethod
    def exported(cls, owner: User) -> Iterator[bytes]:
        """Yield a line for each, for the export of a person."""
        for kept in walk(cls.of(owner)):
            document = {k: v for k, v in kept.document.items() if k not in SECRET}
            yield as_line({"document": document, "reason": kept.reason, "at": kept.at})


@dataclass
class Finding:
    """Something that the report tells, how often it is there, and a few places."""

    kind: str
    meaning: str
    stands_in_the_way: bool = False
    count: int = 0
    samples: list[str] = field(default_factory=list)

    def add(self, sample: Any, count: int = 1) -> None:
        self.count += count
        if len(self.samples) < SAMPLES:
            self.samples.append(str(sample)[:120])


@dataclass
class Report:
    """What an adoption finds. ``is_ready``: whether nothing stands in the way."""

    users: int = 0
    templates: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_ready(self) -> bool:
        return not any(found.count and found.stands_in_the_way for found in self.findings)

    def count(self, kind: str) -> int:
        return next(found.count for found in self.findings if found.kind == kind)

    def as_dict(self) -> dict[str, Any]:
        return {
            "users": self.users,
            "templates": self.templates,
            "ready": self.is_ready,
            "findings": [vars(found) for found in self.findings],
        }


def users() -> Collection[dict[str, Any]]:
    return User._get_collection()


def templates() -> Collection[dict[str, Any]]:
    return Template._get_collection()


# --- Looking --------------------------------------------------------------------------------


def report(progress: Progress) -> Report:
    """Read the whole database and tell what is in it; nothing is changed."""
    found = Report()
    with pymongo.timeout(STEP_SECONDS):
        found.users = users().count_documents({})
        found.templates = templates().count_documents({})
        found.findings += _look_at_users(progress(users().find(), "users", found.users))
        found.findings += _look_at_templates(
            progress(templates().find(), "templates", found.templates)
        )
        found.findings += [_look_for_duplicate_users(), _look_for_duplicate_templates()]
        found.findings.append(_look_for_orphans())
    return found


def _look_at_users(documents: Iterable[dict[str, Any]]) -> list[Finding]:
    names = Finding("bad_usernames", "users whose name is no text, empty, too long or odd")
    hashes = Finding("other_passwords", "users whose password is no SHA-256 of the Flask service's")
    weak = Finding("flask_passwords", "users whose password is a bare SHA-256")
    rights = Finding("smuggled_rights", "users with a field that sounds like a right; never read")
    ours = Finding("smuggled_fields", "users with a field of ours that is of the wrong type")
    others = Finding("other_fields", "users with a field that neither service knows; kept")
    for user in documents:
        if not _is_good_name(user.get("username")):
            names.add(repr(user.get("username")))
        is_flasks = FLASK_HASH.fullmatch(str(user.get("password")))
        (weak if is_flasks else hashes).add(_name(user))
        if found := RIGHTS & user.keys():
            rights.add(f"{_name(user)}: {', '.join(sorted(found))}")
        if found := {name for name in OURS & user.keys() if _is_misplaced(name, user[name])}:
            ours.add(f"{_name(user)}: {', '.join(sorted(found))}")
        if found := user.keys() - OURS - RIGHTS - {"_id", "username", "password"}:
            others.add(f"{_name(user)}: {', '.join(sorted(found))}")
    return [names, weak, hashes, rights, ours, others]


def _name(user: dict[str, Any]) -> str:
    return repr(user.get("username", user["_id"]))


def _is_good_name(name: Any) -> bool:
    return (
        isinstance(name, str)
        and 1 <= len(name) <= User.USERNAME_MAX_LENGTH
        and not CONTROL_CHARACTERS.search(name)
    )


def _is_misplaced(name: str, value: Any) -> bool:
    """Tell whether a field of ours has a value that our reading of it passes over."""
    field_ = next(f for f in User._fields.values() if f.db_field == name)
    return value is not None and field_.to_python(value) is not value


def _look_at_templates(documents: Iterable[dict[str, Any]]) -> list[Finding]:
    refused = Finding(
        "refused_templates",
        "templates that could not be made here: neither text nor object, too large, or with keys "
        "that are refused; they stay, and are listed, found and deleted",
    )
    for template in documents:
        try:
            check_template(template.get("template"))
        except ValueError as error:
            refused.add(f"{template['_id']} of {template.get('profile')!r}: {error}")
    return [refused]


def _look_for_duplicate_users() -> Finding:
    finding = Finding("duplicate_users", "users beside an older one of the same name", True)
    for row in _duplicates(users(), ["username"]):
        finding.add(repr(row["_id"]["username"]), row["count"] - 1)
    return finding


def _look_for_duplicate_templates() -> Finding:
    finding = Finding(
        "duplicate_templates", "templates beside an older equal one of the same owner", True
    )
    for row in _duplicates(templates(), ["profile", "template"]):
        finding.add(f"{row['_id']['profile']!r}: {row['_id']['template']!r}", row["count"] - 1)
    for template in _clashing_lists():
        finding.add(f"{template.get('profile')!r}: {template['template']!r} (a list)")
    return finding


def _duplicates(
    collection: Collection[dict[str, Any]], fields: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield the values that stand more than once, with the ids of the documents, oldest first."""
    key = {name: f"${name}" for name in fields}
    stages: list[dict[str, Any]] = [
        {"$group": {"_id": key, "count": {"$sum": 1}, "ids": {"$push": "$_id"}}},
        {"$match": {"count": {"$gt": 1}}},
    ]
    for row in collection.aggregate(stages, allowDiskUse=True):
        # In this order, because an _id from a Flask registration may be of any type.
        yield row | {"ids": sorted(row["ids"], key=lambda id_: (str(type(id_)), str(id_)))}


def _clashing_lists() -> Iterator[dict[str, Any]]:
    """Yield templates that are lists and share a member with another: their owner's only index.

    A unique index holds the members of a list, so that ["a"] and "a" would be the same to it.
    """
    for template in templates().find({"template": {"$type": "array"}}):
        sharing = {
            "profile": {"$eq": template.get("profile")},
            "template": {"$in": template["template"]},
            "$or": [
                {"_id": {"$lt": template["_id"]}},
                {"_id": {"$ne": template["_id"]}, "template": {"$not": {"$type": "array"}}},
            ],
        }
        if templates().find_one(sharing, {"_id": 1}):
            yield template


def _look_for_orphans() -> Finding:
    finding = Finding("orphans", "templates whose owner is gone", True)
    for profile, count in _orphaned():
        finding.add(repr(profile), count)
    return finding


def _orphaned() -> Iterator[tuple[Any, int]]:
    """Yield the owners that no user has the name of, with how many templates each has."""
    stages = [{"$group": {"_id": "$profile", "count": {"$sum": 1}}}]
    rows = templates().aggregate(stages, allowDiskUse=True)
    while batch := list(islice(rows, BATCH)):
        owners = [row["_id"] for row in batch]
        there = {user["username"] for user in users().find({"username": {"$in": owners}})}
        for row in batch:
            if not isinstance(row["_id"], str) or row["_id"] not in there:
                yield row["_id"], row["count"]


# --- Doing ----------------------------------------------------------------------------------


@dataclass
class Adoption:
    """Does what the report says. ``done`` counts, by step, what this run has done."""

    progress: Progress
    duplicate_users: str = ""
    wrap_passwords: bool = False
    done: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        """Do every step, each of which goes on where an earlier run was cut off."""
        with pymongo.timeout(STEP_SECONDS):
            self._resolve_duplicate_users()
            self._quarantine_orphans()
            self._merge_duplicate_templates()
            if self.wrap_passwords:
                self._wrap_passwords()
        for index in indexes.missing():
            index.build()
            self._count("indexes_built")

    def _count(self, what: str, number: int = 1) -> None:
        self.done[what] = self.done.get(what, 0) + number

    def _resolve_duplicate_users(self) -> None:
        rows = _duplicates(users(), ["username"])
        for row in self.progress(rows, "duplicate users", 0):
            for user in users().find({"_id": {"$in": row["ids"][1:]}}):
                if self.duplicate_users == "rename":
                    self._rename(user)
                else:
                    Quarantined.keep("users", user, "another user of this name is older")
                    users().delete_one({"_id": user["_id"]})
                    self._count("users_quarantined")

    def _rename(self, user: dict[str, Any]) -> None:
        name = f"{str(user['username'])[:100]}~{str(user['_id'])[-24:]}"
        Quarantined.keep("users", user, "another user of this name is older", username=name)
        users().update_one(
            {"_id": user["_id"], "username": user["username"]}, {"$set": {"username": name}}
        )
        self._count("users_renamed")

    def _quarantine_orphans(self) -> None:
        for profile, count in self.progress(_orphaned(), "orphans", 0):
            theirs = {"profile": {"$eq": profile}}
            for template in templates().find(theirs):
                Quarantined.keep("templates", template, "its owner is gone")
            templates().delete_many(theirs)
            self._count("templates_quarantined", count)

    def _merge_duplicate_templates(self) -> None:
        rows = _duplicates(templates(), ["profile", "template"])
        for row in self.progress(rows, "duplicate templates", 0):
            for template in templates().find({"_id": {"$in": row["ids"][1:]}}):
                self._quarantine_template(template, "an equal template is older")
        for template in _clashing_lists():
            self._quarantine_template(template, "a list that shares a member with another template")

    def _quarantine_template(self, template: dict[str, Any], reason: str) -> None:
        Quarantined.keep("templates", template, reason)
        templates().delete_one({"_id": template["_id"]})
        self._count("templates_quarantined")

    def _wrap_passwords(self) -> None:
        """Put Argon2id around every bare SHA-256, or the strong hash that stands beside it."""
        hasher = WrappedFlaskHasher()
        bare = {"password": {"$regex": f"^{FLASK_HASH.pattern}$"}}
        for user in self.progress(users().find(bare), "passwords", users().count_documents(bare)):
            strong = user.get("strong_password")
            is_current = strong and user.get("strong_password_of") == user["password"]
            new = strong if is_current else hasher.wrap(user["password"])
            # Not if the person's own login came first.
            users().update_one(
                {"_id": user["_id"], "password": user["password"]},
                {
                    "$set": {"password": new},
                    "$unset": {"strong_password": "", "strong_password_of": ""},
                },
            )
            self._count("passwords_wrapped")


def undo(progress: Progress) -> dict[str, int]:
    """Put back what the quarantine holds, as the Flask service had it; return counts.

    The unique indexes go first, for they would not let duplicates back in.
    """
    done = {"put_back": 0, "renamed_back": 0}
    with pymongo.timeout(STEP_SECONDS):
        for index in indexes.declared():
            if index.document in (User, Template) and index.options.get("unique"):
                index.drop()
        for kept in progress(Quarantined.objects, "quarantine", Quarantined.objects.count()):
            collection = users() if kept.collection == "users" else templates()
            if kept.change:
                was = {name: kept.document[name] for name in kept.change}
                collection.update_one({"_id": kept.document_id, **kept.change}, {"$set": was})
                done["renamed_back"] += 1
            else:
                # Once, however often it is cut off between this and the deletion below.
                fields = {name: value for name, value in kept.document.items() if name != "_id"}
                collection.bulk_write(
                    [UpdateMany({"_id": kept.document_id}, {"$setOnInsert": fields}, upsert=True)]
                )
                done["put_back"] += 1
            kept.delete()
    return done
