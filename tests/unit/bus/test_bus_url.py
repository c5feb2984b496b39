"""What BUS_URL may say."""

import pytest

from shared.bus_url import address_of, kind_of
from shared.errors import SettingsError

KEY = "SharedAccessKeyName=services;SharedAccessKey=hunter2="


@pytest.mark.parametrize("url", ["", "postgresql", "postgresql://db/x", "postgres://db/x"])
def test_without_a_broker_the_database_carries_the_events(url: str) -> None:
    assert kind_of(url) == "postgresql"
    assert address_of(url) == ""


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("amqp://u:p@Host/", "host:5672/"),
        ("amqp://host", "host:5672/"),
        ("amqps://u:p@host/vhost", "host:5671/vhost"),
        ("amqp://u:p@127.0.0.1:25672/", "127.0.0.1:25672/"),
    ],
)
def test_a_broker_is_known_by_its_place_and_not_by_its_password(url: str, address: str) -> None:
    assert kind_of(url) == "rabbitmq"
    assert address_of(url) == address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (f"Endpoint=sb://Contoso.servicebus.windows.net/;{KEY}", "contoso.servicebus.windows.net"),
        (f"{KEY};endpoint=sb://contoso.example:5671", "contoso.example:5671"),
        ("sb://Contoso.servicebus.windows.net", "contoso.servicebus.windows.net"),
        ("sb://0f0f@contoso.servicebus.windows.net/", "contoso.servicebus.windows.net"),
    ],
)
def test_a_service_bus_namespace_is_known_by_its_name(url: str, address: str) -> None:
    assert kind_of(url) == "servicebus"
    assert address_of(url) == address


def test_the_connection_string_of_one_entity_is_refused() -> None:
    with pytest.raises(SettingsError, match="EntityPath") as caught:
        address_of(f"Endpoint=sb://contoso.example/;{KEY};EntityPath=orders")
    assert "hunter2" not in str(caught.value)


def test_another_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(SettingsError, match="BUS_URL must be") as caught:
        kind_of("kafka://user:hunter2@host")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("sign", "/?#@")
def test_a_sign_that_was_not_escaped_ends_no_password(sign: str) -> None:
    with pytest.raises(SettingsError, match="%2F") as caught:
        address_of(f"amqp://user:12{sign}hunter2@host:5672/")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("end", [" ", "/ ", ":", ",", ""])
def test_a_key_that_ran_into_the_endpoint_is_not_told_as_the_namespace(end: str) -> None:
    with pytest.raises(SettingsError, match="names no namespace") as caught:
        address_of(f"Endpoint=sb://contoso.example{end}{KEY}".replace(";", " "))
    assert "hunter2" not in str(caught.value)
