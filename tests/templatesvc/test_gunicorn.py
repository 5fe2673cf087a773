"""Gunicorn's settings, as far as they are code."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from templatesvc import gunicorn


@pytest.fixture
def _frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_frozen")
def test_what_was_loaded_is_left_out_of_garbage_collections() -> None:
    assert len(gc.get_objects()) > 50_000
    gunicorn.when_ready(None)
    assert gc.get_freeze_count() > 50_000
    assert len(gc.get_objects()) < 1_000
