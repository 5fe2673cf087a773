"""People who use the service through a fault, and know what each answer may be.

Each keeps a model of their own documents. An answer of 503 leaves open whether the write was done;
any other answer that the model rules out means that something was lost, or happened twice.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.processes import Answer, Service

PASSWORD = "wonderland-1"
URL = "/api/v1/templates"
# Seconds. A worker that loses the store holds an Idempotency-Key until its lease is over.
LONGEST_RETRIES = 150


@dataclass
class Tally:
    """What a row of the drill's table counts."""

    sent: int = 0
    unavailable: int = 0
    longest: float = 0.0
    broken: int = 0  # answers that broke off, which a client sees
    last_refused: float = 0.0  # when the last request that was answered 503 was sent
    kinds: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)  # 500 and the like, or no answer at all
    wrong: list[str] = field(default_factory=list)  # lost, or done twice
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def answered(self) -> int:
        return self.sent - self.unavailable - self.broken - len(self.errors)

    def add(self, kind: str, sent_at: float, answer: Answer | None, fault: str) -> None:
        took = time.monotonic() - sent_at
        with self.lock:
            self.sent += 1
            self.kinds[kind] += 1
            self.longest = max(self.longest, took)
            if answer is None:
                self.errors.append(f"{kind}: {fault}")
            elif answer.status == 503:
                self.unavailable += 1
                self.last_refused = max(self.last_refused, sent_at)
                if not int(answer.headers.get("Retry-After") or 0):
                    self.errors.append(f"{kind}: a 503 without Retry-After")
            elif answer.status >= 500:
                self.errors.append(f"{kind}: {answer.status} {answer.text[:200]}")

    def complain(self, text: str) -> None:
        with self.lock:
            self.wrong.append(text)


