"""The one Django model: what Django and SimpleJWT take for the user model.

``AUTH_USER_MODEL`` must name a Django model, but users are MongoEngine documents. This model has no
table; its manager returns ``User`` documents, so that Django's ``login()`` and sessions, DRF's
pages and SimpleJWT run unchanged. Its primary key is the username, of which every user has exactly
one; the ``_id`` may be of any type if another program wrote it.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from accounts.documents import User


class AccountManager(models.Manager["Account"]):
    """Finds users by what Django calls the user model's fields."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Return the user named ``pk`` or ``username``; raises ``Account.DoesNotExist``."""
        (username,) = kwargs.values()
        return self.get_by_natural_key(username)

    def get_by_natural_key(self, username: Any) -> Any:
        user = User.named(username) if isinstance(username, str) else None
        if user is None:
            raise Account.DoesNotExist("There is no such user.")
        return user


class Account(models.Model):
    """A stand-in for ``accounts.documents.User`` where a Django model is asked for."""

    username = models.CharField(primary_key=True, max_length=User.USERNAME_MAX_LENGTH)

    objects = AccountManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: list[str] = []
    is_authenticated = True
    is_anonymous = False

    class Meta:
        managed = False
        verbose_name = "user"

    def __str__(self) -> str:
        return self.username


# Django's login() writes user._meta.pk.value_to_string(user) into the session.
User._meta.pk = Account._meta.pk
