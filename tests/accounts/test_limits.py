"""Limits on failed log-ins and on registrations, over time; parallel ones are in test_races.py."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.audit import AuditEntry
from accounts.documents import User
from accounts.limits import Attempts, Lock, TooManyAttempts, failures_of
from templatesvc.mongo.clock import now
from templatesvc.rates import Rate
from tests.accounts.callers import after, browser, log_in, me, post, refresh, tokens_of
from tests.answers import told as said
from tests.conftest import Person

pytestmark = pytest.mark.store

# Addresses that are for documentation only: RFC 5737, RFC 3849.
HOME, OFFICE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def _few(settings: Settings) -> None:
    """As many as a test needs: hashing passwords takes its time."""
    settings.LOGIN_LIMIT_PER_USER = Rate.parse("3/15m")
    settings.LOGIN_LIMIT_PER_ADDRESS = Rate.parse("5/15m")
    settings.REGISTRATION_LIMIT = Rate.parse("2/1h")


def fail(times: int, name: str = "alice", address: str = HOME) -> list[int]:
    return [log_in(name, "wrong", REMOTE_ADDR=address).status_code for _ in range(times)]


def register(name: str, address: str = HOME) -> Any:
    return post("users", {"username": name, "password": "x"}, REMOTE_ADDR=address)


def change(person: Person, password: str, **headers: str) -> int:
    body = {"current_password": password, "new_password": "through-the-looking-glass"}
    status: int = post(
        "users/me/password", body, person.tokens["access_token"], **headers
    ).status_code
    return status


def test_the_eleventh_log_in_is_refused_the_right_password_included(alice: Person) -> None:
    assert fail(11) == [401] * 10 + [429]
    answer = log_in("alice", alice.password, REMOTE_ADDR=OFFICE)
    assert answer.status_code == 429
    assert said(answer).startswith("Too many attempts. Try again in ")
    assert 0 < int(answer["Retry-After"]) <= 900
    assert me(alice.tokens["access_token"]) == 200
    assert refresh(alice.tokens["refresh_token"]).status_code == 200


@pytest.mark.usefixtures("_few", "_still_clock")
def test_the_time_counts_from_the_first_failure_and_is_told(alice: Person) -> None:
    fail(1)
    with after(minutes=10):
        assert fail(3) == [401, 401, 429]
        assert 290 <= int(log_in("alice", alice.password)["Retry-After"]) <= 300
    with after(minutes=14, seconds=50):
        # To be refused is no failure: it makes the time no longer.
        assert log_in("alice", alice.password).status_code == 429
    with after(minutes=15, seconds=1):
        assert log_in("alice", alice.password).status_code == 200


@pytest.mark.usefixtures("_few")
def test_a_time_that_is_over_begins_anew(alice: Person) -> None:
    assert fail(3) == [401] * 3
    with after(minutes=16):
        assert fail(4) == [401] * 3 + [429]
    with after(minutes=30):
        assert fail(1) == [429]
    with after(minutes=31, seconds=5):
        assert log_in("alice", alice.password).status_code == 200


def test_the_wait_is_a_second_at_least() -> None:
    """A Retry-After of 0 would be none."""
    reached = Attempts(count=10, expires_at=now() - timedelta(seconds=1))
    with pytest.raises(TooManyAttempts) as refusal:
        failures_of("alice").refuse(reached)
    assert refusal.value.wait == 1


@pytest.mark.usefixtures("_few")
def test_a_lock_begins_with_its_period_if_the_last_attempt_has_no_time() -> None:
    limit, until = failures_of("alice"), now() + timedelta(minutes=5)
    Attempts._get_collection().insert_one({"_id": limit.key, "count": 3, "expires_at": until})
    assert limit.lock == Lock(until - timedelta(minutes=15), until)


@pytest.mark.parametrize("name", ["alice", "nobody"])
@pytest.mark.usefixtures("_few")
def test_a_name_is_counted_in_one_form_whether_somebody_has_it_or_not(
    name: str, alice: Person
) -> None:
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in name)
    assert fail(3, wide) == [401] * 3
    assert fail(1, name) == [429]


@pytest.mark.usefixtures("_few")
def test_a_success_forgets_the_failures_of_the_name(alice: Person) -> None:
    assert fail(2) == [401] * 2
    assert log_in("alice", alice.password).status_code == 200
    assert fail(2) == [401] * 2
    assert log_in("alice", alice.password).status_code == 200


@pytest.mark.usefixtures("_few")
def test_strangers_keep_nobody_from_changing_their_own_password(alice: Person) -> None:
    assert fail(3) == [401] * 3
    assert log_in("alice", alice.password, REMOTE_ADDR=OFFICE).status_code == 429
    assert change(alice, alice.password, REMOTE_ADDR=OFFICE) == 200


@pytest.mark.usefixtures("_few")
def test_guesses_at_ones_own_password_are_limited_until_an_operator_unlocks(alice: Person) -> None:
    for _ in range(3):
        assert change(alice, "wrong", REMOTE_ADDR=HOME) == 400
    assert change(alice, alice.password, REMOTE_ADDR=OFFICE) == 429
    assert alice.user.lock
    assert alice.user.unlock()
    assert change(alice, alice.password, REMOTE_ADDR=OFFICE) == 200


@pytest.mark.usefixtures("_few")
def test_a_success_forgets_no_failures_of_the_address(alice: Person, bob: Person) -> None:
    """Otherwise whoever has an account could guess at others for ever, one success in between."""
    for _ in range(2):
        assert fail(2, "bob") == [401] * 2
        assert log_in("bob", bob.password, REMOTE_ADDR=HOME).status_code == 200
    assert fail(2, "alice") == [401, 429]
    assert log_in("bob", bob.password, REMOTE_ADDR=HOME).status_code == 429
    assert log_in("bob", bob.password, REMOTE_ADDR=OFFICE).status_code == 200


@pytest.mark.usefixtures("_few")
def test_a_subscriber_of_ipv6_is_one_address(alice: Person) -> None:
    for number in range(5):
        assert fail(1, f"name-{number}", f"2001:db8:0:1::{number + 1}") == [401]
    assert fail(1, "alice", "2001:db8:0:1:ffff::9") == [429]
    assert fail(1, "alice", "2001:db8:0:2::1") == [401]


@pytest.mark.usefixtures("_few")
def test_the_names_of_others_are_not_locked(alice: Person, bob: Person) -> None:
    fail(4)
    assert log_in("bob", bob.password).status_code == 200
    assert log_in("Alice", "wrong").status_code == 401


@pytest.mark.usefixtures("_few")
def test_the_page_to_log_in_counts_and_is_locked_too(alice: Person) -> None:
    page = APIClient()
    form = {"username": "alice", "password": "wrong"}
    for _ in range(3):
        assert "correct username" in page.post("/api-auth/login", form, format="multipart").text
    form["password"] = alice.password
    assert "Too many attempts" in page.post("/api-auth/login", form, format="multipart").text
    assert log_in("alice", alice.password).status_code == 429


@pytest.mark.usefixtures("_few")
def test_sessions_that_stand_go_on(alice: Person) -> None:
    page = browser("alice", alice.password)
    fail(4)
    assert page.get("/api/v1/users/me").status_code == 200
    assert alice.client.get("/api/v1/templates").status_code == 200


# --- Names that nobody has ------------------------------------------------------------------------


def told(name: str) -> list[Any]:
    """Return all that somebody who guesses gets to see."""
    answers = [log_in(name, "wrong", REMOTE_ADDR=HOME) for _ in range(4)]
    return [
        (answer.status_code, answer.content, sorted(set(answer.headers) - {"Retry-After"}))
        for answer in answers[:3]
    ] + [(answers[3].status_code, sorted(answers[3].headers))]


@pytest.mark.parametrize("kind", ["known", "inactive", "of a weak hash", "without password"])
def test_nothing_tells_whether_there_is_such_a_name(
    kind: str, alice: Person, settings: Settings
) -> None:
    settings.LOGIN_LIMIT_PER_USER = Rate.parse("3/15m")
    settings.LOGIN_LIMIT_PER_ADDRESS = None
    changes: dict[str, Any] = {
        "known": {},
        "inactive": {"is_active": False},
        "of a weak hash": {"password": "0" * 64},
        "without password": {"password": None},
    }[kind]
    if changes:
        User.objects(username="alice").update_one(**{f"set__{n}": v for n, v in changes.items()})
    assert told("alice") == told("nobody")
    counted = [(each.count, bool(each.expires_at)) for each in Attempts.objects]
    assert counted == [(3, True)] * 2


@pytest.mark.usefixtures("_few")
def test_a_name_that_nobody_has_is_kept_nowhere() -> None:
    """It may be a password, typed into the wrong field."""
    fail(4, "my-secret-password")
    for document in (Attempts, AuditEntry):
        assert "my-secret-password" not in str(list(document._get_collection().find()))


# --- Registrations --------------------------------------------------------------------------------


@pytest.mark.usefixtures("_few", "_still_clock")
def test_an_address_registers_so_many_in_an_hour() -> None:
    assert [register(name).status_code for name in "ab"] == [201, 201]
    refused = register("c")
    assert refused.status_code == 429
    assert 3590 <= int(refused["Retry-After"]) <= 3600
    assert User.named("c") is None
    assert register("c", OFFICE).status_code == 201
    with after(hours=1, seconds=1):
        assert register("d").status_code == 201


@pytest.mark.usefixtures("_few", "alice")
def test_a_registration_of_a_taken_name_counts() -> None:
    assert [register("alice").status_code for _ in range(3)] == [409, 409, 429]
    assert register("b").status_code == 429


@pytest.mark.usefixtures("_few", "alice")
def test_no_password_is_hashed_beyond_the_limit(settings: Settings) -> None:
    """A hasher that can't be loaded makes a hash an error of 500."""
    assert [register("alice").status_code for _ in range(2)] == [409, 409]
    settings.PASSWORD_HASHERS = ["there.is.no.such.Hasher"]
    assert register("alice").status_code == 429
    assert register("b", OFFICE).status_code == 500


