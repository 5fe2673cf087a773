"""Finding users: what the parameters of their list mean."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.querysets import UserQuerySet
from templatesvc.api.parameters import check_parameters, flag, parameter

# Characters: some servers refuse an expression of more than 1,000, and escaped each may take two.
MAX_SEARCH_LENGTH = 500


class UserFilter(BaseFilterBackend):
    """Narrows the list of users; unknown parameters are refused."""

    def filter_queryset(
        self, request: Request, queryset: UserQuerySet, view: APIView
    ) -> UserQuerySet:
        """Return the users that fit all parameters; raises ValidationError (400)."""
        others = view.pagination_class.parameters
        check_parameters(request, {"search", "is_active", "format"} | others)
        if text := request.query_params.get("search"):
            if len(text) > MAX_SEARCH_LENGTH:
                raise ValidationError({"search": f"Give at most {MAX_SEARCH_LENGTH} characters."})
            queryset = queryset.named_like(text)
        active = flag(request, "is_active")
        if active is None:
            return queryset
        return queryset.filter(is_active__ne=False) if active else queryset.filter(is_active=False)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            parameter(
                "search",
                "Users with this in their name, of whatever case.",
                maxLength=MAX_SEARCH_LENGTH,
            ),
            parameter("is_active", "Only those who can log in, or who can't.", type="boolean"),
        ]
