"""Filling a vault with items as they stand in a company that has grown for years."""

from collections.abc import Sequence
from itertools import chain, count

from sandbox.estate import changes
from sandbox.estate.changes import Draft
from sandbox.estate.model import Kind, Vault
from sandbox.key_pairs import KeyType
from sandbox.profiles import words
from sandbox.profiles.dice import DAY, Dice


class Filler:
    """Adds items to one vault. `environment` and `team` show in their tags."""

    def __init__(self, vault: Vault, dice: Dice, now: int, *, team: str, environment: str) -> None:
        self._vault = vault
        self._dice = dice
        self._now = now
        self._team = team
        self._environment = environment

    def fill(self, total: int) -> None:
        """Add about so many items, certificates with their keys and secrets counted as three."""
        certificates = round(total * 0.07)
        keys = round(total * 0.07)
        for _ in range(certificates):
            self._add_certificate()
        for _ in range(keys):
            self._add_key()
        for _ in range(max(1, total - 3 * certificates - keys)):
            self._add_secret()
        self._delete_some()

    def _add_secret(self) -> None:
        dice, name = self._dice, self._free_name("secrets", words.SECRETS)
        expires = self._end()
        begun = self._begin(expires)
        tags = self._tags()
        content_type = dice.pick_weighted(words.CONTENT_TYPES) if dice.chance(0.6) else None
        not_before = None
        if dice.chance(0.015):
            begun, not_before = self._now - DAY, self._now + dice.seconds(1, 20)
            expires = not_before + 180 * DAY
        elif dice.chance(0.1):
            not_before = begun
        for at in self._history(begun):
            draft = Draft(
                id=dice.version_id(),
                enabled=not dice.chance(0.04),
                not_before=not_before if at == begun else None,
                expires=expires if at == begun or expires is None else at + 365 * DAY,
                tags=tags,
                content_type=content_type,
                value=dice.text(32),
            )
            changes.put(self._vault, "secrets", name, draft, at)

    def _add_key(self) -> None:
        dice, name = self._dice, self._free_name("keys", words.KEYS)
        expires = self._end() if dice.chance(0.5) else None
        types: Sequence[tuple[KeyType, float]] = (
            ("RSA-2048", 5.0),
            ("RSA-3072", 1.0),
            ("RSA-4096", 1.0),
            ("EC-P-256", 2.0),
        )
        draft = Draft(
            id=dice.version_id(),
            enabled=not dice.chance(0.05),
            expires=expires,
            tags=self._tags(),
            key_type=dice.pick_weighted(types),
        )
        changes.put(self._vault, "keys", name, draft, self._begin(expires))

    def _add_certificate(self) -> None:
        dice, name = self._dice, self._free_name("certificates", words.CERTIFICATES)
        lifetime = DAY * dice.pick_weighted(
            ((365, 4.0), (199, 2.0), (90, 4.0), (47, 1.0), (7, 0.7))
        )
        passed = dice.share() * (1.06 if lifetime > 90 * DAY else 0.97)
        begun = self._now - int(lifetime * passed)
        tags = self._tags()
        types: Sequence[tuple[KeyType, float]] = (("RSA-2048", 3.0), ("EC-P-256", 1.5))
        key_type = dice.pick_weighted(types)
        earlier = [begun - int(lifetime * 0.9)] if dice.chance(0.4) else []
        for at in (*earlier, begun):
            draft = Draft(
                id=dice.version_id(),
                enabled=at != begun or not dice.chance(0.03),
                not_before=at,
                expires=at + lifetime,
                tags=tags,
                key_type=key_type,
            )
            changes.put(self._vault, "certificates", name, draft, at)

    def _end(self) -> int | None:
        """Return when something expires: some have expired, some are about to, some never do."""
        dice, throw = self._dice, self._dice.share()
        spans = (
            (0.14, None),
            (0.19, (-220.0, -1.0)),
            (0.215, (0.1, 6.9)),
            (0.29, (7.1, 29.9)),
            (1.0, (30.1, 700.0)),
        )
        span = next(span for most, span in spans if throw < most)
        return None if span is None else self._now + dice.seconds(*span)

    def _begin(self, expires: int | None) -> int:
        """Return when it was made: in the past, and well before it expires."""
        begun = self._now - self._dice.seconds(1, 900)
        return begun if expires is None else min(begun, expires - self._dice.seconds(90, 365))

    def _history(self, begun: int) -> list[int]:
        """Return when each version was made, the oldest first."""
        versions = self._dice.pick_weighted(((1, 55.0), (2, 28.0), (3, 12.0), (5, 5.0)))
        return [begun - 90 * DAY * earlier for earlier in reversed(range(versions))]

    def _tags(self) -> dict[str, str]:
        if self._dice.chance(0.12):
            return {}
        found = {"team": self._team, "environment": self._environment}
        if self._dice.chance(0.5):
            found["owner"] = f"{self._team}@contoso.example"
        if self._dice.chance(0.25):
            found["rotation"] = self._dice.pick(("manual", "automatic", "30d", "90d", "yearly"))
        if self._dice.chance(0.2):
            found["cost-center"] = f"CC-{self._dice.integer(1000, 1040)}"
        return found

    def _free_name(self, kind: Kind, bases: Sequence[str]) -> str:
        """Return a name that is free in every kind: a certificate takes all three."""
        base = self._dice.pick(bases)
        described = (f"{base}-{self._dice.pick(words.CONSUMERS)}" for _ in range(3))
        numbered = (f"{base}-{number:02d}" for number in count(2))
        candidates = chain([base], described, numbered)
        taken = self._vault.live if kind == "certificates" else {kind: self._vault.live[kind]}
        return next(c for c in candidates if not any(c in names for names in taken.values()))

    def _delete_some(self) -> None:
        """Delete a few secrets; they can still be recovered."""
        own = [item for item in self._vault.live["secrets"].values() if not item.managed]
        for item in self._dice.some(own, len(own) // 80):
            changes.delete(self._vault, item, self._now - self._dice.seconds(1, 20))
