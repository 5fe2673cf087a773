"""What operators see and do of a resource that says only what its list shows."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from bson import Decimal128, ObjectId
from django.test import Client
from pytest_django import Settings
from rest_framework import serializers

from accounts.audit import AuditEntry
from accounts.operators import Role
from accounts.resources import ResourceAdmin
from templatesvc.admin import site
from templatesvc.api.documents import DocumentSerializer
from tests.accounts.operators import messages, operators_browser, page_of
from tests.accounts.operators import text as markup_free
from tests.conftest import Person
from tests.films.documents import Finder, Specimen

pytestmark = pytest.mark.store

LIST = "/admin/films/specimen"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
FULL: dict[str, Any] = {
    "label": "Emma",
    "notes": " two\r\nlines ",
    "kingdom": "animal",
    "stage": 2,
    "legs": 4,
    "mass": 1.5,
    "price": Decimal128("1.10"),
    "is_rare": True,
    "is_alive": True,
    "seen_at": NOON,
    "born_on": NOON.date(),
    "parent": ObjectId("6b079a1d0000000000000001"),
    "page": "https://example.org/emma",
    "tags": ["red", "blue"],
    "counts": [1, 2],
    "anything": [1, {"a": None}],
    "measures": {"height": 3, "at": NOON},
    "raw": {"a": [1]},
    "finder": Finder(name="Ada", found_at=NOON),
}


@pytest.fixture
def root() -> Client:
    return operators_browser("root")


@pytest.fixture
def emma(alice: Person) -> Specimen:
    return Specimen.create(alice.name, FULL)


def text(answer: Any) -> str:
    return html.unescape(markup_free(answer))


def opened(browser: Client, specimen: Specimen) -> dict[str, Any]:
    """Return what a browser would send of the form of a page that was not touched."""
    page = browser.get(page_of(specimen))
    values = {field.html_name: field.value() for field in page.context["form"]}
    return {"_state": page.context["state"], "reason": "asked for"} | {
        name: value.replace("\n", "\r\n") if isinstance(value, str) else "on"
        for name, value in values.items()
        if value
    }


def save(browser: Client, specimen: Specimen, **typed: str) -> Any:
    return browser.post(page_of(specimen), opened(browser, specimen) | typed)


def stored(specimen: Specimen) -> dict[str, Any]:
    found = Specimen._get_collection().find_one({"_id": specimen.id})
    assert found is not None
    return {name: v for name, v in found.items() if name not in ("version", "updated_at")}


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["form"].errors)


# --- The form -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        ("notes", "a\r\nb", "a\nb"),
        ("kingdom", "plant", "plant"),
        ("stage", "1", 1),
        ("legs", "8", 8),
        ("mass", "2.5", 2.5),
        ("price", "1.23", Decimal128("1.23")),
        ("is_alive", "false", False),
        ("seen_at", "2026-01-31T13:00:00+01:00", NOON),
        ("seen_at", "2026-02-01T12:00:00.5Z", datetime(2026, 2, 1, 12, 0, 0, 500_000, UTC)),
        ("born_on", "2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("parent", "6b079a1d0000000000000002", ObjectId("6b079a1d0000000000000002")),
        ("page", "https://example.org/", "https://example.org/"),
        ("tags", "a b\r\n\r\nc\r\n", ["a b", "c"]),
        ("counts", "3\r\n4", [3, 4]),
        ("anything", '[{"$numberDecimal": "1.10"}]', [Decimal128("1.10")]),
        ("measures", '{"at": {"$date": "2026-01-31T12:00:00Z"}}', {"at": NOON}),
        ("raw", '"a text"', "a text"),
        ("finder", '{"name": "Bo"}', {"name": "Bo"}),
    ],
)
def test_a_field_is_changed_and_all_others_stay_to_the_bit(
    root: Client, emma: Specimen, field: str, typed: str, kept: Any
) -> None:
    before = stored(emma)
    answer = save(root, emma, **{field: typed})
    assert answer.status_code == 302, errors(answer)
    name = Specimen._fields[field].db_field
    assert stored(emma) | {name: None} == before | {name: None}
    assert stored(emma)[name] == kept


@pytest.mark.parametrize(
    ("field", "empty"),
    [
        *[(name, None) for name in ("notes", "stage", "mass", "price", "is_alive", "seen_at")],
        *[(name, None) for name in ("born_on", "parent", "page", "raw", "finder")],
        ("legs", 6),
        *[("tags", []), ("counts", []), ("anything", None), ("measures", {})],
    ],
)
def test_a_field_is_emptied_to_its_default(
    root: Client, emma: Specimen, field: str, empty: Any
) -> None:
    answer = save(root, emma, **{field: ""})
    assert answer.status_code == 302, errors(answer)
    assert getattr(Specimen.objects(id=emma.id).first(), field) == empty
    assert empty is not None or field not in stored(emma)


def test_a_box_is_unticked(root: Client, emma: Specimen) -> None:
    form = opened(root, emma)
    form.pop("is_rare")
    assert root.post(page_of(emma), form).status_code == 302
    assert stored(emma)["is_rare"] is False


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("label", "", "This field is required."),
        ("label", "x" * 101, "no more than 100 characters"),
        ("kingdom", "fungus", "not one of the available choices"),
        ("stage", "3", "not one of the available choices"),
        ("legs", "six", "A valid integer is required."),
        ("legs", str(2**63), "less than or equal to"),
        ("mass", "nan", "A valid number is required."),
        ("price", "much", "A valid number is required."),
        ("is_alive", "perhaps", "not one of the available choices"),
        ("seen_at", "noon", "wrong format"),
        ("born_on", "31.1.2026", "wrong format"),
        ("parent", "emma", "24 hexadecimal digits"),
        ("page", "emma", "Enter a valid URL."),
        ("tags", "red\r\n" + "x" * 51, "1: Ensure this field has no more than 50 characters."),
        ("counts", "1\r\nb", "1: A valid integer is required."),
        ("anything", "[1,", "This is not valid JSON"),
        ("measures", "[]", "Give a JSON object."),
        ("measures", '{"$set": 1}', "can't be kept"),
        ("raw", '{"a": 1, "a": 2}', "given twice"),
        ("raw", "[" * 2000, "This is not valid JSON"),
        ("finder", '{"name": 5}', "name: Not a valid string."),
        ("finder", "{}", "name: This field is required."),
        ("finder", '{"name": "Bo", "age": 5}', "age: Unknown field."),
    ],
)
def test_what_is_refused_is_told_beside_its_field_and_kept(
    root: Client, emma: Specimen, field: str, typed: str, said: str
) -> None:
    before = stored(emma)
    answer = save(root, emma, **{field: typed})
    assert errors(answer).keys() == {field}
    assert said in " ".join(errors(answer)[field])
    assert answer.context["form"][field].value() == typed
    assert stored(emma) == before


def test_a_reason_is_asked_for(root: Client, emma: Specimen) -> None:
    assert errors(save(root, emma, label="Emmy", reason="")).keys() == {"reason"}


def test_who_touched_nothing_is_told_and_nothing_is_written(root: Client, emma: Specimen) -> None:
    assert errors(save(root, emma)) == {"__all__": ["You have changed nothing."]}
    assert [found.version for found in Specimen.objects(id=emma.id)] == [1]
    assert AuditEntry.objects.count() == 0


def test_a_number_that_is_none_to_a_browser_stays_until_it_is_touched(
    root: Client, emma: Specimen
) -> None:
    Specimen._get_collection().update_one({"_id": emma.id}, {"$set": {"mass": float("inf")}})
    page = root.get(page_of(emma)).content.decode()
    assert 'type="number"' not in page
    assert save(root, emma, legs="8").status_code == 302
    assert stored(emma)["mass"] == float("inf")


@pytest.mark.parametrize("tags", [["a\nb", "c"], ["", "a"], ["a\u2028b"]])
def test_a_list_whose_entries_are_not_lines_is_typed_as_json(
    root: Client, alice: Person, tags: list[str]
) -> None:
    specimen = Specimen.create(alice.name, FULL | {"tags": tags})
    typed = opened(root, specimen)["tags"]
    assert typed.startswith("[")
    assert save(root, specimen, tags=typed.replace("a", "x")).status_code == 302
    assert stored(specimen)["tags"] == [tag.replace("a", "x") for tag in tags]


def test_what_the_owner_has_already_is_refused(root: Client, alice: Person) -> None:
    Specimen.create(alice.name, FULL)
    other = Specimen.create(alice.name, FULL | {"label": "Other"})
    answer = save(root, other, label="Emma")
    assert errors(answer) == {"__all__": ["Its owner has a specimen like this already."]}


def test_an_owner_without_room_is_told_of(root: Client, emma: Specimen, settings: Settings) -> None:
    settings.QUOTA_BYTES = 1
    assert "You keep" in errors(save(root, emma, legs="8"))["__all__"][0]
    assert stored(emma)["legs"] == 4


def test_who_saves_second_is_told_and_shown_both(root: Client, emma: Specimen) -> None:
    form = opened(root, emma) | {"legs": "8"}
    save(root, emma, tags="red\r\ngreen", legs="5")
    answer = root.post(page_of(emma), form)
    assert "root saved while you had this page open." in text(answer)
    assert "Legs 5 8" in text(answer)
    assert "Tags red green red blue" in text(answer)
    assert stored(emma)["legs"] == 5
    again = form | {"_state": answer.context["state"], "tags": "red\r\ngreen"}
    assert root.post(page_of(emma), again).status_code == 302
    assert (stored(emma)["legs"], stored(emma)["tags"]) == (8, ["red", "green"])


# --- The list and the page ------------------------------------------------------------------------


def labels(browser: Client, **query: str) -> list[str]:
    answer = browser.get(LIST, query)
    assert answer.status_code == 200
    return [found.label for found in answer.context["cl"].results]


def test_a_list_is_searched_filtered_and_sorted(root: Client, alice: Person, bob: Person) -> None:
    rows = [("Ant", ["insect"], 6, alice), ("Bee", ["Insect"], 4, alice), ("Cat", [], 4, bob)]
    for label, tags, legs, owner in rows:
        values = {
            "label": label,
            "tags": tags,
            "legs": legs,
            "kingdom": "animal",
            "stage": legs // 3,
        }
        Specimen.create(owner.name, values)
    Specimen.create(bob.name, {"label": "Daisy", "kingdom": "plant", "is_rare": True})
    assert labels(root) == ["Daisy", "Cat", "Bee", "Ant"]
    assert labels(root, q="INSECT") == ["Bee", "Ant"]
    assert labels(root, q="ai") == ["Daisy"]
    assert labels(root, owner="alice") == ["Bee", "Ant"]
    assert labels(root, kingdom="plant") == ["Daisy"]
    assert labels(root, stage="2") == ["Ant"]
    assert labels(root, is_rare="yes") == ["Daisy"]
    assert labels(root, is_rare="no", owner="bob") == ["Cat"]
    assert labels(root, owner="alice", o="label") == ["Ant", "Bee"]
    assert labels(root, owner="alice", o="-legs") == ["Ant", "Bee"]
    assert labels(root, created="24h") == labels(root)
    page = text(root.get(LIST))
    assert "Any part of a text in label or tags." in page
    assert "By stage All Egg Adult" in page
    assert "By kingdom All Animal Plant" in page


def test_a_list_shows_how_a_long_text_begins_and_the_page_all(root: Client, alice: Person) -> None:
    long = Specimen.create(alice.name, {"label": "x" * 100, "tags": ["y" * 50, "z" * 50]})
    page = root.get(LIST).content.decode()
    assert f">{'x' * 80}…<" in page
    assert f">{'y' * 50}, {'z' * 28}…<" in page
    viewer = operators_browser("viewer", Role.VIEWER)
    assert f">{'x' * 100}<" in viewer.get(page_of(long)).content.decode()


def test_the_page_shows_everything_to_who_may_only_look(emma: Specimen) -> None:
    page = text(operators_browser("viewer", Role.VIEWER).get(page_of(emma)))
    for line in (
        *("Label: Emma", "Notes: two lines", "Kingdom: animal", "Stage: 2", "Legs: 4"),
        *("Mass: 1.5", "Price: 1.10", "Seen at (UTC): 2026-01-31 12:00", "Born on: 2026-01-31"),
        *("Tags: red, blue", "Counts: 1, 2", 'Anything: [1,{"a":null}]', 'Raw: {"a":[1]}'),
        'Measures: {"height":3,"at":"2026-01-31T12:00:00.000Z"}',
        'Finder: {"name":"Ada","at":"2026-01-31T12:00:00.000Z"}',
        *("Owner: alice", f"{emma.id}", "Version: 1"),
        f"Created at (UTC): {emma.created:%Y-%m-%d %H:%M}",
    ):
        assert line in page, line
    assert "Save" not in page


def test_what_somebody_typed_is_shown_as_text(root: Client, alice: Person) -> None:
    script = "<script>alert(1)</script>"
    texts = {"label": script, "notes": script, "tags": [script], "measures": {script: script}}
    specimen = Specimen.create(alice.name, texts)
    save(root, specimen, label=f"{script}!")
    for path in (
        LIST,
        page_of(specimen),
        page_of(specimen, "delete"),
        page_of(specimen, "history"),
    ):
        assert script not in root.get(path).content.decode()


# --- Deleting, restoring, history -----------------------------------------------------------------


def test_a_document_is_deleted_with_a_reason_and_restored(root: Client, emma: Specimen) -> None:
    before, form = stored(emma), {"post": "yes", "reason": "spam"}
    page = text(root.get(page_of(emma, "delete")))
    assert "It can be restored while it is among the deleted specimens." in page
    assert errors(root.post(page_of(emma, "delete"), {"post": "yes"})).keys() == {"reason"}
    assert root.post(page_of(emma, "delete"), form).headers["Location"] == LIST
    assert messages(root) == "“Emma” was deleted."
    deleted = "/admin/films/deletedspecimen"
    assert "1 deleted specimen" in text(root.get(f"{deleted}?owner=alice"))
    version = Specimen.Version.objects.first()
    assert "Specimen" in text(root.get(deleted))
    assert 'Raw: {"a":[1]}' in text(root.get(page_of(version)))
    assert root.post(page_of(version, "restore"), form).headers["Location"] == deleted
    assert messages(root) == "“Emma” was restored."
    assert stored(emma) == before
    told = [(e.action, e.by, e.username, e.document, e.details) for e in AuditEntry.objects]
    name, reason = f"specimens/{emma.id}", {"reason": "spam"}
    assert told == [
        ("specimen_deleted", "root", "alice", name, reason),
        ("specimen_restored", "root", "alice", name, reason),
    ]


def test_ticked_documents_are_deleted_together(root: Client, alice: Person) -> None:
    made = [Specimen.create(alice.name, {"label": label}) for label in ("A", "B", "C")]
    ticked = [str(specimen.id) for specimen in made[:2]]
    form = {"action": "delete", "_selected_action": ticked, "post": "yes", "reason": "spam"}
    assert root.post(LIST, form).status_code == 302
    assert labels(root) == ["C"]


def test_the_history_has_the_states_and_the_acts(root: Client, emma: Specimen) -> None:
    save(root, emma, legs="8")
    page = text(root.get(page_of(emma, "history")))
    assert (
        "root An operator changed a specimen of the account. version: 1 → 2; reason: asked for"
        in page
    )
    assert "Version 1 was replaced. Label: Emma;" in page
    assert "Legs: 4; Mass: 1.5; Price: 1.10; Is rare: true; Is alive: true;" in page
    assert "Born on: 2026-01-31" in page


def test_the_history_has_the_newest_first(root: Client, emma: Specimen) -> None:
    save(root, emma, legs="8")
    save(root, emma, legs="2")
    page = text(root.get(page_of(emma, "history")))
    told = ["version: 2 → 3", "Version 2 was replaced", "version: 1 → 2", "Version 1 was replaced"]
    places = [page.index(each) for each in told]
    assert places == sorted(places)


def test_a_page_tells_what_no_form_changes(root: Client, emma: Specimen) -> None:
    page = text(root.get(page_of(emma)))
    assert re.search(r"Version: 1 Created at \(UTC\): 20\S+ \S+ Updated at \(UTC\): 20", page)
    assert str(emma.id) in page


def test_the_list_of_deleted_ones_names_its_columns(root: Client, emma: Specimen) -> None:
    Specimen.objects(id=emma.id).remove()
    page = text(root.get("/admin/films/deletedspecimen"))
    assert "Specimen Owner Version Deleted at (UTC) Expires at (UTC) Emma alice 1" in page


# --- What an author may add -----------------------------------------------------------------------


class CarefulSerializer(DocumentSerializer):
    """What checks more than the document says."""

    class Meta:
        document = Specimen
        fields = ("label", "legs")
        example: ClassVar = {"label": "Emma", "legs": 6}

    def validate_legs(self, legs: int) -> int:
        if legs % 2:
            raise serializers.ValidationError("Legs come in pairs.")
        return legs


class CarefulAdmin(ResourceAdmin):
    serializer_class = CarefulSerializer


@pytest.fixture
def careful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pages of another class."""
    admin, other = site.admins[Specimen], CarefulAdmin(Specimen, site)
    for name in ("serializer", "form_class"):
        monkeypatch.setattr(admin, name, getattr(other, name))


