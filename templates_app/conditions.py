"""Conditional requests: entity tags, If-Match and If-None-Match (RFC 9110, section 13)."""

from __future__ import annotations

from typing import NamedTuple, Self

from django.conf import settings
from django.utils.http import parse_etags
from rest_framework.request import Request

from templates_app.documents import Template
from templates_app.exceptions import PreconditionFailed, PreconditionRequired
from templatesvc.api.etags import uncoded

ANY = ["*"]
UNREADABLE = 'Give * or entity tags with their quotation marks, as in "1-0f1e2d3c4b5a69788796".'
RULED_OUT = "The template is there, in a state that If-None-Match rules out."


class Preconditions(NamedTuple):
    """What a request makes its success depend on; None where it does not say."""

    if_match: list[str] | None
    if_none_match: list[str] | None

    @classmethod
    def of(cls, request: Request) -> Self:
        match, none_match = (
            None if value is None else parse_etags(value)
            for value in (request.headers.get("If-Match"), request.headers.get("If-None-Match"))
        )
        return cls(match, none_match)

    @classmethod
    def of_write(cls, request: Request) -> Self:
        """Return those of a request that changes a template.

        Raises PreconditionRequired (428) if it has no If-Match and the service demands one.
        """
        preconditions = cls.of(request)
        if settings.REQUIRE_IF_MATCH and preconditions.if_match is None:
            raise PreconditionRequired()
        return preconditions

    @property
    def name_a_state(self) -> bool:
        """Whether they depend on more than that the template is there."""
        return self not in ((None, None), (ANY, None))

    def check(self, template: Template) -> None:
        """Raise PreconditionFailed (412) if the state of the template is not as is demanded."""
        # A header that can't be read may not let a write through either.
        if self.if_match == [] or self.if_none_match == []:
            raise PreconditionFailed(UNREADABLE, template.etag)
        if self.if_match not in (None, ANY) and not _names(self.if_match or [], template):
            raise PreconditionFailed(etag=template.etag)
        if self.is_known(template):
            raise PreconditionFailed(RULED_OUT, template.etag)

    def is_known(self, template: Template) -> bool:
        """Tell whether If-None-Match names the template's state."""
        if self.if_none_match is None or self.if_none_match == ANY:
            return self.if_none_match is not None
        return _names(self.if_none_match, template)


def _names(tags: list[str], template: Template) -> bool:
    """Tell whether one of the tags is that of the template's state, or was made from it.

    Strictly, If-Match would have no weak tag match, and no client behind compression could write.
    """
    return template.etag in map(uncoded, tags)
