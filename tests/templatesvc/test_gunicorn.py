"""Gunicorn's settings, as far as they are code."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

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


@pytest.mark.parametrize(
    ("mode", "asked", "expected"),
    [
        ("[always] madvise never", "", True),
        ("always [madvise] never", "", False),
        ("always [madvise] never", "glibc.malloc.check=0:glibc.malloc.hugetlb=1", True),
        ("always madvise [never]", "glibc.malloc.hugetlb=1", False),
        (None, "glibc.malloc.hugetlb=1", False),
    ],
)
def test_large_pages_are_there_if_the_kernel_gives_them(
    mode: str | None,
    asked: str,
    expected: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    setting = tmp_path / "enabled"
    if mode is not None:
        setting.write_text(f"{mode}\n")
    monkeypatch.setenv("GLIBC_TUNABLES", asked)
    assert gunicorn.has_large_pages(setting) is expected
