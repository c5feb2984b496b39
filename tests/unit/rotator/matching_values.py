"""Applications' credentials and vaults' secrets for the tests of matching."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from services.rotator.domain.matching import Ruling
from services.rotator.domain.signals import AppCredential, Consumer, VaultSecret

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
VAULT = "https://kv-pay.vault.azure.net"


def a_credential(**changes: Any) -> AppCredential:
    """A password of the application `ledger`, unless told otherwise."""
    given: dict[str, Any] = {
        "object_id": "object-1",
        "app_id": "app-1",
        "key_id": "key-1",
        "display_name": None,
        "app_name": "ledger",
        "start": NOW - 60 * DAY,
        "end": NOW + 30 * DAY,
    }
    return AppCredential(**given | changes)


def a_secret(**changes: Any) -> VaultSecret:
    """A secret that has nothing in common with the credential, unless told otherwise."""
    given: dict[str, Any] = {"vault_uri": VAULT, "name": "payroll", "version": "v1"}
    return VaultSecret(**given | changes)


def a_ruling(*, confirmed: bool = True, **changes: Any) -> Ruling:
    """Anna's word about the credential and the secret, unless told otherwise."""
    given: dict[str, Any] = {
        "key_id": "key-1",
        "vault_uri": VAULT,
        "secret_name": "payroll",
        "by": "anna",
        "at": NOW,
    }
    return Ruling(confirmed=confirmed, **given | changes)


_few = st.integers(1, 3)
_words = st.sampled_from(["ledger", "payroll", "api", "web", "jobs", "dev", "secret"])
_names = st.lists(_words, min_size=1, max_size=5, unique=True).map("-".join)
_moments = st.none() | st.integers(0, 900).map(lambda seconds: NOW + timedelta(seconds=seconds))
_ids = st.one_of(
    _few.map(lambda number: f"app-{number}"),
    _few.map(lambda number: f"object-{number}"),
    _few.map(lambda number: f"key-{number}"),
    st.just("anything"),
)
_tags = st.dictionaries(
    st.sampled_from(
        ["cc-app-id", "cc-key-id", "CredentialId", "ProviderAddress", "clientId", "env"]
    ),
    _ids,
    max_size=4,
)


@st.composite
def credentials_of(draw: st.DrawFn) -> list[AppCredential]:
    """Draw a few credentials, each with an id of its own, of up to three applications."""
    return [
        a_credential(
            key_id=f"key-{number}",
            app_id=f"app-{(app := draw(_few))}",
            object_id=f"object-{app}",
            app_name=draw(_names),
            display_name=draw(st.none() | _names),
            start=draw(_moments),
            end=draw(_moments),
        )
        for number in range(1, draw(_few) + 1)
    ]


@st.composite
def secrets_of(draw: st.DrawFn) -> list[VaultSecret]:
    """Draw a few secrets in places of their own."""
    return [
        a_secret(
            name=f"{draw(_names)}{number}" if draw(st.booleans()) else draw(_names),
            vault_uri=f"https://kv-{number}.vault.azure.net/",
            tags=draw(_tags),
            created_on=draw(_moments),
            expires_on=draw(_moments),
            enabled=draw(st.booleans()),
        )
        for number in range(1, draw(_few) + 1)
    ]


@st.composite
def consumers_of(draw: st.DrawFn, secrets: list[VaultSecret]) -> list[Consumer]:
    """Draw up to two consumers of some of the secrets and some applications."""
    places = st.sampled_from([secret.place for secret in secrets])
    return [
        Consumer(
            name=f"consumer-{number}",
            app_ids=draw(st.frozensets(_few.map(lambda number: f"APP-{number}"))),
            secrets=draw(st.frozensets(places)),
        )
        for number in range(draw(st.integers(0, 2)))
    ]


@st.composite
def rulings_of(draw: st.DrawFn, secrets: list[VaultSecret]) -> list[Ruling]:
    """Draw what people said about some pairs."""
    return [
        a_ruling(
            confirmed=draw(st.booleans()),
            key_id=f"KEY-{draw(_few)}",
            vault_uri=(secret := draw(st.sampled_from(secrets))).vault_uri.rstrip("/"),
            secret_name=secret.name.upper(),
            at=NOW + draw(st.integers(0, 9)) * DAY,
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
