"""The parameters of a URL's query: checked, read, and described for the schema."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.fields import BooleanField
from rest_framework.request import Request


def check_parameters(request: Request, known: set[str], prefixes: tuple[str, ...] = ()) -> None:
    """Raise ValidationError (400) for a parameter that is unknown, or given twice.

    A parameter is known by its whole name, or by the prefix that it begins with.
    """
    faults = {}
    there_is = ", ".join([*sorted(known), *(f"{prefix}…" for prefix in prefixes)])
    for name, values in request.query_params.lists():
        if name not in known and not name.startswith(prefixes):
            faults[name] = f"Unknown parameter; there is: {there_is}."
        elif len(values) > 1:
            faults[name] = "Given more than once."
        elif "\0" in name + values[0]:
            faults[name] = "NUL is not allowed."
    if faults:
        raise ValidationError(faults, code="bad_parameter")


def flag(request: Request, name: str) -> bool | None:
    """Return whether a parameter says true or false; None if it is not given.

    Raises ValidationError (400). PHP clients write 1 and 0, scripts in Python True and False.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    if text.lower() in BooleanField.TRUE_VALUES:
        return True
    if text.lower() in BooleanField.FALSE_VALUES:
        return False
    raise ValidationError({name: "Give true or false."})


def parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Describe a parameter for the schema; it is a text unless ``schema`` names another type."""
    schema = {"type": "string", **schema}
    return {"name": name, "in": "query", "description": description, "schema": schema}
