"""The report on a database of the Flask service, which changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import identify_hasher

from accounts.documents import User
from accounts.flask.hashers import FLASK_HASH
from accounts.names import known_as, normalised_username
from accounts.serializers import CONTROL_CHARACTERS
from templates_app.flask.adoption.equality import having
from templates_app.flask.adoption.flask_data import BATCH, NO_LIST, Raw, templates, users
from templates_app.flask.adoption.obstacles import KINDS
from templates_app.flask.adoption.quarantine import Progress
from templates_app.values import check_template
from templatesvc.mongo import store

SAMPLES = 5
MAX_SAMPLE_LENGTH = 120  # characters
THEIRS = {"_id", "username", "password"}
OURS = set(User._db_field_map.values()) - THEIRS
NOT_ASCII = {"$type": "string", "$regex": "[^\\x00-\\x7f]"} | NO_LIST
RIGHTS = {"is_staff", "is_superuser", "is_admin", "admin", "role", "roles", "permissions"}
# Times, which JSON can't have: only this service stores them in a user.
SIGNS_OF_OURS = ("date_joined", "last_login")


@dataclass
class Finding:
    """A line of the report: how often something was found, with a few samples."""

    kind: str
    meaning: str
    stands_in_the_way: bool = False
    count: int = 0
    samples: list[str] = field(default_factory=list)

    def add(self, sample: Any, count: int = 1) -> None:
        self.count += count
        # People who registered may have chosen texts that a terminal takes for commands.
        shown = CONTROL_CHARACTERS.sub(lambda found: repr(found[0])[1:-1], str(sample))
        if len(self.samples) < SAMPLES and shown[:MAX_SAMPLE_LENGTH] not in self.samples:
            self.samples.append(shown[:MAX_SAMPLE_LENGTH])


@dataclass
class Report:
    """What an adoption finds; ``is_ready`` if nothing stands in the way."""

    users: int
    templates: int
    findings: list[Finding]

    @property
    def is_ready(self) -> bool:
        return not any(found.count and found.stands_in_the_way for found in self.findings)

    def count(self, kind: str) -> int:
        return next(found.count for found in self.findings if found.kind == kind)

    def as_dict(self) -> dict[str, Any]:
        return {
            "store": store.describe(),
            "users": self.users,
            "templates": self.templates,
            "ready": self.is_ready,
            "findings": [vars(found) for found in self.findings],
        }


def report(progress: Progress) -> Report:
    """Read the whole database, and report on it."""
    return Report(
        users().count_documents({}),
        templates().count_documents({}),
        [
            *_obstacles(progress),
            *_about_users(progress),
            _equal_names(progress),
            *_about_templates(progress),
        ],
    )


def _obstacles(progress: Progress) -> Iterator[Finding]:
    for kind in KINDS:
        finding = Finding(kind.name, kind.meaning, stands_in_the_way=True)
        for obstacle in progress(kind.find(), kind.name, 0):
            finding.add(obstacle.value, obstacle.count)
        yield finding


# --- What does not stand in the way, and is good to know ---------------------------------------


def _about_users(progress: Progress) -> list[Finding]:
    looks: dict[str, tuple[str, Callable[[Raw], str]]] = {
        "flask_passwords": ("users whose password is a bare SHA-256", _flask_password),
        "other_passwords": ("users whose password is no hash: nobody can log in", _no_hash),
        "odd_names": ("users whose name is no text, empty, too long or odd", _odd_name),
        "unusual_names": (
            "users whose name could not be registered here, or is stored in another form than "
            "here; they log in as before",
            _unusual_name,
        ),
        "smuggled_rights": ("users with a field that sounds like a right; never read", _rights),
        "smuggled_fields": ("users whose registration brought a field of ours along", _smuggled),
        "other_fields": ("users with a field that neither service knows; kept", _others),
    }
    findings = {kind: Finding(kind, meaning) for kind, (meaning, _) in looks.items()}
    everybody = users().find(batch_size=BATCH)
    for user in progress(everybody, "users", users().estimated_document_count()):
        for kind, (_, look) in looks.items():
            if seen := look(user):
                findings[kind].add(f"{user.get('username')!r}: {seen}")
    return list(findings.values())


def _flask_password(user: Raw) -> str:
    return "SHA-256" if FLASK_HASH.fullmatch(str(user.get("password"))) else ""


def _no_hash(user: Raw) -> str:
    password = user.get("password")
    if not isinstance(password, str):
        return type(password).__name__
    try:
        return "" if _flask_password(user) else identify_hasher(password) and ""
    except ValueError:
        return "unknown"


def _odd_name(user: Raw) -> str:
    name = user.get("username")
    if not isinstance(name, str):
        return type(name).__name__
    if not 1 <= len(name) <= User.USERNAME_MAX_LENGTH:
        return f"{len(name)} characters"
    return "control characters" if CONTROL_CHARACTERS.search(name) else ""


def _unusual_name(user: Raw) -> str:
    name = user.get("username")
    if not isinstance(name, str) or _odd_name(user):
        return ""
    try:
        normalised = normalised_username(name)
    except ValueError as error:
        return str(error)
    return "" if normalised == name else f"stored here as {normalised!r}"


def _equal_names(progress: Progress) -> Finding:
    """Find names that people can't tell apart; typed exactly, each still finds its own user."""
    equal = Finding(
        "equal_names", "users whose name is another's once both are normalised; both stay"
    )
    met: dict[str, str] = {}
    everybody = users().find({"username": NOT_ASCII}, {"username": 1}, batch_size=BATCH)
    for user in progress(everybody, "names", 0):
        name = user["username"]
        normalised = known_as(name) or name
        first = met.setdefault(normalised, name)
        if first != name:
            equal.add(f"{first!r} and {name!r}")
        elif normalised != name and users().find_one(having("username", [normalised]), {"_id": 1}):
            met[normalised] = normalised
            equal.add(f"{normalised!r} and {name!r}")
    return equal


def _rights(user: Raw) -> str:
    return ", ".join(sorted(RIGHTS & user.keys()))


def _smuggled(user: Raw) -> str:
    """Return our fields in a user of the Flask service; in one of ours, those with wrong values."""
    is_ours = any(isinstance(user.get(name), datetime) for name in SIGNS_OF_OURS)
    there = sorted(OURS & user.keys())
    return ", ".join(name for name in there if not is_ours or _is_misplaced(name, user[name]))


def _is_misplaced(name: str, value: Any) -> bool:
    """Tell whether one of our fields has a value that is ignored when it is read."""
    own = next(each for each in User._fields.values() if each.db_field == name)
    return value is not None and own.to_python(value) is not value


def _others(user: Raw) -> str:
    return ", ".join(sorted(user.keys() - THEIRS - OURS - RIGHTS))


def _about_templates(progress: Progress) -> list[Finding]:
    refused = Finding(
        "refused_templates",
        "templates that could not be made here (neither text nor object, too large, keys that are "
        "refused); they stay, are listed, and are found and deleted by their id",
    )
    every_one = templates().find(batch_size=BATCH)
    for template in progress(every_one, "templates", templates().estimated_document_count()):
        try:
            check_template(template.get("template"))
        except ValueError as error:
            refused.add(f"{template['_id']} of {template.get('profile')!r}: {error}")
    return [refused]
