"""The ways in: registration and log-in."""

from __future__ import annotations

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit
from accounts.audit import Action
from accounts.authentication import PublicMixin
from accounts.clients import Client
from accounts.documents import Session, User
from accounts.exceptions import UsernameTaken, WrongCredentials
from accounts.limits import TooManyAttempts, registration_limit
from accounts.registration import register
from accounts.serializers import (
    LoginSerializer,
    RegistrationSerializer,
    TokenPairSerializer,
    UserSerializer,
)
from accounts.sessions import end_surplus_sessions
from accounts.tokens import token_pair
from templatesvc.api.schema import raises


class RegisterView(PublicMixin, GenericAPIView):
    """Register a new user."""

    serializer_class = RegistrationSerializer

    @raises(UsernameTaken, TooManyAttempts)
    @extend_schema(operation_id="register", responses={201: UserSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        """Register a user."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        client = Client.of(request)
        # Before the password is hashed, whatever comes of it: a hash costs more than the request.
        registration_limit(client.ip).count()
        user = register(**serializer.validated_data)
        audit.record(Action.REGISTERED, user.username, client)
        return self.registered(user)

    def registered(self, user: User) -> Response:
        return Response(UserSerializer(user).data, status.HTTP_201_CREATED)


class LoginView(PublicMixin, GenericAPIView):
    """Exchange a username and password for a token."""

    serializer_class = LoginSerializer

    @raises(WrongCredentials, TooManyAttempts)
    @extend_schema(operation_id="login", responses=TokenPairSerializer, auth=[])
    def post(self, request: Request) -> Response:
        """Exchange a username and password for tokens."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user, client = authenticate(request, **serializer.validated_data), Client.of(request)
        if user is None:
            raise WrongCredentials()
        session = Session.start(user, client)
        end_surplus_sessions(user, client)
        return Response(token_pair(session))
