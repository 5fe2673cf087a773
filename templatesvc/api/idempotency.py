"""Idempotency-Key: a request that was sent twice happens once, and is answered twice.

See draft-ietf-httpapi-idempotency-key-header-07. The first request claims the key with one insert.
Its answer is stored with the key, and a second request gets that answer. A worker that died in
between holds the key until its lease is over; one that failed gives it up. The next request then
does the work again under the same ``seed``, an ObjectId in hex from which new documents take their
ids. So what the first request had stored before it failed is not stored twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from datetime import datetime, timedelta
from typing import Any, Self

import pymongo
from django.conf import settings
from django.http import HttpResponse
from mongoengine import BinaryField, DateTimeField, DictField, IntField, QuerySet, StringField
from mongoengine.errors import NotUniqueError
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from templatesvc.api.exceptions import Conflict
from templatesvc.api.problems import PROBLEM_JSON
from templatesvc.api.renderers import JSONRenderer
from templatesvc.mongo.documents import ServiceDocument, new_id, now
from templatesvc.mongo.errors import STORE_ERRORS
from templatesvc.mongo.quota import OVERHEAD, Amount, OverQuota, Usage, amount_of

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
LARGEST_KEPT = 8 * 2**20  # bytes of an answer: MongoDB's documents have at most 16 MB
# Bytes that count in the owner's quota beside those of an answer, and the bytes that an answer has
# beside the value in it.
KEY_SIZE, USUAL_SIZE = 700, 500
# Longer than a batch of an import takes, plus the difference between two machines' clocks.
LEASE = timedelta(seconds=60)
FREE_SECONDS = 0.4  # to give up a key of which nobody knows whether it is held
# A string of structured fields (RFC 8941, section 3.3.3), as the draft demands it.
QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
# Answers that don't depend on the request itself, which may succeed another time.
PASSING = {status.HTTP_401_UNAUTHORIZED, status.HTTP_429_TOO_MANY_REQUESTS}
STORED_HEADERS = ("Content-Type", "ETag", "Location")


class KeyInUse(Conflict):
    """409: the first request with this key is still running."""

    default_detail = "The first request with this Idempotency-Key is still running. Try again."
    default_code = "idempotency_key_in_use"

    def __init__(self, wait: int = 1) -> None:
        super().__init__()
        self.wait = wait


class KeyReused(APIException):
    """422: the ``Idempotency-Key`` came before with another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = (
        "This Idempotency-Key was used for another request. Use a new key for a new request."
    )
    default_code = "idempotency_key_reused"


class AnswerNotKept(Conflict):
    """409: the request was carried out, and its answer was too large to be kept."""

    default_detail = (
        "The first request with this Idempotency-Key was carried out. Its answer was too large to "
        "be kept."
    )
    default_code = "idempotency_answer_not_kept"


class IdempotentRequest(ServiceDocument):
    """A key, what it was used for, and the answer once there is one."""

    id = StringField(primary_key=True)
    username = StringField(required=True)
    fingerprint = StringField(required=True)
    seed = StringField(required=True)
    lease_until = DateTimeField(required=True)
    status = IntField()  # absent while the first request runs
    headers = DictField()
    body = BinaryField()
    expires_at = DateTimeField(required=True)

    is_repeated = False  # whether an earlier request may have done some of the work

    meta = {
        "collection": "idempotent_requests",
        "shards_by": ("username", 1),
        "indexes": [{"fields": ["expires_at"], "expireAfterSeconds": 0}, {"fields": ["username"]}],
    }

    @classmethod
    def claim(cls, key: str, username: str, fingerprint: str) -> tuple[Self, bool]:
        """Return the key's document, and whether the caller is to do the work.

        Raises KeyInUse and KeyReused.
        """
        moment = now()
        request = cls(
            id=hashlib.sha256(f"{username}\0{key}".encode()).hexdigest(),
            username=username,
            fingerprint=fingerprint,
            seed=str(new_id(moment)),
            lease_until=moment + LEASE,
            expires_at=moment + settings.IDEMPOTENCY_RETENTION,
        )
        for _ in range(2):
            try:
                with request.freed_if_unknown(request.lease_until):
                    return request.insert(), True
            except NotUniqueError:
                first = cls.objects(id=request.id, username=username).first()
            if first and first.expires_at > moment:
                return first._claimed_again(fingerprint)
            # TTL indexes delete about once a minute.
            cls.objects(id=request.id, username=username, expires_at__lte=moment).delete()
        raise KeyInUse()

    def _claimed_again(self, fingerprint: str) -> tuple[Self, bool]:
        if self.fingerprint != fingerprint:
            raise KeyReused()
        if self.status is not None:
            return self, False
        if self.lease_until > now():
            raise KeyInUse(wait=_seconds_until(self.lease_until))
        self.hold()
        self.is_repeated = True
        return self, True

    def hold(self) -> None:
        """Hold the key for a lease from now on; raises KeyInUse if another worker holds it.

        By this a request takes over from a worker that died, and long work keeps its key.
        """
        lease = now() + LEASE
        with self.freed_if_unknown(lease):
            if not self._unfinished().update_one(set__lease_until=lease):
                raise KeyInUse(wait=_seconds_until(lease))
        self.lease_until = lease

    @contextmanager
    def freed_if_unknown(self, lease: datetime) -> Iterator[None]:
        """Give the key up if the store does not say whether it is held until ``lease`` now.

        Otherwise a repeated request would have to wait until the lease is over.
        """
        try:
            yield
        except NotUniqueError:
            raise
        except STORE_ERRORS:
            self.lease_until = lease
            with suppress(*STORE_ERRORS), pymongo.timeout(FREE_SECONDS):
                self.free()
            raise

    def keep(self, view: APIView, response: HttpResponse, paid: int) -> None:
        """Store the answer, if the owner's quota has room; ``paid`` bytes are reserved already.

        If there is no room, a refusal is forgotten with its key, because nothing was done. For any
        other answer AnswerNotKept (409) is stored.
        """
        owed = KEY_SIZE + len(response.content) - paid
        if len(response.content) <= LARGEST_KEPT and self._has_room(owed):
            self._finish(response)
        elif response.status_code >= status.HTTP_400_BAD_REQUEST:
            self.forget()
        else:
            self._finish(_rendered(view.handle_exception(AnswerNotKept())))

    def _has_room(self, size: int) -> bool:
        try:
            if size > 0:
                Usage.reserve(self.username, Amount(bytes=size))
        except OverQuota:
            return False
        return True

    def _finish(self, response: HttpResponse) -> None:
        headers = {name: response[name] for name in STORED_HEADERS if name in response}
        self._unfinished().update_one(
            set__status=response.status_code, set__headers=headers, set__body=response.content
        )

    def _unfinished(self) -> QuerySet:
        mine = type(self).objects(id=self.id, username=self.username)
        return mine.filter(lease_until=self.lease_until, status=None)

    def free(self) -> None:
        """Give the key up: the next request that has it does the work."""
        self._unfinished().update_one(set__lease_until=now())

    def forget(self) -> None:
        """Give up a key under which nothing was done, so that it takes no room."""
        if self.is_repeated:
            self.free()
        else:
            self._unfinished().delete()

    @classmethod
    def amount_of(cls, owner: str) -> Amount:
        """Return the bytes of an owner's keys with their answers, for the quota."""
        kept = amount_of(cls, {"username": owner}, ["body"])
        return Amount(bytes=kept.bytes + kept.documents * (KEY_SIZE - OVERHEAD))

    @classmethod
    def belonging_to(cls, user: Any) -> dict[str, Any]:
        # The answers would show documents to the next person who has the name.
        return {"username": user.get_username()}

    def exported(self) -> dict[str, Any]:
        text = (self.body or b"").decode(errors="replace")
        return {"status": self.status, "body": text, "expires_at": self.expires_at}

    def replayed(self) -> HttpResponse:
        """Return the stored answer, byte for byte."""
        headers = {**self.headers, "Idempotency-Replayed": "true"}
        return HttpResponse(self.body, status=self.status, headers=headers)


