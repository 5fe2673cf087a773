"""Django's session engine on MongoDB: browser sessions stand beside those of tokens."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from mongoengine.errors import NotUniqueError

from accounts.clients import Client
from accounts.documents import Session, User
from templatesvc.documents import now


def session_id(session_key: str) -> str:
    """Return the id under which a cookie's session is stored."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:32]


class SessionStore(SessionBase):
    """Keeps what Django puts into a session in ``Session.data``."""

    client = Client()  # the middleware sets the request's

    def load(self) -> dict[str, Any]:
        key = self.session_key or ""
        # TTL indexes delete about once a minute: the expiry is asked for as well.
        session = Session.objects(id=session_id(key), expires_at__gt=now(), data__ne=None).first()
        if session is None:
            self._session_key = None
            return {}
        session.touch(self.client)
        return self.decode(session.data)

    def exists(self, session_key: str) -> bool:
        return Session.objects(id=session_id(session_key)).first() is not None

    def create(self) -> None:
        while True:
            self._session_key = self._get_new_session_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        """Store the session.

        Raises CreateError if the key is taken, UpdateError if the session has ended meanwhile.
        """
        if self.session_key is None:
            self.create()
            return
        data = self._get_session(no_load=must_create)
        user = User.named(data[SESSION_KEY]) if SESSION_KEY in data else None
        fields = {
            "user_id": user.id if user else None,
            "username": user.username if user else None,
            # As it was at the login, which a change of password may have overtaken.
            "token_version": data.get(HASH_SESSION_KEY, "").rpartition(":")[2],
            "expires_at": now() + timedelta(seconds=self.get_expiry_age()),
            "data": self.encode(data),
        }
        stored = Session.objects(id=session_id(self.session_key))
        if must_create:
            try:
                Session(id=session_id(self.session_key), **fields, **self.client._asdict()).save(
                    force_insert=True
                )
            except NotUniqueError as error:
                raise CreateError from error
        elif not stored.update_one(**{f"set__{name}": value for name, value in fields.items()}):
            # Never an upsert: it would bring back a session that was ended meanwhile.
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            Session.objects(id=session_id(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects(expires_at__lte=now()).delete()
