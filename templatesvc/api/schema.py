"""The OpenAPI schema: what drf-spectacular can't see, derived from the parts of the views.

A view declares only what is special: an ``operation_id``, and with ``raises`` its own errors. The
errors that follow from its kind (whether it takes a token, a body or an id) are derived here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, TypeVar

from django.apps import apps
from django.urls import get_script_prefix
from drf_spectacular import openapi
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import (
    APIException,
    NotAcceptable,
    NotAuthenticated,
    NotFound,
    ParseError,
    PermissionDenied,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.permissions import SAFE_METHODS, AllowAny, IsAuthenticated
from rest_framework.status import HTTP_401_UNAUTHORIZED, HTTP_415_UNSUPPORTED_MEDIA_TYPE

from templatesvc.api.examples import example_of, examples, named
from templatesvc.api.exceptions import (
    AlreadyExists,
    AnotherAccount,
    CSRFFailed,
    PayloadTooLarge,
    StoreUnavailable,
)
from templatesvc.api.fields import DecimalField, EmbeddedSerializer, TextField
from templatesvc.api.negotiation import PAGE_TYPES, OnlyJSON, types_taken
from templatesvc.api.problem_types import problem_types
from templatesvc.api.problems import PHRASES, PROBLEM_JSON, error_code
from templatesvc.api.serializers import ProblemSerializer, StrictSerializer

# Serializers that refuse unknown fields.
STRICT = (StrictSerializer, EmbeddedSerializer)
Part = TypeVar("Part", bound=Callable[..., Any])
Errors = tuple[type[APIException], ...]


def decimal_pattern(field: DecimalField) -> str:
    """Return the pattern of a decimal: a text in JSON has no minimum and no decimal places."""
    sign = "" if field.min_value is not None and field.min_value >= 0 else "-?"
    whole = field.max_whole_digits or field.max_digits or ""
    return rf"^{sign}\d{{1,{whole}}}(\.\d{{1,{field.decimal_places or ''}}})?$"


def raises(*errors: type[APIException]) -> Callable[[Part], Part]:
    """Declare the errors of a method beside those that follow from the kind of its view."""

    def marked(part: Part) -> Part:
        part.raises = errors  # type: ignore[attr-defined]
        return part

    return marked


def without_final_slash(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[Any]:
    """Document each path without its final slash, though both forms are answered.

    If a path has a view for each method, the method's own is documented; if two patterns match,
    the first, as in Django.
    """
    found: dict[tuple[str, str], tuple[str, str, str, Any]] = {}
    for full_path, regex, method, view in endpoints:
        path = full_path.rstrip("/") or "/"
        own = getattr(view, "by_method", {}).get(method, view)
        found.setdefault((path, method), (path, regex, method, own))
    return list(found.values())


class AutoSchema(openapi.AutoSchema):
    """drf-spectacular's, with every error of an operation and the type of its body."""

    error_serializer: Any = ProblemSerializer
    error_type = PROBLEM_JSON

    def get_tags(self) -> list[str]:
        return [_tag(apps.get_containing_app_config(type(self.view).__module__))]

    def get_summary(self) -> str:
        """Return the first sentence of the description, without its full stop."""
        return re.split(r"[.:](?:\s|$)", self.get_description(), maxsplit=1)[0]

    def map_parsers(self) -> list[str]:
        return types_taken(self.view.get_parsers(), self.method)

    def map_renderers(self, attribute: str) -> list[str]:
        return [name for name in super().map_renderers(attribute) if name not in PAGE_TYPES]

    def _get_format_parameters(self) -> list[dict[str, Any]]:
        return []  # ?format= is for the pages' menus

    def _get_serializer_field_meta(self, field: Any, direction: str) -> dict[str, Any]:
        meta: dict[str, Any] = super()._get_serializer_field_meta(field, direction)
        if getattr(field, "takes_any_value", False):
            meta.pop("nullable", None)  # a schema without a type has null already
        return meta

    def _insert_field_validators(self, field: Any, schema: dict[str, Any]) -> None:
        super()._insert_field_validators(field, schema)
        if isinstance(field, TextField) and not field.allow_nul:
            schema.setdefault("pattern", r"^[^\u0000]*$")
        if isinstance(field, DecimalField):
            schema["pattern"] = decimal_pattern(field)

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        schema = super()._map_basic_serializer(serializer, direction)
        is_strict = direction == "request" and isinstance(serializer, STRICT)
        return schema | {"additionalProperties": False} if is_strict else schema

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        errors = sorted(self.errors(), key=lambda error: (error.status_code, error_code(error)))
        answers = {
            str(status): self._error_answer(status, list(same))
            for status, same in groupby(errors, key=lambda error: error.status_code)
        }
        answers |= super()._get_response_bodies(direction)
        for status, answer in answers.items():
            if answer["description"] in ("", "No response body"):
                answer["description"] = f"{PHRASES[int(status)]}."
        return dict(sorted(answers.items()))

    # --- Errors --------------------------------------------------------------------------------

    def errors(self) -> list[APIException]:
        """Return an instance of each error that the operation can answer with."""
        parts = [*self.view.get_authenticators(), *self.view.get_permissions(), self._method()]
        found = {error for part in parts for error in getattr(part, "raises", ())}
        if AlreadyExists in found:  # a view may have its own error for this
            found = found - {AlreadyExists} | {self.view.exists_error}
        found.update(self._errors_of_kind())
        return [_instance(error) for error in found]

    def _method(self) -> Any:
        name = getattr(self.view, "action", None) or self.method.lower()
        return getattr(self.view, name)

    def _errors_of_kind(self) -> Iterator[type[APIException]]:
        authenticators, permissions = self.view.get_authenticators(), self.view.get_permissions()
        has_body = bool(self._get_request_body())
        if authenticators or has_body:  # other views don't ask the store
            yield StoreUnavailable
        if authenticators and {} not in self.get_auth():
            yield NotAuthenticated
        if any(not isinstance(each, (AllowAny, IsAuthenticated)) for each in permissions):
            yield PermissionDenied
        if self.method not in SAFE_METHODS and any(
            isinstance(authenticator, SessionAuthentication) for authenticator in authenticators
        ):
            yield CSRFFailed
            yield AnotherAccount
        if has_body:
            yield from (ParseError, ValidationError, PayloadTooLarge, UnsupportedMediaType)
        if any(parameter["in"] == "query" for parameter in self._get_parameters()):
            yield ValidationError
        if "{" in self.path:
            yield NotFound
        if not issubclass(self.view.content_negotiation_class, OnlyJSON):
            yield NotAcceptable

    def _error_answer(self, status: int, errors: list[APIException]) -> dict[str, Any]:
        """Return the answer of a status, with an example for each of its errors."""
        codes = {error_code(error): error for error in errors}
        media_type = {
            "schema": self.resolve_serializer(self.error_serializer, "response").ref,
            "examples": {code: self.error_example(code, error) for code, error in codes.items()},
        }
        return _headers(status, errors, self.method) | {
            "description": f"{PHRASES[status]}: {', '.join(f'`{code}`' for code in codes)}.",
            "content": {self.error_type: media_type},
        }

    def error_example(self, code: str, error: APIException) -> dict[str, Any]:
        """Return a reference to the example of a problem."""
        known = problem_types()[code]
        example = ResolvedComponent(
            code,
            ResolvedComponent.EXAMPLE,
            {"summary": known.when, "value": known.example},
            code,
        )
        self.registry.register_on_missing(example)
        return example.ref


