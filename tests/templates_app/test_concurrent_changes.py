"""Several writers of one template, through several workers and as the Flask service writes."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings

from templates_app.documents import Template
from tests.processes import Service
from tests.templates_app.templates import URL

pytestmark = pytest.mark.wire
WRITERS = 8
START = "start"


class Change(NamedTuple):
    """A write that was accepted: the state that it named, and the one that it made."""

    before: str
    after: str


def change_over_http(service: Service, token: str, url: str, text: str) -> Change | None:
    """Read, and replace what was read; return None if it was refused with 412."""
    read = service.get(url, token)
    headers = {"If-Match": read.headers["ETag"]}
    answer = service.request("PUT", url, {"template": text}, token, **headers)
    assert answer.status in (200, 412), answer.text
    return Change(read.json["template"], text) if answer.status == 200 else None


def change_as_flask_does(text: str) -> Change | None:
    collection = Template._get_collection()
    before = collection.find_one({"profile": "alice"})["template"]
    found = {"profile": "alice", "template": before}
    changed = collection.update_one(found, {"$set": {"template": text}}).modified_count
    return Change(before, text) if changed else None


@pytest.mark.parametrize("times", [10, pytest.param(50, marks=pytest.mark.long)])
def test_every_accepted_write_saw_the_state_that_it_named(times: int, tmp_path: Path) -> None:
    given = {"MONGODB_URI": settings.MONGODB_URI, "WEB_CONCURRENCY": "4"}
    with Service(tmp_path / "service.log", **given) as service:
        token = service.log_in("alice")
        url = f"{URL}/{service.post(URL, {'template': START}, token).json['id']}"

        def write(writer: int) -> list[Change | None]:
            texts = [f"{writer}-{number}" for number in range(times)]
            if writer % 4 == 3:
                return [change_as_flask_does(text) for text in texts]
            return [change_over_http(service, token, url, text) for text in texts]

        with ThreadPoolExecutor(WRITERS) as pool:
            tried = [change for changes in pool.map(write, range(WRITERS)) for change in changes]
        last = service.get(url, token).json
    accepted = [change for change in tried if change]
    next_of = dict(accepted)
    # No state was replaced twice, and from the first one way leads over all of them to the last.
    assert len(next_of) == len(accepted) > 1
    state = START
    for _ in accepted:
        state = next_of[state]
    assert state == last["template"]
    over_http = Counter(change.after.split("-")[0] in "37" for change in accepted)[False]
    assert last["version"] == 1 + over_http
    print(json.dumps({"tried": len(tried), "accepted": len(accepted), "over HTTP": over_http}))
