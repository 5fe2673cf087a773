"""The ways in: registration and log-in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, login
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.contrib.auth.views import RedirectURLMixin
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit
from accounts.audit import Action
from accounts.authentication import PublicMixin
from accounts.clients import Client
from accounts.documents import Session, User
from accounts.exceptions import UsernameTaken, WrongCredentials
from accounts.forms import LoginForm, RegistrationForm
from accounts.limits import TooManyAttempts
from accounts.registration import sign_up
from accounts.serializers import (
    LoginSerializer,
    RegistrationSerializer,
    TokenPairSerializer,
    UserSerializer,
)
from accounts.sessions import end_surplus_sessions
from accounts.tokens import token_pair
from templatesvc.api.schema import raises

# Django's form views take PUT for POST.
PAGE_METHODS = ("get", "head", "post", "options")


class RegisterView(PublicMixin, GenericAPIView):
    """Register a new user."""

    serializer_class = RegistrationSerializer

    @raises(UsernameTaken, TooManyAttempts)
    @extend_schema(operation_id="register", responses={201: UserSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        """Register a user."""
        return self.registered(sign_up(request.data, Client.of(request)))

    def registered(self, user: User) -> Response:
        return Response(UserSerializer(user).data, status.HTTP_201_CREATED)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class RegistrationPageView(RedirectURLMixin, FormView):
    """The page on which people register in a browser; it logs them in as well."""

    form_class = RegistrationForm
    template_name = "accounts/register.html"
    next_page = "api-root"
    http_method_names = PAGE_METHODS

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(next=self.get_redirect_url(), **context)

    def form_valid(self, form: RegistrationForm) -> HttpResponse:
        """Register and log in, with one hash of the password; or show errors at their fields."""
        client = Client.of(self.request)
        try:
            user = sign_up(form.credentials, client)
        except APIException as refusal:
            form.add_refusal(refusal)
            return self.form_invalid(form)
        user.logged_in()
        audit.record(Action.LOGGED_IN, user.username, client)
        login(self.request, user)
        return HttpResponseRedirect(self.get_success_url())


class LoginPageView(DjangoLoginView):
    """The page on which people log in in a browser."""

    authentication_form = LoginForm
    template_name = "rest_framework/login.html"
    http_method_names = PAGE_METHODS


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
