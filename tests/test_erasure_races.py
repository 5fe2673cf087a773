"""Erasing somebody while they write: whoever has the name next finds nothing of theirs."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest

from accounts.documents import User
from templates_app.documents import Template
from templatesvc.api.idempotent_requests import IdempotentRequest
from tests.processes import wait_for
from tests.test_races import running

pytestmark = pytest.mark.wire
WRITERS, ROUNDS = 16, 6


@pytest.mark.long
def test_whoever_has_the_name_next_finds_nothing(tmp_path: Path) -> None:
    """A hold of a second is enough for requests that are as short as these."""
    numbers = itertools.count()
    with running(tmp_path, ERASED_NAME_HOLD="1s", REGISTRATION_LIMIT="off") as service:
        for _ in range(ROUNDS):
            token = service.log_in("alice")
            ended = threading.Event()

            def write(token: str = token, ended: threading.Event = ended) -> None:
                while not ended.is_set():
                    body = {"template": f"{next(numbers)}"}
                    key = {"Idempotency-Key": f"{next(numbers)}"}
                    path = "/api/v1/templates"
                    if service.request("POST", path, body, token, **key).status == 401:
                        return

            writers = [threading.Thread(target=write) for _ in range(WRITERS)]
            for writer in writers:
                writer.start()
            wait_for(lambda: Template.objects.count() >= WRITERS, "they write")
            assert service.request("DELETE", "/api/v1/users/me", None, token).status == 204
            ended.set()
            for writer in writers:
                writer.join()
            User.tombstones().update(unset__swept_at=True)  # as if that sweep were long ago
            body = {"username": "alice", "password": "wonderland-1"}
            wait_for(
                lambda body=body: service.post("/api/v1/users", body).status == 201,  # type: ignore[misc]
                "the name is free",
            )
            for document in (Template, Template.Version, IdempotentRequest):
                assert document.objects.count() == 0
            User.objects.delete()
