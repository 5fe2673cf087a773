"""Where a request comes from: the client's address and program."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, NamedTuple, Self

from templatesvc.api.proxies import is_trusted, valid_address

USER_AGENT_LENGTH = 200


class Client(NamedTuple):
    """An address (empty if it is not known) and what the program says that it is."""

    ip: str = ""
    user_agent: str = ""

    @classmethod
    def of(cls, request: Any) -> Self:
        """Return the client of a Django or DRF request; None stands for a call without one."""
        meta: dict[str, str] = getattr(request, "META", {})
        return cls(_address(meta), meta.get("HTTP_USER_AGENT", "")[:USER_AGENT_LENGTH])


def _address(meta: dict[str, str]) -> str:
    """Return the nearest address that is no trusted proxy's.

    Each proxy appends whom it was called by to X-Forwarded-For, so the list is read from its end,
    and what stands before the first stranger's address is that stranger's own invention.
    """
    address = valid_address(meta.get("REMOTE_ADDR", ""))
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while is_trusted(address) and forwarded and (previous := valid_address(forwarded.pop())):
        address = previous
    return address


def network(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or the 64 bits in front of an IPv6 one."""
    if ":" not in address:
        return address
    return str(ip_network(f"{address.partition('%')[0]}/64", strict=False))
