"""Where a request comes from: the client's address and program."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from templatesvc.api.proxies import client_address

USER_AGENT_LENGTH = 200


class Client(NamedTuple):
    """An address, empty if it is not known, and what the program calls itself."""

    ip: str = ""
    user_agent: str = ""

    @classmethod
    def of(cls, request: Any) -> Self:
        """Return the client of a Django or DRF request; ``request`` may be None."""
        meta: dict[str, str] = getattr(request, "META", {})
        return cls(client_address(meta), meta.get("HTTP_USER_AGENT", "")[:USER_AGENT_LENGTH])
