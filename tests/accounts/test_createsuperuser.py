"""``manage.py createsuperuser``"""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from accounts.audit import AuditEntry
from accounts.documents import User
from accounts.operators import Role
from tests.accounts.callers import log_in
from tests.accounts.terminal import pipe_in, press, run, type_in
from tests.conftest import Person


@pytest.fixture(autouse=True)
def _no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def role(name: str) -> Role | None:
    user = User.named(name)
    assert user
    return user.role


def test_it_asks_for_name_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, ["secret-1", "secret-1"], ["root"])
    assert "root is superuser: can do everything" in run("createsuperuser")
    assert role("root") == Role.SUPERUSER
    assert log_in("root", "secret-1").status_code == 200
    told = AuditEntry.objects.order_by("id")[:2]
    assert [entry.action for entry in told] == ["user_created", "role_changed"]
    assert {entry.user_agent for entry in told} == {"manage.py createsuperuser"}


def test_the_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "secret-1")
    run("createsuperuser", "--username", "root", "--noinput")
    assert log_in("root", "secret-1").status_code == 200


def test_the_name_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "root")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "secret-1")
    run("createsuperuser", "--noinput")
    assert role("root") == Role.SUPERUSER
    run("createsuperuser", "carol", "--noinput")  # a name that is given goes before
    assert role("carol") == Role.SUPERUSER
    with pytest.raises(CommandError, match="differ"):
        run("createsuperuser", "dora", "--username", "emma", "--noinput")


def test_both_may_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text in (("USERNAME", "root\n"), ("PASSWORD", "secret-1\n")):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name}_FILE", str(tmp_path / name))
    run("createsuperuser", "--noinput")
    assert log_in("root", "secret-1").status_code == 200


@pytest.mark.parametrize("name", ["DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_PASSWORD"])
def test_a_file_that_can_not_be_read_is_told(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_USERNAME", "root")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "missing"))
    with pytest.raises(CommandError, match=f"^{name}: The file that {name}_FILE names can't be"):
        run("createsuperuser", "--noinput")
    assert User.named("root") is None


def test_the_password_may_come_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe_in(monkeypatch, " secret-1 \n")
    run("createsuperuser", "--username", "root")
    assert log_in("root", " secret-1 ").status_code == 200


@pytest.mark.parametrize("value", ["viewer", "staff"])
def test_it_makes_other_operators_too(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe_in(monkeypatch, "secret-1")
    run("createsuperuser", "--username", "carol", "--role", value)
    assert role("carol") == value


def test_somebody_who_is_there_is_not_promoted_by_chance(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe_in(monkeypatch, "secret-1")
    with pytest.raises(CommandError, match="--promote"):
        run("createsuperuser", "--username", "alice")
    assert role("alice") is None
    run("createsuperuser", "--username", "alice", "--promote")
    assert role("alice") == Role.SUPERUSER
    assert log_in("alice", alice.password).status_code == 200


def test_who_is_not_there_can_not_be_promoted() -> None:
    with pytest.raises(CommandError, match="no user named 'nobody'"):
        run("createsuperuser", "--username", "nobody", "--promote")


def test_two_different_passwords_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, ["one", "two"], ["root"])
    with pytest.raises(CommandError, match="two passwords"):
        run("createsuperuser")
    assert User.named("root") is None


@pytest.mark.parametrize("name", [[], ["root"]])
@pytest.mark.parametrize(
    ("key", "said"), [(EOFError, "input ended"), (KeyboardInterrupt, "Interrupted")]
)
def test_ctrl_d_and_ctrl_c_end_it_with_a_sentence(
    key: type[BaseException], said: str, name: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    press(monkeypatch, key)
    with pytest.raises(CommandError, match=said):
        run("createsuperuser", *name)
    assert User.named("root") is None


@pytest.mark.parametrize("text", ["", "\n", "x" * 129])
def test_a_bad_password_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe_in(monkeypatch, text)
    with pytest.raises(CommandError, match="password: "):
        run("createsuperuser", "--username", "root")
    assert User.named("root") is None


def test_a_script_that_gives_too_little_is_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipe_in(monkeypatch, "secret-1")
    with pytest.raises(CommandError, match="DJANGO_SUPERUSER_USERNAME"):
        run("createsuperuser")
    with pytest.raises(CommandError, match="DJANGO_SUPERUSER_PASSWORD"):
        run("createsuperuser", "--username", "root", "--noinput")


def test_it_is_not_djangos() -> None:
    from django.core.management import get_commands

    ours = ("createsuperuser", "changepassword")
    assert {get_commands()[name] for name in ours} == {"accounts"}
