"""The places: secrets in vaults, by Azure's own client for them.

Azure Key Vault REST API reference 7.6: Get Secret, Get Secret Versions, Set Secret, Get Deleted
Secret. A version's value cannot be changed, and whoever names no version gets the newest one: so
setting a secret is what publishes it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from azure.keyvault.secrets import KeyVaultSecret, SecretProperties
from azure.keyvault.secrets.aio import SecretClient

from services.rotator.adapters import paths
from services.rotator.adapters.key_vault_errors import AbsentError, soft_deleted, vault_error
from services.rotator.adapters.key_vault_versions import (
    require_unchanged,
    require_writable,
    to_version,
)
from services.rotator.domain.rotation import Place
from services.rotator.domain.version import Version
from services.rotator.ports import Label, Made
from shared.clouds import CloudSession, HostGuard, SingleFlightCredential
from shared.clouds.client import unexpected
from shared.clouds.deadline import deadline
from shared.clouds.deeds import LIST, READ, ROTATOR, WRITE, Deed, Verb
from shared.clouds.errors import CloudError
from shared.clouds.guards import host_of
from shared.clouds.typed import steps
from shared.secret_value import SecretValue

API: Final = "7.6"
_PAGE: Final = 25  # the most that Key Vault gives
T = TypeVar("T")


class KeyVault:
    """Implements `ports.Vault`.

    Reads are repeated as long as that may help. A write is sent once: of two the second would be
    another version, and the first might be one that nobody knows of.
    """

    def __init__(self, session: CloudSession, credential: SingleFlightCredential) -> None:
        self._session = session
        self._credential = credential

    async def versions(self, place: Place) -> Sequence[Version]:
        asked = _deed(place, LIST, "the versions of ")

        async def all_of(client: SecretClient) -> list[SecretProperties]:
            pages = client.list_properties_of_secret_versions(place.name, max_page_size=_PAGE)
            return [each async for each in pages]

        found = await self._unless_absent(place, asked, all_of) or []
        versions = [to_version(each, asked) for each in found]
        return sorted(versions, key=lambda version: version.created_on)

    async def current(self, place: Place) -> tuple[Version, SecretValue] | None:
        asked = _deed(place, READ)
        found = await self._unless_absent(
            place, asked, lambda client: client.get_secret(place.name)
        )
        if found is None:
            return None
        return to_version(found.properties, asked), _value(found, asked)

    async def read(self, place: Place, version: Version) -> SecretValue:
        asked = _deed(place, READ, f"version {version.id} of ")
        found = await self._ask(
            place, asked, lambda client: client.get_secret(place.name, version.id)
        )
        return _value(found, asked)

    async def publish(self, place: Place, made: Made, label: Label) -> Version:
        """Write a version that ends when its credential does.

        From when on it may be used is not written: that would be by another clock than the vault's,
        and a consumer whose clock is behind would refuse it.

        Raises `RejectedError` before anything is written for tags that Key Vault does not hold, and
        `AlteredError` when the version was written with something else than was sent.
        """
        asked = _deed(place, WRITE)
        require_writable(label, asked)
        written = await self._ask(
            place,
            asked,
            lambda client: client.set_secret(
                place.name,
                made.value.reveal(),
                tags=label.tags,
                content_type=label.content_type,
                expires_on=made.expires_on,
                retry_total=0,
            ),
            seconds=paths.CHANGE_SECONDS,
        )
        return require_unchanged(written, made, label, asked)

    async def _unless_absent(
        self, place: Place, asked: Deed, call: Callable[[SecretClient], Awaitable[T]]
    ) -> T | None:
        """Return what answers; None if there certainly is no such secret, not a deleted one either.

        Raises `SoftDeletedError`.
        """
        try:
            return await self._ask(place, asked, call)
        except AbsentError:
            pass
        try:
            looked_for = _deed(place, READ, "what is left of ")
            await self._ask(place, looked_for, lambda client: client.get_deleted_secret(place.name))
        except AbsentError:
            return None
        raise soft_deleted(asked)

    async def _ask(
        self,
        place: Place,
        asked: Deed,
        call: Callable[[SecretClient], Awaitable[T]],
        *,
        seconds: float | None = None,
    ) -> T:
        try:
            async with deadline(seconds or self._session.timeouts.total):
                return await call(self._client(place))
        except CloudError:
            raise
        except Exception as error:  # noqa: BLE001 - Azure's client raises many kinds; all become ours
            failed = vault_error(error, asked, host_of(place.vault_url))
        # Raised out here nothing hangs on it: an error of Azure's holds the request with the value.
        raise failed

    def _client(self, place: Place) -> SecretClient:
        cloud = self._session.cloud
        transport = self._session.transport(HostGuard(cloud.owns_vault), paths.VAULT)
        credential: Any = self._credential  # only our steps ask it
        return SecretClient(
            place.vault_url,
            credential,
            api_version=API,
            transport=transport,
            policies=steps(transport, self._credential, cloud.vault_scope),
        )


def _deed(place: Place, verb: Verb, part: str = "") -> Deed:
    secret = f"the secret “{place.name}” of {host_of(place.vault_url)}"
    return Deed(f"{part}{secret}", verb, ROTATOR, inside=secret)


def _value(found: KeyVaultSecret, asked: Deed) -> SecretValue:
    if not isinstance(found.value, str):
        raise unexpected(asked, "it holds no value")
    return SecretValue(found.value)
