"""Clearing away what the report found, step by step.

Each step can be interrupted at any point and repeated, with the same result.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import bson
from bson import ObjectId
from pymongo import UpdateMany
from pymongo.collection import Collection

from accounts.documents import User
from accounts.flask.hashers import FLASK_HASH, WrappedFlaskHasher
from templates_app.documents import Template
from templates_app.flask.adoption.equality import having
from templates_app.flask.adoption.flask_data import BATCH, NO_LIST, Raw, in_batches, users
from templates_app.flask.adoption.obstacles import DUPLICATE_USERS, KINDS, Kind
from templates_app.flask.adoption.quarantine import Progress, Quarantined
from templates_app.flask.adoption.report import Report
from templatesvc.mongo import indexes
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.values import MAX_DOCUMENT_SIZE

# How often new obstacles are cleared away before the operator has to run it again.
TRIES = 5
# What a document may grow by when its hash is wrapped, in bytes.
ROOM = 256
BESIDE = ("strong_password", "strong_password_seal")


@dataclass
class Adoption:
    """Clears the obstacles of a report. ``done`` counts what this run has done."""

    report: Report
    progress: Progress
    renames_users: bool = False
    wraps_passwords: bool = False
    done: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        self._make_unique(User)
        # The other indexes first: one of them helps to find the templates of an owner.
        self._build(index for index in _missing(Template) if not index.options.get("unique"))
        self._make_unique(Template)
        self._build(indexes.missing())
        if self.wraps_passwords:
            self._wrap_passwords()

    def _make_unique(self, document: type[ServiceDocument]) -> None:
        """Clear away what a collection's indexes refuse, and build them.

        Raises DuplicateValues if the Flask service stores new duplicates each time.
        """
        for tries_left in reversed(range(TRIES)):
            for kind in KINDS:
                if kind.collection().name == document._get_collection_name():
                    self._clear(kind)
            try:
                self._build(_missing(document))
            except indexes.DuplicateValues:
                if not tries_left:
                    raise
            else:
                break

    def _build(self, missing: Iterable[indexes.Index]) -> None:
        for index in missing:
            if index.exists():
                continue  # another process has built it since
            # Somebody may have made an index of the same fields that is not unique.
            index.drop()
            index.build()
            self.done["indexes_built"] += 1

    def _clear(self, kind: Kind) -> None:
        found = self.progress(kind.documents(), kind.name, self.report.count(kind.name))
        for batch in in_batches(found):
            if kind is DUPLICATE_USERS and self.renames_users:
                self.done["users_renamed"] += sum(_rename(user, kind.reason) for user in batch)
            else:
                done = Quarantined.take_out(kind.collection(), batch, kind.reason)
                self.done[f"{kind.collection().name}_quarantined"] += done

    def _wrap_passwords(self) -> None:
        """Put Argon2id around bare hashes, in the quarantine as well."""
        self._wrap(users(), "passwords", total=self.report.count("flask_passwords"))
        self._wrap(Quarantined._get_collection(), "quarantined_passwords", within="document.")
        self._wrap_packed()

    def _wrap(
        self, collection: Collection[Raw], what: str, within: str = "", total: int = 0
    ) -> None:
        bare = {f"{within}password": {"$regex": f"^{FLASK_HASH.pattern}$"} | NO_LIST}
        found = self.progress(collection.find(bare, batch_size=BATCH), what, total)
        # In threads, because Argon2 releases Python's lock.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for batch in in_batches(each for each in found if self._has_room(each)):
                writes = list(pool.map(partial(_wrapping, within=within), batch))
                done = collection.bulk_write(writes, ordered=False).modified_count
                self.done[f"{what}_wrapped"] += done

    def _wrap_packed(self) -> None:
        """Wrap the hashes in packed copies, one after the other, because each may be large."""
        for copy in self.progress(Quarantined.packed_users(), "packed_passwords", 0):
            user = copy.whole
            if _is_bare(user.get("password")) and self._has_room(user):
                self.done["quarantined_passwords_wrapped"] += copy.repack(_wrapped(user))

    def _has_room(self, document: Raw) -> bool:
        """Tell whether a document can have a longer hash; count it if not."""
        has_room = len(bson.encode(document)) + ROOM <= MAX_DOCUMENT_SIZE
        self.done["passwords_without_room"] += not has_room
        return has_room


def _missing(document: type[ServiceDocument]) -> Iterator[indexes.Index]:
    return (index for index in indexes.missing() if index.document is document)


def _rename(user: Raw, reason: str) -> int:
    return Quarantined.change_one(users(), user, reason, username=new_name(user))


def new_name(user: Raw) -> str:
    """Return a unique name: the old one with the user's id."""
    name = user["username"] if isinstance(user.get("username"), str) else ""
    own = user["_id"]
    tail = str(own) if isinstance(own, ObjectId) else _digest(own)
    return f"{name[: User.USERNAME_MAX_LENGTH - len(tail) - 1]}~{tail}"


def _digest(value: object) -> str:
    return hashlib.sha256(bson.encode({"": value})).hexdigest()[:24]


def _is_bare(password: object) -> bool:
    return isinstance(password, str) and FLASK_HASH.fullmatch(password) is not None


def _strong_hash(user: Raw) -> str:
    """Return the strong hash that is stored beside a bare one, or else Argon2id over that."""
    return User._from_son(user).strong_hash or WrappedFlaskHasher().wrap(user["password"])


def _wrapped(user: Raw) -> Raw:
    """Return a user with a strong hash in place of the bare one."""
    kept = {name: value for name, value in user.items() if name not in BESIDE}
    return kept | {"password": _strong_hash(user)}


def _wrapping(found: Raw, within: str) -> UpdateMany:
    """Return the write that replaces a bare hash by a strong one.

    ``within`` is the path to the user in the document: empty, or with a dot at its end.
    """
    user = found[within[:-1]] if within else found
    return UpdateMany(
        # Unless the person logged in meanwhile.
        having("_id", [found["_id"]]) | {f"{within}password": user["password"]},
        {
            "$set": {f"{within}password": _strong_hash(user)},
            "$unset": {f"{within}{name}": "" for name in BESIDE},
        },
    )
