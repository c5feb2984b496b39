"""Which services there are and how each is built; a service's code is imported when it is run."""

from importlib import import_module
from typing import Final

from services.cli.settings import SERVICES
from shared.errors import SettingsError
from shared.service import Build
from shared.settings import ServiceSettings

ALL: Final = "all"


def names(asked: str) -> tuple[str, ...]:
    """Return the services that `asked` means; raises `SettingsError` for a name that is none."""
    if asked == ALL:
        return SERVICES
    if asked not in SERVICES:
        raise SettingsError(f"There is no service “{asked}”; there are {', '.join(SERVICES)}, all.")
    return (asked,)


def settings_of(service: str) -> type[ServiceSettings]:
    """Return the class of a service's settings."""
    kind: type[ServiceSettings] = import_module(f"services.{service}.settings").Settings
    return kind


def build_of(service: str) -> Build:
    """Return a service's composition root."""
    build: Build = import_module(f"services.{service}.app").build
    return build
