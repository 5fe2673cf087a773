"""Django's session engine on MongoDB, which keeps browsers' sessions beside those of tokens."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from mongoengine.errors import NotUniqueError

from accounts import audit
from accounts.audit import Action
from accounts.clients import Client
from accounts.documents import Session, User
from templatesvc.mongo.clock import now


def session_id(session_key: str) -> str:
    """Return the id of the session that a cookie stands for."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:32]


def end_surplus_sessions(user: User, client: Client) -> None:
    """End the oldest sessions beyond the limit, after a log-in, and record that in the audit."""
    for ended in user.end_surplus_sessions():
        audit.record(Action.SESSION_SUPERSEDED, user.username, client, session=ended)


class SessionStore(SessionBase):
    """Keeps Django's data of a session in ``Session.data``."""

    client = Client()  # the middleware sets that of the request

    def load(self) -> dict[str, Any]:
        key = self.session_key or ""
        # The id first: some servers take the first index that fits a part of a query.
        query = {"_id": session_id(key), **Session.in_time(), "data": {"$ne": None}}
        session = Session.objects(__raw__=query).first()
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
        fields = self._fields(data, user)
        stored = Session.objects(id=session_id(self.session_key))
        if must_create:
            self._insert(fields)
        elif not stored.update_one(**{f"set__{name}": value for name, value in fields.items()}):
            # No upsert, which would bring back a session that was ended meanwhile.
            raise UpdateError
        if user:
            end_surplus_sessions(user, self.client)

    def _fields(self, data: dict[str, Any], user: User | None) -> dict[str, Any]:
        """Return the fields of the document that follow from Django's data and the user."""
        fields = {"data": self.encode(data)}
        if user is None:
            return fields
        # The version at the log-in: a change of password may have come since.
        version = data[HASH_SESSION_KEY].removeprefix(f"{user.id}:")
        return fields | {
            "user_id": user.id,
            "username": user.username,
            "token_version": version,
        }

    def _insert(self, fields: dict[str, Any]) -> None:
        session = Session(
            id=session_id(self.session_key),
            expires_at=now() + settings.REFRESH_TOKEN_LIFETIME,
            **fields,
            **self.client._asdict(),
        )
        try:
            session.insert()
        except NotUniqueError as error:
            raise CreateError from error

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            Session.objects(id=session_id(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects(expires_at__lte=now()).delete()
