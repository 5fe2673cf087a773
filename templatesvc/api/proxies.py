"""The proxies in front of the service: which are trusted, and the path prefix that they set."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import get_script_prefix, set_script_prefix

# Whole segments: `//example.org` as a prefix would make URLs of another site.
PREFIX = re.compile(r"(/[\w~-][\w.~-]*)+", re.A)


@lru_cache(maxsize=256)
def valid_address(text: str) -> str:
    """Return an address in its canonical notation; empty if the text is no address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    # A socket for both families shows an IPv4 address as ::ffff:192.0.2.1.
    return str(getattr(address, "ipv4_mapped", None) or address)


def is_trusted(address: str) -> bool:
    """Tell whether a valid address is one of TRUSTED_PROXIES."""
    if not address:
        # The other end of a Unix socket has no address: it is the proxy, if there is one.
        return bool(settings.TRUSTED_PROXIES)
    return any(ip_address(address) in network for network in settings.TRUSTED_PROXIES)


def client_address(meta: dict[str, Any]) -> str:
    """Return the nearest address that is no trusted proxy's; empty if it is not known.

    Each proxy appends its caller's address to X-Forwarded-For, so the list is read from its end.
    Whatever stands before the first stranger's address may be invented by that stranger.
    """
    address = valid_address(meta.get("REMOTE_ADDR", ""))
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while is_trusted(address) and forwarded and (previous := valid_address(forwarded.pop())):
        address = previous
    return address


def network(address: str) -> str:
    """Return the network of a subscriber: an IPv4 address, or 64 bits of an IPv6 address."""
    if ":" not in address:
        return address
    return str(ip_network(f"{address.partition('%')[0]}/64", strict=False))


def stranger(address: str) -> str:
    """Return the ``network`` of a valid address; empty for a trusted proxy's."""
    return "" if not address or is_trusted(address) else network(address)


def without_prefix(path: str) -> str:
    """Return a path without the setting SCRIPT_NAME, if it begins with it."""
    prefix: str = settings.SCRIPT_NAME
    if prefix and f"{path}/".startswith(f"{prefix}/"):
        return path.removeprefix(prefix) or "/"
    return path


class PathPrefixMiddleware:
    """Puts the service under a path: all URLs and cookie paths that Django writes begin with it.

    A proxy that forwards the path whole needs the setting SCRIPT_NAME, one that strips the prefix
    sends it in X-Forwarded-Prefix; several that strip name theirs with commas between, outer first.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        prefix = _forwarded_prefix(request.META) + _own_prefix(request)
        if not prefix:
            return self.get_response(request)
        request.META["SCRIPT_NAME"] = prefix
        request.path = prefix + request.path_info
        before = get_script_prefix()
        set_script_prefix(f"{prefix}/")
        try:
            response = self.get_response(request)
        finally:
            set_script_prefix(before)
        for cookie in response.cookies.values():
            if cookie["path"] == "/":
                cookie["path"] = prefix
        return response


def _forwarded_prefix(meta: dict[str, Any]) -> str:
    """Return the prefix that a trusted proxy sends; empty if there is none, or it is no path."""
    forwarded = meta.get("HTTP_X_FORWARDED_PREFIX")
    if not forwarded or not is_trusted(valid_address(meta.get("REMOTE_ADDR", ""))):
        return ""
    prefix = "".join(part.strip().rstrip("/") for part in forwarded.split(","))
    return prefix if PREFIX.fullmatch(prefix) else ""


def _own_prefix(request: HttpRequest) -> str:
    """Return the server's SCRIPT_NAME, or else the setting, which is then cut off the path."""
    if server_prefix := get_script_prefix().rstrip("/"):
        return server_prefix
    request.path_info = without_prefix(request.path_info)
    prefix: str = settings.SCRIPT_NAME
    return prefix
