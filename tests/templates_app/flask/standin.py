"""A stand-in of the Flask service, for whoever does not have the original: run it by gunicorn.

    MONGODB_URI=mongodb://… JWT_SECRET_KEY=… gunicorn tests.templates_app.flask.standin:app

It is made from the recorded answers in ``flask_answers.json``, faults included, because what
they leave in a database is what there is to take over: it looks and then writes, so that two at
once both write; it stores the whole body of a registration; it answers a deletion with 404.
``test_standin.py`` holds it to the recording, and to the original where that is there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Flask, request
from flask_jwt_extended import JWTManager, create_access_token, get_jwt_identity, jwt_required
from pymongo import MongoClient

Answer = tuple[dict[str, Any], int]

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = os.environ["JWT_SECRET_KEY"]
app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(days=1)
JWTManager(app)
store: Any = MongoClient(os.environ["MONGODB_URI"]).get_default_database("mydatabase")


def say(text: str, status: int = 200) -> Answer:
    return {"msg": text}, status


def digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def for_owner(answer: Callable[[dict[str, Any]], Answer]) -> Callable[[], Answer]:
    """Let a caller with a token in, whose name is the ``profile`` of what they keep."""

    @wraps(answer)
    @jwt_required()
    def view() -> Answer:
        name = get_jwt_identity()
        if store.users.count_documents({"username": name}, limit=1) == 0:
            return say("Access Token Expired", 404)
        return answer({"profile": name})

    return view


@app.get("/")
def greet() -> str:
    return "Hello, World!"


@app.post("/api/v1/users")
def register() -> Answer:
    body: dict[str, Any] = request.get_json()
    body |= {"password": digest(body["password"])}
    if store.users.find_one({"username": body["username"]}):
        return say("Username already exists", 409)
    store.users.insert_one(body)
    return say("User created successfully", 201)


@app.post("/api/v1/login")
def log_in() -> Answer:
    body = request.get_json()
    user = store.users.find_one({"username": body["username"]})
    if not user or user["password"] != digest(body["password"]):
        return say("The username or password is incorrect", 401)
    return {"access_token": create_access_token(user["username"])}, 200


@app.get("/get")
@for_owner
def list_templates(owner: dict[str, Any]) -> Answer:
    return {"docs": list(store.templates.find(owner, {"_id": False}))}, 200


@app.post("/create")
@for_owner
def create(owner: dict[str, Any]) -> Answer:
    new = owner | {"template": request.get_json()["template"]}
    if store.templates.find_one(new):
        return say("Template already exists on your profile", 404)
    store.templates.insert_one(new)
    return say("Template created successfully")


@app.post("/update")
@for_owner
def update(owner: dict[str, Any]) -> Answer:
    body = request.get_json()
    old = owner | {"template": body["old_template"]}
    if not store.templates.find_one(old):
        return say("Template not exists on your profile", 404)
    store.templates.update_one(old, {"$set": {"template": body["new_template"]}})
    return say("Template Updated successfully")


@app.post("/delete")
@for_owner
def delete(owner: dict[str, Any]) -> Answer:
    unwanted = owner | {"template": request.get_json()["template"]}
    if not store.templates.find_one(unwanted):
        return say("Template not exists on your profile", 404)
    store.templates.delete_one(unwanted)
    return say("Template Deleted Sucessfully", 404)
