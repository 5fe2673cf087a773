"""What a document was: operators see it whole, compare it with what came next, and restore it."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.test import Client

from accounts.audit import AuditEntry
from accounts.operators import Role
from templatesvc.admin.differences import MAX_CHARACTERS, MAX_LINES, Line, difference
from tests.accounts.operators import messages, operators_browser, page_of
from tests.accounts.operators import text as markup_free
from tests.conftest import Person
from tests.films.documents import Specimen

pytestmark = pytest.mark.store

NOTES = "\n".join(f"line {n}" for n in range(20))


@pytest.fixture
def root() -> Client:
    return operators_browser("root")


@pytest.fixture
def emma(alice: Person) -> Specimen:
    """A specimen in its third version."""
    emma = Specimen.create(alice.name, {"label": "Emma", "notes": NOTES, "tags": ["a"]})
    for changes in ({"notes": NOTES.replace("line 9", "LINE 9")}, {"tags": ["a", "b"]}):
        current = found(emma)
        Specimen.objects.of(alice.name).filter(id=emma.id).replace(current.own_values | changes)
    return found(emma)


def found(specimen: Specimen) -> Specimen:
    current = Specimen.objects(id=specimen.id).first()
    assert current
    return current


def text(answer: Any) -> str:
    return html.unescape(markup_free(answer))


def restore(browser: Client, specimen: Specimen, number: int, **form: str) -> Any:
    path = page_of(specimen, "version", number)
    state = browser.get(path).context["state"]
    return browser.post(path, {"_state": state, "reason": "asked for"} | form)


def test_a_version_is_seen_whole_beside_what_the_next_changed(root: Client, emma: Specimen) -> None:
    history = root.get(page_of(emma, "history")).content.decode()
    assert f'href="{page_of(emma, "version", 1)}"' in history
    page = text(root.get(page_of(emma, "version", 1)))
    assert "line 0 line 1 line 2 line 3" in page
    assert "line 18 line 19" in page
    assert "What version 2 changed Notes" in page
    assert "line 8 - line 9 + LINE 9 line 10" in page
    assert "Tags - " not in page
    last = text(root.get(page_of(emma, "version", 2)))
    assert 'What is different now Tags [ - "a" + "a", + "b" ] Restore' in last


def test_a_version_is_restored_as_a_new_one(root: Client, emma: Specimen) -> None:
    answer = restore(root, emma, 1)
    assert answer.headers["Location"] == page_of(emma)
    assert messages(root) == "Version 1 of “Emma” was restored."
    now_there = found(emma)
    assert (now_there.version, now_there.notes, now_there.tags) == (4, NOTES, ["a"])
    assert [v.version for v in Specimen.Version.of("alice", emma.id).order_by("version")] == [
        1,
        2,
        3,
    ]
    entry = AuditEntry.objects.order_by("-id").first()
    assert (entry.action, entry.by) == ("specimen_restored", "root")
    assert entry.changes == {"version": [3, 4]}
    assert entry.details == {"restored": 1, "reason": "asked for"}


def test_a_reason_is_asked_for(root: Client, emma: Specimen) -> None:
    answer = restore(root, emma, 1, reason="")
    assert answer.context["form"].errors.keys() == {"reason"}
    assert found(emma).version == 3


def test_what_somebody_saved_meanwhile_is_not_overwritten(root: Client, emma: Specimen) -> None:
    path = page_of(emma, "version", 1)
    opened = root.get(path).context["state"]
    theirs = found(emma).own_values | {"notes": "hers"}
    Specimen.objects.of("alice").filter(id=emma.id).replace(theirs)
    answer = root.post(path, {"_state": opened, "reason": "asked for"})
    assert "alice, the owner, saved" in text(answer)
    assert found(emma).notes == "hers"
    again = root.post(path, {"_state": answer.context["state"], "reason": "asked for"})
    assert again.status_code == 302
    assert found(emma).notes == NOTES


def test_what_the_owner_has_already_is_not_made_again(root: Client, emma: Specimen) -> None:
    Specimen.create("alice", {"label": "Another"})
    # As though it had been called so: not every server frees a value that was replaced.
    assert emma.Version.of("alice", emma.id).filter(version=1).update(set__label="Another") == 1
    assert "Its owner has a specimen like this already." in text(restore(root, emma, 1))
    assert found(emma).label == emma.label


def test_a_viewer_sees_versions_and_restores_none(emma: Specimen) -> None:
    viewer, path = operators_browser("viewer", Role.VIEWER), page_of(emma, "version", 1)
    answer = viewer.get(path)
    assert "line 18 line 19" in text(answer)
    assert "Restore" not in text(answer)
    form = {"_state": answer.context["state"], "reason": "mine"}
    assert viewer.post(path, form).status_code == 403
    assert found(emma).version == 3


@pytest.mark.parametrize("number", [3, 4, 10**18 - 1])
def test_a_version_that_is_not_kept_is_a_404(root: Client, emma: Specimen, number: int) -> None:
    assert root.get(page_of(emma, "version", number)).status_code == 404


def test_somebody_elses_version_of_the_same_id_is_none_of_these(
    root: Client, emma: Specimen, bob: Person
) -> None:
    Specimen.objects.of("alice").filter(id=emma.id).remove()
    Specimen(id=emma.id, owner=bob.name, label="His").insert()
    assert root.get(page_of(emma, "version", 1)).status_code == 404


def test_what_was_deleted_has_its_versions_and_its_history(root: Client, emma: Specimen) -> None:
    root.post(page_of(emma, "delete"), {"post": "yes", "reason": "spam"})
    deleted = Specimen.Version.objects(deleted_at__ne=None).first()
    history = text(root.get(page_of(deleted, "history")))
    assert (
        "An operator deleted a specimen of the account. version: 3 → none; reason: spam" in history
    )
    assert "Version 3 was deleted." in history
    page = root.get(page_of(deleted, "version", 1))
    assert "line 8 - line 9 + LINE 9 line 10" in text(page)
    assert "Restore version" not in text(page)
    form = {"_state": "", "reason": "mine"}
    assert root.post(page_of(deleted, "version", 1), form).status_code == 403


def test_scripts_in_a_version_are_shown_as_text(root: Client, alice: Person) -> None:
    script = "<script>alert(1)</script>"
    specimen = Specimen.create(alice.name, {"label": script, "notes": script})
    Specimen.objects.of("alice").filter(id=specimen.id).replace({"label": "Emma", "notes": "x"})
    assert script not in root.get(page_of(specimen, "version", 1)).content.decode()


# --- What differs ---------------------------------------------------------------------------------


def test_texts_that_are_alike_differ_in_nothing() -> None:
    assert difference("a\nb", "a\nb") == []


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("", "a", "+a"),
        ("a", "", "-a"),
        ("a\nb\nc", "a\nc", " a|-b| c"),
        ("a", "b", "-a|+b"),
        ("a\na", "a", " a|-a"),
    ],
)
def test_lines_that_went_and_came_have_signs(before: str, after: str, lines: str) -> None:
    assert difference(before, after) == [Line(line[0], line[1:]) for line in lines.split("|")]


def test_much_that_is_alike_is_left_out() -> None:
    many = [str(n) for n in range(10 * MAX_LINES)]
    found = difference("\n".join(many), "\n".join([*many[:5000], "x", *many[5000:]]))
    assert found is not None
    assert [line.sign for line in found] == [" ", " ", " ", "+"]


def test_too_many_lines_are_not_compared() -> None:
    many = [f"{n}\n" for n in range(MAX_LINES + 1)]
    assert difference("".join(many), "".join(many[::-1])) is None


def test_too_long_lines_are_not_compared() -> None:
    half = "x" * (MAX_CHARACTERS // 2)
    assert difference(half, half[1:]) is not None
    assert difference(half, f"{half}x") is None
    assert difference(f"{half * 2}\na", f"{half * 2}\nb") is None  # beside what differs
