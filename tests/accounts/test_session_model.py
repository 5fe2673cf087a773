"""Random lives of the sessions of two people, beside a model that says what must be let in.

Each step is a request. After it every token and cookie that was ever handed out is tried, and the
list of sessions is read: the service and the model must agree on all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import time_machine
from django.conf import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from rest_framework.test import APIClient

from accounts.documents import Session, User
from accounts.sessions import session_id
from templatesvc.mongo import store
from tests.accounts import callers
from tests.accounts.callers import caller, claims, post
from tests.conftest import empty_store
from tests.lives import live

pytestmark = pytest.mark.search

GRACE, ACCESS = timedelta(seconds=30), timedelta(days=1)
UNUSED, LONGEST = timedelta(days=14), timedelta(days=90)
NAME_IS_HELD = timedelta(hours=1, minutes=7, seconds=7)
BEGINNING = datetime(2030, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
# What sessions are made of is asked about here, not how well passwords are guarded.
UNLIMITED = {
    "LOGIN_LIMIT_PER_USER": None,
    "LOGIN_LIMIT_PER_ADDRESS": None,
    "REGISTRATION_LIMIT": None,
}


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False)
class Life:
    """What the model knows of one session."""

    owner: str
    id: str
    is_browsers: bool = False
    began: datetime = field(default_factory=now)
    used: datetime = field(default_factory=now)
    over: datetime = field(default_factory=lambda: now() + UNUSED)
    ended: bool = False
    refresh: str = ""  # the jti that has not been used
    spent: dict[str, datetime] = field(default_factory=dict)

    @property
    def stands(self) -> bool:
        return not self.ended and now() < self.over

    def prolong(self) -> None:
        self.used, self.over = now(), min(now() + UNUSED, self.began + LONGEST)


@dataclass(eq=False)
class Access:
    """An access token."""

    life: Life
    text: str

    @property
    def is_good(self) -> bool:
        return self.life.stands and now().timestamp() < claims(self.text)["exp"]


@dataclass(eq=False)
class Refresh:
    """A refresh token."""

    life: Life
    text: str

    @property
    def jti(self) -> str:
        return claims(self.text)["jti"]

    @property
    def is_well_signed(self) -> bool:
        """Whether it can be read at all: one that has expired can't."""
        return now().timestamp() < claims(self.text)["exp"]

    @property
    def is_good(self) -> bool:
        spent = self.life.spent.get(self.jti)
        is_usable = self.jti == self.life.refresh or (spent is not None and now() - spent < GRACE)
        return self.is_well_signed and self.life.stands and is_usable


class Pair(NamedTuple):
    """What a log-in or a refresh answers."""

    access: Access
    refresh: Refresh


@dataclass(eq=False)
class Cookie:
    """The cookie of a browser."""

    life: Life
    text: str

    @property
    def is_good(self) -> bool:
        return self.life.stands

    @property
    def page(self) -> APIClient:
        """A browser that has the cookie, whatever it was told to forget."""
        page = APIClient(raise_request_exception=False)
        page.cookies["sessionid"] = self.text
        return page


