"""The REST routes of an account."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.serializers import UserSerializer


class MeView(APIView):
    """Your account: read it, or delete it with all your templates."""

    @extend_schema(operation_id="get_me", responses=UserSerializer)
    def get(self, request: Request) -> Response:
        return Response(UserSerializer(request.user).data)

    @extend_schema(operation_id="delete_me", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Delete your account, your templates and your sessions. There is no way back."""
        request.user.erase()
        return Response(status=status.HTTP_204_NO_CONTENT)
