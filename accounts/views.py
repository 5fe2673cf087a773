"""The REST routes of an account: the account itself, its tokens and its sessions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import login, logout
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAuthenticated, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts import audit, erasure
from accounts.audit import Action
from accounts.authentication import (
    ErasureAuthentication,
    ErasureSessionAuthentication,
    PublicMixin,
    SessionAuthentication,
    SignatureAuthentication,
    read_token,
)
from accounts.clients import Client
from accounts.documents import Session
from accounts.exceptions import LastSuperuser, SessionEnded
from accounts.keys import key_ring
from accounts.limits import TooManyAttempts
from accounts.passwords import change_own_password, confirm_own_password
from accounts.serializers import (
    ConfirmationSerializer,
    KeySetSerializer,
    LogoutSerializer,
    PasswordChangeSerializer,
    RefreshSerializer,
    SessionListSerializer,
    TokenPairSerializer,
    UserSerializer,
    VerifySerializer,
)
from accounts.sessions import session_id
from accounts.tokens import RefreshToken, any_token, signed_token, token_pair
from templatesvc.api.answers import Done, deletion_answer
from templatesvc.api.exceptions import Conflict
from templatesvc.api.links import url_of
from templatesvc.api.negotiation import OnlyJSON
from templatesvc.api.parameters import check_parameters
from templatesvc.api.renderers import JSONRenderer
from templatesvc.api.routers import router
from templatesvc.api.schema import raises


def current_session_id(request: Request) -> str:
    """Return the id of the session that the caller came with: a token's, or a browser's."""
    if request.auth:
        return request.auth.get("sid", "")  # the token of another program has no session
    return session_id(request.session.session_key)


def validated(serializer: Any) -> dict[str, Any]:
    """Return the validated data of a serializer; raises ValidationError (400)."""
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


class MeView(APIView):
    """Your account: read it, or delete it with all that is yours."""

    name = "Your account"
    page_links = [
        ("Your sessions", "sessions"),
        ("Change your password", "users/me/password"),
        ("Log out everywhere", "logout/all"),
    ]
    deletion_template = "accounts/delete_me.html"

    @property
    def deleted_with_account(self) -> list[tuple[str, str]]:
        """What else is deleted with the account, by its names, with the URLs of its exports."""
        return [
            (viewset.names.plural, url_of(f"{basename}-export", self.request))
            for _, viewset, basename in router.registry
            if hasattr(viewset, "export")
        ]

    @extend_schema(operation_id="get_me", responses=UserSerializer)
    def get(self, request: Request) -> Response:
        """Read your account."""
        return Response(UserSerializer(request.user).data)

    def get_authenticators(self) -> list[Any]:
        if getattr(self.request, "method", "") == "DELETE":
            return [ErasureAuthentication(), ErasureSessionAuthentication()]
        return super().get_authenticators()

    @raises(LastSuperuser)
    @extend_schema(
        operation_id="delete_me",
        responses={204: None, 202: None},
        auth=[{"bearer": []}],
    )
    def delete(self, request: Request) -> Response:
        """Delete your account, all that you keep and your sessions. This can't be undone.

        If there is much to delete, the answer is 202: send the same request again, with the same
        token, to go on, until the answer is 204. You are logged out of everything else at once.
        """
        user = request.user
        if request.accepted_renderer.format == "api" and user.erased_at is None:
            # Anybody who finds an unattended browser can press a button.
            confirmed = validated(ConfirmationSerializer(data=request.data))
            confirm_own_password(user, Client.of(request), **confirmed)
        here = user.session or Session.objects(id=current_session_id(request)).first()
        if entry := erasure.begin(user):
            audit.record(Action.USER_DELETED, user.username, Client.of(request), id=entry)
        is_finished = erasure.go_on(user, here)
        return deletion_answer(is_finished, "Your account and everything in it were deleted.")


class PasswordView(GenericAPIView):
    """Your password. Changing it ends all your sessions, and starts a new one."""

    permission_classes = [IsAuthenticated]  # DRF's: also for those who must change it first
    serializer_class = PasswordChangeSerializer
    name = "Your password"
    button = "Change password"

    def get_serializer_context(self) -> dict[str, Any]:
        return super().get_serializer_context() | {"user": self.request.user}

    @raises(TooManyAttempts, Conflict)
    @extend_schema(operation_id="change_password", responses={200: TokenPairSerializer, 204: None})
    def post(self, request: Request) -> Response:
        """Change your password: 200 with new tokens, or 204 in a browser's session."""
        passwords = validated(self.get_serializer(data=request.data))
        user, client = request.user, Client.of(request)
        change_own_password(user, client, **passwords)
        if request.auth:
            return Response(token_pair(Session.start(user, client)))
        login(request._request, user)
        return Done("Your password was changed. You are logged out everywhere else.")


