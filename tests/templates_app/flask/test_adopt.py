"""Taking over what the Flask service left: the report, applying it, and going back."""

from __future__ import annotations

import base64
import getpass
import json
import os
import pty
import random
import re
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from io import StringIO
from typing import Any

import bson
import pymongo
import pytest
from bson import Binary, Code, DatetimeMS, Decimal128, Int64, ObjectId, Regex
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import override_settings
from pymongo.database import Database
from pymongo.errors import OperationFailure

from accounts.audit import AuditEntry
from accounts.documents import Session, User
from accounts.tokens import AccessToken
from templates_app.documents import Template
from templates_app.flask.adoption.obstacles import KINDS
from templates_app.flask.adoption.quarantine import Quarantined
from templates_app.flask.adoption.steps import new_name
from templatesvc.mongo import indexes, store
from tests.accounts.callers import erase
from tests.accounts.flask.people import flask_row, sha256
from tests.processes import KEY, ROOT, environment, free_port, manage
from tests.templates_app.flask import flask_data
from tests.templates_app.flask.flask_data import (
    FOUND,
    TEMPLATES,
    USERS,
    in_the_way,
    password_of,
)

# mongomock has not all that the aggregations ask for.
pytestmark = pytest.mark.wire
SECONDS = 120
KEEP, RENAME = "--duplicate-users=keep-oldest", "--duplicate-users=rename"


@pytest.fixture
def flasks() -> Iterator[Database[Any]]:
    """The store as the Flask service leaves it: without indexes of ours, and empty."""
    # Hundreds of documents in one operation, or 16 MB, may take a slow server its time.
    with pymongo.timeout(SECONDS):
        for index in indexes.declared():
            if index.document in (User, Template):
                index.drop()
        yield store.database()
        for document in (User, Template, Quarantined):
            document._get_collection().delete_many({})
        for index in indexes.missing():
            index.build()


@pytest.fixture
def spoilt(flasks: Database[Any]) -> Database[Any]:
    """That, with documents of every kind that there can be."""
    flask_data.spoil(flasks)
    return flasks


def adopt(*arguments: str) -> dict[str, Any]:
    """Run the command; return what it says in JSON, with its exit status."""
    out, status = StringIO(), 0
    try:
        call_command("adopt", "--format=json", *arguments, stdout=out)
    except SystemExit as end:
        status = int(str(end.code))
    return json.loads(out.getvalue()) | {"status": status}


def findings(report: dict[str, Any], in_the_way: bool) -> dict[str, int]:
    return {
        found["kind"]: found["count"]
        for found in report["findings"]
        if found["count"] and found["stands_in_the_way"] == in_the_way
    }


def everything(database: Database[Any]) -> Any:
    """Return all documents in an order of their own, as texts: no NaN is equal to another."""
    return [sorted(map(repr, database[name].find())) for name in ("users", "templates")]


# --- The report --------------------------------------------------------------------------------


def test_the_report_finds_exactly_what_is_there(spoilt: Database[Any]) -> None:
    report = adopt()
    assert (report["users"], report["templates"]) == (len(USERS), len(TEMPLATES))
    assert (report["status"], report["ready"]) == (1, False)
    assert findings(report, in_the_way=True) == in_the_way(spoilt)
    assert len(in_the_way(spoilt)) == 6
    weak = sum(len(user["password"] or "") == 64 for user in USERS)
    assert findings(report, in_the_way=False) == FOUND | {"flask_passwords": weak}


def test_the_report_changes_nothing(spoilt: Database[Any]) -> None:
    before = everything(spoilt)
    assert adopt() == adopt()
    assert everything(spoilt) == before
    assert list(Quarantined.objects) == list(AuditEntry.objects) == []
    assert list(spoilt["templates"].index_information()) == ["_id_"]


def test_nothing_stands_in_the_way_of_an_empty_database(flasks: Database[Any]) -> None:
    report = adopt()
    assert (report["status"], report["ready"], report["users"]) == (0, True, 0)
    assert report["store"].endswith(f"/{flasks.name}")
    out = StringIO()
    call_command("adopt", stdout=out)
    assert "is it the right one?" in out.getvalue()


def test_a_terminal_is_shown_no_commands_of_its_own(flasks: Database[Any]) -> None:
    forged = "\x1b[2J\n! 0 all is well"
    flasks["users"].insert_one({"username": forged, "password": "x", forged: 1})
    out = StringIO()
    call_command("adopt", stdout=out)
    assert "\x1b" not in out.getvalue()
    assert "! 0 all is well" not in out.getvalue().splitlines()