@pytest.mark.usefixtures("careful")
def test_a_serializer_of_the_authors_says_what_the_form_has_and_checks_it(
    root: Client, emma: Specimen
) -> None:
    assert opened(root, emma).keys() == {"_state", "label", "legs", "reason"}
    assert "Notes: two lines" in text(root.get(page_of(emma)))
    assert errors(save(root, emma, legs="5")) == {"legs": ["Legs come in pairs."]}
    before = stored(emma)
    assert save(root, emma, legs="8").status_code == 302
    assert stored(emma) == before | {"legs": 8}


# --- What stops the start -------------------------------------------------------------------------


def test_a_filter_by_a_field_without_choices_stops_the_start() -> None:
    class Wrong(ResourceAdmin):
        list_filter = ("notes",)

    with pytest.raises(TypeError, match=re.escape("Wrong.list_filter: 'notes' has no choices")):
        Wrong(Specimen, site)


def test_a_field_that_the_form_has_already_stops_the_start() -> None:
    class Reasoned(DocumentSerializer):
        reason = serializers.CharField()

        class Meta:
            document = Specimen
            fields = ("label", "reason")
            example: ClassVar = {"label": "Emma", "reason": "so"}

    class Wrong(ResourceAdmin):
        serializer_class = Reasoned

    with pytest.raises(TypeError, match="has a reason already"):
        Wrong(Specimen, site)