class Person:
    """Somebody with templates, who does one thing after another."""

    def __init__(self, name: str, services: Sequence[Service], tally: Tally) -> None:
        self.name = name
        self.services = services
        self.tally = tally
        self.random = random.Random(name)
        self.numbers = count()
        self.there: set[str] = set()  # texts that must be listed
        self.open: set[str] = set()  # texts that may be
        self.failed = [0, 0]  # log-ins that failed: surely, and perhaps
        self.pair: dict[str, Any] = {}
        self.url = ""  # of the template that is changed again and again
        self.etag = ""

    def ask(self, kind: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request to one of the machines; an answer that does not come is one of 599."""
        service = self.random.choice(self.services)
        sent_at, answer, fault = time.monotonic(), None, ""
        token = "" if kind in ("log in", "register") else self.pair.get("access_token", "")
        try:
            answer = service.request(method, path, body, token, **headers)
        except OSError as error:
            fault = repr(error)
        self.tally.add(kind, sent_at, answer, fault)
        return answer or Answer(599, {}, fault)  # type: ignore[arg-type]

    def insist(self, kind: str, *request: Any, **headers: str) -> Answer:
        """Send a request again until it is answered, as a client does that reads Retry-After."""
        deadline = time.monotonic() + LONGEST_RETRIES
        while True:
            answer = self.ask(kind, *request, **headers)
            is_busy = answer.status == 409 and "idempotency_key_in_use" in answer.text
            is_to_repeat = is_busy or answer.status == 503
            if not is_to_repeat or time.monotonic() > deadline:
                return answer
            time.sleep(min(1, int(answer.headers["Retry-After"])))

    def expect(self, kind: str, answer: Answer, *statuses: int) -> bool:
        """Complain about any other status than these, and 503; tell whether it is the first."""
        if answer.status not in (*statuses, 503, 599):
            self.tally.complain(f"{kind}: {answer.status} {answer.text[:200]}")
        return answer.status == statuses[0]

    def new_text(self) -> str:
        return f"{self.name} {next(self.numbers)}"

    def begin(self) -> None:
        """Log in (the account is there), and make the template that is changed."""
        answer = self.insist(
            "log in", "POST", "/api/v1/login", {"username": self.name, "password": PASSWORD}
        )
        self.pair = answer.json
        answer = self.ask("create", "POST", URL, {"template": {"counter": self.new_text()}})
        assert answer.status == 201, answer.text
        self.url, self.etag = f"{URL}/{answer.json['id']}", answer.headers["ETag"]

    def act(self) -> None:
        """Do one thing, chosen at random."""
        (deed,) = self.random.choices(list(self.DEEDS), list(self.DEEDS.values()))
        deed(self)

    # --- What people do -----------------------------------------------------------------------

    def list_all(self) -> None:
        answer = self.ask("list", "GET", "/get")
        if self.expect("list", answer, 200):
            self._compare("list", [doc["template"] for doc in answer.json["docs"]])

    def page(self) -> None:
        self.expect("page", self.ask("page", "GET", f"{URL}?limit=10"), 200)

    def look(self) -> None:
        self.expect("look", self.ask("look", "GET", "/api/v1/users/me"), 200)

    def export(self) -> None:
        answer = self.ask("export", "GET", f"{URL}/export")
        if self.expect("export", answer, 200):
            lines = [json.loads(line)["template"] for line in answer.text.splitlines()]
            self._compare("export", lines)

    def _compare(self, kind: str, listed: list[Any]) -> None:
        texts = [text for text in listed if isinstance(text, str)]
        if len(texts) != len(set(texts)):
            self.tally.complain(f"{kind}: something is listed twice")
        if missing := self.there - set(texts):
            self.tally.complain(f"{kind}: {sorted(missing)} are missing")
        if more := set(texts) - self.there - self.open:
            self.tally.complain(f"{kind}: {sorted(more)} were deleted, or never there")

    def create(self) -> None:
        text = self.new_text()
        self.open.add(text)
        if self.expect("create", self.ask("create", "POST", "/create", {"template": text}), 200):
            self._settle(text, True)

    def create_once(self) -> None:
        """Create with an Idempotency-Key, again until it is answered."""
        text = self.new_text()
        self.open.add(text)
        key = {"Idempotency-Key": f'"{text}"'}
        answer = self.insist("create once", "POST", URL, {"template": text}, **key)
        if self.expect("create once", answer, 201):
            self._settle(text, True)

    def delete(self) -> None:
        if not self.there:
            return
        text = self.there.pop()
        self.open.add(text)
        answer = self.ask("delete", "POST", "/delete", {"template": text})
        if self.expect("delete", answer, 200):
            self._settle(text, False)

    def _settle(self, text: str, is_there: bool) -> None:
        self.open.discard(text)
        if is_there:
            self.there.add(text)

    def change(self) -> None:
        """Change the one template, if it is as last seen; look again if that is not known."""
        body = {"template": {"counter": self.new_text()}}
        answer = self.ask("change", "PUT", self.url, body, **{"If-Match": self.etag})
        if self.expect("change", answer, 200):
            self.etag = answer.headers["ETag"]
        elif answer.status in (503, 599):
            version = _version(self.etag)
            answer = self.insist("look at it", "GET", self.url)
            if self.expect("look at it", answer, 200):
                self.etag = answer.headers["ETag"]
                if _version(self.etag) - version not in (0, 1):
                    self.tally.complain(f"change: version {version} became {self.etag}")

    def refresh(self) -> None:
        body = {"refresh_token": self.pair["refresh_token"]}
        answer = self.insist("refresh", "POST", "/api/v1/token/refresh", body)
        if self.expect("refresh", answer, 200):
            self.pair = answer.json

    def mistype(self) -> None:
        body = {"username": self.name, "password": "mistyped"}
        answer = self.ask("log in", "POST", "/api/v1/login", body)
        self.failed[not self.expect("log in", answer, 401)] += 1

    def come_and_go(self) -> None:
        """Register somebody else, and have them delete themselves."""
        body = {"username": self.new_text(), "password": PASSWORD}
        if self.insist("register", "POST", "/api/v1/users", body).status not in (201, 409):
            return
        guest = Person(body["username"], self.services, self.tally)
        guest.begin_and_end()

    def begin_and_end(self) -> None:
        self.begin_quietly()
        if self.pair:
            answer = self.insist("erase", "DELETE", "/api/v1/users/me")
            while answer.status == 202:  # it goes on, and the same token asks how far it is
                answer = self.insist("erase", "DELETE", "/api/v1/users/me")
            self.expect("erase", answer, 204, 401)  # 401: an earlier try has ended the session
            body = {"username": self.name, "password": PASSWORD}
            answer = self.insist("log in", "POST", "/api/v1/login", body)
            self.expect("log in", answer, 401)

    def begin_quietly(self) -> None:
        body = {"username": self.name, "password": PASSWORD}
        answer = self.insist("log in", "POST", "/api/v1/login", body)
        if self.expect("log in", answer, 200):
            self.pair = answer.json
            self.ask("create", "POST", URL, {"template": self.new_text()})

    # How often each is done, in a hundred.
    DEEDS: dict[Callable[[Person], None], int] = {
        list_all: 20,
        page: 14,
        look: 10,
        export: 4,
        create: 14,
        create_once: 10,
        delete: 9,
        change: 10,
        refresh: 6,
        mistype: 2,
        come_and_go: 1,
    }


def _version(etag: str) -> int:
    return int(etag.strip('"').partition("-")[0])


class Crowd:
    """People who together send so many requests a second, until they are told to stop."""

    def __init__(self, people: list[Person], rate: float) -> None:
        self.people = people
        self.pause = len(people) / rate
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._live, args=(one,)) for one in people]

    def __enter__(self) -> None:
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _live(self, person: Person) -> None:
        due = time.monotonic() + self.pause * person.random.random()
        while not self.stopped.wait(max(0.0, due - time.monotonic())):
            try:
                person.act()
            except Exception as error:  # a fault of the drill's, which must not pass for calm
                person.tally.complain(f"{person.name}: {error!r}")
                return
            due = max(due + self.pause, time.monotonic() - 1)


class Probe:
    """Asks ``/livez`` all the time."""

    def __init__(self, services: Sequence[Service]) -> None:
        self.services = services
        self.longest = 0.0
        self.failures: list[str] = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Probe:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.thread.join()

    def _ask(self) -> None:
        while not self.stopped.wait(0.1):
            for service in self.services:
                start = time.monotonic()
                try:
                    status = service.get("/livez").status
                except OSError as error:
                    self.failures.append(repr(error))
                else:
                    if status != 200:
                        self.failures.append(f"{status}")
                self.longest = max(self.longest, time.monotonic() - start)
