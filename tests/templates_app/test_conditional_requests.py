"""Entity tags, If-Match and If-None-Match, as RFC 9110 has them in its section 13."""

from __future__ import annotations

import pytest
from bson import ObjectId
from django.test import override_settings

from templates_app.documents import Template
from tests.conftest import Person
from tests.templates_app.templates import URL, listed, make, path

pytestmark = pytest.mark.store

WRITES = ["put", "patch", "delete"]


def test_an_unchanged_template_is_not_sent_again(alice: Person) -> None:
    created = make(alice, "one")
    read = alice.client.get(path(created))
    for known in (created["ETag"], f'"x", {created["ETag"]}', f"W/{created['ETag']}", "*"):
        answer = alice.client.get(path(created), headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b""), known
        # Section 15.4.5: the fields that a 200 would have, of those that a cache needs.
        for name in ("Cache-Control", "Vary"):
            assert answer[name] == read[name]
        assert answer["ETag"] == (known if known.startswith("W/") else read["ETag"])


@pytest.mark.parametrize("header", ['"other"', "nonsense", ""])
def test_a_changed_template_is_sent_again(header: str, alice: Person) -> None:
    answer = alice.client.get(path(make(alice, "one")), headers={"If-None-Match": header})
    assert (answer.status_code, answer.json()["template"]) == (200, "one")


def test_if_match_comes_before_if_none_match(alice: Person) -> None:
    created = make(alice, "one")
    both = {"If-Match": '"other"', "If-None-Match": created["ETag"]}
    assert alice.client.get(path(created), headers=both).status_code == 412
    both["If-Match"] = created["ETag"]
    assert alice.client.get(path(created), headers=both).status_code == 304
    assert alice.client.put(path(created), {"template": "x"}, headers=both).status_code == 412


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("header", ['"other"', "nonsense", "", '"1-", "2-"'])
def test_a_write_on_another_state_is_refused(method: str, header: str, alice: Person) -> None:
    created = make(alice, "one")
    answer = getattr(alice.client, method)(
        path(created), {"template": "x"}, headers={"If-Match": header}
    )
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert answer["ETag"] == alice.client.get(path(created))["ETag"] == created["ETag"]


# What proxies that compress make of a tag: nginx, Apache, Caddy, Jetty.
FORMS = ['W/"{}"', '"{}-gzip"', '"{}--gzip"', '"{}-br"', 'W/"{}-zstd"', '"x", W/"{}"']


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("form", FORMS)
def test_the_tag_that_a_proxy_made_of_ours_is_ours(form: str, method: str, alice: Person) -> None:
    created = make(alice, "one")
    tag = form.replace("{}", created["ETag"].strip('"'))
    known = alice.client.get(path(created), headers={"If-None-Match": tag})
    assert known.status_code == 304
    assert make(alice, "two")["ETag"] not in tag
    changed = getattr(alice.client, method)(
        path(created), {"template": "x"}, headers={"If-Match": tag}
    )
    assert changed.status_code in (200, 204)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("form", FORMS)
def test_a_proxys_form_of_another_states_tag_is_refused(
    form: str, method: str, alice: Person
) -> None:
    created = make(alice, "one")
    alice.client.put(path(created), {"template": "two"})
    headers = {"If-Match": form.replace("{}", created["ETag"].strip('"'))}
    answer = getattr(alice.client, method)(path(created), {"template": "x"}, headers=headers)
    assert answer.status_code == 412
    assert listed(alice) == ["two"]


def test_an_entity_tag_without_its_quotation_marks_is_pointed_out(alice: Person) -> None:
    created = make(alice, "one")
    headers = {"If-Match": created["ETag"].strip('"')}
    answer = alice.client.put(path(created), {"template": "x"}, headers=headers)
    assert answer.status_code == 412
    assert "quotation marks" in answer.json()["detail"]


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("header", ["{}", '"x", {}', '{},"x"', "*"])
def test_a_write_on_the_state_that_was_read_succeeds(
    method: str, header: str, alice: Person
) -> None:
    created = make(alice, "one")
    headers = {"If-Match": header.replace("{}", created["ETag"])}
    answer = getattr(alice.client, method)(path(created), {"template": "x"}, headers=headers)
    assert answer.status_code in (200, 204)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_where_nothing_is_the_answer_is_404_whatever_the_condition(
    header: str, method: str, alice: Person, bob: Person
) -> None:
    # Section 13.2.1: a condition counts only where the answer without it would be 2xx or 412.
    # So what somebody else keeps can't be told from what nobody does.
    for id in (make(bob, "his").json()["id"], ObjectId()):
        for tag in ("*", '"x"'):
            answer = getattr(alice.client, method)(
                f"{URL}/{id}", {"template": "x"}, headers={header: tag}
            )
            assert answer.status_code == 404


def test_a_write_does_not_bring_back_what_was_deleted(alice: Person) -> None:
    created = make(alice, "one")
    alice.client.delete(path(created))
    for headers in ({}, {"If-Match": created["ETag"]}, {"If-None-Match": "*"}):
        answer = alice.client.put(path(created), {"template": "x"}, headers=headers)
        assert answer.status_code == 404
    assert Template.objects.count() == 0


def test_if_none_match_star_never_writes_over(alice: Person) -> None:
    created = make(alice, "one")
    answer = alice.client.put(path(created), {"template": "x"}, headers={"If-None-Match": "*"})
    assert answer.status_code == 412
    assert "If-None-Match rules out" in answer.json()["detail"]
    assert listed(alice) == ["one"]


def test_if_none_match_lets_a_write_on_another_state_through(alice: Person) -> None:
    created = make(alice, "one")
    url, known = path(created), {"If-None-Match": created["ETag"]}
    assert alice.client.put(url, {"template": "two"}, headers=known).status_code == 412
    alice.client.put(url, {"template": "three"})
    assert alice.client.put(url, {"template": "four"}, headers=known).status_code == 200


# --- Where a condition is demanded --------------------------------------------------------------


def test_a_condition_can_be_demanded(alice: Person) -> None:
    created = make(alice, "one")
    url = path(created)
    with override_settings(REQUIRE_IF_MATCH=True):
        for method in WRITES:
            answer = getattr(alice.client, method)(url, {"template": "x"})
            assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")
        headers = {"If-Match": created["ETag"]}
        assert alice.client.put(url, {"template": "x"}, headers=headers).status_code == 200
        restore = alice.client.post(f"{url}/restore", {"version": 1})
        assert restore.status_code == 428
    assert listed(alice) == ["x"]