@pytest.mark.usefixtures("_few")
def test_what_can_be_nobodys_registration_is_not_counted() -> None:
    for _ in range(3):
        assert post("users", {"username": "carol"}, REMOTE_ADDR=HOME).status_code == 400
    assert [register(name).status_code for name in "ab"] == [201, 201]


# --- Off, and otherwise ---------------------------------------------------------------------------


def test_each_limit_can_be_turned_off(alice: Person, settings: Settings) -> None:
    settings.LOGIN_LIMIT_PER_USER = Rate.parse("off")
    assert fail(12) == [401] * 12
    settings.LOGIN_LIMIT_PER_ADDRESS = settings.REGISTRATION_LIMIT = Rate.parse("off")
    Attempts.objects.delete()
    assert fail(2) == [401] * 2
    assert register("carol").status_code == 201
    assert Attempts.objects.count() == 0


def test_one_limit_holds_while_the_other_is_off(alice: Person, settings: Settings) -> None:
    settings.LOGIN_LIMIT_PER_USER, settings.LOGIN_LIMIT_PER_ADDRESS = None, Rate.parse("2/1m")
    assert fail(3) == [401, 401, 429]
    assert log_in("alice", alice.password, REMOTE_ADDR=OFFICE).status_code == 200


def test_who_does_not_fail_leaves_no_trace(alice: Person) -> None:
    log_in("alice", alice.password)
    alice.client.get("/api/v1/templates")
    refresh(alice.tokens["refresh_token"])
    assert Attempts.objects.count() == 0


