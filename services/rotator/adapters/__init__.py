"""The clouds behind the rotator's ports."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp.abc import AbstractResolver

from services.rotator.adapters.connected import Connected
from services.rotator.adapters.entra_app_secret import EntraAppSecret
from services.rotator.adapters.key_rows import ROWS
from services.rotator.adapters.key_vault import KeyVault
from services.rotator.adapters.two_keys import TwoKeys
from services.rotator.ports import Driver, Vault
from shared.clock import Clock, utc_now
from shared.clouds import (
    CloudSettings,
    SingleFlightCredential,
    Timeouts,
    make_source,
    open_session,
)
from shared.crypto import DataKey

__all__ = ["DRIVERS", "Clouds", "open_clouds"]

DRIVERS: Final[Mapping[str, Callable[[Connected], Driver]]] = {
    "entra-app-secret": EntraAppSecret,
    **{row.type.kind: partial(TwoKeys, row=row) for row in ROWS},
}
"""A driver for each kind of credential that can be replaced, by the name that a rotation gives."""


@dataclass(frozen=True, slots=True)
class Clouds:
    """What the rotator's ports are joined to."""

    drivers: Mapping[str, Driver]
    vault: Vault


@asynccontextmanager
async def open_clouds(
    cloud: CloudSettings,
    *,
    fingerprints: DataKey,
    timeouts: Timeouts | None = None,
    resolver: AbstractResolver | None = None,
    clock: Clock = utc_now,
) -> AsyncIterator[Clouds]:
    """Open a cloud for rotating, as the identity in its settings, and close it at the end.

    Nothing is contacted before the first question. `fingerprints` tells values apart; `resolver`
    and `clock` replace the machine's own.
    """
    async with (
        open_session(cloud, timeouts=timeouts, resolver=resolver) as session,
        SingleFlightCredential(make_source(session), clock=clock) as credential,
    ):
        connected = Connected(session, credential, clock, fingerprints)
        yield Clouds(
            drivers={name: make(connected) for name, make in DRIVERS.items()},
            vault=KeyVault(session, credential),
        )
