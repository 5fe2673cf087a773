"""Accounts as they come in and go out."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import RegexValidator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.documents import Session, User
from accounts.models import Account
from accounts.names import normalised_username
from accounts.operators import Role
from templatesvc.api.fields import TextField
from templatesvc.api.links import url_of
from templatesvc.api.serializers import InputSerializer, StrictSerializer
from templatesvc.mongo import ids
from templatesvc.mongo.quota import Usage

# The inputs for these fields in a page's form.
CURRENT_PASSWORD = {"input_type": "password", "autocomplete": "current-password"}
NEW_PASSWORD = {"input_type": "password", "autocomplete": "new-password"}
TOKEN = {"base_template": "textarea.html", "rows": 4, "autocomplete": "off"}
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_password_policy(password: str, username: str) -> None:
    """Raise ValidationError with the reasons if the password is not good enough."""
    try:
        # Django's validators need a Django model, whose fields they look up.
        validate_password(password, Account(username=username))
    except DjangoValidationError as error:
        raise serializers.ValidationError(error.messages, code="password_too_weak") from error


class RegistrationSerializer(InputSerializer):
    """A new account: what is checked here holds for every name and password from now on."""

    username = TextField(
        max_length=User.USERNAME_MAX_LENGTH,
        validators=[
            RegexValidator(r"^[^\x00-\x1f\x7f-\x9f]*\Z", "Control characters are not allowed.")
        ],
    )
    password = TextField(max_length=User.PASSWORD_MAX_LENGTH, write_only=True)

    def validate_username(self, username: str) -> str:
        try:
            normalised = normalised_username(username)
        except ValueError as error:
            raise serializers.ValidationError(str(error), code="invalid_username") from error
        self.fields["username"].run_validators(normalised)  # it may have become longer
        return normalised

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            check_password_policy(attrs["password"], attrs["username"])
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"password": error.detail}) from error
        return attrs


class PasswordSerializer(InputSerializer):
    """A new password for the ``user`` of the context."""

    password = TextField(max_length=User.PASSWORD_MAX_LENGTH, write_only=True)

    def validate_password(self, password: str) -> str:
        check_password_policy(password, self.context["user"].username)
        return password


class LoginSerializer(InputSerializer):
    """Credentials: any text, because the rules for them may be younger than a user."""

    username = TextField(allow_blank=True, allow_nul=True)
    password = TextField(allow_blank=True, allow_nul=True, write_only=True)


class RefreshSerializer(StrictSerializer):
    """What a refresh token is sent in."""

    refresh_token = TextField(style=TOKEN)


class LogoutSerializer(StrictSerializer):
    """A log-out by refresh token; by bearer token there is nothing to send."""

    refresh_token = TextField(
        required=False, style=TOKEN | {"hint": "Leave it empty to log out of this browser."}
    )


class VerifySerializer(StrictSerializer):
    """A token of either type."""

    token = TextField(style=TOKEN)


class PasswordChangeSerializer(StrictSerializer):
    """A change of one's own password; the context holds the user."""

    current_password = TextField(
        allow_blank=True, allow_nul=True, write_only=True, style=CURRENT_PASSWORD
    )
    new_password = TextField(
        max_length=User.PASSWORD_MAX_LENGTH, write_only=True, style=NEW_PASSWORD
    )

    def validate_new_password(self, password: str) -> str:
        check_password_policy(password, self.context["user"].username)
        return password


class ConfirmationSerializer(StrictSerializer):
    """One's own password, once more."""

    current_password = TextField(allow_blank=True, allow_nul=True, write_only=True)


class TokenPairSerializer(serializers.Serializer):
    """The answer to a login."""

    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")


class KeySetSerializer(serializers.Serializer):
    """Public keys (RFC 7517)."""

    keys = serializers.ListField(child=serializers.DictField())


class LimitField(serializers.IntegerField):
    """The most of something; null is what the settings say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            min_value=0, max_value=2**53 - 1, allow_null=True, required=False, **kwargs
        )


class QuotaSerializer(StrictSerializer):
    """How much an owner keeps, and how much they may; null is no limit."""

    documents = serializers.IntegerField(read_only=True)
    bytes = serializers.IntegerField(read_only=True, help_text="With all that is kept of history.")
    max_documents = LimitField(source="limits.documents")
    max_bytes = LimitField(source="limits.bytes")


class UserSerializer(serializers.Serializer):
    """A user as they see themselves."""

    username = serializers.CharField(read_only=True)
    date_joined = serializers.DateTimeField(source="joined", read_only=True)
    last_login = serializers.DateTimeField(read_only=True)
    quota = serializers.SerializerMethodField()

    @extend_schema_field(QuotaSerializer)
    def get_quota(self, user: User) -> dict[str, Any]:
        return Usage.of(user.username).shown


class OtherUserSerializer(StrictSerializer):
    """A user as an operator sees them; the context holds the request of the operator."""

    id = serializers.SerializerMethodField()
    username = serializers.CharField(read_only=True)
    is_active = serializers.BooleanField()
    must_change_password = serializers.BooleanField(
        help_text="Whether they have to change it at the next log-in. Only they can end that."
    )
    role = serializers.ChoiceField(
        Role.pairs(), allow_null=True, help_text="What they may do as an operator; null: nothing."
    )
    date_joined = serializers.DateTimeField(source="joined", read_only=True, allow_null=True)
    last_login = serializers.DateTimeField(read_only=True, allow_null=True)
    url = serializers.SerializerMethodField()

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, user: User) -> str:
        return url_of("user", self.context["request"], pk=ids.encode(user.id))

    def get_id(self, user: User) -> str:
        return ids.encode(user.id)

    def to_representation(self, user: User) -> dict[str, Any]:
        # Reuse the operators that were read for the caller.
        user.operators = self.context["request"].user.operators
        return super().to_representation(user)

    def validate_must_change_password(self, value: bool) -> bool:
        if self.instance and self.instance.must_change_password and not value:
            raise serializers.ValidationError("Only they can end that, by changing it.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("role") and attrs.get("is_active") is False:
            raise serializers.ValidationError(
                {"role": "Who is deactivated has no role: send null, or leave it out."}
            )
        return attrs


class SessionSerializer(serializers.Serializer):
    """A session as its user sees it.

    The context holds the request, and the id of the ``current`` one.
    """

    id = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    last_used_at = serializers.DateTimeField(read_only=True, help_text="To within five minutes.")
    expires_at = serializers.DateTimeField(read_only=True)
    user_agent = serializers.CharField(read_only=True)
    ip = serializers.CharField(read_only=True)
    current = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_current(self, session: Session) -> bool:
        return session.id == self.context["current"]

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, session: Session) -> str:
        return url_of("session", self.context["request"], pk=session.id)


class SessionListSerializer(serializers.Serializer):
    """The user's sessions."""

    results = SessionSerializer(many=True)
