"""Answers without a body; their pages say in words what was done."""

from __future__ import annotations

from typing import Any

from rest_framework import status
from rest_framework.response import Response


class Done(Response):
    """204, or another success without a body.

    ``notice`` is what its page tells people; ``lead`` is the title and the URL of where to go next.
    """

    def __init__(
        self,
        notice: str,
        code: int = status.HTTP_204_NO_CONTENT,
        lead: tuple[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(status=code, **kwargs)
        self.notice, self.lead = notice, lead


def deletion_answer(is_finished: bool, notice: str) -> Done:
    """Return the answer to a deletion that may take several requests.

    It is 204, or 202 if something is left to delete.
    """
    if is_finished:
        return Done(notice)
    unfinished = "Part of it is deleted. Press the button again to continue."
    return Done(unfinished, status.HTTP_202_ACCEPTED, headers={"Retry-After": "1"})
