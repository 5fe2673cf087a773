"""Parameters of URLs."""

from __future__ import annotations

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request


def check_parameters(request: Request, known: set[str], prefix: str | None = None) -> None:
    """Raise ValidationError (400) for a parameter that is unknown, or given twice.

    Known are those named, and any that begin with the prefix.
    """
    faults = {}
    there_is = ", ".join(sorted(known) + ([f"{prefix}…"] if prefix else []))
    for name, values in request.query_params.lists():
        if name not in known and not (prefix and name.startswith(prefix)):
            faults[name] = f"Unknown parameter; there is: {there_is}."
        elif len(values) > 1:
            faults[name] = "Given more than once."
        elif "\0" in name + values[0]:
            faults[name] = "NUL is not allowed."
    if faults:
        raise ValidationError(faults, code="bad_parameter")
