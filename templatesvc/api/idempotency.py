"""Idempotency-Key: a request that was sent twice happens once, and is answered twice.

See draft-ietf-httpapi-idempotency-key-header-07.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from contextvars import Context

from django.http import HttpResponse
from django.utils.datastructures import MultiValueDict
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from templatesvc.api.exceptions import Conflict
from templatesvc.api.idempotent_requests import KEY_SIZE, IdempotentRequest
from templatesvc.api.negotiation import media_type_of
from templatesvc.api.problems import PROBLEM_JSON
from templatesvc.api.renderers import JSONRenderer
from templatesvc.mongo.amounts import Amount
from templatesvc.mongo.quota import OverQuota, Usage

HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255
MAX_KEPT_SIZE = 8 * 2**20  # bytes of an answer: MongoDB's documents have at most 16 MB
USUAL_SIZE = 500  # bytes that an answer has beside the value in it
# A string of structured fields (RFC 8941, section 3.3.3), as the draft demands it.
QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
# Answers that don't depend on the request itself, which may succeed another time.
TRANSIENT_STATUSES = {status.HTTP_401_UNAUTHORIZED, status.HTTP_429_TOO_MANY_REQUESTS}


class AnswerNotKept(Conflict):
    """409: the request was carried out, and its answer was too large to be kept."""

    default_detail = (
        "The first request with this Idempotency-Key was carried out. Its answer was too large to "
        "be kept."
    )
    default_code = "idempotency_answer_not_kept"


def idempotent(
    view: APIView, request: Request, perform: Callable[[IdempotentRequest | None], Response]
) -> Response | HttpResponse:
    """Call ``perform`` once for the request's Idempotency-Key; without a key, just call it.

    ``perform`` gets the record of the key, from whose seed it derives an id, or None. An answer of
    500 or above is not stored, and frees the key; so do a 401, because the session ended meanwhile,
    a 429 and a full quota. The answer counts in the owner's quota; its room is reserved with that
    for what ``perform`` stores. A ``perform`` that stores nothing, or gives long answers, has to
    reserve an empty amount before it does anything.
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
        with Usage.with_answer_room(username, KEY_SIZE + USUAL_SIZE) as room:
            response = _answer(view, perform, first)
    except (Throttled, OverQuota):  # before anything was done
        settle.run(first.forget)
        raise
    except BaseException:
        settle.run(first.free)
        raise
    settle.run(_keep, first, view, response, room.reserved)
    return response


def _key(header: str) -> str:
    """Return the key of a header, with quotation marks or, as many clients send it, without.

    Raises ValidationError (400).
    """
    quoted = QUOTED.fullmatch(header)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else header
    is_bare = not header.startswith('"') and header.isascii() and header.isprintable()
    if not (quoted or is_bare) or not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise ValidationError(
            {
                HEADER: f"Give 1 to {MAX_KEY_LENGTH} printable ASCII characters, as in "
                '"8e03978e-40d5".'
            }
        )
    return key


def _fingerprint(request: Request) -> str:
    """Return a digest of what a request with the same key must repeat."""
    content = _content(request)
    # A path with a final slash and one without are the same route.
    path, mark, query = request.get_full_path().partition("?")
    subject = f"{request.method} {path.removesuffix('/')}{mark}{query}\0".encode() + content
    return hashlib.sha256(subject).hexdigest()


def _content(request: Request) -> bytes:
    """Return what is in the body of a request, and as what it was sent."""
    content, kind = request.data, media_type_of(request)
    if isinstance(content, MultiValueDict):
        content = dict(content.lists())  # as JSON, the form has only the last value of a field
    if not isinstance(content, bytes):
        try:
            content = json.dumps(content, default=str).encode()
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
    # The usual type of a route goes without saying: so earlier versions stored their keys.
    is_usual = kind == request.parsers[0].media_type
    return content if is_usual else kind.encode() + b"\0" + content


def _answer(
    view: APIView,
    perform: Callable[[IdempotentRequest | None], Response],
    first: IdempotentRequest,
) -> HttpResponse:
    """Return the rendered answer; a refusal as well, because the first answer counts."""
    try:
        response = perform(first)
    except APIException as error:
        if error.status_code in TRANSIENT_STATUSES or error.status_code >= 500:
            raise
        response = view.handle_exception(error)
    return _rendered(response)


def _keep(first: IdempotentRequest, view: APIView, response: HttpResponse, paid: int) -> None:
    """Store the answer, if the owner's quota has room; ``paid`` bytes are reserved already.

    If there is no room, a refusal is forgotten with its key, because nothing was done. For any
    other answer AnswerNotKept (409) is stored.
    """
    owed = KEY_SIZE + len(response.content) - paid
    if len(response.content) <= MAX_KEPT_SIZE and _has_room(first.username, owed):
        first.finish(response)
    elif response.status_code >= status.HTTP_400_BAD_REQUEST:
        first.forget()
    else:
        first.finish(_rendered(view.handle_exception(AnswerNotKept())))


def _has_room(username: str, size: int) -> bool:
    try:
        if size > 0:
            Usage.reserve(username, Amount(bytes=size))
    except OverQuota:
        return False
    return True


def _rendered(response: Response) -> HttpResponse:
    body = JSONRenderer().render(response.data)
    content_type = PROBLEM_JSON if response.exception else JSONRenderer.media_type
    rendered = HttpResponse(body, content_type, response.status_code)
    for name, value in response.headers.items():
        rendered.setdefault(name, value)
    return rendered
