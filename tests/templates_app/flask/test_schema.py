"""What the OpenAPI schema says of the Flask service's routes."""

from __future__ import annotations

from tests.docs.test_schema import operations


def test_errors_follow_from_what_an_operation_is() -> None:
    found = {operation.id: set(operation.answers) for operation in operations()}
    assert found["login"] == {"200", "400", "401", "413", "415", "429", "503"}
    assert found["flask_get"] == {"200", "401", "403", "503"}
