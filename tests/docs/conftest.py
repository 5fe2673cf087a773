"""The service as ``make run`` starts it, on the store of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.processes import Service

HOSTS = "templates.example.org,127.0.0.1"


@pytest.fixture(scope="module")
def service(_store: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service; tests that use it are marked ``wire``."""
    with Service(
        tmp_path_factory.mktemp("service") / "log",
        ("manage.py", "runservice"),
        MONGODB_URI=settings.MONGODB_URI,
        ALLOWED_HOSTS=HOSTS,
        WEB_CONCURRENCY="1",
    ) as service:
        yield service
        assert service.stop() == 0
