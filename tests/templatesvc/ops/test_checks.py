"""System checks: what would silently weaken the service stops its start."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core import checks
from pytest_django import Settings

from tests.failover.drill import Stage
from tests.processes import KEY, MongoServer, Process, Service, free_port, manage


def found() -> set[str]:
    """Return the ids of what the checks find."""
    return {str(message.id) for message in checks.run_checks(tags=[checks.Tags.security])}


def test_a_service_over_http_is_told_once_which_setting_to_set(settings: Settings) -> None:
    for is_on, expected in ((False, ["templatesvc.W003"]), (True, [])):
        settings.HTTPS = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = is_on
        found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
        told = [message for message in found if not message.is_silenced()]
        words = ("HTTPS", "HSTS", "COOKIE")
        about = [each for each in told if any(word in f"{each.msg}{each.hint}" for word in words)]
        assert [each.id for each in about] == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", set()),
        ("w=majority&readPreference=primary", set()),
        ("w=1", {"templatesvc.W004"}),
        ("W=2&readPreference=primary", {"templatesvc.W004"}),
        ("readPreference=secondaryPreferred", {"templatesvc.E008"}),
        ("READPREFERENCE=nearest", {"templatesvc.E008"}),
        ("w=0", {"templatesvc.E009"}),
        ("w=0&readPreference=primaryPreferred", {"templatesvc.E008", "templatesvc.E009"}),
    ],
)
@pytest.mark.parametrize("scheme", ["mongodb", "mongodb+srv"])
def test_what_was_ended_must_be_seen_at_the_next_request(
    settings: Settings, scheme: str, options: str, said: set[str]
) -> None:
    settings.MONGODB_URI = f"{scheme}://books.example.net/books?{options}"
    assert found() == said


@pytest.mark.process
def test_a_write_that_one_member_acknowledges_is_warned_of_at_the_start(tmp_path: Path) -> None:
    uri = f"mongodb://127.0.0.1:{free_port()}/books?w=1"
    with Service(tmp_path / "log", MONGODB_URI=uri, WEB_CONCURRENCY="1") as service:
        assert (
            "(templatesvc.W004) By MONGODB_URI, writes are acknowledged by w=1 only. Remove w "
            in (service.output)
        )


def test_a_certificate_that_cannot_be_read_is_named(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    settings.MONGODB_URI = f"mongodb://localhost/?tls=true&tlsCAFile={file}"
    (error,) = checks.run_checks(tags=[checks.Tags.security])
    assert error.id == "templatesvc.E015"
    assert f"{file}, which can't be read: No such file" in error.msg


@pytest.mark.long
@pytest.mark.wire
def test_the_service_does_not_start_on_a_store_without_indexes(tmp_path: Path) -> None:
    with MongoServer(tmp_path / "data") as server:
        given = {"MONGODB_URI": server.uri, "SECRET_KEY": KEY}
        checked = manage("check", "--database", "default", **given)
        assert checked.returncode == 1
        assert "unique users (username)" in checked.stderr

        service = Service(tmp_path / "service.log", MONGODB_URI=server.uri)
        Process.start(service)
        assert service.wait() != 0
        assert "(templatesvc.E010) Indexes are missing: " in service.output
        assert "unique users (username)" in service.output
        assert "Run: python manage.py ensureindexes" in service.output

        server.build_indexes()
        with Service(tmp_path / "again.log", MONGODB_URI=server.uri) as service:
            assert service.get("/readyz").status == 200


@pytest.mark.long
@pytest.mark.wire
def test_the_service_does_not_start_on_a_server_that_is_too_old(tmp_path: Path) -> None:
    with Stage(tmp_path, 1).members() as members:
        given = {"MONGODB_URI": members.uri, "SECRET_KEY": KEY}
        assert manage("ensureindexes", **given).returncode == 0
        members.claims = {"buildinfo": {"version": "5.0.31", "versionArray": [5, 0, 31, 0]}}
        service = Service(tmp_path / "service.log", **given)
        Process.start(service)
        assert service.wait() != 0
        assert "(templatesvc.E014) The server is of version 5.0.31. Use" in service.output


@pytest.mark.long
@pytest.mark.process
def test_the_service_starts_while_the_store_is_away(tmp_path: Path) -> None:
    uri = f"mongodb://127.0.0.1:{free_port()}/books"
    with Service(tmp_path / "log", MONGODB_URI=uri, WEB_CONCURRENCY="1") as service:
        assert service.get("/livez").status == 200
        assert service.get("/readyz").status == 503


@pytest.mark.process
def test_the_store_in_memory_has_its_indexes(tmp_path: Path) -> None:
    given = {"MONGODB_URI": "mongomock://", "WEB_CONCURRENCY": "1"}
    with Service(tmp_path / "log", **given) as service:
        assert service.get("/readyz").status == 200
        ada = {"username": "ada", "password": "note-g-of-1843"}
        assert [service.post("/api/v1/users", ada).status for _ in range(2)] == [201, 409]
