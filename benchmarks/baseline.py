"""The limit: a bare WSGI function with the same two reads by PyMongo, on the service's own data.

    MONGODB_URI=mongodb://… JWT_SECRET_KEY=… gunicorn benchmarks.baseline:app

It checks a token and its session as the service does, and answers what the service answers. What it
lacks is all else: routes, errors, other formats, pages, conditions.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import jwt
import orjson
from bson import ObjectId
from pymongo import MongoClient

KEY = os.environ["JWT_SECRET_KEY"]
store: Any = MongoClient(os.environ["MONGODB_URI"], tz_aware=True).get_default_database()


def caller(environ: dict[str, Any]) -> str:
    """Return the username of a token whose session and user stand; raises PermissionError."""
    token = environ["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    claims = jwt.decode(token, KEY, ["HS256"], audience="templatesvc", issuer="templatesvc")
    user = {"from": "users", "localField": "user_id", "foreignField": "_id", "as": "user"}
    match = {"_id": claims["sid"], "expires_at": {"$gt": datetime.now(UTC)}}
    (session,) = store.sessions.aggregate([{"$match": match}, {"$lookup": user}])
    (found,) = session["user"]
    if not found.get("is_active", True) or session["token_version"] != found.get(
        "token_version", ""
    ):
        raise PermissionError
    return str(found["username"])


def written(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        "id": str(row["_id"]),
        "template": row["template"],
        "version": row["version"],
        "created_at": row["created_at"].isoformat().replace("+00:00", "Z"),
        "updated_at": row["updated_at"].isoformat().replace("+00:00", "Z"),
        "url": f"{prefix}/{row['_id']}",
    }


def answer(environ: dict[str, Any]) -> Any:
    path = environ["PATH_INFO"]
    if path == "/":
        return "Hello, World!"
    mine = {"profile": caller(environ)}
    if path == "/get":
        fields = {"_id": False, "profile": True, "template": True}
        rows = store.templates.find(mine, fields, sort=[("_id", 1)])
        return {"docs": list(rows)}
    prefix = f"http://{environ['HTTP_HOST']}/api/v1/templates"
    if path == "/api/v1/templates":
        rows = store.templates.find(mine, sort=[("_id", -1)], limit=11)
        results = [written(row, prefix) for row in rows][:10]
        return {"next": None, "previous": None, "results": results}
    row = store.templates.find_one(mine | {"_id": ObjectId(path.rpartition("/")[2])})
    return written(row, prefix)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = orjson.dumps(answer(environ))
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
