"""Gunicorn's settings, as far as they are code."""

from __future__ import annotations

import gc
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from templatesvc import gunicorn, settings


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


def test_each_connection_may_have_a_socket_and_a_file() -> None:
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * settings.MAX_CONNECTIONS
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        gunicorn.allow_enough_files()
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert allowed > wanted or allowed == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_too_few_files_are_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        pytest.skip("this machine has no limit")
    monkeypatch.setattr(settings, "MAX_CONNECTIONS", hard)
    try:
        gunicorn.allow_enough_files()
        assert f"A worker may open {hard} files" in caplog.text
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


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