class Sessions(RuleBasedStateMachine):
    """People log in and out; the model is in ``lives``."""

    people = ("alice", "bob")
    names = st.sampled_from(people)
    pairs = Bundle("pairs")
    cookies = Bundle("cookies")

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(BEGINNING, tick=False)
        self.traveller = self.clock.start()
        self.lives: list[Life] = []
        self.passports: list[Access | Refresh | Cookie] = []
        self.passwords: dict[str, str] = {}

    def teardown(self) -> None:
        self.clock.stop()
        empty_store()

    # --- What the model does ----------------------------------------------------------------

    def standing(self, owner: str) -> list[Life]:
        return [life for life in self.lives if life.owner == owner and life.stands]

    def end_all(self, owner: str) -> None:
        for life in self.standing(owner):
            life.ended = True

    def began(self, owner: str, pair: dict[str, Any]) -> Pair:
        """Note a new session of tokens."""
        life = Life(owner, claims(pair["access_token"])["sid"])
        life.refresh = claims(pair["refresh_token"])["jti"]
        self.lives.append(life)
        return self.handed_out(life, pair)

    def handed_out(self, life: Life, pair: dict[str, Any]) -> Pair:
        """Note two tokens."""
        tokens = Pair(Access(life, pair["access_token"]), Refresh(life, pair["refresh_token"]))
        self.passports += tokens
        return tokens

    # --- What people do -----------------------------------------------------------------------

    @initialize(target=pairs)
    def everybody_registers_and_logs_in(self) -> Any:
        for name in self.people:
            self.register(name)
        return multiple(*[self.log_in(name) for name in self.people])

    def register(self, name: str) -> None:
        self.passwords[name] = f"{name}-1"
        body = {"username": name, "password": self.passwords[name]}
        assert post("users", body).status_code == 201

    @rule(target=pairs, name=names)
    def log_in(self, name: str) -> Any:
        answer = callers.log_in(name, self.passwords[name])
        assert answer.status_code == 200
        return self.began(name, answer.json())

    @rule(target=cookies, name=names)
    def log_in_in_a_browser(self, name: str) -> Any:
        key = callers.browser(name, self.passwords[name]).cookies["sessionid"].value
        cookie = Cookie(Life(name, session_id(key), is_browsers=True), key)
        self.lives.append(cookie.life)
        self.passports.append(cookie)
        return cookie

    @rule(target=pairs)
    def go_on(self) -> Any:
        """Refresh a session that stands."""
        good = [each for each in self.passports if isinstance(each, Refresh) and each.is_good]
        return self.refresh(good[-1]) if good else multiple()

    @rule(target=pairs, data=st.data(), seconds=st.sampled_from([0, 10, 20]))
    def use_a_spent_token_again(self, data: st.DataObject, seconds: int) -> Any:
        """At once, as a parallel tab does, or later, as a thief."""
        self.traveller.shift(timedelta(seconds=seconds))
        spent = [
            each
            for each in self.passports
            if isinstance(each, Refresh) and each.life.stands and each.jti in each.life.spent
        ]
        return (spent and self.refresh(data.draw(st.sampled_from(spent)))) or multiple()

    @rule(target=pairs, pair=pairs)
    def use_any_refresh_token(self, pair: Pair) -> Any:
        """Whatever has become of its session."""
        return self.refresh(pair.refresh) or multiple()

    def refresh(self, token: Refresh) -> Pair | None:
        was_good, life = token.is_good, token.life
        answer = callers.refresh(token.text)
        if not was_good:
            assert answer.status_code == 401
            if token.is_well_signed and life.stands:
                life.ended = True  # it was stolen
            return None
        assert answer.status_code == 200
        if token.jti == life.refresh:
            life.spent[token.jti] = now()
            life.refresh = claims(answer.json()["refresh_token"])["jti"]
            life.prolong()
        assert claims(answer.json()["refresh_token"])["jti"] == life.refresh
        return self.handed_out(life, answer.json())

    @rule(pair=pairs, which=st.sampled_from([0, 1]), as_bearer=st.booleans())
    def log_out(self, pair: Pair, which: int, as_bearer: bool) -> None:
        """By either token, whatever has become of it."""
        token = pair[which]
        given = {"token": token.text} if as_bearer else {"body": {"refresh_token": token.text}}
        assert post("logout", **given).status_code == 204
        token.life.ended = True

    @rule(cookie=cookies)
    def log_out_in_a_browser(self, cookie: Cookie) -> None:
        expected = 204 if cookie.is_good else 401
        assert cookie.page.post("/api/v1/logout").status_code == expected
        cookie.life.ended = True

    @rule(pair=pairs)
    def log_out_everywhere(self, pair: Pair) -> None:
        token = pair.access
        was_good = token.is_good
        assert post("logout/all", token=token.text).status_code == (204 if was_good else 401)
        if was_good:
            self.end_all(token.life.owner)

    @rule(pair=pairs, of=st.one_of(pairs.map(lambda pair: pair.access), cookies))
    def end_a_session(self, pair: Pair, of: Access | Cookie) -> None:
        """One's own or somebody else's, that stands or not."""
        token, life = pair.access, of.life
        is_found = life.stands and life.owner == token.life.owner
        expected = (204 if is_found else 404) if token.is_good else 401
        path = f"/api/v1/sessions/{life.id}"
        assert caller(token.text).delete(path).status_code == expected
        if expected == 204:
            life.ended = True

    @rule(target=pairs, pair=pairs)
    def change_the_password(self, pair: Pair) -> Any:
        token = pair.access
        name = token.life.owner
        new = self.passwords[name] + "1"
        body = {"current_password": self.passwords[name], "new_password": new}
        was_good = token.is_good
        answer = post("users/me/password", body, token.text)
        assert answer.status_code == (200 if was_good else 401)
        if not was_good:
            return multiple()
        self.passwords[name] = new
        self.end_all(name)
        return self.began(name, answer.json())

    @rule(pair=pairs)
    def mistake_the_password(self, pair: Pair) -> None:
        token = pair.access
        assert callers.log_in(token.life.owner, "wrong").status_code == 401
        body = {"current_password": "wrong", "new_password": "another"}
        expected = 400 if token.is_good else 401
        assert post("users/me/password", body, token.text).status_code == expected

    @rule(name=names)
    def be_deactivated_for_a_while(self, name: str) -> None:
        user = User.named(name)
        assert user
        user.deactivate()
        self.end_all(name)
        self.each_is_let_in_as_the_model_says()
        assert callers.log_in(name, self.passwords[name]).status_code == 401
        user.reactivate()

    @rule(pair=pairs)
    def delete_oneself_and_come_back(self, pair: Pair) -> None:
        """As somebody else, who has nothing of what the name had."""
        token = pair.access
        was_good, name = token.is_good, token.life.owner
        answer = caller(token.text).delete("/api/v1/users/me")
        assert answer.status_code == (204 if was_good else 401)
        if was_good:
            self.end_all(name)
            self.traveller.shift(NAME_IS_HELD)
            self.register(name)

    @rule(hours=st.sampled_from([25, 121]))
    def wait_for_days(self, hours: int) -> None:
        # Sums of what is waited are never a lifetime or the grace: no step is on a boundary.
        self.traveller.shift(timedelta(hours=hours))

    # --- What must be true after each -----------------------------------------------------------

    @invariant()
    def each_is_let_in_as_the_model_says(self) -> None:
        for each in self.passports:
            expected = 200 if each.is_good else 401
            if isinstance(each, Cookie):
                assert each.page.get("/api/v1/users/me").status_code == expected
                self.note_the_use_of(each.life)
            elif isinstance(each, Access):
                assert callers.me(each.text) == expected
            else:
                assert callers.verify(each.text) == expected

    def note_the_use_of(self, life: Life) -> None:
        """A browser's session is prolonged by its use, one of tokens by a refresh alone."""
        if life.stands and now() - life.used >= Session.TOUCH_EVERY:
            life.prolong()

    @invariant()
    def each_sees_the_sessions_of_theirs_that_stand(self) -> None:
        for name in self.passwords:
            good = [
                each
                for each in self.passports
                if each.life.owner == name and each.is_good and not isinstance(each, Refresh)
            ]
            for each in good[-1:]:
                client = each.page if isinstance(each, Cookie) else caller(each.text)
                listed = client.get("/api/v1/sessions").json()["results"]
                assert {one["id"] for one in listed} == {life.id for life in self.standing(name)}
                assert [one["id"] for one in listed if one["current"]] == [each.life.id]


def test_the_service_agrees_with_the_model_at_every_step() -> None:
    # Over the wire, where each request takes longer, a few: nothing here is about parallel ones.
    examples = 3 if store.is_in_memory(settings.MONGODB_URI) else 2
    live(Sessions, examples, steps=20, **UNLIMITED)


@pytest.mark.long
def test_the_service_agrees_with_the_model_for_long() -> None:
    live(Sessions, examples=60, steps=40, **UNLIMITED)