@pytest.mark.usefixtures("_few")
def test_what_is_counted_goes_when_its_time_is_over(alice: Person) -> None:
    """A TTL index deletes each at ``expires_at``."""
    fail(1)
    assert {each.id.partition(":")[0] for each in Attempts.objects} == {
        "login-user",
        "login-address",
    }
    assert Attempts._meta["indexes"] == [{"fields": ["expires_at"], "expireAfterSeconds": 0}]


# --- Right passwords ------------------------------------------------------------------------------


@pytest.fixture
def _few_successes(settings: Settings) -> None:
    settings.SUCCESSFUL_LOGIN_LIMIT = Rate.parse("3/1d")


def succeed(person: Person, times: int) -> list[int]:
    return [log_in(person.name, person.password).status_code for _ in range(times)]


@pytest.mark.usefixtures("_few_successes")
def test_a_person_logs_in_so_often_in_a_time(alice: Person, bob: Person) -> None:
    assert succeed(alice, 3) == [200] * 3
    entries = AuditEntry.objects.count()
    with after(hours=23):
        answer = log_in("alice", alice.password)
        assert answer.status_code == 429
        assert 3500 <= int(answer["Retry-After"]) <= 3600
        assert log_in("alice", "wrong").status_code == 429
        assert AuditEntry.objects.count() == entries
        assert succeed(bob, 1) == [200]
    with after(hours=25):
        assert succeed(alice, 4) == [200] * 3 + [429]


