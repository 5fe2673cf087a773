"""The errors that only templates have."""

from __future__ import annotations

from rest_framework import status
from rest_framework.exceptions import APIException, NotFound

from templatesvc.api.exceptions import Conflict


class TemplateExists(Conflict):
    """409: the owner has a template of this value already."""

    default_detail = "Template already exists on your profile"
    default_code = "template_exists"


class TemplateNotThere(NotFound):
    """404: there is no template of the value that a Flask route names."""

    default_detail = "Template not exists on your profile"


class PreconditionFailed(APIException):
    """412: the template is not in the state that the request names."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = (
        "Somebody changed or deleted this template since you read it. "
        "Read it again, and repeat your change on what you find."
    )
    default_code = "precondition_failed"

    def __init__(self, detail: str | None = None, etag: str | None = None) -> None:
        """``etag`` is that of the state which it is in, if it is there; the answer carries it."""
        super().__init__(detail)
        self.headers = {"ETag": etag} if etag else {}


class PreconditionRequired(APIException):
    """428: the change has no ``If-Match``, which ``REQUIRE_IF_MATCH`` demands."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Say which state you mean to change: send the ETag that you read as If-Match."
    default_code = "precondition_required"
