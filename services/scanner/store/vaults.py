"""Vaults as the control plane describes them: only what differs is written, and noted as changed.

One transaction at a time does this (`lock_estate`), so what differs is found without a lock on
every row, and an unchanged estate costs one query and writes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.scanner.domain.configuration import Facts, as_facts, setting_changes
from services.scanner.domain.inventory import VaultRef
from services.scanner.domain.sharding import Source
from services.scanner.store.estate import list_sources
from services.scanner.store.locks import lock_estate, lock_rules, lock_vault
from services.scanner.store.thresholds import Move, add_backlog_of_moves
from services.scanner.store.vault_changes import Noted, add_vault_changes
from shared.database import Connection

_NOTED: Final = ("sku", "tags", "subscription_id", "region")
_CONFIGURED: Final = ("configuration", "configuration_outcome", "configuration_reason")


async def save_vaults(conn: Connection, vaults: Sequence[VaultRef], scan_id: UUID) -> list[Source]:
    """Record listed vaults and return them as sources. A deleted one that is back is live again.

    What changed of a vault that was known is noted in the feed of its changes.
    """
    await lock_estate(conn)
    await _move(conn, vaults)
    known = await _known(conn, vaults)
    described = {_address(vault.uri): _columns(vault) for vault in vaults}
    for address, columns in described.items():
        _keep_what_was_not_read(columns, known.get(address))
    differing = {
        address: columns
        for address, columns in described.items()
        if address not in known or _differs(known[address], columns)
    }
    await _write(conn, list(differing.values()))
    noted = [
        Noted(vault_id=known[address]["id"], change=change)
        for address, columns in differing.items()
        if address in known
        for change in setting_changes(_facts(known[address]), _facts(columns))
    ]
    await add_vault_changes(conn, scan_id, noted)
    return await list_sources(conn, [vault.uri for vault in vaults])


async def _move(conn: Connection, vaults: Sequence[VaultRef]) -> None:
    """Let items follow a vault that was moved to another subscription, and be judged anew there.

    Whoever writes the vault's items is waited for, so that none stays behind.
    """
    moved = await conn.fetch(
        """
        SELECT v.id AS vault_id, v.subscription_id AS left_id, n.subscription_id AS entered_id
        FROM unnest($1::text[], $2::text[]) AS n (uri, subscription_id)
        JOIN scanner.vault v ON lower(rtrim(v.uri, '/')) = lower(rtrim(n.uri, '/'))
        WHERE v.subscription_id <> n.subscription_id
        ORDER BY v.id
        """,
        [vault.uri for vault in vaults],
        [vault.subscription_id for vault in vaults],
    )
    if not moved:
        return
    moves = [Move(**row) for row in moved]
    for move in moves:
        await lock_vault(conn, move.vault_id)
    await lock_rules(conn)
    await conn.execute(
        """
        UPDATE scanner.item AS i SET subscription_id = m.subscription_id
        FROM unnest($1::integer[], $2::text[]) AS m (vault_id, subscription_id)
        WHERE i.vault_id = m.vault_id
        """,
        [move.vault_id for move in moves],
        [move.entered_id for move in moves],
    )
    await add_backlog_of_moves(conn, moves)


async def _known(conn: Connection, vaults: Sequence[VaultRef]) -> dict[str, asyncpg.Record]:
    """Return what is stored at the vaults' addresses."""
    rows = await conn.fetch(
        """
        SELECT v.id, v.name, v.uri, v.resource_id, v.subscription_id, v.resource_group, v.region,
               v.sku, v.tags, v.rbac, v.created_on, v.configuration, v.configuration_outcome,
               v.configuration_reason, v.deleted_at
        FROM scanner.vault v
        WHERE lower(rtrim(v.uri, '/')) = ANY (
            SELECT lower(rtrim(a.uri, '/')) FROM unnest($1::text[]) AS a (uri))
        """,
        [vault.uri for vault in vaults],
    )
    return {_address(row["uri"]): row for row in rows}


async def _write(conn: Connection, described: Sequence[Mapping[str, Any]]) -> None:
    if not described:
        return
    await conn.execute(
        """
        INSERT INTO scanner.vault AS known (
            kind, name, uri, resource_id, subscription_id, resource_group, region, sku, tags, rbac,
            created_on, configuration, configuration_outcome, configuration_reason
        )
        SELECT 'vault', v.name, v.uri, v.resource_id, v.subscription_id, v.resource_group,
               v.region, v.sku, v.tags, v.rbac, v.created_on, v.configuration,
               v.configuration_outcome, v.configuration_reason
        FROM unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::jsonb[], $9::boolean[], $10::timestamptz[], $11::jsonb[], $12::text[], $13::text[]
        ) AS v (
            name, uri, resource_id, subscription_id, resource_group, region, sku, tags, rbac,
            created_on, configuration, configuration_outcome, configuration_reason
        )
        ORDER BY lower(rtrim(v.uri, '/'))
        ON CONFLICT (lower(rtrim(uri, '/'))) DO UPDATE SET
            name = excluded.name, uri = excluded.uri, resource_id = excluded.resource_id,
            subscription_id = excluded.subscription_id, resource_group = excluded.resource_group,
            region = excluded.region, sku = excluded.sku, tags = excluded.tags,
            rbac = excluded.rbac, created_on = excluded.created_on,
            configuration = excluded.configuration,
            configuration_outcome = excluded.configuration_outcome,
            configuration_reason = excluded.configuration_reason, deleted_at = NULL
        """,
        *([columns[name] for columns in described] for name in described[0]),
    )


def _address(uri: str) -> str:
    return uri.rstrip("/").lower()


def _columns(vault: VaultRef) -> dict[str, Any]:
    """Return the vault's columns in the order of the statement above."""
    settings, reason = vault.configuration, vault.configuration_reason
    return {
        "name": vault.name,
        "uri": vault.uri,
        "resource_id": vault.resource_id,
        "subscription_id": vault.subscription_id,
        "resource_group": vault.resource_group,
        "region": vault.region,
        "sku": vault.sku,
        "tags": dict(vault.tags),
        "rbac": vault.rbac,
        "created_on": vault.created_on,
        "configuration": as_facts(settings) if settings else None,
        "configuration_outcome": "ok" if settings else "failed" if reason else None,
        "configuration_reason": reason,
    }


def _keep_what_was_not_read(columns: dict[str, Any], known: asyncpg.Record | None) -> None:
    """Let settings that could not be understood stay as they were read last."""
    if known is None or columns["configuration"] is not None:
        return
    columns["configuration"] = known["configuration"]
    if columns["configuration_reason"] is None:
        columns.update({name: known[name] for name in _CONFIGURED})


def _differs(known: asyncpg.Record, columns: Mapping[str, Any]) -> bool:
    if known["deleted_at"] is not None:
        return True
    return any(known[name] != value for name, value in columns.items())


def _facts(row: Mapping[str, Any] | asyncpg.Record) -> Facts:
    """Return what the feed tells of a vault; a group's name in small letters, as Azure compares."""
    found = {name: row[name] for name in _NOTED}
    found["resource_group"] = row["resource_group"].lower()
    return {**found, **(row["configuration"] or {})}
