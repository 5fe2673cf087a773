"""Who is an operator, what operators may do, and that there is always a superuser left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from rest_framework.exceptions import APIException, PermissionDenied

from accounts import operations
from accounts.clients import Client
from accounts.documents import User
from accounts.exceptions import LastSuperuser, OperatorProtected, UserInactive
from accounts.operations import Actor
from accounts.operators import Operators, Role
from tests.accounts.callers import erase
from tests.conftest import Person

PERMISSIONS = {
    "accounts.view_user": "viewer staff superuser",
    "accounts.change_user": "staff superuser",
    "accounts.add_user": "staff superuser",
    "accounts.delete_user": "staff superuser",
    "templates_app.view_template": "viewer staff superuser",
    "templates_app.delete_template": "staff superuser",
    "accounts.view_operator": "viewer staff superuser",
    "accounts.change_operator": "superuser",
    "accounts.add_operator": "superuser",
    "accounts.delete_operator": "superuser",
}


@pytest.mark.parametrize("role", [None, *Role])
def test_what_each_role_may_do(role: Role | None, alice: Person, bob: Person) -> None:
    bob.user.appoint(Role.SUPERUSER)
    alice.user.appoint(role)
    user = alice.stored
    allowed = {permission for permission in PERMISSIONS if user.has_perm(permission)}
    assert allowed == {name for name, roles in PERMISSIONS.items() if role in roles.split()}
    assert user.has_perms(PERMISSIONS) == (role == Role.SUPERUSER)
    assert user.is_staff == user.has_module_perms("accounts") == (role is not None)
    assert user.is_superuser == (role == Role.SUPERUSER)


def test_who_is_deactivated_is_no_operator_and_stays_none(alice: Person, bob: Person) -> None:
    bob.user.appoint(Role.SUPERUSER)
    alice.user.appoint(Role.SUPERUSER)
    alice.user.deactivate()
    assert not alice.stored.has_perm("accounts.view_user")
    alice.stored.reactivate()
    assert alice.stored.role is None


def test_who_is_deactivated_becomes_none(alice: Person) -> None:
    alice.user.deactivate()
    with pytest.raises(UserInactive):
        alice.user.appoint(Role.STAFF)
    assert Operators.current().people == []


def test_who_registers_the_name_of_an_operator_is_none(alice: Person) -> None:
    alice.user.appoint(Role.STAFF)
    User.objects(id=alice.user.id).delete()
    assert User.register("alice", "another").role is None


def test_a_role_can_be_changed_and_taken(alice: Person) -> None:
    assert alice.user.appoint(Role.VIEWER) is None
    assert alice.user.appoint(Role.STAFF) == Role.VIEWER
    assert alice.stored.role == Role.STAFF
    assert alice.user.appoint(None) == Role.STAFF
    assert alice.stored.role is None


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STAFF])
def test_nobody_but_a_superuser_says_who_is_an_operator(
    role: Role, alice: Person, bob: Person
) -> None:
    alice.user.appoint(role)
    for person in (alice, bob):
        with pytest.raises(PermissionDenied):
            person.user.appoint(Role.SUPERUSER, by=alice.user)
    assert alice.stored.role == role
    assert bob.stored.role is None


WAYS_OUT: dict[str, Any] = {
    "demoted": lambda user: user.appoint(Role.STAFF),
    "taken the role": lambda user: user.appoint(None),
    "deactivated": lambda user: user.deactivate(),
    "erased": erase,
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_the_last_superuser_is_not(way: str, alice: Person, bob: Person) -> None:
    alice.user.appoint(Role.SUPERUSER)
    bob.user.appoint(Role.STAFF)
    with pytest.raises(LastSuperuser):
        WAYS_OUT[way](alice.user)
    user = alice.stored
    assert user.is_active
    assert user.is_superuser
    bob.user.appoint(Role.SUPERUSER, by=user)
    WAYS_OUT[way](user)
    assert bob.stored.is_superuser


def test_the_last_superuser_can_not_delete_their_account(alice: Person) -> None:
    alice.user.appoint(Role.SUPERUSER)
    answer = alice.client.delete("/api/v1/users/me")
    assert answer.status_code == 409
    assert answer.json()["code"] == "last_superuser"
    assert alice.client.get("/api/v1/users/me").status_code == 200


@pytest.mark.wire
def test_of_two_superusers_who_demote_each_other_at_once_one_stays(
    alice: Person, bob: Person
) -> None:
    for _ in range(20):
        for person in (alice, bob):
            person.user.appoint(Role.SUPERUSER)
        start = Barrier(2)

        def demote(by: Person, whom: Person, start: Barrier = start) -> str:
            start.wait()
            try:
                whom.stored.appoint(None, by=by.stored)
            except APIException as error:
                return type(error).__name__
            return "done"

        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(demote, (alice, bob), (bob, alice)))
        assert sorted(told) == ["PermissionDenied", "done"]
        assert [person.role for person in Operators.current().people] == [Role.SUPERUSER]


@pytest.mark.wire
def test_of_many_who_leave_at_once_one_superuser_stays(alice: Person) -> None:
    people = [alice.user, *(User.register(f"op-{n}", "x") for n in range(7))]
    for user in people:
        user.appoint(Role.SUPERUSER)
    start = Barrier(len(people))

    def leave(user: User) -> bool:
        start.wait()
        try:
            user.deactivate()
        except LastSuperuser:
            return False
        return True

    with ThreadPoolExecutor(len(people)) as pool:
        left = list(pool.map(leave, people))
    assert left.count(False) == 1
    (last,) = Operators.current().people
    assert last.username == people[left.index(False)].username
    assert User.objects(is_active=False).count() == len(people) - 1


@pytest.mark.wire
def test_of_many_who_are_first_all_are_appointed() -> None:
    people = [User.register(f"op-{n}", "x") for n in range(8)]
    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(lambda user: user.appoint(Role.SUPERUSER), people))
    assert {person.username for person in Operators.current().people} == {
        user.username for user in people
    }


def deactivated_by_another_program(person: Person) -> User:
    User._get_collection().update_one({"username": person.name}, {"$set": {"is_active": False}})
    return person.stored


def test_who_can_not_log_in_is_never_the_only_superuser(alice: Person, bob: Person) -> None:
    alice.user.deactivate()
    with pytest.raises(UserInactive):
        alice.stored.appoint(Role.SUPERUSER)
    assert Operators.current().people == []
    alice.user.reactivate()
    for person in (alice, bob):
        person.stored.appoint(Role.SUPERUSER)
    deactivated_by_another_program(alice)
    for way in WAYS_OUT.values():
        with pytest.raises(LastSuperuser):
            way(bob.stored)
    alice.stored.appoint(None)
    assert bob.stored.is_superuser


def test_a_superuser_whom_another_program_deactivated_comes_back_as_none(
    alice: Person, bob: Person
) -> None:
    bob.user.appoint(Role.SUPERUSER)
    alice.user.appoint(Role.SUPERUSER)
    changes = deactivated_by_another_program(alice).reactivate()
    assert changes == {"is_active": [False, True], "role": ["superuser", None]}
    assert alice.stored.is_active
    assert alice.stored.role is None


def test_staff_can_not_change_a_superuser_who_is_deactivated(alice: Person, bob: Person) -> None:
    bob.user.appoint(Role.STAFF)
    alice.user.appoint(Role.SUPERUSER)
    user = deactivated_by_another_program(alice)
    by = Actor("bob", Client(), bob.stored)
    for change in (
        lambda: operations.set_password(by, user, "chosen-by-staff"),
        lambda: operations.reactivate(by, user),
        lambda: operations.erase(by, user),
    ):
        with pytest.raises(OperatorProtected):
            change()
