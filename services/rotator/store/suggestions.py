"""What suggestions are made from, and those that were made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from services.rotator.domain.marker import KEY_ID
from services.rotator.domain.matching import Match, Ruling, refusal_to_run_unattended
from services.rotator.domain.signals import AppCredential, Place, VaultSecret
from services.rotator.domain.suggesting import Suggested
from shared.database import Connection

MOST_CREDENTIALS: Final = 50_000
MOST_SECRETS: Final = 20_000
"""More than these are not read into memory: first those whose tags name a credential, then the
youngest. How many were left out is told."""

_LOCK: Final = 7_313


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is to be matched at `read_at`, and which items that is."""

    read_at: datetime
    credentials: Sequence[AppCredential]
    secrets: Sequence[VaultSecret]
    unread: int
    confirmed: Sequence[Ruling]
    credential_ids: Mapping[str, int]
    secret_ids: Mapping[Place, int]


async def read(conn: Connection) -> Found:
    """Return applications' secrets, vaults' secrets, and what people confirmed."""
    read_at: datetime = await conn.fetchval("SELECT now()")
    credentials = await conn.fetch(
        """
        SELECT i.id, k.object_id, a.app_id, k.key_id, i.name, a.name AS app_name,
               coalesce(i.created_on, i.not_before) AS start, i.expires_on
          FROM scanner.v_item AS i
          JOIN scanner.v_credential AS k ON k.item_id = i.id
          JOIN scanner.v_application AS a ON a.id = k.application_id
         WHERE i.kind = 'app_secret' AND NOT i.managed AND i.deleted_at IS NULL
           AND a.kind = 'application'
         ORDER BY i.id
         LIMIT $1
        """,
        MOST_CREDENTIALS,
    )
    secrets, unread = await _secrets(conn) if credentials else ([], 0)
    found = [_secret(row) for row in secrets]
    return Found(
        read_at=read_at,
        credentials=[_credential(row) for row in credentials],
        secrets=found,
        unread=unread,
        confirmed=await _confirmed(conn),
        credential_ids={row["key_id"].casefold(): row["id"] for row in credentials},
        secret_ids={one.place: row["id"] for one, row in zip(found, secrets, strict=True)},
    )


async def _secrets(conn: Connection) -> tuple[list[asyncpg.Record], int]:
    """Return what vaults hold, as much as is read, and how many secrets are not."""
    rows = await conn.fetch(
        """
        SELECT i.id, v.uri, i.name, i.version, i.tags, i.created_on, i.expires_on, i.enabled
          FROM scanner.v_item AS i
          JOIN scanner.v_vault AS v ON v.id = i.vault_id
         WHERE i.kind = 'secret' AND NOT i.managed AND i.deleted_at IS NULL AND v.uri IS NOT NULL
         ORDER BY i.tags ?| $2::text[] DESC, i.created_on DESC NULLS LAST, i.id
         LIMIT $1
        """,
        MOST_SECRETS,
        ["CredentialId", "ProviderAddress", KEY_ID],
    )
    if len(rows) < MOST_SECRETS:
        return rows, 0
    total: int = await conn.fetchval(
        """
        SELECT count(*)
          FROM scanner.v_item AS i
         WHERE i.kind = 'secret' AND NOT i.managed AND i.deleted_at IS NULL
        """
    )
    return rows, max(0, total - len(rows))


async def _confirmed(conn: Connection) -> list[Ruling]:
    rows = await conn.fetch(
        """
        SELECT c.key_id, p.vault_url, p.name, c.added_at
          FROM rotator.place AS p
          JOIN rotator.credential AS c ON c.id = p.credential_id
         WHERE c.state <> 'released' AND c.key_id IS NOT NULL
        """
    )
    return [
        Ruling(
            key_id=row["key_id"],
            vault_uri=row["vault_url"],
            secret_name=row["name"],
            confirmed=True,
            by="rotator.place",
            at=row["added_at"],
        )
        for row in rows
    ]


async def replace(conn: Connection, found: Found, suggested: Suggested) -> bool:
    """Store suggestions in place of all others; False if those were made from a later look."""
    await conn.execute("SELECT pg_advisory_xact_lock($1, 0)", _LOCK)
    latest = await conn.fetchval(
        """
        INSERT INTO rotator.suggestion_look AS l (read_at, credentials, secrets, left_out)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (only_one) DO UPDATE
           SET read_at = excluded.read_at, credentials = excluded.credentials,
               secrets = excluded.secrets, left_out = excluded.left_out
         WHERE l.read_at <= excluded.read_at
        RETURNING true
        """,
        *(found.read_at, len(found.credentials), len(found.secrets)),
        suggested.left_out + found.unread,
    )
    if latest is None:
        return False
    rows = [_row(found, one) for one in suggested.matches]
    await conn.execute(
        """
        DELETE FROM rotator.suggestion AS s
         WHERE NOT EXISTS (
               SELECT FROM unnest($1::bigint[], $2::bigint[]) AS kept (item_id, place_item_id)
                WHERE kept.item_id = s.item_id AND kept.place_item_id = s.place_item_id)
        """,
        [row[0] for row in rows],
        [row[1] for row in rows],
    )
    await conn.executemany(
        """
        INSERT INTO rotator.suggestion AS s (item_id, place_item_id, score, band, sentence, signals,
               confirmed, ambiguous, refusal)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (item_id, place_item_id) DO UPDATE
           SET score = excluded.score, band = excluded.band, sentence = excluded.sentence,
               signals = excluded.signals, confirmed = excluded.confirmed,
               ambiguous = excluded.ambiguous, refusal = excluded.refusal
         WHERE (s.score, s.sentence, s.signals, s.refusal)
               IS DISTINCT FROM
               (excluded.score, excluded.sentence, excluded.signals, excluded.refusal)
        """,
        rows,
    )
    return True


def _row(found: Found, one: Match) -> tuple[object, ...]:
    return (
        found.credential_ids[one.credential.key_id.casefold()],
        found.secret_ids[one.secret.place],
        one.score,
        one.band,
        one.sentence,
        [{"evidence": each.evidence, "weight": each.weight} for each in one.signals],
        one.confirmed,
        one.ambiguous,
        refusal_to_run_unattended(one),
    )


def _credential(row: asyncpg.Record) -> AppCredential:
    return AppCredential(
        object_id=row["object_id"],
        app_id=row["app_id"],
        key_id=row["key_id"],
        display_name=row["name"],
        app_name=row["app_name"],
        start=row["start"],
        end=row["expires_on"],
    )


def _secret(row: asyncpg.Record) -> VaultSecret:
    return VaultSecret(
        vault_uri=row["uri"],
        name=row["name"],
        version=row["version"] or "",
        tags=row["tags"],
        created_on=row["created_on"],
        expires_on=row["expires_on"],
        enabled=row["enabled"],
    )
