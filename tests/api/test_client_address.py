"""The client's address, including requests with forged headers."""

from ipaddress import ip_address

import pytest

from api.config.parsers import proxies
from api.runtime.proxies import MAX_PROXIES, TrustedProxies, client_address, network

NOBODY = TrustedProxies()
OURS = proxies.parse("127.0.0.1, 10.0.0.0/8 fd00::/8")


def asked(peer: str, forwarded: str | None = None, *, trusted: TrustedProxies = OURS) -> str:
    """What counts as the address of a request from `peer`."""
    environ = {"REMOTE_ADDR": peer}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return str(client_address(environ, trusted))


def test_without_trusted_proxies_forwarded_headers_are_ignored() -> None:
    assert asked("203.0.113.9", trusted=NOBODY) == "203.0.113.9"
    assert asked("203.0.113.9", "198.51.100.1", trusted=NOBODY) == "203.0.113.9"
    assert asked("127.0.0.1", "198.51.100.1", trusted=NOBODY) == "127.0.0.1"


def test_a_peer_that_is_not_trusted_is_not_believed() -> None:
    assert asked("203.0.113.9", "198.51.100.1") == "203.0.113.9"
    assert asked("203.0.113.9", "127.0.0.1") == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("203.0.113.9,10.1.2.3,\t10.3.2.1 ", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.9.9.9, 198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("2001:db8::1, fd00::2", "2001:db8::1"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3, 10.3.2.1", "10.1.2.3"),
    ],
)
def test_the_client_is_the_nearest_address_that_is_not_a_trusted_proxy(
    forwarded: str, found: str
) -> None:
    assert asked("127.0.0.1", forwarded) == found


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:4711", "203.0.113.9"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_entry_may_have_a_port_or_be_mapped(entry: str, found: str) -> None:
    assert asked("127.0.0.1", f"198.51.100.1, {entry}") == found


@pytest.mark.parametrize(
    "entry",
    [
        "",
        " ",
        "unknown",
        "_hidden",
        "203.0.113",
        "203.0.113.9.1",
        "203.0.113.256",
        "203.0.113.09",
        "203.0.113.9:",
        "203.0.113.9:123456",
        "203.0.113.9 198.51.100.1",
        "[203.0.113.9",
        "[203.0.113.9]",
        "2001:db8::1::2",
        "[2001:db8::1]4711",
        "203.0.113.9%eth0",
        "٢٠٣.0.113.9",
        "203.0.113.0/24",
        '"203.0.113.9"',
        "2" * 10_000,
    ],
)
def test_entries_before_a_malformed_one_are_ignored(entry: str) -> None:
    assert asked("127.0.0.1", f"198.51.100.1, {entry}, 10.1.2.3") == "10.1.2.3"
    assert asked("127.0.0.1", f"198.51.100.1, {entry}") == "127.0.0.1"


def test_a_mapped_peer_is_the_proxy_that_it_is() -> None:
    assert asked("::ffff:127.0.0.1", "203.0.113.9") == "203.0.113.9"
    assert asked("::ffff:203.0.113.9", "198.51.100.1") == "203.0.113.9"


@pytest.mark.parametrize("peer", ["", "unix:", "localhost"])
def test_on_a_unix_socket_there_is_no_address(peer: str) -> None:
    assert asked(peer) == asked(peer, "203.0.113.9") == "None"
    assert client_address({}, OURS) is None


def test_the_client_on_a_unix_socket_may_be_a_trusted_proxy() -> None:
    unix, both = proxies.parse("unix"), proxies.parse("unix 10.1.2.3")
    assert asked("", "198.51.100.1, 203.0.113.9", trusted=unix) == "203.0.113.9"
    assert asked("", "203.0.113.9, 10.1.2.3", trusted=both) == "203.0.113.9"
    assert asked("", trusted=unix) == "None"


def test_reads_no_more_entries_than_there_are_proxies() -> None:
    forged = ", ".join(["203.0.113.9", *["10.0.0.1"] * 5000, "10.0.0.2", *["10.0.0.3"] * 19])
    assert forged.count("10.0.0.3") == MAX_PROXIES - 1
    assert asked("127.0.0.1", forged) == "10.0.0.2"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
    ],
)
def test_a_network_of_ipv6_counts_as_one(address: str, counted: str) -> None:
    assert network(ip_address(address)) == counted


def test_a_wider_ipv6_network_can_count_as_one_client() -> None:
    assert network(ip_address("2001:db8:1:ffff::1"), 48) == "2001:db8:1::/48"
    assert network(ip_address("203.0.113.9"), 48) == "203.0.113.9"
    assert network(None, 48) == "None"
