"""The Flask service's two routes for accounts: register and log in."""

from __future__ import annotations

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit
from accounts.audit import Action
from accounts.authentication import PublicMixin
from accounts.clients import Client
from accounts.documents import Session
from accounts.exceptions import UsernameTaken, WrongCredentials
from accounts.limits import TooManyAttempts, registration_limit
from accounts.registration import register
from accounts.serializers import (
    LoginSerializer,
    RegistrationSerializer,
    TokenPairSerializer,
)
from accounts.sessions import end_surplus_sessions
from accounts.tokens import token_pair
from templatesvc.api.flask import FlaskView, msg
from templatesvc.api.schema import raises
from templatesvc.api.serializers import MessageSerializer


class RegisterView(PublicMixin, FlaskView):
    """Register a new user."""

    is_deprecated = False

    @raises(UsernameTaken, TooManyAttempts)
    @extend_schema(
        operation_id="register",
        request=RegistrationSerializer,
        responses={201: MessageSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Register a user."""
        serializer = RegistrationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        client = Client.of(request)
        # Before the password is hashed, whatever comes of it: a hash costs more than the request.
        registration_limit(client.ip).count()
        user = register(**serializer.validated_data)
        audit.record(Action.REGISTERED, user.username, client)
        return msg("User created successfully", status.HTTP_201_CREATED)


class LoginView(PublicMixin, FlaskView):
    """Exchange a username and password for a token."""

    is_deprecated = False

    @raises(WrongCredentials, TooManyAttempts)
    @extend_schema(
        operation_id="login", request=LoginSerializer, responses=TokenPairSerializer, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Exchange a username and password for tokens."""
        serializer = LoginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user, client = authenticate(request, **serializer.validated_data), Client.of(request)
        if user is None:
            raise WrongCredentials()
        session = Session.start(user, client)
        end_surplus_sessions(user, client)
        return Response(token_pair(session))
