"""How connections are made."""

import pytest

from shared.database.connect import connect_options


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_server_on_this_machine_needs_no_certificate(host: str) -> None:
    assert "ssl" not in connect_options(
        f"postgresql://scanner:x@{host}:5432/certifyclouds", "scanner"
    )


def test_a_server_elsewhere_must_prove_who_it_is() -> None:
    options = connect_options("postgresql://scanner:x@db.example.com/certifyclouds", "scanner")

    assert options["ssl"].check_hostname


def test_what_the_url_says_about_tls_is_what_happens() -> None:
    url = "postgresql://scanner:x@postgres:5432/certifyclouds?sslmode=disable"

    assert "ssl" not in connect_options(url, "scanner")


def test_every_connection_has_deadlines_and_says_whose_it_is() -> None:
    options = connect_options("postgresql://scanner:x@localhost/certifyclouds", "scanner")

    assert options["timeout"] > 0
    assert options["command_timeout"] > 0
    assert options["server_settings"] == {"application_name": "scanner", "timezone": "UTC"}
