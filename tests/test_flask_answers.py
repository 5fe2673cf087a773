"""The Flask service's recorded answers, replayed in their order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rest_framework.test import APIClient

from accounts.documents import User

RECORDED = json.loads((Path(__file__).parent / "flask_answers.json").read_text())

# What this service answers differently on purpose: the README has the same table.
DEPARTURES: dict[str, tuple[int, dict[str, Any]]] = {
    "register without password": (400, {"msg": "password: This field is required."}),
    "register without username": (400, {"msg": "username: This field is required."}),
    "register, not JSON": (400, {"msg": "…"}),
    "login, operator injected": (400, {"msg": "username: Not a valid string."}),
    "login, missing password": (400, {"msg": "password: This field is required."}),
    "get with a garbage token": (401, {"msg": "…"}),
    "create again": (409, {"msg": "Template already exists on your profile"}),
    "create, missing field": (400, {"msg": "template: This field is required."}),
    "update onto an existing name": (409, {"msg": "Template already exists on your profile"}),
    "update, missing field": (400, {"msg": "new_template: This field is required."}),
    "delete": (200, {"msg": "Template Deleted Sucessfully"}),
    "wrong method": (405, {"msg": "…"}),
    "get with the token of a deleted user": (401, {"msg": "Access Token Expired"}),
}
