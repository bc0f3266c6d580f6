"""From where a request comes: what the connection says, or a proxy that we trust."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

_OF_ONE = 64
"""Bits of the network that one subscriber of IPv6 has to themselves."""


def client_address(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """Return the address of whoever called, or None where that cannot be known.

    Of `X-Forwarded-For` the last part that no trusted proxy wrote counts: what stands
    before it is the caller's own invention.
    """
    here = _parsed(request.META.get("REMOTE_ADDR", ""))
    hops = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    while here is not None and _is_trusted(here) and hops:
        before = _parsed(hops.pop().strip())
        if before is None:
            break
        here = before
    return here


def throttled_address(request: HttpRequest) -> str | None:
    """Return what attempts from one place are counted by."""
    address = client_address(request)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _OF_ONE), strict=False))
    return None if address is None else str(address)


def is_within(address: IPv4Address | IPv6Address | None, networks: list[str]) -> bool:
    """Whether an address is in one of the networks; in no network is everybody."""
    if not networks:
        return True
    return address is not None and any(
        address in ip_network(network) for network in networks
    )


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # ::ffff:192.0.2.1 is 192.0.2.1, however the server listens.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)
