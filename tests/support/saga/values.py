"""A rotation, a place and versions as plain values, with defaults that nobody has to read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.rotator.domain.marker import tags_of
from services.rotator.domain.rotation import Place, Rotation
from services.rotator.domain.state import State
from services.rotator.domain.version import Version
from shared.events.items import CredentialRef, ItemKind

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID: Final = UUID(int=0x7001)
OTHER: Final = UUID(int=0x7002)


def a_place(number: int = 0, **known: Any) -> Place:
    name = f"password-{number}"
    reference = CredentialRef(item_id=number, kind=ItemKind.SECRET, name=name, container="kv")
    place = Place(
        id=UUID(int=number), vault_url="https://kv.vault.example", name=name, reference=reference
    )
    return replace(place, **known)


def a_rotation(state: State, *, places: Sequence[Place] = (), **known: Any) -> Rotation:
    subject = CredentialRef(item_id=9, kind=ItemKind.APP_SECRET, name="deploy", container="Shop")
    rotation = Rotation(
        id=ID,
        credential_id=UUID(int=1),
        driver="world",
        target="app",
        subject=subject,
        state=state,
        places=tuple(places) or (a_place(),),
        overlap=timedelta(hours=48),
        lifetime=timedelta(days=90),
    )
    return replace(rotation, **known)


def a_version(name: str, tags: dict[str, str] | None = None, minutes: float = 0.0) -> Version:
    return Version(id=name, created_on=NOW + timedelta(minutes=minutes), tags=tags or {})


def ours(rotation: Rotation, name: str, key_id: str, minutes: float = 1.0) -> Version:
    return a_version(name, tags_of(rotation.marker, key_id, {}), minutes)


def reverted(rotation: Rotation, name: str, minutes: float = 2.0) -> Version:
    return a_version(name, tags_of(rotation.marker, "old", {}, rollback=True), minutes)