def _headers(status: int, errors: list[APIException], method: str) -> dict[str, Any]:
    """Return the headers of an error answer, if it has any of its own."""
    texts = {}
    if status == HTTP_401_UNAUTHORIZED:
        texts["WWW-Authenticate"] = "How to authenticate (RFC 6750)."
    if status == HTTP_415_UNSUPPORTED_MEDIA_TYPE and method == "PATCH":
        texts["Accept-Patch"] = "The media types of a patch (RFC 5789, section 3.1)."
    if any(hasattr(error, "wait") for error in errors):
        texts["Retry-After"] = "After how many seconds to try again."
    headers = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()
    }
    return {"headers": headers} if headers else {}


def _instance(error: type[APIException]) -> APIException:
    return error("text/plain") if error is UnsupportedMediaType else error()


# --- The document --------------------------------------------------------------------------------


def with_servers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give the schema the path prefix of the request that it is made for."""
    url = get_script_prefix().rstrip("/") or "/"
    return result | {"servers": [{"url": url, "description": "The service that answered this."}]}


def with_tags(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe the tags by the ``api_description`` of the apps."""
    described = {
        _tag(app): app.api_description
        for app in apps.get_app_configs()
        if hasattr(app, "api_description")
    }
    used = {
        tag for path in result["paths"].values() for one in path.values() for tag in one["tags"]
    }
    tags = [{"name": name, "description": described[name]} for name in sorted(used)]
    return result | {"tags": tags}


def _tag(app: Any) -> str:
    return str(app.verbose_name).lower()


def with_security(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Mark the operations that need no authentication."""
    for path in result["paths"].values():
        for operation in path.values():
            operation.setdefault("security", [])
    return result


# --- Examples ------------------------------------------------------------------------------------


def with_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give every body, answer, parameter and header of a finished schema an example."""
    components = result["components"]["schemas"]
    operations = (one for path in result["paths"].values() for one in path.values())
    for operation in operations:
        scope = operation["operationId"]
        for parameter in operation.get("parameters", []):
            # In the parameter's schema: Swagger UI's "try it out" would send an example of the
            # parameter itself, such as a cursor or an If-Match that nobody has.
            known = named(parameter["name"], parameter["schema"], scope, components)
            parameter["schema"].setdefault("examples", [known])
        for body in [operation.get("requestBody", {}), *operation["responses"].values()]:
            for name, header in body.get("headers", {}).items():
                _give(header, named(name, header["schema"], scope, components))
            for name, media_type in body.get("content", {}).items():
                is_own = body is operation.get("requestBody") and name == "application/json"
                own = examples().get(f"{scope}.body") if is_own else None
                _give(media_type, own or example_of(media_type["schema"], components, scope))
    return result


def _give(part: dict[str, Any], example: Any) -> None:
    if "examples" not in part:
        part.setdefault("example", example)
