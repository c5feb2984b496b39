"""What the command line reads from the environment.

A variable with a service's name in front (`SCANNER_DATABASE_URL`) is that service's own and wins
over the plain one (`DATABASE_URL`), so that one file of variables can configure the whole platform.
"""

import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.settings import BusURL, DatabaseURL

_SECRETS: Final = (
    "SECRET_KEY",
    "SECRET_KEY_PREVIOUS",
    "DATABASE_URL",
    "BUS_URL",
    "BUS_URL_PREVIOUS",
    "AZURE_CLIENT_SECRET",
    "CERTIFYCLOUDS_TOKEN",
    "CERTIFYCLOUDS_PASSWORD",
)
SERVICES: Final = ("gateway", "scanner", "alerting", "rotator", "syncer", "licensing")


class ClientSettings(BaseSettings):
    """How the command line reaches a running platform."""

    model_config = SettingsConfigDict(
        env_prefix="CERTIFYCLOUDS_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    url: str = Field(default="http://127.0.0.1:8080", description="The platform's address.")
    token: SecretStr | None = Field(default=None, description="A bearer token.")
    username: str | None = Field(default=None, description="Or: sign in with this name …")
    password: SecretStr | None = Field(default=None, description="… and this password.")


class PlatformSettings(BaseSettings):
    """What `up` and `migrate` need besides what each service is told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: DatabaseURL | None = Field(
        default=None, description="An administrator of the database; none: an embedded PostgreSQL."
    )
    bus_url: BusURL = Field(default=SecretStr(""), description="As for the services.")
    bus_url_previous: SecretStr | None = Field(
        default=None, description="The bus that is being left, to be drained by `migrate`."
    )
    secret_key: SecretStr | None = Field(default=None, description="None: made and kept by `up`.")


def environment() -> dict[str, str]:
    """Return a copy of this process's environment, for a child."""
    return dict(os.environ)


def bare_environment() -> dict[str, str]:
    """Return the environment without secrets, for a program that is no service of ours."""
    return {name: value for name, value in environment().items() if not name.endswith(_SECRETS)}


def own_variables(service: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return what is set for one service alone, as settings' field names.

    >>> own_variables("scanner", {"SCANNER_DATABASE_URL": "postgresql://…", "PATH": "/bin"})
    {'database_url': 'postgresql://…'}
    """
    prefix = service.upper() + "_"
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in variables.items()
        if name.startswith(prefix)
    }


def role_passwords(variables: Mapping[str, str]) -> dict[str, str]:
    """Return each service role's password, read from the services' own database addresses."""
    found = {}
    for service in SERVICES:
        url = own_variables(service, variables).get("database_url")
        if url and (password := urlsplit(url).password):
            found[service] = unquote(password)
    return found
