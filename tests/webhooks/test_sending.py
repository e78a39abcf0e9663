"""Where messages may go, and what becomes of those that meet a strange receiver. No test here needs a database."""

import random
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from apps.webhooks import schedule, sending
from apps.webhooks.sending import Result, TargetError, check, post
from tests.webhooks.conftest import Receiver

pytestmark = pytest.mark.enable_socket

CLOSED = [
    "0.0.0.0",  # noqa: S104 - refused, not bound
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.0.200",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name have these addresses, and return the list of names that are asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        if not host.endswith(".example"):
            return real(host, port, *args, **kwargs)
        return [found for address in addresses for found in real(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


@pytest.mark.parametrize("address", CLOSED)
def test_what_is_not_public_is_refused_by_address_and_by_name(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    for url in (f"https://{literal}/", "https://inner.example/"):
        resolve_to(monkeypatch, address)
        with pytest.raises(TargetError) as refused:
            check(url)
        assert refused.value.result is Result.FORBIDDEN
        assert post(url, b"{}", {}).result is Result.FORBIDDEN


# IANA's registries of special-purpose addresses (RFC 6890 and its updates), as of 2025, and multicast; of IPv6 also
# what is not given out. A part that the registry lists by itself stands beside its whole.
SPECIAL = [
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32"),
    *("192.0.0.171/32", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
    *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32"),
    *("224.0.0.0/4", "::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32"),
    *("2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48"),
    *("2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    *("5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "4000::/3", "8000::/1", "::/96"),
]
# Behind an IPv6 address to which a network translates, the IPv4 address decides.
TRANSLATED = ("::ffff:0:0/96", "64:ff9b::/96")


@pytest.mark.parametrize("block", SPECIAL)
def test_no_address_of_a_special_block_is_public(block: str) -> None:
    network = ip_network(block)
    middle = network.network_address + network.num_addresses // 2
    for address in (network.network_address, middle, network.broadcast_address):
        assert not sending.is_public(address), address
        if isinstance(address, IPv4Address):
            for prefix in TRANSLATED:
                assert not sending.is_public(ip_network(prefix).network_address + int(address)), (prefix, address)


@pytest.mark.parametrize("address", ["192.0.1.0", "191.255.255.255", "100.128.0.0", "198.20.0.0", "223.255.255.255"])
def test_what_lies_beside_a_special_block_is_public(address: str) -> None:
    for prefix in ("::ffff:", "64:ff9b::", ""):
        assert sending.is_public(ip_address(f"{prefix}{address}"))
    assert sending.is_public(ip_address("2001:200::1"))
    assert sending.is_public(ip_address("2606:4700:4700::1111"))


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "017700000001", "0"])
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises(TargetError):
        check(f"https://{host}/")


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_what_is_public_is_taken(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolve_to(monkeypatch, address)
    assert check("https://hook.example/") == [address]


def test_one_closed_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "1.1.1.1", "10.0.0.1")
    with pytest.raises(TargetError):
        check("https://hook.example/")


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1/",
        "ftp://1.1.1.1/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user@1.1.1.1/",
        "https://user:word@1.1.1.1/",
        "https://1.1.1.1/#part",
        "https://1.1.1.1:0/",
        "https://1.1.1.1:99999/",
        "https://1.1.1.1:x/",
        "https://[::1/",
        "https://1.1.1.1/a b",
        "https://1.1.1.1/\r\nX: y",
        "https://1.1.1.1/路",
        "https://1.1.1.1/" + "a" * 500,
        "//1.1.1.1/",
        "1.1.1.1",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(TargetError) as refused:
        check(url)
    assert refused.value.detail


def test_loopback_is_for_tests_alone_and_nothing_else_comes_with_it(settings: Any, receiver: Receiver) -> None:
    assert post(receiver.url, b"{}", {}).result is Result.FORBIDDEN
    assert receiver.received == []
    settings.WEBHOOKS_TO_LOOPBACK = True
    assert post(receiver.url, b"{}", {}).result is Result.DELIVERED
    for address in ("10.0.0.1", "169.254.169.254", "0.0.0.0"):  # noqa: S104 - refused, not bound
        assert post(f"http://{address}/", b"{}", {}).result is Result.FORBIDDEN


def test_a_name_is_resolved_once_and_connected_to_where_it_was_checked(
    settings: Any, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    asked = resolve_to(monkeypatch, "127.0.0.1")
    assert post(f"http://hook.example:{receiver.port}/", b"{}", {}).result is Result.DELIVERED
    assert asked.count("hook.example") == 1
    assert receiver.received[0].headers["Host"] == f"hook.example:{receiver.port}"


def test_a_proxy_of_the_environment_is_not_asked(
    settings: Any, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{receiver.port}")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert post(f"http://127.0.0.1:{closed.getsockname()[1]}/", b"{}", {}).result is Result.UNREACHABLE
    assert receiver.received == []


@pytest.mark.parametrize(
    ("raw", "limits", "result"),
    [
        (b"", {"READ_TIMEOUT": 0.2, "WHOLE_TIMEOUT": 600}, Result.TIMEOUT),
        (b"HTTP/1.1 200 OK\r\nX-Endless: ", {"READ_TIMEOUT": 20, "WHOLE_TIMEOUT": 0.3}, Result.TIMEOUT),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", {}, Result.UNREACHABLE),
        (b"nonsense\r\n\r\n", {}, Result.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx", {}, Result.DELIVERED),
    ],
)
def test_no_receiver_holds_the_sender_up(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    receiver: Receiver,
    raw: bytes,
    limits: dict[str, float],
    result: Result,
) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    for name, value in limits.items():
        monkeypatch.setattr(sending, name, value)
    receiver.raw = raw
    assert post(receiver.url, b"{}", {}).result is result


def test_a_handshake_that_drips_is_broken_off(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    monkeypatch.setattr(sending, "WHOLE_TIMEOUT", 0.5)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            taken, _address = server.accept()
            with taken, suppress(OSError):
                taken.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 kB, of which a byte comes now and then
                while not ended.wait(0.05):
                    taken.sendall(b"\x02")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        try:
            assert post(f"https://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}).result is Result.TIMEOUT
        finally:
            ended.set()
            thread.join()


def test_a_name_that_nobody_has_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert post("https://nobody.example/", b"{}", {}).result is Result.UNRESOLVED


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Return a certificate for hook.example, which nobody trusts, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(made), "-days", "1", "-subj", "/CN=hook.example"]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:hook.example"], check=True, capture_output=True)
    return made, key


def test_the_certificate_has_to_be_that_of_the_name(
    settings: Any, monkeypatch: pytest.MonkeyPatch, certificate: tuple[Path, Path]
) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.headers["Host"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, *args: Any) -> None:
            pass  # the sender hangs up on a certificate that it does not trust

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        port = server.server_address[1]
        resolve_to(monkeypatch, "127.0.0.1")
        assert post(f"https://hook.example:{port}/", b"{}", {}).result is Result.INSECURE
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert post(f"https://hook.example:{port}/", b"{}", {}).result is Result.DELIVERED
        assert post(f"https://other.example:{port}/", b"{}", {}).result is Result.INSECURE
        assert asked == [f"hook.example:{port}"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_waits_grow_are_scattered_and_fill_three_days() -> None:
    chance = random.Random(1)  # noqa: S311 - the same draws in every run
    for attempts in range(1, 13):
        bare = min(timedelta(seconds=5) * 4 ** (attempts - 1), timedelta(hours=8))
        waits = {schedule.delay(attempts, chance.random()) for _number in range(20)}
        assert len(waits) == 20
        assert all(bare * 0.8 <= wait <= bare * 1.2 for wait in waits)
    for draw in (0.0, 0.5, 1.0):
        passed, attempts = timedelta(0), 1
        while passed < schedule.PERIOD:
            passed += schedule.delay(attempts, draw)
            attempts += 1
        assert 12 <= attempts <= 20


def test_a_receiver_may_ask_for_a_longer_wait_but_not_for_ever() -> None:
    assert schedule.delay(1, 0.5, timedelta(minutes=2)) == timedelta(minutes=2)
    assert schedule.delay(1, 0.5, timedelta(seconds=1)) == timedelta(seconds=5)
    assert schedule.delay(1, 0.5, timedelta(days=9)) == timedelta(hours=8)
