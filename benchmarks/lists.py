"""How each kind of list grows with what its owner has, from a thousand templates to a million.

    python -m benchmarks.lists

fills the server of ``BENCH_MONGODB_URI``, or one that is started, and prints how many milliseconds
each list takes, and by what stages the server says that it reads what the list asks for.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pymongo import MongoClient, monitoring

from benchmarks.admin import store
from benchmarks.fill import PASSWORD, Size, fill
from tests.processes import KEY, manage

TIMES = 9
SIZES = (10**3, 10**4, 10**5, 10**6)
LIST = "/api/v1/templates?limit=20"
# Texts are "template N of user000000, as long as a line of text is".
LISTS = {
    "the first page": "",
    "a page in the middle": "cursor",
    "the oldest first": "&ordering=created_at",
    "by when they were updated": "&ordering=updated_at",
    "by a field of free JSON": "&template.author=nobody",
    "only objects": "&kind=object",
    "created in a time of which there is none": "&created_before=2001-01-01T00:00:00Z",
    "a search that finds all": "&search=TEMPLATE",
    "a search that finds none": "&search=nowhere",
    "counted": "&count=true",
}


class Finds(monitoring.CommandListener):
    """Keeps what lists ask for."""

    last: dict[str, Any]

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name == "find":
            asked = ("find", "filter", "sort", "limit", "projection")
            Finds.last = {name: event.command[name] for name in asked if name in event.command}

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    most = parser.parse_args().most
    sizes = [size for size in SIZES if size <= most]
    found: dict[str, list[str]] = {name: [] for name in LISTS}
    plans: dict[str, str] = {}
    with store() as uri:
        os.environ |= {"MONGODB_URI": uri, "SECRET_KEY": KEY, "ALLOWED_HOSTS": "*"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "templatesvc.settings"
        manage("ensureindexes", MONGODB_URI=uri, SECRET_KEY=KEY)
        database: Any = MongoClient(uri).get_default_database()
        monitoring.register(Finds())
        import django

        django.setup()
        for size in sizes:
            for collection in ("users", "sessions", "templates"):
                database[collection].delete_many({})
            fill(database, Size(users=1, each=size), is_flasks=False)
            for name, milliseconds in measured():
                found[name].append(milliseconds)
                plans[name] = plan_of(database, Finds.last)
    columns = [f"{size:,}" for size in sizes]
    print(f"| list | {' | '.join(columns)} | read by |\n|{'---|' * (len(sizes) + 2)}")
    for name, cells in found.items():
        print(f"| {name} | {' | '.join(cells)} | {plans[name]} |")


def measured() -> Iterator[tuple[str, str]]:
    """Yield each list, and its median in milliseconds."""
    from tests.wsgi import answered, environ

    credentials = b'{"username": "user000000", "password": "%b"}' % PASSWORD.encode()
    token = answered(environ("POST", "/api/v1/login", credentials, "application/json")).json
    bearer = f"Bearer {token['access_token']}"
    first = answered(environ("GET", LIST, Authorization=bearer)).json
    for name, parameters in LISTS.items():
        path = from_the_middle(first["next"]) if parameters == "cursor" else LIST + parameters
        taken = []
        for _ in range(TIMES):
            began = time.perf_counter()
            answer = answered(environ("GET", path, Authorization=bearer))
            taken.append(1000 * (time.perf_counter() - began))
            assert answer.status == 200, (name, answer)
        yield name, f"{statistics.median(taken):.1f}"


def from_the_middle(next_page: str) -> str:
    """Return the path of a page in the middle: that after the first one, from another place on."""
    from django.core import signing

    from templates_app.documents import Template
    from templatesvc.api.pagination import SALT
    from templatesvc.mongo import ids

    (cursor,) = parse_qs(urlsplit(next_page).query)["cursor"]
    query, _, backwards = signing.loads(cursor, salt=SALT)
    templates: Any = Template.objects
    rows = templates.walk("created_at", descending=True)
    row = next(islice(rows, templates.count() // 2, None))
    place = [ids.encode(value) for value in templates.position_of(row, "created_at")]
    cursor = signing.dumps([query, place, backwards], salt=SALT)
    return f"{LIST}&{urlencode({'cursor': cursor})}"


def plan_of(database: Any, find: dict[str, Any]) -> str:
    """Return the stages by which the server reads what is asked for, from the first to the last."""
    from tests.test_round_trips import stages

    plan = database.command("explain", find, verbosity="queryPlanner")
    return " < ".join(f"`{stage}`" for stage in stages(plan["queryPlanner"]["winningPlan"]))


if __name__ == "__main__":
    main()
