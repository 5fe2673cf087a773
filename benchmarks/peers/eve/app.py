"""Templates with Eve: its own pages, entity tags and conditional writes."""

from __future__ import annotations

import os
from typing import Any

import jwt
from eve import Eve
from eve.auth import TokenAuth

KEY = os.environ["JWT_SECRET_KEY"]


class Auth(TokenAuth):
    def check_auth(self, token: str, allowed_roles: Any, resource: str, method: str) -> bool:
        try:
            self.set_request_auth_value(jwt.decode(token, KEY, ["HS256"])["sub"])
        except jwt.InvalidTokenError:
            return False
        return True


TEMPLATES = {
    "schema": {
        "template": {"type": ["string", "dict"], "required": True},
        "version": {"type": "integer"},
        "created_at": {"type": "datetime"},
        "updated_at": {"type": "datetime"},
    },
    "authentication": Auth,
    "auth_field": "profile",
    "resource_methods": ["GET", "POST"],
    "item_methods": ["GET", "PUT"],
}
SETTINGS = {
    "MONGO_URI": os.environ["MONGODB_URI"],
    "URL_PREFIX": "api/v1",
    "RENDERERS": ["eve.render.JSONRenderer"],
    "DOMAIN": {"templates": TEMPLATES},
}
app = Eve(settings=SETTINGS)


@app.route("/")
def hello() -> str:
    return "Hello, World!"