FOREIGN = [Regex("a"), Code("a"), Decimal128("1.5"), DatetimeMS(2**52), Binary(b"a", 128), Int64(1)]


@pytest.mark.parametrize("value", FOREIGN, ids=repr)
def test_types_that_no_json_has_are_compared_too(value: Any, flasks: Database[Any]) -> None:
    User.register("ann", "one")
    for each in (value, value, {"in": [value]}, {"in": [value]}):
        try:
            flasks["templates"].insert_one({"profile": "ann", "template": each})
        except OperationFailure as error:
            pytest.skip(f"the server does not take it: {error}")
    assert findings(adopt(), in_the_way=True) == {"duplicate_templates": 2}
    assert adopt("--apply")["after"]["templates"] == 2


# What people can choose for a name, because the Flask service stores the body as it is.
HOSTILE_NAMES: list[Any] = [
    {"$gt": "zzzz"},
    {"$in": 1, "a.b": 2},
    {"$regex": "."},
    {"$ref": "users", "$id": 1},
    {"$where": "1", "nested": [{"$or": []}]},
    {},
]


def can_be_indexed(database: Database[Any], value: Any) -> bool:
    """Tell whether the server has an index for such a value: one has none for references."""
    probe = database["probe"]
    probe.create_index("value")
    try:
        probe.insert_one({"value": value})
    except OperationFailure:
        return False
    finally:
        probe.drop()
    return True


@pytest.mark.parametrize("choice", [KEEP, RENAME])
def test_names_that_look_like_queries_are_no_queries(choice: str, flasks: Database[Any]) -> None:
    names = [name for name in HOSTILE_NAMES if can_be_indexed(flasks, name)]
    for name in (*names, *names, "ann", ["é"], ["ann"]):
        flasks["users"].insert_one(flask_row(name))
        flasks["templates"].insert_one({"profile": name, "template": str(ObjectId())})
    before = everything(flasks)
    found = {"list_names": 2, "duplicate_users": len(names), "orphans": 2 * len(names) + 2}
    assert findings(adopt(), in_the_way=True) == found
    assert adopt("--apply", choice)["status"] == adopt()["status"] == 0
    assert flasks["users"].count_documents({"username": "ann"}) == 1
    adopt("--undo")
    assert everything(flasks) == before


def test_a_pattern_for_a_name_finds_nobody_else(flasks: Database[Any]) -> None:
    for name in (Regex("a"), Regex("a"), "ann", "ann"):
        flasks["users"].insert_one(flask_row(name))
    assert findings(adopt(), in_the_way=True) == {"duplicate_users": 2}
    adopt("--apply", KEEP)
    assert [user["username"] for user in flasks["users"].find()] == [Regex("a"), "ann"]


def test_what_is_found_twice_is_kept_in_quarantine(flasks: Database[Any]) -> None:
    """A list is found by its members as well: by one that is a list itself, too."""
    for owner in ("gone", ["gone"], [["gone"]], None, [None], [[None]]):
        flasks["templates"].insert_one({"profile": owner, "template": "x"})
    before = everything(flasks)
    done = adopt("--apply")
    assert done["done"]["templates_quarantined"] == done["quarantine"]["templates"] == 6
    adopt("--undo")
    assert everything(flasks) == before


def test_names_that_are_together_too_large_for_a_query_are_compared(
    flasks: Database[Any],
) -> None:
    for first in "aabb":
        flasks["users"].insert_one(flask_row(first + "x" * 9 * 2**20))
    assert findings(adopt(), in_the_way=True) == {"duplicate_users": 2}


def test_a_list_for_a_password_is_no_hash(flasks: Database[Any]) -> None:
    flasks["users"].insert_one({"username": "ann", "password": [sha256("x")]})
    assert "passwords_wrapped" not in adopt("--apply", "--wrap-passwords", "--yes")["done"]


@pytest.mark.parametrize("value", [float("nan"), {"n": float("nan")}])
def test_a_template_that_is_no_number_is_equal_to_another(
    value: Any, flasks: Database[Any]
) -> None:
    User.register("ann", "one")
    for _ in range(2):
        flasks["templates"].insert_one({"profile": "ann", "template": value})
    assert adopt("--apply")["after"]["templates"] == 1


