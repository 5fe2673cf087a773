"""Answers without a body, of which a page says in words what was done."""

from __future__ import annotations

from typing import Any

from rest_framework import status
from rest_framework.response import Response


class Done(Response):
    """204, or another success without a body.

    ``said`` is for people who see a page of it, and ``lead`` a title and a URL to go on to.
    """

    def __init__(
        self,
        said: str,
        code: int = status.HTTP_204_NO_CONTENT,
        lead: tuple[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(status=code, **kwargs)
        self.said, self.lead = said, lead


def deletion_answer(is_finished: bool, said: str) -> Done:
    """Return the answer to a deletion of any size, which several requests may do together.

    204, or 202 if more is left to delete than one request does.
    """
    if is_finished:
        return Done(said)
    unfinished = "Part of it is deleted. Press the button again to continue."
    return Done(unfinished, status.HTTP_202_ACCEPTED, headers={"Retry-After": "1"})
