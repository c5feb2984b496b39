"""How connections are made."""

import ssl
from pathlib import Path

import pytest

from shared.database.connect import connect_options
from shared.errors import SettingsError
from shared.settings import ServiceSettings, load_settings


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://scanner:x@127.0.0.1:5432/certifyclouds",
        "postgresql://scanner:x@localhost/certifyclouds",
        "postgresql://scanner:x@[::1]:5432/certifyclouds",
        "postgresql:///certifyclouds?host=/run/postgresql",
        "postgresql://scanner:x@postgres:5432/certifyclouds?sslmode=disable",
    ],
)
def test_a_server_on_this_machine_needs_no_certificate_nor_one_that_the_url_excuses(
    url: str,
) -> None:
    assert "ssl" not in connect_options(url, "scanner")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://scanner:x@db.example.com/certifyclouds",
        "postgresql://scanner:x@localhost:5432,db.example.com:5433/certifyclouds",
        "postgresql:///certifyclouds?host=db.example.com",
        "postgresql://scanner:x@localhost.example.com/certifyclouds",
        "postgresql://scanner:x@127.0.0.1/certifyclouds?sslmode=verify-full",
        "postgresql://scanner:x@[fe80::1]:5432/certifyclouds",
    ],
)
def test_a_server_elsewhere_must_prove_who_it_is(url: str) -> None:
    tls = connect_options(url, "scanner")["ssl"]

    assert tls.check_hostname
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("mode", ["allow", "prefer", "require", "verify-ca", "hunter2"])
def test_a_mode_that_proves_nothing_is_refused_without_being_repeated(mode: str) -> None:
    with pytest.raises(SettingsError, match="verify-full") as refusal:
        load_settings(
            ServiceSettings,
            database_url=f"postgresql://scanner:x@db/x?sslmode={mode}",
            secret_key="x",
        )

    assert f"={mode}" not in str(refusal.value)


def test_a_file_of_certificates_that_is_not_there_is_named(tmp_path: Path) -> None:
    url = f"postgresql://scanner:x@db/x?sslrootcert={tmp_path}/none.pem"

    with pytest.raises(SettingsError, match=r"sslrootcert.*No such file"):
        connect_options(url, "scanner")


def test_every_connection_has_deadlines_and_says_whose_it_is() -> None:
    options = connect_options("postgresql://scanner:x@localhost/certifyclouds", "scanner")

    assert options["timeout"] > 0
    assert options["command_timeout"] > 0
    assert options["server_settings"] == {"application_name": "scanner", "timezone": "UTC"}
