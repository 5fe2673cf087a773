"""``manage.py auditlog``"""

from __future__ import annotations

import json
import signal
import sys
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts import audit
from accounts.audit import Action, AuditEntry, actions_of
from accounts.clients import Client
from accounts.management.commands.auditlog import LATE, News
from templates_app.documents import Template
from templatesvc.api.notation import format_time
from templatesvc.mongo.clock import now
from templatesvc.mongo.ids import new_id
from tests.accounts.callers import after
from tests.accounts.terminal import run
from tests.processes import KEY, ROOT, Process, wait_for
from tests.test_round_trips import Commands

pytestmark = pytest.mark.store

PHONE = Client("192.0.2.1", "Phone/1")


def told(*arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in run("auditlog", "--format=json", *arguments).splitlines()]


@pytest.fixture
def entries() -> None:
    audit.record(Action.REGISTERED, "alice", PHONE)
    audit.record(Action.LOGGED_IN, "alice", PHONE)
    changes = {"version": [1, 2]}
    audit.record(
        actions_of(Template.names).CHANGED,
        "alice",
        PHONE,
        by="root",
        document="templates/1",
        changes=changes,
    )


@pytest.mark.usefixtures("entries")
def test_it_tells_what_happened_the_oldest_first() -> None:
    lines = run("auditlog").splitlines()
    assert "alice  Registered.  [192.0.2.1 Phone/1 " in lines[-3]
    assert "alice  Logged in.  [" in lines[-2]
    changed = (
        "alice  An operator changed a template of the account.  by root  templates/1  version: 1 ->"
    )
    assert changed in lines[-1]


def test_of_what_nobody_knows_who_did_it_the_line_says_nobody() -> None:
    audit.record(Action.LOGIN_FAILED, "alice", PHONE, by="")
    assert "Log-in failed.  [192.0.2.1" in run("auditlog")


@pytest.mark.usefixtures("entries")
def test_a_line_of_json_has_all_of_an_entry() -> None:
    entry = AuditEntry.objects(by="root").get()
    assert told("--by=root")[-1] == {
        "id": str(entry.id),
        "at": format_time(entry.at),
        "action": "template_changed",
        "username": "alice",
        "by": "root",
        "document": "templates/1",
        "changes": {"version": [1, 2]},
        "details": {},
        "ip": "192.0.2.1",
        "user_agent": "Phone/1",
        "request_id": entry.request_id,
    }


@pytest.mark.usefixtures("entries")
@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ([], 3),
        (["--user=alice"], 3),
        (["--user=nobody"], 0),
        (["--by=root"], 1),
        (["--action=logged_in"], 1),
        (["--document=templates/1"], 1),
        (["--user=alice", "--by=alice"], 2),
        (["--since=1h"], 3),
        (["--since=30000d"], 3),  # before 1970
        (["--since=36500d"], 3),
        (["--all"], 3),
    ],
)
def test_it_can_be_narrowed(arguments: list[str], count: int) -> None:
    assert len(told(*arguments)) == count


@pytest.mark.usefixtures("entries")
def test_it_goes_back_as_far_as_it_is_told() -> None:
    with after(hours=2):
        audit.record(Action.LOGGED_OUT, "alice", PHONE)
        assert [entry["action"] for entry in told("--since=1h")] == ["logged_out"]


@pytest.mark.usefixtures("entries")
def test_it_need_not_go_back() -> None:
    with after(hours=2):
        assert told("--since=0s") == []


def test_it_shows_the_newest_hundred_or_all() -> None:
    for n in range(105):
        audit.record(Action.LOGGED_IN, f"user-{n}", PHONE)
    assert [entry["username"] for entry in told()] == [f"user-{n}" for n in range(5, 105)]
    assert len(told("--all")) == 105 + 1


def test_reading_it_is_audited() -> None:
    run("auditlog")
    (entry,) = AuditEntry.objects
    assert (entry.action, entry.user_agent) == ("audit_exported", "manage.py auditlog")


def test_a_terminal_obeys_nothing_in_it() -> None:
    audit.record(Action.LOGGED_IN, "\x1b[2Jmall\u202eory\r\n", Client("", "\x07é"))
    line = run("auditlog")
    assert "\\x1b[2Jmall\\u202eory\\r\\n" in line
    assert "\\x07é" in line
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    "argument",
    ["--since=soon", "--since=800000d", f"--since={'9' * 30}d", "--since=-1h", "--action=nothing"],
)
def test_what_it_can_not_read_it_refuses(argument: str) -> None:
    with pytest.raises(CommandError):
        run("auditlog", argument)


@pytest.mark.usefixtures("entries")
def test_who_stops_reading_has_read_it() -> None:
    class Closed(StringIO):
        """A terminal that is gone after the first line."""

        def write(self, text: str) -> int:
            if self.getvalue():
                raise RuntimeError("It is gone.")
            return super().write(text)

    with pytest.raises(RuntimeError, match="It is gone"):
        call_command("auditlog", "--all", stdout=Closed())
    (entry,) = AuditEntry.objects(action="audit_exported")
    assert entry.details == {"entries": 1}


def test_following_remembers_only_what_could_come_again() -> None:
    with time_machine.travel(now(), tick=False) as clock:
        news = News(AuditEntry.objects, set(), now())
        for _ in range(20):
            clock.shift(LATE / 2)
            audit.record(Action.LOGGED_IN, "alice", PHONE)
            assert len(news.poll()) == 1
            assert len(news.seen) <= 4
    assert news.poll() == []


@pytest.mark.long
@pytest.mark.wire
def test_it_follows_what_happens(tmp_path: Path) -> None:
    audit.record(Action.REGISTERED, "alice", PHONE)
    command = [sys.executable, str(ROOT / "manage.py"), "auditlog", "--follow"]
    given = {"MONGODB_URI": settings.MONGODB_URI, "SECRET_KEY": KEY, "ALLOWED_HOSTS": "localhost"}
    with Process(command, tmp_path / "log", **given) as following:
        wait_for(lambda: "alice  Registered." in following.output, "it shows what there is")
        for name in ("bob", "carol"):
            audit.record(Action.LOGGED_IN, name, PHONE)
            shown = f"{name}  Logged in."
            wait_for(lambda: shown in following.output, "it shows more")  # noqa: B023
        # From a machine whose clock is behind.
        entry = AuditEntry.objects(username="carol").get()
        entry.id, entry.username = new_id(now() - LATE / 2), "dora"
        entry.insert()
        wait_for(lambda: "dora  Logged in." in following.output, "it shows what comes late")
        following.send(signal.SIGINT)
        assert following.wait() == 0
        assert following.output.count("Logged in.") == 3
        assert "Traceback" not in following.output


@pytest.mark.wire
def test_the_newest_entries_are_read_at_once(commands: Commands) -> None:
    """Read one by one, they would move while others are written."""
    for _ in range(5):
        audit.record(Action.LOGGED_IN, "alice", PHONE)
    commands.clear()
    assert len(told()) == 5
    assert [each["filter"] for each in commands if each.get("find") == "audit"] == [{}]
