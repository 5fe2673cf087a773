"""The body of a request as it comes in: its pace, its size, and how much of it is kept."""

from __future__ import annotations

import asyncio
import io
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import IO, Any, Self

from django.conf import settings
from rest_framework.exceptions import APIException

from templatesvc.api.credentials import COMPACT, bearer_token
from templatesvc.api.exceptions import BodyNotKept, PayloadTooLarge, RequestTimeout, TooManyBodies
from templatesvc.api.proxies import client_address, stranger

Message = MutableMapping[str, Any]

# Bytes of a body that are kept in memory. Of a body without credentials no more is kept: logging in
# and registering need less.
IN_MEMORY = 64 * 1024
PARTS_AT_ONCE = 100  # of a body, before other connections get a turn
MAX_PARTS = 10_000  # of a body, unless they have MIN_PART_SIZE bytes on average
MIN_PART_SIZE = 64
SLOWEST = 2048  # bytes a second


class Disconnected(Exception):
    """The client went away before it had sent its request."""


def are_crumbs(parts: int, size: int) -> bool:
    """Tell whether a body came in too many tiny parts: each takes as long as a large one."""
    return parts > MAX_PARTS and size < parts * MIN_PART_SIZE


class Pace:
    """How long a body may be silent: a number of seconds, which pass while nothing comes.

    Every SLOWEST bytes give a second back, but never more than the full time: sending much does not
    save up time for sending nothing.
    """

    def __init__(self, silence: float, moment: float) -> None:
        self.silence = silence
        self.due = moment + silence

    def came(self, size: int, moment: float) -> None:
        """Note that a part of this size came at a moment."""
        self.due = min(self.due + size / SLOWEST, moment + self.silence)


class Shares:
    """How many bytes the bodies of each client take on the disk, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: Counter[str] = Counter()

    def take(self, client: str, size: int) -> bool:
        """Take room if there is enough; trusted proxies and unknown clients have no limit."""
        if client and self.held[client] + size > self.limit:
            return False
        self.held[client] += size
        return True

    def give_back(self, client: str, size: int) -> None:
        self.held[client] -= size
        if self.held[client] <= 0:
            del self.held[client]


class Body:
    """The body of a request, read before a thread is taken: in memory, or in a file if it is large.

    A body that is too large or too late is ``refused``, and not read to its end.
    """

    def __init__(
        self,
        environ: dict[str, Any],
        receive: Callable[[], Awaitable[Message]],
        largest: int,
        shares: Shares,
    ) -> None:
        self.environ = environ
        self.receive = receive
        self.largest = largest
        self.shares = shares
        self.is_chunked = environ.pop("HTTP_TRANSFER_ENCODING", None) is not None
        declared = environ.get("CONTENT_LENGTH", "")
        self.declared = int(declared) if declared.isdecimal() else 0
        self.file: IO[bytes] = io.BytesIO()
        self.is_kept = True
        self.is_lent = self.is_closed = False
        self.client, self.share = "", 0
        self.size = 0
        self.more = self.is_chunked or self.declared > 0
        self.parts = 0
        self.refused: APIException | None = None
        if self.declared > largest:
            # So that nothing has to convert a number of any length.
            environ["CONTENT_LENGTH"] = str(largest + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lend(self) -> None:
        """Have it kept for a thread, even if it is closed meanwhile."""
        self.is_lent = True

    def take_back(self) -> None:
        """Note that no thread reads it now."""
        self.is_lent = False
        if self.is_closed:
            self.close()

    def close(self) -> None:
        """Drop what was kept, as soon as no thread reads it."""
        self.is_closed = True
        if self.is_lent:
            return
        self.file.close()
        if self.share:
            self.shares.give_back(self.client, self.share)
            self.share = 0

    @property
    def stream(self) -> Any:
        """What the application reads."""
        if not self.is_kept:
            return NotKept()
        self.file.seek(0)
        return self.file

    async def read(self, silence: float) -> None:
        """Read it, with at most ``silence`` seconds in which nothing comes; raises Disconnected."""
        if self.declared > self.largest:
            self.refused = PayloadTooLarge()
            return
        pace = Pace(silence, time.monotonic())
        try:
            while self.more and not self.refused:
                async with asyncio.timeout(pace.due - time.monotonic()):
                    message = await self.receive()
                pace.came(self._take(message), time.monotonic())
                self.parts += 1
                if are_crumbs(self.parts, self.size):
                    self.refused = PayloadTooLarge(
                        "The parts of the body are too small; send larger ones."
                    )
                if self.parts % PARTS_AT_ONCE == 0:
                    await asyncio.sleep(0)  # receiving what has arrived does not yield
        except TimeoutError:
            self.refused = RequestTimeout()

    def _take(self, message: Message) -> int:
        """Keep a part, if the body is kept; return its size."""
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        self.more = message.get("more_body", False)
        before, self.size = self.size, self.size + len(part)
        if self.size > self.largest:
            self.refused = PayloadTooLarge()
        elif self.size > IN_MEMORY and self.is_kept:
            self._spool(part, before)
        elif self.is_kept:
            self.file.write(part)
        return len(part)

    def _spool(self, part: bytes, before: int) -> None:
        """Keep a part of a large body in a file, if its sender may have one."""
        if isinstance(self.file, io.BytesIO):
            self.is_kept = has_credentials(self.environ)
            self.client = stranger(client_address(self.environ))
            start = self.file.getvalue()
            self.file.close()
            if not self.is_kept:
                return
            self.file = tempfile.TemporaryFile()  # noqa: SIM115
            self.file.write(start)
        if self.shares.take(self.client, self.size - self.share):
            self.share = self.size
            self.file.write(part)
        else:
            self.refused = TooManyBodies()

    async def drop_rest(self, seconds: float) -> None:
        """Read on for a moment: if the connection were closed at once, the answer would be lost."""
        try:
            async with asyncio.timeout(seconds):
                while self.more:
                    message = await self.receive()
                    self.more = message.get("more_body", False)
        except TimeoutError:
            pass


class NotKept:
    """Stands for a body that was not kept: only views that don't read it can answer."""

    def read(self, *_: Any) -> bytes:
        raise BodyNotKept(f"Without a log-in a body has at most {IN_MEMORY:,} bytes.")

    readline = read


def has_credentials(environ: dict[str, Any]) -> bool:
    """Tell whether a request looks as if its sender were logged in; nothing is looked up."""
    try:
        token = bearer_token(environ.get("HTTP_AUTHORIZATION", "")) or ""
    except ValueError:
        return False
    cookie = f"{settings.SESSION_COOKIE_NAME}="
    return bool(COMPACT.fullmatch(token)) or cookie in environ.get("HTTP_COOKIE", "")
