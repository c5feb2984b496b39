"""Whose request it is, whatever headers a client invents."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.client_ip import (
    UNKNOWN,
    client_address,
    network_of,
    parse_networks,
)

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def seen(peer: str | None, *forwarded: str) -> str:
    return str(client_address(peer, forwarded, PROXIES))


@given(st.lists(st.text(max_size=30), max_size=5))
def test_without_trusted_proxies_no_header_counts(forwarded: list[str]) -> None:
    assert client_address("203.0.113.5", forwarded, ()) == ip_address("203.0.113.5")


@given(st.lists(st.text(max_size=30), max_size=5))
def test_what_a_stranger_sends_never_counts(forwarded: list[str]) -> None:
    assert client_address("203.0.113.5", forwarded, PROXIES) == ip_address("203.0.113.5")


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        (["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        (["198.51.100.1:5555"], "198.51.100.1"),
        (["[2001:db8::7]:443"], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["2001:db8::7%eth0"], "2001:db8::7"),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1, garbage"], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
        (["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
    ],
)
def test_behind_a_trusted_proxy_the_rightmost_untrusted_address_is_the_client(
    forwarded: list[str], address: str
) -> None:
    assert seen("10.0.0.1", *forwarded) == address


def test_a_hundred_entries_are_not_all_walked() -> None:
    assert seen("10.0.0.1", ", ".join(["10.0.0.2"] * 100)) == "10.0.0.2"
    assert seen("10.0.0.1", "198.51.100.1, " + ", ".join(["10.0.0.2"] * 100)) == "10.0.0.2"


def test_a_request_without_an_address_is_counted_as_unknown() -> None:
    assert seen(None) == str(UNKNOWN)
    assert seen("not an address") == str(UNKNOWN)


def test_limits_count_an_ipv4_address_and_an_ipv6_household() -> None:
    assert network_of(ip_address("198.51.100.7")) == "198.51.100.7"
    assert network_of(ip_address("2001:db8:1:2:3::4")) == "2001:db8:1:2::/64"
    assert network_of(ip_address("2001:db8:1:2:ffff::4")) == "2001:db8:1:2::/64"


def test_trusting_everybody_is_refused() -> None:
    assert parse_networks(" 10.0.0.0/8, fd00::/8 ,") == PROXIES
    assert parse_networks("") == ()
    for text in ("0.0.0.0/0", "::/0"):
        with pytest.raises(ValueError, match="trusts every address"):
            parse_networks(text)
    with pytest.raises(ValueError, match="does not appear"):
        parse_networks("*")
