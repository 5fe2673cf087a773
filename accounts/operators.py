"""Who is an operator, and what operators may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mongoengine import EmbeddedDocument, EmbeddedDocumentListField, IntField, StringField
from mongoengine.errors import NotUniqueError
from rest_framework.exceptions import PermissionDenied

from accounts.exceptions import LastSuperuser
from templatesvc.mongo.choices import Choices
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.fields import RawField

if TYPE_CHECKING:
    from accounts.documents import User


class Role(Choices):
    """What an operator may do, by the names that Django gives permissions.

    ``accounts.view_user`` is to look at users, ``accounts.delete_user`` to delete them,
    ``accounts.change_operator`` to say who is an operator.
    """

    VIEWER = "viewer", "can view everything"
    STAFF = "staff", "can view and change"
    SUPERUSER = "superuser", "can do everything, including appoint operators"

    def allows(self, permission: str) -> bool:
        verb, _, subject = permission.rpartition(".")[2].partition("_")
        if self is Role.SUPERUSER or verb == "view":
            return True
        return self is Role.STAFF and subject != "operator"


class Operator(EmbeddedDocument):
    """An operator, known by name and id: a name that is registered again is another person."""

    username = StringField(required=True)
    user_id = RawField(null=True)  # null is an id like any other
    role = StringField(required=True, choices=Role.pairs())


class Operators(ServiceDocument):
    """All operators in one document, so that one conditional write decides who is one.

    So one superuser who can log in is always left, whatever is changed in parallel. Roles are not
    stored in users, because a registration at another program could have stored anything there.
    """

    id = StringField(primary_key=True, default="operators")
    version = IntField(required=True, default=0)
    people = EmbeddedDocumentListField(Operator)

    meta = {"collection": "operators"}

    @classmethod
    def current(cls) -> Operators:
        return cls.objects.first() or cls()

    def role_of(self, user: User) -> Role | None:
        for person in self.people:
            if (person.username, person.user_id) == (user.username, user.id):
                # A role that only a newer version knows grants nothing here.
                return Role(person.role) if person.role in Role._value2member_map_ else None
        return None

    def superusers(self, users: type[User]) -> list[User]:
        """Return the superusers who can log in."""
        names = [each.username for each in self.people if each.role == Role.SUPERUSER]
        found = users.objects(username__in=names, is_active__ne=False).not_erased()
        return [user for user in found if self.role_of(user) == Role.SUPERUSER]

    @classmethod
    def appoint(cls, user: User, role: Role | None, by: User | None = None) -> Role | None:
        """Give a user a role, or with None take it away; return the role they had before.

        Raises PermissionDenied if ``by`` is no superuser at that moment, and LastSuperuser if
        there would be none left. Without ``by``, the service itself or the shell does it.
        """
        while True:  # each repetition means that somebody else's change succeeded
            seen = cls.current()
            before = seen.role_of(user)
            if by and seen.role_of(by) != Role.SUPERUSER:
                raise PermissionDenied("Only a superuser may say who is an operator.")
            if before == Role.SUPERUSER != role and seen.is_last(user):
                raise LastSuperuser()
            if before == role or seen._replace(user, role):
                return before

    def is_last(self, user: User) -> bool:
        """Tell whether this is the only superuser who can log in."""
        return [each.id for each in self.superusers(type(user))] == [user.id]

    def _replace(self, user: User, role: Role | None) -> bool:
        """Store that the user has this role; tell whether nobody else came first."""
        others = [person for person in self.people if person.username != user.username]
        mine = [Operator(username=user.username, user_id=user.id, role=role)] if role else []
        people = others + mine
        if self.version:
            unchanged = type(self).objects(id=self.id, version=self.version)
            return bool(unchanged.update_one(set__people=people, inc__version=1))
        try:
            type(self)(version=1, people=people).insert()
        except NotUniqueError:
            return False
        return True
