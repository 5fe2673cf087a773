"""Answers to a deletion of any size, which several requests may do together."""

from __future__ import annotations

from rest_framework import status
from rest_framework.response import Response


def deletion_answer(is_finished: bool) -> Response:
    """Return 204, or 202 if more is left to delete than one request does."""
    if is_finished:
        return Response(status=status.HTTP_204_NO_CONTENT)
    return Response(status=status.HTTP_202_ACCEPTED, headers={"Retry-After": "0"})
