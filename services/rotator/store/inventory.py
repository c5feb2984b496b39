"""What the scanner found, as far as rotation needs it: statements on its published views."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.database import Connection
from shared.events import CredentialRef, ItemKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCredential:
    """A credential of an application."""

    reference: CredentialRef
    object_id: str
    app_id: str
    key_id: str
    application_kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSecret:
    """A secret in a vault."""

    reference: CredentialRef
    vault_url: str
    name: str


async def get_credential(conn: Connection, item_id: int) -> FoundCredential | None:
    """Return a credential that an application has now."""
    row = await conn.fetchrow(
        """
        SELECT i.id, i.kind, i.name, i.application_name, c.object_id, c.key_id,
               c.application_kind, a.app_id
          FROM scanner.v_item AS i
          JOIN scanner.v_credential AS c ON c.item_id = i.id
          JOIN scanner.v_application AS a ON a.id = c.application_id
         WHERE i.id = $1 AND i.deleted_at IS NULL
        """,
        item_id,
    )
    if row is None:
        return None
    reference = CredentialRef(
        item_id=row["id"],
        kind=ItemKind(row["kind"]),
        name=row["name"],
        container=row["application_name"],
    )
    return FoundCredential(
        reference=reference,
        object_id=row["object_id"],
        app_id=row["app_id"],
        key_id=row["key_id"],
        application_kind=row["application_kind"],
    )


async def list_secrets(conn: Connection, item_ids: Sequence[int]) -> list[FoundSecret]:
    """Return those of these items that are secrets in vaults now, in the order of their ids."""
    rows = await conn.fetch(
        """
        SELECT i.id, i.kind, i.name, i.vault_name, i.subscription_id, v.uri
          FROM scanner.v_item AS i
          JOIN scanner.v_vault AS v ON v.id = i.vault_id
         WHERE i.id = ANY ($1::bigint[]) AND i.kind = 'secret' AND NOT i.managed
           AND i.deleted_at IS NULL AND v.uri IS NOT NULL
         ORDER BY i.id
        """,
        list(item_ids),
    )
    return [
        FoundSecret(
            reference=CredentialRef(
                item_id=row["id"],
                kind=ItemKind(row["kind"]),
                name=row["name"],
                container=row["vault_name"],
                subscription_id=row["subscription_id"],
            ),
            vault_url=row["uri"],
            name=row["name"],
        )
        for row in rows
    ]
