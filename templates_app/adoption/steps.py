"""Clearing away what the report found, step by step.

Each step can be cut off at any point and begun again, and ends where it would have ended.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import bson
from bson import ObjectId
from pymongo import UpdateMany

from accounts.documents import User
from accounts.hashers import FLASK_HASH, WrappedFlaskHasher
from templates_app.adoption.flask_data import BATCH, Raw, batches, users
from templates_app.adoption.obstacles import DUPLICATE_USERS, KINDS, Kind
from templates_app.adoption.quarantine import Progress, Quarantined
from templates_app.adoption.report import Report
from templatesvc import indexes


@dataclass
class Adoption:
    """Does what the report says. ``done`` counts what this run has done."""

    report: Report
    progress: Progress
    renames_users: bool = False
    wraps_passwords: bool = False
    done: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        # By one of these the templates of an owner are found, while there is much to look for.
        self._build(index for index in indexes.missing() if not index.options.get("unique"))
        for kind in KINDS:
            self._clear(kind)
        self._build(indexes.missing())
        if self.wraps_passwords:
            self._wrap_passwords()

    def _build(self, missing: Iterable[indexes.Index]) -> None:
        for index in missing:
            # Somebody may have made one of the same fields for the Flask service, not unique.
            index.drop()
            index.build()
            self.done["indexes_built"] += 1

    def _clear(self, kind: Kind) -> None:
        found = self.progress(kind.documents(), kind.name, self.report.count(kind.name))
        for batch in batches(found):
            if kind is DUPLICATE_USERS and self.renames_users:
                self.done["users_renamed"] += sum(_rename(user, kind.reason) for user in batch)
            else:
                done = Quarantined.take_out(kind.collection(), batch, kind.reason)
                self.done[f"{kind.collection().name}_quarantined"] += done

    def _wrap_passwords(self) -> None:
        bare = {"password": {"$regex": f"^{FLASK_HASH.pattern}$"}}
        found = self.progress(
            users().find(bare, batch_size=BATCH), "passwords", self.report.count("flask_passwords")
        )
        # Argon2 works without Python's lock.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for batch in batches(found):
                written = users().bulk_write(list(pool.map(_wrapping, batch)), ordered=False)
                self.done["passwords_wrapped"] += written.modified_count


def _rename(user: Raw, reason: str) -> int:
    return Quarantined.change_one(users(), user, reason, username=new_name(user))


def new_name(user: Raw) -> str:
    """Return a name that nobody else has: the old one, and the user's id."""
    name = user["username"] if isinstance(user.get("username"), str) else ""
    own = user["_id"]
    tail = str(own) if isinstance(own, ObjectId) else _digest(own)
    return f"{name[: User.USERNAME_MAX_LENGTH - len(tail) - 1]}~{tail}"


def _digest(value: object) -> str:
    return hashlib.sha256(bson.encode({"": value})).hexdigest()[:24]


def _wrapping(user: Raw) -> UpdateMany:
    """Return the write that puts a strong hash in a bare one's place.

    That is the one which stands beside it, or else Argon2id over it.
    """
    strong = User._from_son(user).strong_hash or WrappedFlaskHasher().wrap(user["password"])
    return UpdateMany(
        {"_id": user["_id"], "password": user["password"]},  # not if the person logged in first
        {
            "$set": {"password": strong},
            "$unset": {"strong_password": "", "strong_password_seal": ""},
        },
    )
