"""Fixed addresses: only the cloud's own names, only addresses, and DNS for the rest."""

import socket

import pytest

from shared.clouds.addresses import FixedAddress, FixedResolver, parse_addresses
from shared.clouds.settings import from_variables
from shared.errors import SettingsError
from shared.settings import CloudVariables

HOSTS = ("management.azure.com", "*.vault.azure.net")


def test_a_list_of_names_and_addresses_is_read() -> None:
    text = "management.azure.com=10.0.0.4, *.vault.azure.net=[fd00::5]:8443,,"

    assert parse_addresses(text, HOSTS) == (
        FixedAddress("management.azure.com", "10.0.0.4"),
        FixedAddress("*.vault.azure.net", "fd00::5", 8443),
    )
    assert parse_addresses("kv-pay.vault.azure.net=fd00::5", HOSTS)[0].address == "fd00::5"
    assert parse_addresses("", HOSTS) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("management.azure.com", "has another form"),
        ("=10.0.0.4", "has another form"),
        ("*.=10.0.0.4", "has another form"),
        ("management.azure.com=proxy.internal", "is no IP address"),
        ("management.azure.com=10.0.0.4:http", "is no port"),
        ("management.azure.com=10.0.0.4:70000", "is no port"),
        ("management.usgovcloudapi.net=10.0.0.4", "is no host of this cloud.*Check CLOUD"),
        ("evil-vault.azure.net=10.0.0.4", "is no host of this cloud"),
        ("*.azure.net=10.0.0.4", "is no host of this cloud"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_addresses(text, HOSTS)


async def test_fixed_names_are_found_there_and_others_are_asked_of_dns() -> None:
    resolver = FixedResolver(parse_addresses("*.vault.azure.net=10.0.0.5:8443", HOSTS))

    [found] = await resolver.resolve("KV-pay.vault.azure.net", 443)
    [other] = await resolver.resolve("127.0.0.1", 443, socket.AF_INET)
    await resolver.close()

    assert (found["host"], found["port"]) == ("10.0.0.5", 8443)
    assert (other["host"], other["port"]) == ("127.0.0.1", 443)


def test_a_service_reads_them_from_its_settings() -> None:
    cloud = from_variables(
        CloudVariables(cloud="usgov", cloud_addresses="login.microsoftonline.us=10.0.0.5")
    )

    assert cloud.addresses == (FixedAddress("login.microsoftonline.us", "10.0.0.5"),)