@pytest.mark.usefixtures("_few_successes")
def test_log_ins_on_pages_and_changes_of_the_password_count(alice: Person) -> None:
    token = tokens_of("alice", alice.password)["access_token"]
    change = {"current_password": alice.password, "new_password": "another-1"}
    assert post("users/me/password", change, token).status_code == 200
    browser("alice", "another-1")
    answer = log_in("alice", "another-1")
    assert (answer.status_code, said(answer)[:18]) == (429, "Too many attempts.")


@pytest.mark.parametrize("junk", ["x", -5, True, {"a": 1}, None, [9], "9999-01-01", 10**12])
@pytest.mark.usefixtures("_few_successes")
def test_junk_in_the_counter_of_log_ins_is_ignored(junk: Any, alice: Person) -> None:
    fields = {"logins": junk, "logins_until": junk}
    User._get_collection().update_one({"username": "alice"}, {"$set": fields})
    assert succeed(alice, 4) == [200] * 3 + [429]


@pytest.mark.parametrize("junk", ["x", -5, True, {"a": 1}, None, [1], float("nan")])
@pytest.mark.usefixtures("_few_successes")
def test_junk_in_the_counter_of_log_ins_is_ignored_during_a_period(
    junk: Any, alice: Person
) -> None:
    fields = {"logins": junk, "logins_until": now() + timedelta(hours=1)}
    User._get_collection().update_one({"username": "alice"}, {"$set": fields})
    assert succeed(alice, 4) == [200] * 3 + [429]


@pytest.mark.parametrize("junk", [None, "2026-01-31T12:00:00Z"])
@pytest.mark.usefixtures("_few")
def test_failures_whose_time_can_not_be_read_are_over(junk: Any, alice: Person) -> None:
    key = failures_of("alice").key
    Attempts._get_collection().insert_one({"_id": key, "count": 2, "expires_at": junk})
    assert fail(4) == [401] * 3 + [429]


@pytest.mark.wire
@pytest.mark.usefixtures("_few_successes")
def test_a_log_in_is_counted_whatever_happens_between_its_writes(
    alice: Person, meanwhile: Callable[..., None]
) -> None:
    users = User._get_collection()

    def begin() -> None:
        fields = {"logins": 1, "logins_until": now() + timedelta(hours=1)}
        users.update_one({"username": "alice"}, {"$set": fields})

    def unlock() -> None:
        alice.user.unlock()
        meanwhile("before", "update", "users", begin)

    assert succeed(alice, 2) == [200] * 2
    meanwhile("before", "update", "users", unlock)
    assert succeed(alice, 1) == [200]
    assert users.find_one({"username": "alice"}, {"_id": 0, "logins": 1}) == {"logins": 2}


def test_off_limits_no_log_ins(alice: Person, settings: Settings) -> None:
    settings.SUCCESSFUL_LOGIN_LIMIT = None
    assert succeed(alice, 5) == [200] * 5


@pytest.mark.wire
@pytest.mark.usefixtures("_few_successes")
def test_of_log_ins_at_the_same_time_no_more_succeed(alice: Person) -> None:
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: succeed(alice, 1)[0], range(8)))
    assert sorted(codes) == [200] * 3 + [429] * 5
