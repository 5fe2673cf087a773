"""A client that openapi-python-client makes of the schema, at work on the running service."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings

from tests.processes import Service, environment

pytestmark = [pytest.mark.wire, pytest.mark.long]

PASSWORD = "note-g-of-1843"
# What the generator is to take lines of JSON for; it knows no such type.
CONFIGURATION = """
content_type_overrides:
  application/x-ndjson: application/octet-stream
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("client")


@pytest.fixture(scope="module")
def service(_store: None, folder: Path) -> Iterator[Service]:
    own = {"DJANGO_SETTINGS_MODULE": "tests.films.settings"}  # with films beside templates
    with Service(folder / "log", MONGODB_URI=settings.MONGODB_URI, **own) as running:
        yield running


@pytest.fixture(scope="module")
def generated(service: Service, folder: Path) -> Iterator[Callable[[str], ModuleType]]:
    """A function that returns a module of the client."""
    (folder / "schema.json").write_text(service.get("/api/v1/schema").text)
    (folder / "configuration.yaml").write_text(CONFIGURATION)
    programs = Path(sys.executable).parent
    ran = subprocess.run(
        [str(programs / "openapi-python-client"), "generate", "--fail-on-warning"]
        + ["--path", str(folder / "schema.json"), "--config", str(folder / "configuration.yaml")]
        + ["--meta", "none", "--output-path", str(folder / "templates_client")],
        env=environment() | {"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"templates_client{name}")
    sys.path.remove(str(folder))


class Caller:
    """Somebody who calls the service by the generated client's methods."""

    def __init__(self, generated: Callable[[str], ModuleType], service: Service) -> None:
        self.module = generated
        self.models = generated(".models")
        self.url = f"http://127.0.0.1:{service.port}"
        self.client = generated("").Client(base_url=self.url)

    def leave(self) -> None:
        self.client.get_httpx_client().close()

    def come_with(self, token: str) -> None:
        self.leave()
        self.client = self.module("").AuthenticatedClient(base_url=self.url, token=token)

    def call(self, tag: str, name: str, *arguments: Any, **keywords: Any) -> Any:
        """Return the detailed answer of an operation."""
        operation = self.module(f".api.{tag}.{name}")
        return operation.sync_detailed(*arguments, client=self.client, **keywords)


@pytest.fixture
def ada(generated: Callable[[str], ModuleType], service: Service) -> Iterator[Caller]:
    """Ada, who has registered and logged in."""
    ada = Caller(generated, service)
    person = {"username": "ada", "password": PASSWORD}
    registered = ada.call("flask", "register", body=ada.models.RegistrationRequest(**person))
    assert (registered.status_code, registered.parsed.msg) == (201, "User created successfully")
    ada.tokens = ada.call("flask", "login", body=ada.models.LoginRequest(**person)).parsed
    ada.come_with(ada.tokens.access_token)
    yield ada
    ada.leave()


def test_a_template_from_its_creation_to_its_restoring(ada: Caller) -> None:
    body = ada.models.TemplateRequest(template={"kind": "book", "year": 1948})
    created = ada.call("templates", "create_template", body=body, idempotency_key="one")
    assert created.status_code == 201
    assert created.headers["Location"] == created.parsed.url
    id = created.parsed.id
    again = ada.call("templates", "create_template", body=body, idempotency_key="one")
    assert (again.parsed.id, again.headers["Idempotency-Replayed"]) == (id, "true")

    page = ada.call("templates", "list_templates", limit=1, count=True).parsed
    assert ([each.id for each in page.results], page.count, page.next_) == ([id], 1, None)
    read = ada.call("templates", "get_template", id)
    assert read.parsed.template["year"] == 1948
    etag = read.headers["ETag"]
    assert ada.call("templates", "get_template", id, if_none_match=etag).status_code == 304

    patch = ada.models.PatchedTemplateMergePatchRequest({"year": 1949})
    patched = ada.call("templates", "update_template", id, body=patch, if_match=etag)
    assert patched.parsed.template == {"kind": "book", "year": 1949}
    late = ada.call("templates", "update_template", id, body=patch, if_match=etag)
    assert (late.status_code, late.parsed.code) == (412, "precondition_failed")

    versions = ada.call("templates", "list_template_versions", id).parsed.results
    assert [each.version for each in versions] == [1]
    old = ada.call("templates", "get_template_version", id, 1).parsed
    assert old.template == {"kind": "book", "year": 1948}

    assert ada.call("templates", "delete_template", id).status_code == 204
    gone = ada.call("templates", "get_template", id)
    assert (gone.status_code, gone.parsed.code) == (404, "not_found")
    deleted = ada.call("templates", "list_deleted_templates").parsed.results
    assert [each.id for each in deleted] == [id]
    restore = ada.models.RestoreRequest(version=2)
    restored = ada.call("templates", "restore_template", id, body=restore)
    assert (restored.status_code, restored.parsed.template["year"]) == (201, 1949)


def test_templates_are_filtered_by_a_field_within_them(ada: Caller) -> None:
    for author in ("Orwell", "Woolf"):
        body = ada.models.TemplateRequest(template={"author": author})
        assert ada.call("templates", "create_template", body=body).status_code == 201
    wanted = ada.models.ListTemplatesTemplate.from_dict({"template.author": "Woolf"})
    found = ada.call("templates", "list_templates", template=wanted).parsed.results
    assert [each.template for each in found] == [{"author": "Woolf"}]


def test_a_film_from_its_creation_to_its_change(ada: Caller) -> None:
    for title, director in (("M", "Lang"), ("Metropolis", "Lang"), ("Jaws", "Spielberg")):
        body = ada.models.FilmRequest(title=title, director=director, year=1931, tags=["old"])
        assert ada.call("films", "create_film", body=body).status_code == 201
    ordering = ada.models.ListFilmsOrdering.TITLE
    found = ada.call("films", "list_films", director="Lang", ordering=ordering).parsed.results
    assert [each.title for each in found] == ["M", "Metropolis"]
    again = ada.call(
        "films", "create_film", body=ada.models.FilmRequest(title="M", director="Lang")
    )
    assert (again.status_code, again.parsed.code) == (409, "already_exists")

    read = ada.call("films", "get_film", found[0].id)
    etag = read.headers["ETag"]
    assert (read.parsed.year, read.parsed.tags) == (1931, ["old"])
    patch = ada.models.PatchedFilmMergePatchRequest(year=None, tags=["crime"])
    changed = ada.call("films", "update_film", found[0].id, body=patch, if_match=etag).parsed
    assert (changed.title, changed.year, changed.tags) == ("M", None, ["crime"])
    late = ada.call("films", "update_film", found[0].id, body=patch, if_match=etag)
    assert (late.status_code, late.parsed.code) == (412, "precondition_failed")
    assert ada.call("films", "get_film", found[0].id).parsed == changed


def test_templates_out_and_in_again(ada: Caller) -> None:
    body = ada.models.TemplateRequest(template="Dear {name}")
    ada.call("templates", "create_template", body=body)
    lines = ada.call("templates", "export_templates").content
    file = ada.module(".types").File(payload=lines)
    result = ada.call("templates", "import_templates", body=file).parsed
    assert (result.created, result.skipped, result.results[0].status) == (0, 1, "skipped")


def test_a_session_from_its_log_in_to_its_log_out(ada: Caller) -> None:
    assert ada.call("accounts", "get_me").parsed.username == "ada"
    body = ada.models.RefreshRequest(ada.tokens.refresh_token)
    tokens = ada.call("accounts", "refresh_token", body=body).parsed
    ada.come_with(tokens.access_token)
    (session,) = ada.call("accounts", "list_sessions").parsed.results
    assert session.current
    logged_out = ada.call("accounts", "logout", body=ada.models.LogoutRequest())
    assert logged_out.status_code == 204
    refused = ada.call("accounts", "get_me")
    assert (refused.status_code, refused.parsed.code) == (401, "session_ended")
    problem = ada.call("service", "get_problem_type", "session_ended").parsed
    assert problem.type_ == refused.parsed.type_
