"""The ways in which the tests of accounts call the service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import time_machine
from rest_framework.test import APIClient

from accounts import erasure
from accounts.documents import User
from templatesvc.mongo.clock import now


def caller(token: str = "", **headers: str) -> APIClient:
    """Return a client that sends this bearer token, if it is given one."""
    client = APIClient(raise_request_exception=False)
    if token:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    client.credentials(**headers)
    return client


def post(path: str, body: Any = None, token: str = "", **headers: str) -> Any:
    return caller(token, **headers).post(f"/api/v1/{path}", body)


def log_in(name: str, password: str, **headers: str) -> Any:
    """Log somebody in by the route; return the answer."""
    return post("login", {"username": name, "password": password}, **headers)


def tokens_of(name: str, password: str, **headers: str) -> dict[str, Any]:
    answer = log_in(name, password, **headers)
    assert answer.status_code == 200
    return answer.json()


def refresh(token: str, **headers: str) -> Any:
    return post("token/refresh", {"refresh_token": token}, **headers)


def verify(token: str) -> int:
    return post("token/verify", {"token": token}).status_code


def me(token: str) -> int:
    return caller(token).get("/api/v1/users/me").status_code


def claims(token: str) -> dict[str, Any]:
    """Return what is in a token, unverified."""
    return jwt.decode(token, options={"verify_signature": False})


def browser(name: str, password: str, **headers: str) -> APIClient:
    """Return a browser in which somebody has logged in on the page; it sends CSRF tokens."""
    client = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    client.credentials(**headers)
    client.get("/api-auth/login")
    form = {
        "username": name,
        "password": password,
        "csrfmiddlewaretoken": client.cookies["csrftoken"].value,
    }
    answer = client.post("/api-auth/login", form, format="multipart")
    assert answer.status_code == 302, answer.content
    client.credentials(HTTP_X_CSRFTOKEN=client.cookies["csrftoken"].value, **headers)
    return client


def erase(user: User) -> None:
    """Erase a user as a request does that has time for all of it."""
    erasure.begin(user)
    assert erasure.go_on(user)


def after(**time: float) -> time_machine.travel:
    """Travel into the future, where time goes on."""
    return time_machine.travel(now() + timedelta(**time), tick=True)
