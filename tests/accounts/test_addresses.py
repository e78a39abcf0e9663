"""The address of a client behind proxies: as far as those whom we trust vouch for it, and no further."""

import os
import subprocess
import sys
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import RequestFactory

from apps.accounts.addresses import client_address, counted_address
from tests.databases import ROOT

TRUSTED = ("192.0.2.1", "10.0.0.0/8", "2001:db8::/32")


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "address"),
    [
        ((), "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (TRUSTED, "192.0.2.1", "198.51.100.7", "198.51.100.7"),
        (TRUSTED, "192.0.2.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (TRUSTED, "192.0.2.1", "203.0.113.9, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        (TRUSTED, "192.0.2.1", "203.0.113.9,10.9.9.9 , 198.51.100.7,10.1.2.3,", "198.51.100.7"),
        (TRUSTED, "192.0.2.1", "10.9.9.9, 10.1.2.3", "10.9.9.9"),
        (TRUSTED, "192.0.2.2", "198.51.100.7", "192.0.2.2"),
        (TRUSTED, "192.0.2.1", "", "192.0.2.1"),
        (TRUSTED, "192.0.2.1", "198.51.100.7, unknown", "192.0.2.1"),
        (TRUSTED, "192.0.2.1", "198.51.100.7, unknown, 10.1.2.3", "10.1.2.3"),
        (TRUSTED, "192.0.2.1", "2001:470::1", "2001:470::1"),
        (TRUSTED, "2001:db8::2", "2001:470::1", "2001:470::1"),
        (TRUSTED, "::ffff:192.0.2.1", "198.51.100.7:4711", "198.51.100.7"),
        (TRUSTED, "192.0.2.1:50000", "[2001:470::1]:4711", "2001:470::1"),
        (TRUSTED, "", "198.51.100.7", ""),  # a Unix socket
        (TRUSTED, "192.0.2.1", "x" * 3000, "192.0.2.1"),
    ],
)
def test_only_what_our_own_proxies_wrote_is_believed(
    settings: Any, trusted: tuple[str, ...], peer: str, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = tuple(map(ip_network, trusted))
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == address


def test_whoever_has_an_ipv6_address_has_its_network() -> None:
    counted = {
        peer: counted_address(RequestFactory().get("/", REMOTE_ADDR=peer))
        for peer in ("2001:470:1:2::1", "2001:470:1:2:ffff::9", "2001:470:1:3::1", "198.51.100.7", "")
    }
    assert list(counted.values()) == ["2001:470:1:2::", "2001:470:1:2::", "2001:470:1:3::", "198.51.100.7", ""]


@pytest.mark.parametrize("value", ["1", "10.0.0.0/33", "10.0.0.1/8", "nginx", "127.0.0.1;10.0.0.0/8"])
def test_what_is_no_network_stops_the_start_and_is_named(value: str) -> None:
    environment = {**os.environ, "TRUSTED_PROXIES": value, "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz"}
    command = [sys.executable, "-c", "import partybuild.settings"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "TRUSTED_PROXIES is not valid: " in last
    assert repr(value.partition(",")[0]) in last