def test_the_table_marks_what_stands_in_the_way(spoilt: Database[Any]) -> None:
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("adopt", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("Store: MongoDB")
    marked = {line.split("  ")[-1] for line in lines if line.startswith("!")}
    assert len(marked) == 6
    assert "users beside an older one of the same name" in marked
    assert "'dup'" in {line.strip() for line in lines}
    assert sha256(password_of("ann")) not in out.getvalue()


def test_a_hash_of_this_service_is_no_finding(flasks: Database[Any]) -> None:
    User.register("ann", "one")
    assert findings(adopt(), in_the_way=False) == {}


# --- Applying ----------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [KEEP, RENAME])
def test_applying_clears_the_way_and_the_counts_add_up(choice: str, spoilt: Database[Any]) -> None:
    done = adopt("--apply", choice)
    report = adopt()
    assert (report["status"], list(indexes.missing())) == (0, [])
    for name in ("users", "templates"):
        gone = done["done"][f"{name}_quarantined"]
        assert done["before"][name] == gone + done["after"][name] == gone + report[name]
        assert done["quarantine"][name] == gone
    assert {kept.reason for kept in Quarantined.objects} > {"its owner is gone"}


def test_of_users_whoever_the_flask_service_lets_in_is_kept(flasks: Database[Any]) -> None:
    moment = 2**31 // 2
    early, late = (ObjectId(f"{moment:08x}{tail * 16}") for tail in "0f")
    for id, name in [(late, "ann"), (early, "ann"), (0, "ann"), ("b", "ben"), ("a", "ben")]:
        flasks["users"].insert_one({"_id": id, "username": name, "password": sha256("x")})
    found = [flasks["users"].find_one({"username": name}) for name in ("ann", "ben")]
    let_in = {user["_id"] for user in found if user}
    adopt("--apply", KEEP)
    assert {user.id for user in User.objects} == let_in == {late, "b"}


def test_of_equal_templates_the_oldest_is_kept(flasks: Database[Any]) -> None:
    first, second = ObjectId(), ObjectId()
    flasks["templates"].insert_many(
        [{"_id": id, "profile": "ann", "template": "x"} for id in (second, first)]
    )
    User.register("ann", "one")
    adopt("--apply")
    assert [each.id for each in Template.objects] == [first]


def _of_ann(flasks: Database[Any], *values: Any, **fields: Any) -> None:
    """Store templates of one owner, one after the other."""
    for value in values:
        flasks["templates"].insert_one({"profile": "ann", "template": value} | fields)


def test_a_list_stays_if_only_lists_that_go_have_its_members(flasks: Database[Any]) -> None:
    User.register("ann", "one")
    _of_ann(flasks, ["x"], ["x", "y"], ["y", "z"], ["z"], ["w", "w"], [], "v", ["v", "u"], ["u"])
    assert findings(adopt(), in_the_way=True) == {"clashing_lists": 3}
    assert adopt("--apply")["done"]["templates_quarantined"] == 3
    left = [template["template"] for template in flasks["templates"].find()]
    assert left == [["x"], ["y", "z"], ["w", "w"], [], "v", ["u"]]


def test_a_list_stays_if_what_has_its_member_goes_for_its_id(flasks: Database[Any]) -> None:
    User.register("ann", "one")
    _of_ann(flasks, "x", _id="odd")
    _of_ann(flasks, ["y"], _id=0)
    _of_ann(flasks, ["x", "y"])
    assert findings(adopt(), in_the_way=True) == {"foreign_ids": 2}
    adopt("--apply")
    assert [template["template"] for template in flasks["templates"].find()] == [["x", "y"]]


def test_random_lists_stay_until_the_index_would_refuse_one(flasks: Database[Any]) -> None:
    User.register("ann", "one")
    choose = random.Random(1)
    values = [choose.choices("abcdefghijklmnop", k=choose.randint(1, 3)) for _ in range(200)]
    _of_ann(flasks, *values)
    kept: list[list[str]] = []
    for value in values:
        if not any(set(value) & set(other) for other in kept):
            kept.append(value)
    adopt("--apply")
    assert [template["template"] for template in flasks["templates"].find()] == kept


def test_what_is_applied_again_does_nothing(spoilt: Database[Any]) -> None:
    adopt("--apply", KEEP)
    before = everything(spoilt)
    assert adopt("--apply", KEEP)["done"] == {}
    assert everything(spoilt) == before


def test_applying_takes_out_nothing_that_is_in_nobodys_way(flasks: Database[Any]) -> None:
    User.register("ann", "one")
    for value in (5, None, ["a"], ["b"], "c", {"x": ["a"]}, {"x": 1, "y": 2}, {"y": 2, "x": 1}, []):
        flasks["templates"].insert_one({"profile": "ann", "template": value})
    before = everything(flasks)
    adopt("--apply")
    assert everything(flasks) == before


def test_an_index_that_somebody_made_for_the_flask_service_gives_way(
    flasks: Database[Any],
) -> None:
    flasks["users"].create_index("username")
    adopt("--apply")
    assert list(indexes.missing()) == []


def test_an_index_of_some_documents_is_none_of_all(flasks: Database[Any]) -> None:
    vip = {"vip": True}
    flasks["users"].create_index("username", unique=True, partialFilterExpression=vip)
    adopt("--apply")
    (stands,) = [each for each in flasks["users"].list_indexes() if each["key"] == {"username": 1}]
    assert "partialFilterExpression" not in stands


def test_what_comes_in_meanwhile_is_cleared_away_too(
    flasks: Database[Any], meanwhile: Callable[..., None]
) -> None:
    """The Flask service puts in somebody twice, each time before a unique index is tried."""
    for _ in range(3):
        late = [flask_row("late"), flask_row("late")]
        meanwhile("before", "createIndexes", "users", partial(flasks["users"].insert_many, late))
    assert adopt("--apply", KEEP)["done"]["users_quarantined"] == 5
    assert flasks["users"].count_documents({}) == 1


def test_options_that_would_have_no_effect_are_refused(flasks: Database[Any]) -> None:
    for without in ([], ["--undo"]):
        for option in (["--wrap-passwords", "--yes"], [RENAME]):
            with pytest.raises(CommandError, match="require --apply"):
                adopt(*without, *option)


@pytest.mark.long
def test_a_store_that_is_away_is_told_at_once(flasks: Database[Any]) -> None:
    away = f"mongodb://127.0.0.1:{free_port()}/x?timeoutMS=500"
    ran = manage("adopt", "--format=json", MONGODB_URI=away, SECRET_KEY=KEY)
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["error"].startswith("The store failed: ")
    assert ran.stderr.startswith("CommandError: The store failed: ")


def test_a_choice_about_duplicate_users_must_be_made(spoilt: Database[Any]) -> None:
    before = everything(spoilt)
    with pytest.raises(CommandError, match="keep-oldest or --duplicate-users=rename"):
        adopt("--apply")
    assert everything(spoilt) == before


def test_a_renamed_user_logs_in_and_the_templates_stay_with_the_name(
    flasks: Database[Any],
) -> None:
    flasks["users"].insert_one({"username": "dup", "password": sha256("older")})
    younger = {"username": "dup", "password": sha256("younger")}
    flasks["users"].insert_one(younger)
    flasks["templates"].insert_one({"profile": "dup", "template": "whose?"})
    adopt("--apply", RENAME)
    assert authenticate(None, username="dup", password="older")
    assert authenticate(None, username="dup", password="younger") is None
    assert authenticate(None, username=new_name(younger), password="younger")
    assert [each.owner for each in Template.objects] == ["dup"]


def test_a_document_that_changes_meanwhile_stays(flasks: Database[Any]) -> None:
    seen = {"username": "ann", "password": sha256("one")}
    flasks["users"].insert_one(seen)
    flasks["users"].update_one({}, {"$set": {"password": sha256("two")}})
    assert Quarantined.take_out(flasks["users"], [seen], "a test") == 0
    assert Quarantined.change_one(flasks["users"], seen, "a test", username="x") == 0
    assert flasks["users"].count_documents({"username": "ann"}) == 1
    assert list(Quarantined.objects) == []


def test_a_list_that_is_none_any_more_stays(flasks: Database[Any]) -> None:
    User.register("ann", "one")
    _of_ann(flasks, ["x"], ["x", "y"])
    (kind,) = (kind for kind in KINDS if kind.name == "clashing_lists")
    (obstacle,) = kind.find()
    flasks["templates"].update_one({"template": "y"}, {"$set": {"template": "hello"}})
    assert flasks["templates"].find_one(obstacle.match) is None


def test_whose_owner_has_come_meanwhile_is_no_orphan(flasks: Database[Any]) -> None:
    for name in ("ann", "bob"):
        flasks["templates"].insert_one({"profile": name, "template": "x"})
    (kind,) = (kind for kind in KINDS if kind.name == "orphans")
    found = kind.find()
    first = next(found)
    for name in ("ann", "bob"):
        User.register(name, "one")
    assert first.value in ("'ann'", "'bob'")
    assert list(found) == []


def test_two_that_came_under_one_id_are_both_kept(flasks: Database[Any]) -> None:
    for name in ("one", "two"):
        flasks["users"].insert_one({"_id": 5, "username": [name], "password": sha256("x")})
        adopt("--apply")
    assert {kept.document["username"][0] for kept in Quarantined.objects} == {"one", "two"}


def test_a_run_leaves_a_record_of_its_begin_and_of_its_end(spoilt: Database[Any]) -> None:
    done = adopt("--apply", KEEP)
    begun, applied = AuditEntry.objects.order_by("id")
    assert (begun.action, applied.action) == ("adoption_begun", "adoption_applied")
    assert begun.details == {"duplicate_users": "keep-oldest", "wrap_passwords": False}
    assert (applied.username, applied.by) == ("", f"{getpass.getuser()} (shell)")
    assert applied.details == {name: done[name] for name in done if name != "status"}


# --- Passwords ---------------------------------------------------------------------------------


@pytest.mark.long
def test_wrapped_passwords_still_log_in(spoilt: Database[Any]) -> None:
    done = adopt("--apply", KEEP, "--wrap-passwords", "--yes")
    report = adopt()
    assert done["done"]["passwords_wrapped"] > 10
    assert "flask_passwords" not in findings(report, in_the_way=False)
    assert findings(report, in_the_way=False)["other_passwords"] == FOUND["other_passwords"]
    for name in ("ann", "ben", "dup", "eve", "eli"):
        user = User.named(name)
        assert user and user.password.startswith("argon2_flask_sha256$")
        assert authenticate(None, username=name, password="wrong") is None
        user = authenticate(None, username=name, password=password_of(name))
        assert user and user.password.startswith("argon2$") and not user.is_superuser


def test_the_strong_hash_of_the_time_side_by_side_is_taken(flasks: Database[Any]) -> None:
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        strong: Any = User.register("ann", "one").strong_password
    adopt("--apply", "--wrap-passwords", "--yes")
    user = User.named("ann")
    assert user and user.password == strong and not user.strong_password


def test_a_hash_that_a_registration_brought_along_is_not_taken(flasks: Database[Any]) -> None:
    # It would take four gigabytes.
    heavy = "argon2$argon2id$v=19$m=4194304,t=99,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"
    brought = {"strong_password": heavy, "password": sha256("x")}
    flasks["users"].insert_one({"username": "eve", "strong_password_seal": "x"} | brought)
    assert authenticate(None, username="eve", password="y") is None
    adopt("--apply", "--wrap-passwords", "--yes")
    user = authenticate(None, username="eve", password="x")
    assert user and user.strong_password is None


def test_wrapping_asks_and_a_script_says_yes(spoilt: Database[Any]) -> None:
    before = everything(spoilt)
    with pytest.raises(CommandError, match="--yes"):
        adopt("--apply", KEEP, "--wrap-passwords")
    assert everything(spoilt) == before


def test_what_is_in_quarantine_is_wrapped_too(flasks: Database[Any]) -> None:
    for password in ("older", "younger"):
        flasks["users"].insert_one({"username": "dup", "password": sha256(password)})
    wrapped = adopt("--apply", KEEP, "--wrap-passwords", "--yes")["done"]
    assert (wrapped["passwords_wrapped"], wrapped["quarantined_passwords_wrapped"]) == (1, 1)
    adopt("--undo")
    hashes = [user["password"] for user in flasks["users"].find()]
    assert len(hashes) == 2
    assert all(each.startswith("argon2_flask_sha256$") for each in hashes)


def large() -> str:
    return base64.b85encode(os.urandom(7 * 2**20)).decode()


def _two_with(flasks: Database[Any], about: Any) -> None:
    """Store two users of one name, whose copies in the quarantine will be packed."""
    for password in ("older", "younger"):
        flasks["users"].insert_one(flask_row("dup", password) | {"about": about})


@pytest.mark.parametrize(
    "made", [lambda: nearly_too_deep(), pytest.param(large, marks=pytest.mark.long)]
)
def test_what_is_packed_in_quarantine_is_wrapped_too(
    made: Callable[[], Any], flasks: Database[Any]
) -> None:
    _two_with(flasks, made())
    before = list(flasks["users"].find())
    adopt("--apply", KEEP)
    (kept,) = Quarantined.objects
    assert kept.packed and kept.whole == before[1]
    wrapped = adopt("--apply", "--wrap-passwords", "--yes")["done"]
    assert wrapped == {"passwords_wrapped": 1, "quarantined_passwords_wrapped": 1}
    assert adopt("--apply", "--wrap-passwords", "--yes")["done"] == {}
    adopt("--undo")
    after = list(flasks["users"].find())
    assert all(user["password"].startswith("argon2_flask_sha256$") for user in after)
    assert [user | {"password": ""} for user in after] == [
        user | {"password": ""} for user in before
    ]
    younger = User.objects(id=before[1]["_id"]).get()
    assert younger.check_password("younger")


def test_a_packed_copy_that_is_put_back_meanwhile_does_not_come_again(
    flasks: Database[Any], meanwhile: Callable[..., None]
) -> None:
    _two_with(flasks, nearly_too_deep())
    adopt("--apply", KEEP)
    meanwhile("before", "update", "quarantine", Quarantined.objects.delete)
    done = adopt("--apply", "--wrap-passwords", "--yes")
    assert done["done"] == {"passwords_wrapped": 1}
    assert list(Quarantined.objects) == []


def test_who_has_no_room_for_a_longer_hash_keeps_nobody_waiting(flasks: Database[Any]) -> None:
    for name, size in (("full", 16 * 2**20), ("full", 16 * 2**20), ("ann", 500)):
        user = flask_row(name) | {"_id": ObjectId(), "about": ""}
        flasks["users"].insert_one(user | {"about": "x" * (size - len(bson.encode(user)))})
    done = adopt("--apply", KEEP, "--wrap-passwords", "--yes")["done"]
    assert (done["passwords_wrapped"], done["passwords_without_room"]) == (1, 2)
    adopt("--undo")
    assert flasks["users"].count_documents({"username": "full"}) == 2


def test_a_renamed_user_leaves_no_hash_in_quarantine(flasks: Database[Any]) -> None:
    for password in ("older", "younger"):
        flasks["users"].insert_one({"username": "dup", "password": sha256(password)})
    adopt("--apply", RENAME)
    (kept,) = Quarantined.objects
    assert kept.document == {"username": "dup"}


def test_nothing_is_wrapped_side_by_side(flasks: Database[Any]) -> None:
    with (
        override_settings(FLASK_SIDE_BY_SIDE=True),
        pytest.raises(CommandError, match="FLASK_SIDE_BY_SIDE"),
    ):
        adopt("--apply", "--wrap-passwords", "--yes")


# --- Going back --------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("choice", [KEEP, RENAME])
def test_undoing_puts_all_of_it_back(choice: str, spoilt: Database[Any]) -> None:
    before = everything(spoilt)
    adopt("--apply", choice)
    assert everything(spoilt) != before
    undone = adopt("--undo")["undone"]
    assert everything(spoilt) == before
    assert undone["templates_put_back"] > 10
    assert list(Quarantined.objects) == []
    assert AuditEntry.objects.order_by("-id").first().action == "adoption_undone"
    assert adopt("--undo")["undone"] == {}


def nearly_too_large() -> str:
    """Return a text of 100 bytes less than a document may have, which hardly can be compressed."""
    length = 16 * 2**20 - 100
    return base64.b85encode(os.urandom(length)).decode()[:length]


def nearly_too_deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(175):
        value = {"in": value}
    return value


@pytest.mark.long
@pytest.mark.parametrize("made", [nearly_too_large, nearly_too_deep])
def test_what_has_no_room_in_a_copy_is_kept_nevertheless(
    made: Callable[[], Any], flasks: Database[Any]
) -> None:
    value = made()
    for _ in range(2):
        flasks["templates"].insert_one({"profile": "gone", "template": value})
    before = everything(flasks)
    assert adopt("--apply")["quarantine"]["templates"] == 2
    owner = User.register("gone", "one")
    kept = Quarantined.objects(__raw__=Quarantined.belonging_to(owner))
    assert [each.exported()["document"]["template"] for each in kept] == [value] * 2
    owner.delete()
    adopt("--undo")
    assert everything(flasks) == before


def test_undoing_drops_what_the_flask_service_does_not_expect(flasks: Database[Any]) -> None:
    adopt("--apply")
    adopt("--undo")
    assert {index.document for index in indexes.missing()} == {User, Template}
    assert all(index.options["unique"] for index in indexes.missing())


def test_what_a_renamed_user_made_since_goes_back_with_them(flasks: Database[Any]) -> None:
    for _ in range(2):
        flasks["users"].insert_one({"username": "dup", "password": sha256("x")})
    adopt("--apply", RENAME)
    renamed = User.objects(username__ne="dup").get()
    Template.create(renamed.username, {"template": "made since"})
    adopt("--undo")
    assert [user.username for user in User.objects] == ["dup", "dup"]
    assert [each.owner for each in Template.objects] == ["dup"]


def test_what_has_another_under_its_id_by_now_stays_in_quarantine(flasks: Database[Any]) -> None:
    flasks["users"].insert_one({"_id": 5, "username": ["one"], "password": sha256("x")})
    adopt("--apply")
    flasks["users"].insert_one({"_id": 5, "username": "two", "password": sha256("x")})
    for _ in range(2):
        assert adopt("--undo")["undone"] == {"left_in_quarantine": 1}
    assert [user["username"] for user in flasks["users"].find()] == ["two"]
    assert [kept.document["username"] for kept in Quarantined.objects] == [["one"]]


@pytest.mark.parametrize("erased", [0, 1])
def test_who_goes_takes_nothing_of_a_namesake_along(erased: int, flasks: Database[Any]) -> None:
    for _ in range(2):
        flasks["users"].insert_one({"username": "dup", "password": sha256("x")})
    adopt("--apply", RENAME)
    people = list(User.objects.order_by("id"))
    erase(people[erased])
    left = [] if erased else [people[1].id]
    assert [kept.document_id for kept in Quarantined.objects] == left


def test_undoing_leaves_a_record_of_its_begin_too(flasks: Database[Any]) -> None:
    adopt("--undo")
    seen = [entry.action for entry in AuditEntry.objects.order_by("id")]
    assert seen == ["adoption_undo_begun", "adoption_undone"]


def test_a_session_of_a_user_who_was_taken_out_stands_no_more(flasks: Database[Any]) -> None:
    flasks["users"].insert_one({"username": "dup", "password": sha256("x")})
    younger = User(username="dup", password=sha256("y")).save()
    token = AccessToken.of(Session.start(younger))
    adopt("--apply", KEEP)
    assert token.resolve() is None


# --- On a terminal -----------------------------------------------------------------------------


def on_terminal(*arguments: str, typed: str = "") -> tuple[int, str]:
    """Run the command on a terminal of its own; return its status and all that is seen there."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [sys.executable, str(ROOT / "manage.py"), "adopt", *arguments]
    given = environment(MONGODB_URI=settings.MONGODB_URI, SECRET_KEY=KEY)
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=given) as ran:
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = b""
        with suppress(OSError):  # Linux says so when nobody has the terminal any more
            while read := os.read(ours, 4096):
                seen += read
    os.close(ours)
    return ran.returncode, seen.decode()


@pytest.mark.long
def test_a_terminal_shows_a_bar_and_a_pipe_does_not(spoilt: Database[Any]) -> None:
    status, seen = on_terminal()
    assert status == 1
    assert re.search(r"\busers: +\d+%", seen)
    piped = manage("adopt", MONGODB_URI=settings.MONGODB_URI, SECRET_KEY=KEY)
    assert (piped.returncode, piped.stderr) == (1, "")


@pytest.mark.long
@pytest.mark.parametrize(("typed", "status"), [("yes\n", 0), ("y\n", 1), ("\n", 1), ("\x04", 1)])
def test_on_a_terminal_wrapping_waits_for_a_yes(
    typed: str, status: int, flasks: Database[Any]
) -> None:
    flasks["users"].insert_one({"username": "ann", "password": sha256("one")})
    ended, seen = on_terminal("--apply", "--wrap-passwords", typed=typed)
    assert ended == status, seen
    assert "no longer be able to log in 1 user" in seen
    wrapped = flasks["users"].count_documents({"password": {"$regex": "^argon2_flask_sha256"}})
    assert wrapped == (status == 0)
