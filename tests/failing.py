"""A store whose connection breaks at one operation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from templatesvc.mongo import store


@contextmanager
def failing(step: str) -> Iterator[None]:
    """Break the connection once, before the store gets an operation on a collection."""
    name, operation = step.split(".")
    driver = type(store.database()[name])
    real, broken = getattr(driver, operation), list[str]()

    def broken_once(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.name == name and not broken:
            broken.append(operation)
            raise AutoReconnect("connection closed")
        return real(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(driver, operation, broken_once)
        yield
    assert broken
