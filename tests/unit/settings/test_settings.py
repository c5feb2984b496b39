"""Settings: nothing starts on a missing, default or senseless value, and the reason is said."""

from secrets import token_hex

import pytest
from pydantic import SecretStr

from shared.errors import SettingsError
from shared.settings import ServiceSettings, load_settings

GOOD = {
    "database_url": "postgresql://scanner:pw@127.0.0.1:5432/certifyclouds",
    "secret_key": token_hex(32),
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "SECRET_KEY", "BUS_URL", "CLOUD", "AZURE_CREDENTIAL", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


def test_good_settings_are_accepted_and_the_bus_is_the_database_unless_told_otherwise() -> None:
    settings = load_settings(ServiceSettings, **GOOD)

    assert settings.bus_url.get_secret_value() == ""
    assert settings.cloud == "public"


@pytest.mark.parametrize("missing", ["database_url", "secret_key"])
def test_a_missing_value_is_named_and_nothing_starts(missing: str) -> None:
    given = {name: value for name, value in GOOD.items() if name != missing}

    with pytest.raises(SettingsError, match=rf"{missing.upper()}: it is not set"):
        load_settings(ServiceSettings, **given)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("short", "fewer than 32 bytes"),
        ("a" * 64, "can be guessed"),
        ("changeme-changeme-changeme-changeme-0123456789", "sample value"),
        ("your-secret-key-goes-here-0123456789abcdef", "sample value"),
    ],
)
def test_a_short_or_default_secret_key_is_refused_and_never_repeated(key: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings(ServiceSettings, **{**GOOD, "secret_key": key})

    assert reason in str(refusal.value)
    assert key not in str(refusal.value).replace("SECRET_KEY", "")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("database_url", "mysql://root:hunter2hunter2@db/x", "postgresql://role:password@host"),
        ("bus_url", "kafka://user:hunter2hunter2@broker", "amqp://user:password@host"),
        ("internal_port", "99999", "INTERNAL_PORT"),
        ("cloud", "mars", "CLOUD"),
    ],
)
def test_a_wrong_value_is_explained_without_being_repeated(
    name: str, value: str, expected: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings(ServiceSettings, **{**GOOD, name: value})

    assert expected in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("sign", "/?#@")
def test_a_sign_that_was_not_escaped_in_a_password_is_named_and_the_password_is_not(
    sign: str,
) -> None:
    address = f"postgresql://scanner:hunter{sign}2hunter2@db:5432/x"

    with pytest.raises(SettingsError, match="%2F") as refusal:
        load_settings(ServiceSettings, **{**GOOD, "database_url": address})

    assert "hunter" not in str(refusal.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgres://db",
        "postgresql://scanner@db/x",
        "postgresql://scanner:p%2Fw:!$&'()*+,;=~@db:5432/x?sslmode=verify-full",
        "postgresql://scanner:pw@one:5432,two:5433/x?target_session_attrs=any",
        "postgresql://scanner:pw@[::1]:5432/x",
        "postgresql:///x?host=/run/postgresql",
    ],
)
def test_every_form_of_a_database_address_is_accepted(address: str) -> None:
    settings = load_settings(ServiceSettings, **{**GOOD, "database_url": address})

    assert settings.database_url.get_secret_value() == address


def test_half_a_sandbox_or_half_a_client_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="SANDBOX_PORT and SANDBOX_CA_FILE"):
        load_settings(ServiceSettings, **GOOD, cloud="sandbox")
    with pytest.raises(SettingsError, match="AZURE_TENANT_ID, AZURE_CLIENT_ID"):
        load_settings(ServiceSettings, **GOOD, azure_credential="client-secret")


def test_the_environment_is_read_and_an_empty_variable_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", GOOD["database_url"])
    monkeypatch.setenv("SECRET_KEY", GOOD["secret_key"])
    monkeypatch.setenv("CLOUD", "")

    assert load_settings(ServiceSettings).cloud == "public"


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    settings = load_settings(ServiceSettings, **GOOD)

    assert GOOD["secret_key"] not in repr(settings)
    assert isinstance(settings.database_url, SecretStr)
    assert "scanner:pw" not in repr(settings)
