"""The address of a client, behind whatever proxies we trust to name it."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

COUNTED_BITS = 64  # of an IPv6 address: whoever has one of a network has all of it


def client_address(request: HttpRequest) -> str:
    """Return the address of the client: the last one before those of trusted proxies.

    Each proxy adds the address of its caller to the end of X-Forwarded-For, and anybody can write addresses before it.
    So the header is read from its end, as long as the address that vouches for it is in `TRUSTED_PROXIES`.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    found = read_address(peer)
    if found is None:
        return peer  # a Unix socket, which has no address
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    while forwarded and is_trusted(found):
        text = forwarded.pop()
        if not text.strip():
            continue
        if (before := read_address(text)) is None:
            break  # a proxy that hides its caller: the proxy is the last that is known
        found = before
    return str(found)


def counted_address(request: HttpRequest) -> str:
    """Return that under which requests and failures of a client are counted: its address, of IPv6 its network."""
    text = client_address(request)
    found = read_address(text)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, COUNTED_BITS), strict=False).network_address)
    return text


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a proxy wrote, with a port or without; None for any other text."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_trusted(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is that of a proxy which we believe."""
    return any(address in network for network in settings.TRUSTED_PROXIES)
