"""What BUS_URL may say."""

import pytest

from shared.bus.urls import address_of, kind_of
from shared.errors import SettingsError


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


def test_another_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(SettingsError, match="BUS_URL must be") as caught:
        kind_of("kafka://user:hunter2@host")
    assert "hunter2" not in str(caught.value)
