"""Where a request comes from: the client's address and program."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple, Self

from django.conf import settings

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
    address = _valid(meta.get("REMOTE_ADDR", ""))
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while _is_trusted_proxy(address) and forwarded and (previous := _valid(forwarded.pop())):
        address = previous
    return address


def _is_trusted_proxy(address: str) -> bool:
    if not address:
        # A Unix socket's other end has no address: it is the proxy, if there is any.
        return bool(settings.TRUSTED_PROXIES)
    return any(ip_address(address) in network for network in settings.TRUSTED_PROXIES)


def _valid(text: str) -> str:
    """Return an address in its one notation; empty if the text is none."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    # A socket for both families shows an IPv4 address as ::ffff:192.0.2.1.
    return str(getattr(address, "ipv4_mapped", None) or address)


def network(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or the 64 bits in front of an IPv6 one."""
    if ":" not in address:
        return address
    return str(ip_network(f"{address.partition('%')[0]}/64", strict=False))
