"""The REST routes of operators: other people's accounts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pymongo
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import operations
from accounts.documents import User
from accounts.exceptions import LastSuperuser, OperatorProtected, UserInactive
from accounts.filters import UserFilter
from accounts.operations import Actor
from accounts.operators import Role
from accounts.permissions import IsOperator
from accounts.querysets import UserQuerySet
from accounts.serializers import OtherUserSerializer, QuotaSerializer
from templatesvc.api.answers import deletion_answer
from templatesvc.api.exceptions import Conflict
from templatesvc.api.pagination import KeysetPagination
from templatesvc.api.schema import raises
from templatesvc.mongo import ids
from templatesvc.mongo.quota import Usage

# A search compares names in the store, which may look at all users: to read a page and to count
# may take this long together.
SEARCH_SECONDS = 5


class OperatorView(GenericAPIView):
    """What operators see of users."""

    serializer_class = OtherUserSerializer
    permission_classes = [IsOperator]
    permissions = {
        "GET": "accounts.view_user",
        "PATCH": "accounts.change_user",
        "DELETE": "accounts.delete_user",
    }


class UserListView(OperatorView):
    """All users, for operators."""

    name = "Users"
    pagination_class = KeysetPagination
    filter_backends = [UserFilter]
    ordering_fields: ClassVar = ["username"]
    ordering = "username"

    def get_queryset(self) -> UserQuerySet:
        return User.objects.not_erased()

    @extend_schema(operation_id="list_users")
    def get(self, request: Request) -> Response:
        """List users by name, optionally filtered and searched. For operators."""
        is_search = "search" in request.query_params
        with pymongo.timeout(SEARCH_SECONDS if is_search else None):
            page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class OneUserView(OperatorView):
    """Something of one user's, whom the URL names."""

    def get_object(self) -> User:
        """Return the user whom the URL names; raises Http404."""
        try:
            # $eq, because an id in the URL may be an object of any keys.
            user = User.objects(__raw__={"_id": {"$eq": ids.decode(self.kwargs["pk"])}}).first()
        except ValueError as error:
            raise Http404 from error
        if user is None or user.username is None:
            raise Http404
        if user.erased_at and self.request.method != "DELETE":
            raise Http404
        return user


class UserView(OneUserView):
    """Somebody's account, for operators."""

    name = "User"

    @extend_schema(operation_id="get_user")
    def get(self, request: Request, pk: str) -> Response:
        """Read a user's account. For operators."""
        return Response(self.get_serializer(self.get_object()).data)

    @raises(OperatorProtected, LastSuperuser, UserInactive, Conflict)
    @extend_schema(operation_id="update_user")
    def patch(self, request: Request, pk: str) -> Response:
        """Deactivate or reactivate a user, require a change of password, or change the role.

        For staff; only superusers can change roles and the accounts of operators. Deactivating
        ends all sessions and takes the role away.
        """
        user = self.get_object()
        serializer = self.get_serializer(user, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        self._change(Actor.of(request), user, serializer.validated_data)
        return Response(self.get_serializer(self.get_object()).data)

    def _change(self, by: Actor, user: User, given: dict[str, Any]) -> None:
        """Do what makes a difference; what may be refused comes before what may not."""
        role, is_active = given.get("role", user.role), given.get("is_active", user.is_active)
        by.check_may_change(user)
        if role != user.role:
            by.check("accounts.change_operator")
        # Superusers who take away their own role may still do the rest of the request.
        allowed = replace(by, user=None)
        if is_active and not user.is_active:
            operations.reactivate(allowed, user)
        if role != user.role:
            operations.appoint(by, user, role and Role(role))
        if user.is_active and not is_active:
            operations.deactivate(allowed, user)
        if given.get("must_change_password", False) and not user.must_change_password:
            operations.force_password_change(allowed, user)

    @raises(OperatorProtected, LastSuperuser)
    @extend_schema(operation_id="delete_user", responses={204: None, 202: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Delete a user's account and everything in it. This can't be undone. For staff.

        If there is much to delete, the answer is 202: send the same request again to go on.
        """
        user = self.get_object()
        is_finished = operations.erase(Actor.of(request), user)
        return deletion_answer(is_finished, f"The account “{user.username}” was deleted.")


class QuotaView(OneUserView):
    """How much somebody keeps, and may keep, for operators."""

    serializer_class = QuotaSerializer
    name = "Quota"

    @raises(Conflict)
    @extend_schema(operation_id="get_user_quota")
    def get(self, request: Request, pk: str) -> Response:
        """Read how much a user keeps, and how much they may. For operators."""
        user = self.get_object()
        user.check_named()
        return Response(self.get_serializer(Usage.of(user.username)).data)

    @raises(OperatorProtected, Conflict)
    @extend_schema(operation_id="update_user_quota")
    def patch(self, request: Request, pk: str) -> Response:
        """Give a user limits of their own; null is what the settings say. For staff."""
        user = self.get_object()
        serializer = self.get_serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        own = serializer.validated_data.get("limits", {})
        return Response(self.get_serializer(operations.limit(Actor.of(request), user, own)).data)
