"""One POST to an address that somebody else chose: the check of the address, the request, and its result.

The name is resolved once, every address that it has is checked, and the connection goes to a checked address. So a name
that is resolved otherwise a moment later (DNS rebinding) leads nowhere else. Redirects are not followed, proxies of the
environment are not asked, and no answer is read beyond its head.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

import urllib3
from django.conf import settings
from django.utils.translation import gettext
from urllib3.connection import HTTPConnection, HTTPSConnection

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 10.0
# For all of it: a receiver that sends its answer letter by letter keeps within every other limit.
WHOLE_TIMEOUT = 20.0
MOST_ADDRESSES = 4  # of those that a name has, how many are tried
LONGEST_URL = 500

# Networks in which nobody's public service is: the blocks of IANA's two registries of special-purpose addresses, also
# those that are reachable (anycast of protocols), and multicast. Not `is_global`: Python's idea of it changes with its
# versions, and some take 192.0.0.0/24 for global.
SPECIAL = [
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Within 2000::/3; 2001::/23 holds Teredo, benchmarking, ORCHID and others, 2002::/16 is 6to4.
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
]
# Of IPv6, addresses are given out from this network alone. Beside it stands what a network that has no IPv4 translates.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Result(StrEnum):
    """The result of an attempt to deliver a message."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    GONE = "gone"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    INSECURE = "insecure"
    UNRESOLVED = "unresolved"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Delivery:
    """An attempt to deliver a message: its result, the status of the answer, the wait that the receiver asks for."""

    result: Result
    status: int | None = None
    retry_after: timedelta | None = None


class TargetError(ValueError):
    """An address to which nothing is sent."""

    def __init__(self, result: Result, detail: str) -> None:
        super().__init__(detail)
        self.result = result
        self.detail = detail


# Addresses ------------------------------------------------------------------------------------------------------------


def check(url: str) -> list[str]:
    """Return the addresses of the machine that a URL names; raise TargetError where nothing is sent to it."""
    return _addresses(_split(url))


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL or not url.isascii() or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise _forbidden(gettext("An address of at most 500 ASCII characters is expected."))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _forbidden(gettext("This is not an address.")) from error
    if parts.scheme not in ("https", "http") or not host:
        raise _forbidden(gettext("An address that begins with https:// is expected."))
    if parts.username is not None or parts.password is not None or parts.fragment or port == 0:
        raise _forbidden(gettext("The address must hold neither a user, nor a fragment, nor the port 0."))
    return parts


def _addresses(parts: SplitResult) -> list[str]:
    host, port = str(parts.hostname), parts.port or 443
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TargetError(
            Result.UNRESOLVED, gettext("There is no machine of the name “%(host)s”.") % {"host": host[:100]}
        ) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    read = [ipaddress.ip_address(address) for address in addresses]
    loopback = settings.WEBHOOKS_TO_LOOPBACK and all(address.is_loopback for address in read)
    if not (loopback or all(map(is_public, read))):
        # One that is not public is enough: nobody's public service has such an address, too.
        raise _forbidden(gettext("“%(host)s” is not an address in the public network.") % {"host": host[:100]})
    if parts.scheme != "https" and not loopback:
        raise _forbidden(gettext("An address that begins with https:// is expected."))
    return addresses[:MOST_ADDRESSES]


def _forbidden(detail: str) -> TargetError:
    return TargetError(Result.FORBIDDEN, detail)


def is_public(address: Address) -> bool:
    """Return whether an address is that of one machine in the public network, also if IPv6 wraps it."""
    if isinstance(address, ipaddress.IPv6Address):
        if inner := _wrapped(address):
            return is_public(inner)
        if address not in GLOBAL_UNICAST:
            return False
    return not any(address in network for network in SPECIAL)


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address to which packets for an IPv6 address go."""
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else address.ipv4_mapped


# Sending --------------------------------------------------------------------------------------------------------------


class Watch:
    """Breaks an exchange off that takes too long as a whole, in whatever it is: connecting, TLS, or the answer."""

    def __init__(self, seconds: float) -> None:
        self.over = threading.Event()
        self._twin: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._break_off)
        self._timer.daemon = True
        self._timer.start()

    def hold(self, sock: socket.socket) -> socket.socket:
        """Break the connection of a socket off, if need be. Its own object is taken over by TLS; a twin is not."""
        self._twin = sock.dup()
        if self.over.is_set():
            self._break_off()
        return sock

    def end(self) -> None:
        """Watch no longer."""
        self._timer.cancel()
        if self._twin is not None:
            self._twin.close()

    def _break_off(self) -> None:
        self.over.set()
        if self._twin is not None:
            with suppress(OSError):  # it may be closed already
                self._twin.shutdown(socket.SHUT_RDWR)


class _Checked(HTTPConnection):
    """A connection that goes to checked addresses, whatever the name resolves to by now."""

    addresses: Sequence[str]
    watch: Watch

    def _new_conn(self) -> socket.socket:
        for number, address in enumerate(self.addresses, 1):
            try:
                sock = socket.create_connection((address, self.port), CONNECT_TIMEOUT)
            except OSError:
                if number == len(self.addresses):
                    raise
            else:
                sock.settimeout(READ_TIMEOUT)
                return self.watch.hold(sock)
        raise AssertionError("a name has at least one address")


class _CheckedTLS(_Checked, HTTPSConnection):
    """The same with TLS: the certificate has to be that of the name."""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Delivery:
    """Send a body and return the delivery, successful or not."""
    try:
        parts = _split(url)
        addresses = _addresses(parts)
    except TargetError as error:
        return Delivery(error.result)
    watch = Watch(WHOLE_TIMEOUT)
    connection = _connection(parts)
    connection.addresses, connection.watch = addresses, watch
    try:
        delivery = _exchange(connection, parts, body, headers)
        # A head that was broken off reads like one that is over.
        return Delivery(Result.TIMEOUT) if watch.over.is_set() else delivery
    except Exception as error:
        return Delivery(Result.TIMEOUT if watch.over.is_set() else _result_of(error))
    finally:
        watch.end()
        connection.close()


def _connection(parts: SplitResult) -> _Checked:
    host = str(parts.hostname)
    if parts.scheme == "https":
        return _CheckedTLS(host, parts.port, timeout=READ_TIMEOUT, ssl_context=ssl.create_default_context())
    return _Checked(host, parts.port, timeout=READ_TIMEOUT)


def _exchange(connection: HTTPConnection, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> Delivery:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = {"Host": parts.netloc, "User-Agent": "partybuild", "Connection": "close", **headers}
    connection.request("POST", path, body=body, headers=given, preload_content=False)
    answer = connection.getresponse()
    status = int(answer.status)
    if 200 <= status < 300:
        return Delivery(Result.DELIVERED, status)
    if status == http.client.GONE:
        return Delivery(Result.GONE, status)
    if 300 <= status < 400:
        return Delivery(Result.REDIRECTED, status)
    return Delivery(Result.REFUSED, status, _read_wait(answer.headers.get("Retry-After", "")))


def _read_wait(text: str) -> timedelta | None:
    """Return the seconds of a `Retry-After`; a date, which hardly anybody sends, is not read."""
    return timedelta(seconds=int(text)) if text.isascii() and text.isdecimal() and len(text) <= 6 else None


def _result_of(error: Exception) -> Result:
    if isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return Result.TIMEOUT
    if isinstance(error, ssl.SSLError | urllib3.exceptions.SSLError):
        return Result.INSECURE
    if isinstance(error, OSError | urllib3.exceptions.HTTPError | http.client.HTTPException | ValueError):
        return Result.UNREACHABLE
    raise error
