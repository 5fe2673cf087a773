"""What becomes of errors that no view foresees."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.exception import response_for_exception
from django.test import Client, RequestFactory
from mongoengine.errors import OperationError
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    CursorNotFound,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WTimeoutError,
)
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from templatesvc.api.exceptions import MAX_ERROR_SIZE, StoreUnavailable, translated
from templatesvc.api.problems import field_errors, message
from templatesvc.mongo.embedded import EmbeddedStoreError
from tests.answers import told
from tests.wsgi import ask

HTML = "text/html,*/*;q=0.8"


def test_a_form_without_the_csrf_token_has_the_code_that_the_api_gives() -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post("/api-auth/login", HTTP_ACCEPT="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert "reload the page and try again" in answer.json()["detail"]


@pytest.mark.parametrize("accept", [HTML, "application/json"])
def test_a_cache_is_told_that_another_would_get_another_answer(accept: str) -> None:
    answer = Client().get("/nowhere", HTTP_ACCEPT=accept)
    assert answer.status_code == 404
    assert "Accept" in answer.headers["Vary"].split(", ")


# --- What the store says -----------------------------------------------------------------------

SECRET = "what-alice-wrote"


def failure(code: int | None, message: str = "no", **details: Any) -> OperationFailure:
    given = {"ok": 0.0, "errmsg": message, "q": {"template": SECRET}} | details
    return OperationFailure(message, code, given)


def of_mongoengine(cause: PyMongoError) -> OperationError:
    """Return what MongoEngine makes of an error of PyMongo's."""
    try:
        try:
            raise cause
        except PyMongoError as error:
            raise OperationError(f"Update failed ({error})")  # noqa: B904, as MongoEngine does
    except OperationError as error:
        return error


PASSING = [
    AutoReconnect("connection closed"),
    NetworkTimeout("timed out"),
    NotPrimaryError("not primary"),
    ServerSelectionTimeoutError("no servers"),
    WaitQueueTimeoutError("no connection is free"),
    ConfigurationError("The DNS does not answer"),
    EmbeddedStoreError("It did not start."),
    ExecutionTimeout("operation exceeded time limit", 50),
    WTimeoutError("waiting for replication timed out", 64),
    CursorNotFound("cursor id 1 not found", 43),
    *map(failure, (91, 112, 189, 262, 10107, 11600, 11602, 13435, 13436)),
    failure(1, errorLabels=["RetryableWriteError"]),
    failure(1, errorLabels=["TransientTransactionError"]),
    BulkWriteError({"writeErrors": [{"code": 91, "errmsg": "shutting down"}]}),
    BulkWriteError({"writeConcernErrors": [{"code": 11600, "errmsg": "interrupted"}]}),
    of_mongoengine(failure(189)),
    of_mongoengine(ExecutionTimeout("operation exceeded time limit", 50)),
]
LASTING = [
    failure(2, "BadValue: unknown operator"),
    failure(13, "not authorized"),
    failure(18, "Authentication failed."),
    failure(None),
    DuplicateKeyError("E11000 duplicate key", 11000),
    BulkWriteError({"writeErrors": [{"code": 2, "errmsg": "no", "op": {"template": SECRET}}]}),
    of_mongoengine(failure(2)),
    OperationError("No update parameters, would remove data"),
]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is written into the service's log."""
    root = logging.getLogger().handlers
    (console,) = [handler for handler in root if type(handler) is logging.StreamHandler]
    written = io.StringIO()
    before = console.setStream(written)
    yield written
    console.setStream(before)


def raised(error: Exception) -> Exception:
    """Return an error as it comes out of a function."""
    try:
        raise error
    except Exception as caught:
        return caught


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_may_be_over_in_a_moment_is_a_503(error: Exception) -> None:
    assert isinstance(translated(raised(error)), StoreUnavailable)


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", ["a view of the API", "elsewhere"])
def test_what_no_second_try_mends_is_a_500_whose_log_has_no_document(
    error: Exception, place: str, log: io.StringIO
) -> None:
    class Failing(APIView):
        permission_classes = [AllowAny]

        def get(self, request: Request) -> Response:
            raise error

    request = RequestFactory().get("/api/v1/templates")
    if place == "elsewhere":
        answer: Any = response_for_exception(request, raised(error))
    else:
        answer = Failing.as_view()(request).render()
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert json.loads(answer.content)["code"] == "error"
    assert "Retry-After" not in answer.headers
    told = log.getvalue()
    assert type(error).__name__ in told
    assert "raise error\n" in told  # the stack
    assert SECRET not in told
    assert SECRET not in answer.content.decode()


# --- Their size ----------------------------------------------------------------------------------

MANY = {f"field {number}": 1 for number in range(100_000)}
# Each of these characters takes the most bytes in JSON, in HTML or in UTF-8.
LONG = {character * 1000 + str(number): 1 for character in '\0"&\U0001f600' for number in range(99)}
FLOODS = {
    "many unknown fields": json.dumps(MANY),
    "long unknown fields": json.dumps(LONG),
    "a long repeated key": f'{{"{"k" * 900_000}": 1, "{"k" * 900_000}": 1}}',
    "a long value": json.dumps({"token": "\0" * 300_000}),
    "a value that as a page is too long": json.dumps({"token": "&" * 60_000, "more": 1}),
    "half a surrogate pair": json.dumps({"\ud800": "\udfff"}),
    "a large integer": f'{{"no": 1{"0" * 4000}}}',
    "a larger integer": f'{{"no": 1{"0" * 1_000_000}}}',
    "a large number": f'{{"no": 1{"0" * 1_000_000}.5e{"9" * 900_000}}}',
    "brackets": f'{{"no": {"[" * 1_000_000}',
}


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("accept", [HTML, "application/json"])
@pytest.mark.parametrize("path", ["/api/v1/token/verify", "/api/v1/login"])
def test_an_error_is_small_whatever_came_in(path: str, accept: str, flood: str) -> None:
    answer = ask("POST", path, FLOODS[flood].encode(), "application/json", accept=accept)
    assert answer.status == 400
    assert len(answer.content) <= MAX_ERROR_SIZE


def test_an_error_names_the_first_faults_and_says_how_many_more_there_are() -> None:
    body = json.dumps(MANY).encode()
    problem = ask("POST", "/api/v1/token/verify", body, "application/json").json
    named = [error["field"] for error in problem["errors"]]
    assert named == ["token", "", *(f"field {number}" for number in range(18))]
    assert problem["errors"][1]["message"] == "100,000 fields are unknown."
    many = ValidationError(dict.fromkeys("abc", ["no"] * 1000))
    assert len(field_errors(many)[0]) == 20
    assert message(many).endswith(" Errors that are not listed: 2,980.")


def test_a_page_says_where_to_find_what_is_too_long_to_be_shown_again() -> None:
    for size, is_shown in ((1000, True), (70_000, False)):
        body = json.dumps({"token": "x" * size}).encode()
        page = ask("POST", "/api/v1/token/verify", body, "application/json", accept=HTML)
        assert (b"too long to be shown again" in page.content) is not is_shown


def test_a_missing_field_is_named_with_the_one_that_may_be_misspelt(client: Any) -> None:
    answer = client.post("/api/v1/token/verify", {"tokn": "x"}).json()
    assert answer["errors"] == [
        {"field": "token", "message": "This field is required.", "code": "required"},
        {
            "field": "tokn",
            "message": "Unknown field; there is: token.",
            "code": "unknown_field",
        },
    ]
    answer = client.post("/api/v1/login", {"user": "alice", "password": "x"})
    assert told(answer) == (
        "username: This field is required. user: Unknown field; there is: username, password."
    )
