"""Whose address counts: the client's, behind proxies that are trusted and no others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from accounts.audit import AuditEntry
from accounts.clients import Client
from accounts.documents import Session
from templatesvc.api.proxies import network
from templatesvc.rates import Rate
from templatesvc.settings import _networks
from tests.accounts.callers import log_in
from tests.conftest import Person

PROXY, INNER = "203.0.113.1", "10.0.0.7"
CLIENT, LIE = "192.0.2.1", "198.51.100.66"
TRUSTED = "203.0.113.1, 10.0.0.0/8, 2001:db8:ffff::/48"


def address(remote: str, forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return Client.of(RequestFactory().get("/", REMOTE_ADDR=remote, **headers)).ip


@pytest.fixture
def _behind_proxies(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = _networks(TRUSTED)


@pytest.mark.parametrize("forwarded", [None, LIE, f"{LIE}, {PROXY}"])
def test_without_trusted_proxies_the_header_is_the_clients_own_invention(
    forwarded: str | None,
) -> None:
    assert address(CLIENT, forwarded) == CLIENT


@pytest.mark.usefixtures("_behind_proxies")
@pytest.mark.parametrize(
    ("remote", "forwarded", "found"),
    [
        (PROXY, CLIENT, CLIENT),
        (PROXY, f"{LIE}, {CLIENT}", CLIENT),
        (PROXY, f"{LIE},{LIE},  {CLIENT} ", CLIENT),
        # Through two proxies: each appends whom it was called by.
        (INNER, f"{LIE}, {CLIENT}, {PROXY}", CLIENT),
        (INNER, f"{INNER}, {CLIENT}, {PROXY}", CLIENT),
        # Past the proxies: whoever calls is a client, whatever they say.
        (CLIENT, LIE, CLIENT),
        (CLIENT, f"{LIE}, {PROXY}", CLIENT),
        # All that is known is a proxy.
        (PROXY, None, PROXY),
        (PROXY, "", PROXY),
        (INNER, PROXY, PROXY),
        # What is no address ends the list.
        (PROXY, f"{CLIENT}, unknown", PROXY),
        (PROXY, f"{CLIENT}, 999.0.0.1", PROXY),
        (PROXY, "' OR 1=1 --", PROXY),
        (PROXY, f"{LIE}, {{}}, {INNER}", INNER),
        # One notation for one address.
        (PROXY, "2001:0DB8:0::0001", "2001:db8::1"),
        ("2001:db8:ffff::1", CLIENT, CLIENT),
        (f"::ffff:{PROXY}", f"::ffff:{CLIENT}", CLIENT),
    ],
)
def test_behind_trusted_proxies_the_nearest_stranger_counts(
    remote: str, forwarded: str | None, found: str
) -> None:
    assert address(remote, forwarded) == found


@pytest.mark.usefixtures("_behind_proxies")
def test_the_other_end_of_a_unix_socket_is_the_proxy() -> None:
    assert address("", CLIENT) == CLIENT
    assert address("", "") == ""


def test_a_unix_socket_is_believed_nothing_without_trusted_proxies() -> None:
    assert address("", LIE) == ""


def test_a_call_without_a_request_comes_from_nowhere() -> None:
    assert Client.of(None) == Client("", "")
    assert Client.of(SimpleNamespace(META={})) == Client("", "")


@pytest.mark.parametrize(
    ("one", "subscriber"),
    [
        (CLIENT, CLIENT),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_address_is_counted_for_its_subscriber(one: str, subscriber: str) -> None:
    assert network(one) == subscriber


@pytest.mark.usefixtures("_behind_proxies")
def test_behind_a_proxy_each_client_has_a_limit_and_a_session_of_its_own(
    alice: Person, settings: Settings
) -> None:
    settings.LOGIN_LIMIT_PER_USER, settings.LOGIN_LIMIT_PER_ADDRESS = None, Rate.parse("2/15m")

    def attempt(password: str, forwarded: str) -> int:
        headers = {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": forwarded}
        return log_in("alice", password, **headers).status_code

    # A new lie before one's own address each time is of no use.
    lies = [f"198.51.100.{number}, {CLIENT}" for number in range(3)]
    assert [attempt("wrong", lie) for lie in lies] == [401, 401, 429]
    assert attempt(alice.password, CLIENT) == 429
    assert attempt(alice.password, "192.0.2.2") == 200
    assert Session.objects.order_by("-created_at").first().ip == "192.0.2.2"
    assert {entry.ip for entry in AuditEntry.objects(action="login_failed")} == {CLIENT}
