"""Sixteen writers at the limit: no more is stored than an owner may keep, and no less."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from templates_app.documents import Template
from templatesvc.mongo.quota import Usage
from tests.processes import at_once
from tests.test_races import running

pytestmark = pytest.mark.wire
ROUNDS = 3


def test_parallel_writes_store_exactly_as_much_as_is_allowed(tmp_path: Path) -> None:
    numbers = itertools.count()
    with running(tmp_path, QUOTA_DOCUMENTS="20") as service:
        token = service.log_in("alice")
        url = "/api/v1/templates"

        def act(number: int) -> int:
            path = (url, "/create")[number % 2]
            return service.post(path, {"template": f"{next(numbers)}"}, token).status

        def clear(number: int) -> int:
            # Each is deleted by two at once: it makes room once.
            return service.request("DELETE", f"{url}/{ids[number // 2]}", None, token).status

        for _ in range(ROUNDS):
            statuses = at_once(range(48), act)
            assert Template.objects.count() == 20
            assert sum(status in (200, 201) for status in statuses) == 20
            assert statuses.count(403) == 28
            ids = [str(template.id) for template in Template.objects]
            assert sorted(at_once(range(40), clear)) == [204] * 20 + [404] * 20
            assert Usage.of("alice").amount.documents == 0
        assert Usage.of("alice").amount == Template.amount_of("alice")