def _seconds_until(moment: datetime) -> int:
    return max(1, round((moment - now()).total_seconds()))


def idempotent(
    view: APIView, request: Request, perform: Callable[[IdempotentRequest | None], Response]
) -> Response | HttpResponse:
    """Call ``perform`` once for the request's Idempotency-Key; without a key, just call it.

    ``perform`` gets the document of the key, whose seed it needs, or None. An answer of 500 or
    above is not stored, and frees the key. So do a 401, if the session ended meanwhile, a 429, and
    a full quota. The answer counts in the owner's quota; its room is reserved with that for what
    ``perform`` stores. A ``perform`` that stores nothing, or gives long answers, has to reserve an
    empty amount before it does anything.
    """
    header = request.headers.get(HEADER)
    if header is None:
        return perform(None)
    key, username = _key(header), request.user.get_username()
    first, is_mine = IdempotentRequest.claim(key, username, _fingerprint(request))
    if not is_mine:
        return first.replayed()
    # In a context of its own: it has to be done even if the request's time for the store is up.
    settle = Context()
    try:
        with Usage.along(username, KEY_SIZE + USUAL_SIZE) as along:
            response = _answer(view, perform, first)
    except (Throttled, OverQuota):  # before anything was done
        settle.run(first.forget)
        raise
    except BaseException:
        settle.run(first.free)
        raise
    settle.run(first.keep, view, response, along.taken)
    return response


def _key(header: str) -> str:
    """Return the key of a header, with quotation marks or, as many clients send it, without.

    Raises ValidationError (400).
    """
    quoted = QUOTED.fullmatch(header)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    is_bare = not header.startswith('"') and header.isascii() and header.isprintable()
    if not (quoted or is_bare) or not 1 <= len(key) <= LONGEST_KEY:
        raise ValidationError(
            {HEADER: f'Give 1 to {LONGEST_KEY} printable ASCII characters, as in "8e03978e-40d5".'}
        )
    return key


def _fingerprint(request: Request) -> str:
    """Return a digest of what a request with the same key must repeat."""
    content = request.data
    if not isinstance(content, bytes):
        try:
            content = json.dumps(content, default=str).encode()
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
    # A path with a final slash and one without are the same route.
    path, mark, query = request.get_full_path().partition("?")
    subject = f"{request.method} {path.removesuffix('/')}{mark}{query}\0".encode() + content
    return hashlib.sha256(subject).hexdigest()


def _answer(
    view: APIView,
    perform: Callable[[IdempotentRequest | None], Response],
    first: IdempotentRequest,
) -> HttpResponse:
    """Return the rendered answer; a refusal as well, because the first answer counts."""
    try:
        response = perform(first)
    except APIException as error:
        if error.status_code in PASSING or error.status_code >= 500:
            raise
        response = view.handle_exception(error)
    return _rendered(response)


def _rendered(response: Response) -> HttpResponse:
    body = JSONRenderer().render(response.data)
    content_type = PROBLEM_JSON if response.exception else JSONRenderer.media_type
    rendered = HttpResponse(body, content_type, response.status_code)
    for name, value in response.headers.items():
        rendered.setdefault(name, value)
    return rendered
