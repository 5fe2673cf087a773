"""What operators do about templates on their pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.audit import AuditEntry, actions_of
from templates_app.documents import Template
from tests.accounts.operators import messages, operators_browser, page_of, text
from tests.conftest import Person

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def root() -> Client:
    return operators_browser("root")


def state_of(browser: Client, template: Template) -> str:
    """Return what the form of a page says that it was opened on."""
    page = browser.get(page_of(template)).content.decode()
    return page.partition('name="_state" value="')[2].partition('"')[0].replace("&quot;", '"')


def save(browser: Client, of: Template, state: str = "", **form: str) -> Any:
    fields = {"_state": state or state_of(browser, of), "kind": "text", "reason": "asked for"}
    return browser.post(page_of(of), fields | form)


def stored(template: Template) -> Any:
    return Template.objects(id=template.id).first().template


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        ("text", "Dear {name},\r\n\r\n thanks\r\n", "Dear {name},\n\n thanks\n"),
        ("object", '{"kind": "book", "year": 1949}', {"kind": "book", "year": 1949}),
        ("text", '{"kind": "book"}', '{"kind": "book"}'),
        ("text", "=1+1", "=1+1"),
    ],
)
def test_a_template_is_edited_with_a_reason(
    root: Client, alice: Person, kind: str, typed: str, kept: Any
) -> None:
    template = Template.create(alice.name, {"template": "First"})
    answer = save(root, template, kind=kind, template=typed)
    assert answer.headers["Location"] == page_of(template)
    assert stored(template) == kept
    entry = AuditEntry.objects.order_by("-id").first()
    assert (entry.action, entry.by, entry.username) == (
        actions_of(Template.names).CHANGED,
        "root",
        "alice",
    )
    assert entry.document == f"templates/{template.id}"
    assert entry.details == {"reason": "asked for"}
    (version,) = Template.Version.of(alice.name, template.id)
    assert version.template == "First"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"template": ""}, "This field is required."),
        ({"template": "new", "reason": ""}, "This field is required."),
        ({"template": "new", "kind": ""}, "This field is required."),
        ({"template": "{", "kind": "object"}, "not valid JSON"),
        ({"template": "[]", "kind": "object"}, "A template is a text or a JSON object."),
        ({"template": '{"$set": 1}', "kind": "object"}, "can't be kept"),
        ({"template": '{"a": 1, "a": 2}', "kind": "object"}, "given twice"),
        ({"template": "x" * 100_001}, "100,001"),
        ({"template": "Second"}, "Template already exists on your profile"),
    ],
)
def test_what_is_refused_is_told_and_kept_in_the_form(
    root: Client, alice: Person, form: dict[str, str], said: str
) -> None:
    template = Template.create(alice.name, {"template": "First"})
    Template.create(alice.name, {"template": "Second"})
    answer = save(root, template, **form)
    assert answer.status_code == 200
    page = text(answer).replace("&#x27;", "'")
    assert said in page
    assert form["template"].replace('"', "&quot;") in answer.content.decode()
    assert stored(template) == "First"


def test_who_saves_second_is_told_and_shown_both(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    opened = state_of(root, template)
    alice.client.put(f"/api/v1/templates/{template.id}", {"template": "Alice's"})
    answer = save(root, template, opened, template="Root's")
    page = text(answer)
    assert "alice, the owner, saved while you had this page open." in page
    assert "Template Alice&#x27;s Root&#x27;s" in page
    assert stored(template) == "Alice's"
    again = answer.content.decode().partition('name="_state" value="')[2].partition('"')[0]
    assert save(root, template, again.replace("&quot;", '"'), template="Root's").status_code == 302
    assert stored(template) == "Root's"


def test_a_change_past_the_version_is_noticed_too(root: Client, alice: Person) -> None:
    """The Flask service changes a template without touching its version."""
    template = Template.create(alice.name, {"template": "First"})
    opened = state_of(root, template)
    Template._get_collection().update_one({"_id": template.id}, {"$set": {"template": "Flask's"}})
    assert "alice, the owner, saved" in text(save(root, template, opened, template="Root's"))
    assert stored(template) == "Flask's"


def test_a_template_that_is_gone_is_a_404(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    opened = state_of(root, template)
    Template.objects.of(alice.name).filter(id=template.id).remove()
    assert save(root, template, opened, template="Root's").status_code == 404


def test_the_history_has_the_versions_and_the_acts(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    save(root, template, template="Second")
    page = text(root.get(page_of(template, "history")))
    assert "root An operator changed a template of the account." in page
    assert "version: 1 → 2; reason: asked for" in page
    assert "root Version 1 was replaced. First" in page


def test_the_history_names_who_ended_each_version(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    alice.client.put(f"/api/v1/templates/{template.id}", {"template": "Second"})
    save(root, template, template="Third")
    alice.client.delete(f"/api/v1/templates/{template.id}")
    page = text(root.get(page_of(template.Version.objects(deleted_at__ne=None).first(), "history")))
    for said in ("alice Version 1 was replaced", "root Version 2 was replaced"):
        assert said in page
    assert "alice Version 3 was deleted" in page


def test_the_history_names_the_operator_who_deleted_and_restored(
    root: Client, alice: Person
) -> None:
    template = Template.create(alice.name, {"template": "First"})
    root.post(page_of(template, "delete"), {"post": "yes", "reason": "spam"})
    version = Template.Version.objects(document_id=template.id).first()
    assert "root Version 1 was deleted" in text(root.get(page_of(version, "history")))
    root.post(page_of(version, "restore"), {"post": "yes", "reason": "no spam"})
    opened = state_of(root, template)
    Template.objects.of(alice.name).filter(id=template.id).replace({"template": "Second"})
    operators = [entry.changes for entry in AuditEntry.objects(by="root").order_by("id")]
    assert operators == [{"version": [1, None]}, {"version": [None, 2]}]
    assert "alice, the owner, saved" in text(save(root, template, opened, template="Third"))


def test_what_is_older_than_the_audit_is_nobodys(
    root: Client, alice: Person, settings: LazySettings
) -> None:
    template = Template.create(alice.name, {"template": "First"})
    alice.client.put(f"/api/v1/templates/{template.id}", {"template": "Second"})
    settings.AUDIT_RETENTION = timedelta()
    page = text(root.get(page_of(template, "history")))
    assert "Version 1 was replaced" in page
    assert "alice Version 1 was replaced" not in page


def test_a_template_is_deleted_with_a_reason_and_restored(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    assert root.post(page_of(template, "delete"), {"post": "yes"}).status_code == 200
    form = {"post": "yes", "reason": "spam"}
    answer = root.post(page_of(template, "delete"), form)
    assert answer.headers["Location"] == "/admin/templates_app/template"
    assert messages(root) == "“First” was deleted."
    assert alice.client.get(f"/api/v1/templates/{template.id}").status_code == 404
    version = Template.Version.objects(document_id=template.id).first()
    deleted = "/admin/templates_app/deletedtemplate"
    assert "1 deleted template" in text(root.get(f"{deleted}?owner=alice"))
    assert root.post(page_of(version, "restore"), form).headers["Location"] == deleted
    assert "0 deleted templates" in text(root.get(deleted))
    assert alice.client.get(f"/api/v1/templates/{template.id}").json()["template"] == "First"
    acts = [entry.action for entry in AuditEntry.objects(username="alice").order_by("id")]
    assert acts == ["template_deleted", "template_restored"]


def test_what_is_there_again_can_not_be_restored(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    Template.objects.of(alice.name).filter(id=template.id).remove()
    Template.create(alice.name, {"template": "First"})
    version = Template.Version.objects(document_id=template.id).first()
    answer = root.post(page_of(version, "restore"), {"post": "yes", "reason": "asked for"})
    assert "Template already exists on your profile" in text(answer)


def test_what_has_lost_its_id_to_somebody_else_is_restored_under_another(
    root: Client, alice: Person, bob: Person
) -> None:
    template = Template.create(alice.name, {"template": "First"})
    Template.objects.of(alice.name).filter(id=template.id).remove()
    Template(id=template.id, owner=bob.name, template="His").insert()
    version = Template.Version.objects(document_id=template.id).first()
    root.post(page_of(version, "restore"), {"post": "yes", "reason": "asked for"})
    (restored,) = Template.objects.of(alice.name)
    assert (restored.template, stored(template)) == ("First", "His")
    assert AuditEntry.objects(document=f"templates/{restored.id}").count() == 1


@pytest.mark.parametrize("value", [5, None, True, ["a"], {"a": {"b": 1}}, "", 1.5])
def test_whatever_the_flask_service_stored_has_its_pages(root: Client, value: Any) -> None:
    id = Template._get_collection().insert_one({"profile": "alice", "template": value}).inserted_id
    template = Template.objects(id=id).first()
    for path in (page_of(template), page_of(template, "history"), "/admin/templates_app/template"):
        assert root.get(path).status_code == 200
    answer = root.post(page_of(template, "delete"), {"post": "yes", "reason": "asked for"})
    assert answer.status_code == 302
    assert Template.objects(id=id).first() is None


@pytest.mark.parametrize("value", [SCRIPT, {SCRIPT: SCRIPT}, "{{ settings.SECRET_KEY }}", "a\n\nb"])
def test_scripts_in_templates_are_shown_as_text(root: Client, alice: Person, value: Any) -> None:
    template = Template.create(alice.name, {"template": value})
    for path in (
        page_of(template),
        page_of(template, "delete"),
        page_of(template, "history"),
        "/admin/templates_app/template",
    ):
        assert SCRIPT not in root.get(path).content.decode()


def test_a_text_saved_unchanged_stays_as_it_was(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "\n\n two lines,\t\n"})
    page = root.get(page_of(template)).content.decode()
    box = page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]
    assert box == "\n\n\n two lines,\t\n"  # of which a browser drops the first
    save(root, template, template=box[1:].replace("\n", "\r\n"))
    assert stored(template) == "\n\n two lines,\t\n"


def test_old_versions_are_no_deleted_templates(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    save(root, template, template="Second")
    for query in ("", "?owner=alice"):
        assert "0 deleted templates" in text(
            root.get(f"/admin/templates_app/deletedtemplate{query}")
        )