class RefreshView(PublicMixin, GenericAPIView):
    """New tokens for a refresh token, which works once."""

    serializer_class = RefreshSerializer
    name = "New tokens"

    @raises(InvalidToken, SessionEnded)
    @extend_schema(operation_id="refresh_token", responses=TokenPairSerializer, auth=[])
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair.

        If a token is used a second time, either use may be a thief's: the session ends. Only a
        second use within a few seconds is put down to a parallel tab.
        """
        given = validated(self.get_serializer(data=request.data))["refresh_token"]
        token = read_token(RefreshToken, given)
        user = token.resolve()
        if user is None or user.session is None:
            raise SessionEnded()
        session = user.session
        client = Client.of(request)
        if not session.rotate(token["jti"], client):
            if Session.end(session.id):
                # Nobody knows whether the owner or a thief did it.
                audit.record(
                    Action.TOKEN_REUSED, session.username, client, by="", session=session.id
                )
            raise SessionEnded()
        return Response(token_pair(session))


class VerifyView(PublicMixin, GenericAPIView):
    """Whether a token is valid now."""

    serializer_class = VerifySerializer
    name = "Is a token valid?"
    button = "Verify"

    @raises(InvalidToken, SessionEnded)
    @extend_schema(operation_id="verify_token", responses=OpenApiTypes.OBJECT, auth=[])
    def post(self, request: Request) -> Response:
        """Answer 200 if an access or refresh token is valid now, 401 otherwise."""
        token = read_token(any_token, validated(self.get_serializer(data=request.data))["token"])
        user = token.resolve()
        if user is None or not token.is_accepted_by(user.session):
            raise SessionEnded()
        return Response({})


class LogoutView(GenericAPIView):
    """Logging out: ends the session of this browser, or that of a token."""

    serializer_class = LogoutSerializer
    name = "Log out"
    button = "Log out"
    authentication_classes = [SignatureAuthentication, SessionAuthentication]
    permission_classes: list[type[BasePermission]] = []

    @raises(NotAuthenticated, Conflict)
    @extend_schema(
        operation_id="logout",
        responses={204: None},
        auth=[{"bearer": []}, {}],
    )
    def post(self, request: Request) -> Response:
        """End the session of the bearer token, of the refresh token, or of the browser.

        Answers 204 even if it has already ended. An expired token can still end its session.
        """
        given = validated(self.get_serializer(data=request.data)).get("refresh_token")
        tokens = [read_token(signed_token, given)] if given is not None else []
        tokens += [request.auth] if request.auth else []
        if not tokens and not request.user.is_authenticated:
            raise NotAuthenticated()
        if any("sid" not in token for token in tokens):
            raise Conflict("This token stands on no session. POST /api/v1/logout/all ends it.")
        for token in tokens:
            if Session.end(token["sid"]):
                audit.record(
                    Action.LOGGED_OUT, token["sub"], Client.of(request), session=token["sid"]
                )
        if request.user.is_authenticated:
            logout(request._request)
        return Done("The session was ended." if tokens else "You are logged out.")


class LogoutAllView(APIView):
    """Logging out everywhere: ends all your sessions, this one included."""

    name = "Log out everywhere"
    button = "Log out everywhere"

    permission_classes = [IsAuthenticated]  # DRF's: also for those who must change their password

    @extend_schema(operation_id="logout_all", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End all your sessions, including this one."""
        request.user.end_sessions()
        audit.record(Action.LOGGED_OUT_EVERYWHERE, request.user.username, Client.of(request))
        return Done("You are logged out, here and everywhere else.")


class SessionListView(APIView):
    """Your sessions: where you are logged in. Follow the URL of one to end it."""

    name = "Your sessions"

    SHOWN = 100

    @raises(ValidationError)
    @extend_schema(operation_id="list_sessions", responses=SessionListSerializer)
    def get(self, request: Request) -> Response:
        """List your newest sessions, with tokens and in browsers, at most 100."""
        check_parameters(request, {"format"})
        sessions = Session.of(request.user).limit(self.SHOWN)
        context = {"current": current_session_id(request), "request": request}
        return Response(SessionListSerializer({"results": sessions}, context=context).data)


class SessionView(APIView):
    """One of your sessions, on whatever device it is. To end it, delete it."""

    name = "One of your sessions"
    deletion_template = "accounts/end_session.html"

    @extend_schema(operation_id="end_session", responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """End one of your sessions, on whatever device it is."""
        if not Session.of(request.user).filter(id=pk).delete():
            raise Http404
        audit.record(Action.SESSION_ENDED, request.user.username, Client.of(request), session=pk)
        if not request.auth and pk == current_session_id(request):
            request._request.session.flush()
            return Done("You are logged out.")
        return Done("The session was ended. Whoever uses it has to log in again.")


class JWKSView(PublicMixin, APIView):
    """The public keys by which others can verify tokens (RFC 7517), whatever they accept."""

    renderer_classes = [JSONRenderer]
    content_negotiation_class = OnlyJSON

    @extend_schema(operation_id="get_public_keys", responses=KeySetSerializer)
    def get(self, request: Request) -> Response:
        """Read the public keys of tokens; there are none while they are signed with a secret."""
        return Response(key_ring().public())
