"""What the tests of templates share: making them, reading them, and the Flask service's writes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bson import ObjectId

from templates_app.documents import Template
from tests import answers
from tests.conftest import Person

URL = "/api/v1/templates"


def make(person: Person, value: Any) -> Any:
    """Create a template; return the answer."""
    answer = person.client.post(URL, {"template": value})
    assert answer.status_code == 201, answer.content
    return answer


def path(created: Any) -> str:
    """Return the path of the template that an answer shows."""
    return f"{URL}/{created.json()['id']}"


def store(person: Person, value: Any) -> ObjectId:
    """Store a template of any value, past the routes; return its id."""
    id: ObjectId = Template.create(person.name, {"template": value}).id
    return id


def flask_insert(person: Person, value: Any, id: ObjectId | None = None) -> ObjectId:
    """Store a template as the Flask service does; return its id."""
    document = {"profile": person.name, "template": value} | ({"_id": id} if id else {})
    inserted: ObjectId = Template._get_collection().insert_one(document).inserted_id
    return inserted


def flask_update(person: Person, old: Any, new: Any) -> int:
    """Change a template as the Flask service does; return how many it found."""
    found = {"profile": person.name, "template": old}
    result = Template._get_collection().update_one(found, {"$set": {"template": new}})
    return result.matched_count


def listed(person: Person, query: str = "") -> list[Any]:
    """Return the values in a list."""
    answer = person.client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.content
    return [result["template"] for result in answer.json()["results"]]


def pages(person: Person, query: str) -> list[list[Any]]:
    """Return the values of each page, from the first to the last."""
    found = answers.pages(person.client, f"{URL}?{query}")
    return [[result["template"] for result in page] for page in found]


def check_order(person: Person, ordering: str, count: int) -> None:
    """Check that pages of two give so many templates, each in its place."""
    field, url, seen = ordering.lstrip("-"), f"{URL}?limit=2&ordering={ordering}", []
    while url:
        answer = person.client.get(url).json()
        seen += [
            (datetime.fromisoformat(result[field]), result["id"]) for result in answer["results"]
        ]
        url = answer["next"]
    assert len(seen) == count
    assert seen == sorted(seen, reverse=ordering.startswith("-"))
