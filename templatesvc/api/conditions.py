"""Conditional requests: entity tags, If-Match and If-None-Match (RFC 9110, section 13)."""

from __future__ import annotations

from typing import NamedTuple, Self

from django.conf import settings
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from templatesvc.api import hidden
from templatesvc.api.etags import uncoded
from templatesvc.mongo.names import DOCUMENT, Names
from templatesvc.mongo.resources import ResourceDocument

ANY = ["*"]
UNREADABLE = 'Give * or entity tags with their quotation marks, as in "1-0f1e2d3c4b5a69788796".'
RULED_OUT = "The {name} is there, in a state that If-None-Match rules out."


class PreconditionFailed(APIException):
    """412: the document is not in the state that the request names."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = (
        "Somebody changed or deleted this {name} since you read it. "
        "Read it again, and repeat your change on what you find."
    )
    default_code = "precondition_failed"

    def __init__(
        self,
        detail: str | None = None,
        etag: str | None = None,
        names: Names = DOCUMENT,
    ) -> None:
        """``etag`` is that of the document's current state, if it exists; the answer carries it."""
        super().__init__(names.fill(detail or self.default_detail))
        self.headers = {"ETag": etag} if etag else {}


class PreconditionRequired(APIException):
    """428: the change has no ``If-Match``, which ``REQUIRE_IF_MATCH`` demands."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Say which state you mean to change: send the ETag that you read as If-Match."
    default_code = "precondition_required"


class Preconditions(NamedTuple):
    """The conditions that a request sets; None for a header that it does not have."""

    if_match: list[str] | None
    if_none_match: list[str] | None

    @classmethod
    def of(cls, request: Request) -> Self:
        given = (hidden.header(request, name) for name in ("If-Match", "If-None-Match"))
        match, none_match = (None if value is None else parse_etags(value) for value in given)
        return cls(match, none_match)

    @classmethod
    def of_write(cls, request: Request) -> Self:
        """Return the preconditions of a request that changes a document.

        Raises PreconditionRequired (428) if it has no If-Match and the service demands one.
        """
        preconditions = cls.of(request)
        if settings.REQUIRE_IF_MATCH and preconditions.if_match is None:
            raise PreconditionRequired()
        return preconditions

    @property
    def names_a_state(self) -> bool:
        """Whether they ask for more than that the document exists."""
        return self not in ((None, None), (ANY, None))

    def check(self, document: ResourceDocument) -> None:
        """Raise PreconditionFailed (412) if the document is not in a state that they allow."""
        # A header that can't be read must not let a write through.
        if self.if_match == [] or self.if_none_match == []:
            raise PreconditionFailed(UNREADABLE, document.etag)
        if self.if_match not in (None, ANY) and not _names(self.if_match or [], document):
            raise PreconditionFailed(etag=document.etag, names=document.names)
        if self.is_known(document):
            raise PreconditionFailed(RULED_OUT, document.etag, document.names)

    def is_known(self, document: ResourceDocument) -> bool:
        """Tell whether If-None-Match names the document's state."""
        if self.if_none_match is None or self.if_none_match == ANY:
            return self.if_none_match is not None
        return _names(self.if_none_match, document)


def _names(tags: list[str], document: ResourceDocument) -> bool:
    """Tell whether one of the tags is that of the document's state, or was made from it.

    Weak tags match as well: if they did not, as the RFC has it for If-Match, no client behind a
    proxy that compresses could write.
    """
    return document.etag in map(uncoded, tags)
