"""The Flask service and this one on one database: what one writes or signs, the other takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pymongo.database import Database

from tests.accounts.callers import claims
from tests.accounts.flask.people import sha256
from tests.conftest import a_database, uri_of
from tests.processes import KEY, FlaskService, Service, manage, wait_for

pytestmark = pytest.mark.wire
SETTINGS = {
    "JWT_SECRET_KEY": KEY,
    "FLASK_SIDE_BY_SIDE": "on",
    "WEB_CONCURRENCY": "1",
    "SECRET_KEY": KEY,
    "LOGIN_LIMIT_PER_ADDRESS": "off",
    "LOGIN_LIMIT_PER_USER": "off",
    "REGISTRATION_LIMIT": "off",
}


class Both(NamedTuple):
    """The two services, and the database that they share."""

    flask: FlaskService
    service: Service
    database: Database[dict[str, Any]]

    def register(self, name: str, at: Service) -> dict[str, str]:
        """Register somebody at one of them; return their credentials."""
        body = {"username": name, "password": f"{name}-password-1"}
        assert at.post("/api/v1/users", body).status == 201
        return body


@pytest.fixture(scope="module")
def both(_store: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    logs = tmp_path_factory.mktemp("both")
    with a_database("both") as database:
        uri = uri_of(database)
        built = manage("ensureindexes", MONGODB_URI=uri, **SETTINGS)
        assert built.returncode == 0, built.stderr
        with (
            FlaskService(logs / "flask", MONGODB_URI=uri) as flask,
            Service(logs / "service", MONGODB_URI=uri, **SETTINGS) as service,
        ):
            yield Both(flask, service, database)


def token(service: Service, credentials: dict[str, str]) -> str:
    answer = service.post("/api/v1/login", credentials)
    assert answer.status == 200, answer.text
    found: str = answer.json["access_token"]
    return found


@pytest.fixture(params=["flask", "service"])
def one(request: pytest.FixtureRequest, both: Both) -> Service:
    """Each of the two."""
    found: Service = getattr(both, request.param)
    return found


@pytest.fixture
def other(one: Service, both: Both) -> Service:
    """The other of the two."""
    return both.service if one is both.flask else both.flask


# --- Who -----------------------------------------------------------------------------------------


def test_who_registers_at_one_logs_in_at_either(both: Both, one: Service, other: Service) -> None:
    credentials = both.register(f"registers-{one.port}", one)
    assert other.post("/api/v1/users", credentials).status == 409
    for service in (one, other, one, other):
        token(service, credentials)
        wrong = credentials | {"password": "wrong"}
        assert service.post("/api/v1/login", wrong).status == 401


def test_a_name_and_a_password_with_nul_log_in_at_either(both: Both) -> None:
    credentials = {"username": "nu\0l", "password": "pass\0word"}
    assert both.service.post("/api/v1/users", credentials).status == 400
    assert both.flask.post("/api/v1/users", credentials).status == 201
    for service in (both.flask, both.service, both.flask, both.service):
        mine = token(service, credentials)
        for each in (both.flask, both.service):
            assert each.get("/get", mine).json == {"docs": []}
        wrong = credentials | {"password": "pass"}
        assert service.post("/api/v1/login", wrong).status == 401


def test_a_token_of_one_is_good_at_the_other(both: Both, one: Service, other: Service) -> None:
    mine = token(one, both.register(f"token-{one.port}", one))
    assert one.post("/create", {"template": "made at one"}, mine).status == 200
    assert other.post("/create", {"template": "made at the other"}, mine).status == 200
    for service in (one, other):
        docs = service.get("/get", mine).json["docs"]
        assert sorted(doc["template"] for doc in docs) == ["made at one", "made at the other"]


def test_a_token_of_this_service_has_the_claims_of_the_flask_service(both: Both) -> None:
    credentials = both.register("claims", both.flask)
    theirs, ours = (claims(token(each, credentials)) for each in (both.flask, both.service))
    assert theirs.keys() - ours.keys() == {"nbf"}
    for name in ("sub", "type", "fresh"):
        assert ours[name] == theirs[name]
    assert "aud" not in ours  # its versions before 4.0 would refuse it


@pytest.mark.long
def test_sessions_go_on_when_the_setting_is_switched_on_or_off(both: Both, tmp_path: Path) -> None:
    credentials = both.register("goes-on", both.flask)
    settings = SETTINGS | {"FLASK_SIDE_BY_SIDE": "off"}
    with Service(tmp_path / "log", MONGODB_URI=uri_of(both.database), **settings) as without:
        for before, after in ((without, both.service), (both.service, without)):
            pair = before.post("/api/v1/login", credentials).json
            assert after.get("/get", pair["access_token"]).status == 200
            body = {"refresh_token": pair["refresh_token"]}
            renewed = after.post("/api/v1/token/refresh", body)
            assert renewed.status == 200
            # Also if the restart is taken back.
            for token_of_it in (pair["access_token"], renewed.json["access_token"]):
                assert before.get("/get", token_of_it).status == 200
            assert after.post("/api/v1/logout", {}, pair["access_token"]).status == 204
            for each in (before, after):
                assert each.get("/get", pair["access_token"]).status == 401
        assert without.get("/get", token(both.flask, credentials)).status == 401


def test_a_password_changed_here_holds_on_both(both: Both) -> None:
    old = both.register("changes-here", both.flask)
    new = old | {"password": "another-2"}
    body = {"current_password": old["password"], "new_password": new["password"]}
    mine = token(both.service, old)
    assert both.service.post("/api/v1/users/me/password", body, mine).status == 200
    for service in (both.service, both.flask):
        token(service, new)
        assert service.post("/api/v1/login", old).status == 401


def test_a_password_changed_on_the_flask_side_holds_on_both(both: Both) -> None:
    old = both.register("changes-there", both.service)
    new = old | {"password": "another-2"}
    # It has no route for it: whoever changes one there writes the hash.
    written = {"$set": {"password": sha256(new["password"])}}
    assert both.database["users"].update_one({"username": "changes-there"}, written).matched_count
    for service in (both.service, both.flask):
        token(service, new)
        assert service.post("/api/v1/login", old).status == 401


# --- What it costs, as docs/takeover.md says -----------------------------------------------------


def test_a_token_that_was_ended_here_is_still_good_there(both: Both) -> None:
    mine = token(both.service, both.register("logs-out", both.service))
    assert both.service.post("/api/v1/logout/all", {}, mine).status == 204
    assert both.service.get("/get", mine).status == 401
    assert both.flask.get("/get", mine).status == 200


def test_a_token_of_the_flask_service_is_ended_here_with_all_sessions(both: Both) -> None:
    credentials = both.register("logs-out-everywhere", both.flask)
    theirs = token(both.flask, credentials)
    assert both.service.post("/api/v1/logout", {}, theirs).status == 409
    assert both.service.get("/get", theirs).status == 200
    both.service.post("/api/v1/logout/all", {}, theirs)
    for service, status in ((both.service, 401), (both.flask, 200)):
        assert service.get("/get", theirs).status == status
    # A token has whole seconds: one of the next second is good again.
    wait_for(
        lambda: both.service.get("/get", token(both.flask, credentials)).status == 200,
        "a new token of the Flask service is let in",
    )


def test_who_is_deactivated_is_locked_out_here_alone(both: Both) -> None:
    credentials = both.register("deactivated", both.flask)
    theirs = token(both.flask, credentials)
    both.database["users"].update_one({"username": "deactivated"}, {"$set": {"is_active": False}})
    for service, status in ((both.service, 401), (both.flask, 200)):
        assert service.get("/get", theirs).status == status
        assert service.post("/api/v1/login", credentials).status == status


def test_who_registered_there_as_inactive_is_let_in_here_once_reactivated(both: Both) -> None:
    credentials = {"username": "smuggled", "password": "smuggled-password-1"}
    assert both.flask.post("/api/v1/users", credentials | {"is_active": False}).status == 201
    assert both.flask.post("/api/v1/login", credentials).status == 200
    assert both.service.post("/api/v1/login", credentials).status == 401
    settings = SETTINGS | {"MONGODB_URI": uri_of(both.database)}
    ran = manage("deactivateuser", "smuggled", "--undo", **settings)
    assert ran.returncode == 0, ran.stderr
    assert both.service.post("/api/v1/login", credentials).status == 200


def test_a_changed_password_ends_a_token_of_the_flask_service_here_alone(both: Both) -> None:
    credentials = both.register("keeps-token", both.flask)
    theirs = token(both.flask, credentials)
    body = {"current_password": credentials["password"], "new_password": "another-2"}
    assert both.service.post("/api/v1/users/me/password", body, theirs).status == 200
    for service, status in ((both.service, 401), (both.flask, 200)):
        assert service.get("/get", theirs).status == status


def test_who_deletes_their_account_is_gone_on_both(both: Both) -> None:
    credentials = both.register("goes", both.flask)
    theirs = token(both.flask, credentials)
    assert both.service.request("DELETE", "/api/v1/users/me", None, theirs).status == 204
    for service in (both.service, both.flask):
        assert service.post("/api/v1/login", credentials).status == 401
    assert both.service.get("/get", theirs).json == {"msg": "Access Token Expired"}
    # The tombstone holds the name there as well.
    assert both.flask.get("/get", theirs).json == {"docs": []}


def test_a_token_of_an_earlier_account_of_the_name_is_refused(both: Both) -> None:
    """And stays so, whatever the heir is and does."""
    theirs = token(both.flask, both.register("root", both.flask))
    (kept,) = both.database["users"].find({"username": "root"})
    both.database["users"].delete_one({"_id": kept["_id"]})
    wait_for(lambda: int(time.time()) > claims(theirs)["iat"], "the next second")
    settings = SETTINGS | {"MONGODB_URI": uri_of(both.database)}
    secret = {"DJANGO_SUPERUSER_PASSWORD": "root-password-1"}
    ran = manage("createsuperuser", "--username", "root", "--noinput", **settings, **secret)
    assert ran.returncode == 0, ran.stderr
    for path in ("/get", "/api/v1/users", "/api/v1/users/me"):
        assert both.service.get(path, theirs).status == 401
    assert manage("endsessions", "root", **settings).returncode == 0
    assert both.service.get("/api/v1/users", theirs).status == 401


def test_a_flask_token_carries_no_operators_rights(both: Both) -> None:
    credentials = both.register("operator", both.flask)
    settings = SETTINGS | {"MONGODB_URI": uri_of(both.database)}
    ran = manage("createsuperuser", "--promote", "--username", "operator", **settings)
    assert ran.returncode == 0, ran.stderr
    theirs, ours = (token(each, credentials) for each in (both.flask, both.service))
    assert both.service.get("/api/v1/users", ours).status == 200
    assert both.service.get("/api/v1/users", theirs).status == 403
    assert both.service.get("/api/v1/users/me", theirs).status == 200


def test_a_null_id_that_the_flask_service_let_in_is_an_id(both: Both) -> None:
    credentials = {"username": "null", "password": "null-password-1"}
    assert both.flask.post("/api/v1/users", credentials | {"_id": None}).status == 201
    assert both.database["users"].count_documents({"_id": None, "username": "null"}) == 1
    mine = token(both.service, credentials)
    theirs = token(both.flask, credentials)
    for each in (mine, theirs):
        assert both.service.get("/api/v1/users/me", each).status == 200
    assert both.service.post("/create", {"template": "x"}, mine).status == 200
    assert both.service.request("DELETE", "/api/v1/users/me", None, mine).status == 204
    for service in (both.service, both.flask):
        assert service.post("/api/v1/login", credentials).status == 401


def test_a_flask_token_is_good_for_every_route_and_breaks_none(both: Both) -> None:
    theirs = token(both.flask, both.register("everywhere", both.flask))
    for method, path, body in [
        ("GET", "/api/v1", None),
        ("GET", "/api/v1/users/me", None),
        ("GET", "/api/v1/sessions", None),
        ("DELETE", "/api/v1/sessions/none", None),
        ("GET", "/api/v1/templates", None),
        ("POST", "/api/v1/templates", {"template": "x"}),
        ("GET", "/api/v1/templates/deleted", None),
        ("GET", "/api/v1/templates/export", None),
        ("POST", "/api/v1/token/verify", {"token": theirs}),
        ("POST", "/api/v1/logout", {}),
    ]:
        assert both.service.request(method, path, body, theirs).status < 500, path


# --- What the documents look like ----------------------------------------------------------------


def test_its_routes_show_at_the_flask_service_what_it_would_have_stored(both: Both) -> None:
    mine = token(both.service, both.register("plain", both.service))
    both.service.post("/create", {"template": "first"}, mine)
    both.service.post("/create", {"template": {"x": 1}}, mine)
    both.service.post("/update", {"old_template": "first", "new_template": "second"}, mine)
    docs = both.flask.get("/get", mine).json["docs"]
    assert sorted(docs, key=str) == sorted(
        [{"profile": "plain", "template": "second"}, {"profile": "plain", "template": {"x": 1}}],
        key=str,
    )


def test_every_feature_works_on_what_the_flask_service_wrote(both: Both) -> None:
    theirs = token(both.flask, both.register("features", both.flask))
    both.flask.post("/create", {"template": "first"}, theirs)
    (seen,) = both.service.get("/api/v1/templates", theirs).json["results"]
    both.flask.post("/update", {"old_template": "first", "new_template": "second"}, theirs)
    path = f"/api/v1/templates/{seen['id']}"
    etag = str(both.service.get(path, theirs).headers["ETag"])
    answers = [
        both.service.request("PUT", path, {"template": "third"}, theirs, **{"If-Match": etag})
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [200, 412]
    assert both.flask.get("/get", theirs).json["docs"][0]["template"] == "third"


# --- The warnings --------------------------------------------------------------------------------


@pytest.mark.long
def test_every_start_and_the_check_of_a_deployment_warn(both: Both) -> None:
    assert "FLASK_SIDE_BY_SIDE is on" in both.service.output
    checked = manage("check", "--deploy", MONGODB_URI=uri_of(both.database), **SETTINGS)
    assert checked.returncode == 0
    assert "(accounts.W001) FLASK_SIDE_BY_SIDE is on" in checked.stderr
