"""The operations of a resource in the OpenAPI schema, with their headers and parameters."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from templatesvc.api.companions import ImportResultSerializer, RestoreSerializer, companions
from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.idempotency import MAX_KEY_LENGTH
from templatesvc.api.ndjson import NDJSON
from templatesvc.mongo.versions import MAX_VERSION


def _request_header(name: str, description: str, pattern: str | None = None) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description, pattern=pattern
    )


def _answer_header(name: str, description: str, *statuses: int) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description=description,
        response=list(statuses),
    )


ETAG = _answer_header("ETag", "The state of the {name}, strongly: for `If-Match`.", 200, 201, 304)
CONDITIONS = [
    _request_header(
        "If-Match",
        "Only if the {name} has one of these entity tags, separated by commas; `*`: if it "
        "exists (RFC 9110, section 13.1.1). The weak form of a tag (`W/…`), which a proxy that "
        "compresses makes, counts as the tag.",
    ),
    _request_header(
        "If-None-Match",
        "Only if the {name} has none of these entity tags, separated by commas; `*`: if it does "
        "not exist. Otherwise `GET` answers 304 (RFC 9110, section 13.1.2).",
    ),
    ETAG,
]
IDEMPOTENCY = [
    _request_header(
        "Idempotency-Key",
        f"Up to {MAX_KEY_LENGTH} characters of your own, such as a UUID: the request is carried "
        "out once, however often it is sent with this key within a day, and repetitions get the "
        "first answer again. Another request with the same key is refused.",
        # Bare, or a quoted string of structured fields (RFC 8941, section 3.3.3).
        rf"^([!#-~]([ -~]{{0,{MAX_KEY_LENGTH - 2}}}[!-~])?"
        rf'|"([ !#-\[\]-~]|\\["\\]){{1,{MAX_KEY_LENGTH}}}")$',
    ),
    _answer_header(
        "Idempotency-Replayed", "`true` if the answer is that of an earlier request.", 200, 201
    ),
]
LOCATION = _answer_header("Location", "Where the {name} is.", 201)
LINK = _answer_header("Link", "`next` and `previous`, as in the body (RFC 8288).", 200)
FILE_NAME = _answer_header("Content-Disposition", "A name for the file.", 200)
NUMBER = OpenApiParameter(
    "number",
    {"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_VERSION},
    OpenApiParameter.PATH,
    description="The number of a version, as in the list of versions.",
)
ID = OpenApiParameter(
    "id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="The id of {a}, as in lists.",
    pattern="^[0-9a-f]{24}$",
)

MODE = OpenApiParameter(
    "mode",
    enum=["skip", "replace"],
    default="skip",
    description="What to do with {names} that exist already.",
)


def operations_of(serializer: type[DocumentSerializer]) -> dict[str, Callable[[Any], Any]]:
    """Return a decorator for each method of a resource's view, by its name.

    It tells the schema what the method's docstring and signature don't.
    """
    document = serializer.Meta.document
    names, own = document.names, companions(serializer)
    one, many = names.slug, names.slugs

    def documented(
        operation_id: str, *parameters: OpenApiParameter, **more: Any
    ) -> Callable[..., Any]:
        def decorate(method: Any) -> Any:
            return extend_schema(
                operation_id=operation_id,
                description=names.fill(inspect.getdoc(method) or ""),
                parameters=[_filled(each, names.fill) for each in parameters],
                **more,
            )(method)

        return decorate

    return {
        "list": documented(f"list_{many}", LINK),
        "create": documented(f"create_{one}", *IDEMPOTENCY, ETAG, LOCATION),
        "retrieve": documented(
            f"get_{one}", ID, *CONDITIONS, responses={200: serializer, 304: None}
        ),
        "update": documented(f"replace_{one}", ID, *CONDITIONS),
        "partial_update": documented(
            f"update_{one}",
            ID,
            *CONDITIONS,
            request={
                "application/json": serializer,
                "application/merge-patch+json": own.merge_patch,
            },
        ),
        "destroy": documented(f"delete_{one}", ID, *CONDITIONS),
        "versions": documented(f"list_{one}_versions", ID, responses=own.version_list),
        "version": documented(f"get_{one}_version", ID, NUMBER, responses=own.full_version),
        "restore": documented(
            f"restore_{one}",
            ID,
            *CONDITIONS,
            LOCATION,
            request=RestoreSerializer,
            responses={200: serializer, 201: serializer},
        ),
        "deleted": documented(f"list_deleted_{many}", LINK, responses=own.deleted(many=True)),
        "forget_deleted": documented(f"forget_deleted_{many}", responses={204: None, 202: None}),
        "export": documented(
            f"export_{many}",
            FILE_NAME,
            responses={(200, NDJSON): OpenApiTypes.BINARY},
            filters=False,
        ),
        "import_": documented(
            f"import_{many}",
            MODE,
            *IDEMPOTENCY,
            request={NDJSON: OpenApiTypes.BINARY},
            responses=ImportResultSerializer,
        ),
    }


def _filled(parameter: OpenApiParameter, fill: Callable[[str], str]) -> OpenApiParameter:
    """Return a parameter whose description has the document's names."""
    filled = copy.copy(parameter)
    filled.description = fill(parameter.description)
    return filled
