"""Applications and service principals: keyset pages, one with its credentials, what changed."""

from asyncpg import Record

from shared.database import Pool


async def list_applications(
    pool: Pool,
    *,
    after: int | None,
    limit: int,
    kind: str | None = None,
    q: str | None = None,
    owned: bool | None = None,
    federated: bool | None = None,
) -> list[Record]:
    """Return what is there. `owned` False: those known to have no owner."""
    return await pool.fetch(
        """
        SELECT a.id, a.kind, a.object_id, a.app_id, a.name, a.created_on, a.audience,
               a.publisher_domain, a.owner_tenant_id, a.enabled, a.principal_type, a.tags,
               a.notes, a.service_reference, a.signing_thumbprint, a.owner_count,
               a.federated_count, a.credential_count, a.first_seen_at, a.changed_at, a.deleted_at
          FROM scanner.v_application AS a
         WHERE a.deleted_at IS NULL
           AND ($1::bigint IS NULL OR a.id > $1::bigint)
           AND ($2::text IS NULL OR a.kind = $2)
           AND ($3::text IS NULL OR starts_with(lower(a.name), lower($3)))
           AND ($4::boolean IS NULL OR (a.owner_count > 0) = $4)
           AND ($5::boolean IS NULL OR (a.federated_count > 0) = $5)
         ORDER BY a.id
         LIMIT $6
        """,
        after,
        kind,
        q,
        owned,
        federated,
        limit,
    )


async def get_application(pool: Pool, application_id: int) -> Record | None:
    """Return one application, also one that is gone, or None."""
    return await pool.fetchrow(
        """
        SELECT a.id, a.kind, a.object_id, a.app_id, a.name, a.created_on, a.audience,
               a.publisher_domain, a.owner_tenant_id, a.enabled, a.principal_type, a.tags,
               a.notes, a.service_reference, a.signing_thumbprint, a.owner_count,
               a.federated_count, a.credential_count, a.first_seen_at, a.changed_at, a.deleted_at,
               a.owners, a.federated
          FROM scanner.v_application AS a
         WHERE a.id = $1
        """,
        application_id,
    )


async def list_credentials(pool: Pool, application_id: int, *, limit: int) -> list[Record]:
    """Return an application's live credentials, what ends first comes first."""
    return await pool.fetch(
        """
        SELECT i.id, i.kind, i.name, c.key_id, i.status, i.days_left, i.not_before, i.expires_on,
               i.content_type AS type, c.usage, c.custom_key_identifier, i.thumbprint, i.managed,
               c.signs_tokens
          FROM scanner.v_credential AS c
          JOIN scanner.v_item AS i ON i.id = c.item_id
         WHERE c.application_id = $1 AND i.deleted_at IS NULL
         ORDER BY i.exp_sort, i.id
         LIMIT $2
        """,
        application_id,
        limit,
    )


async def list_changes(pool: Pool, application_id: int, *, limit: int) -> list[Record]:
    """Return what happened to an application last, newest first."""
    return await pool.fetch(
        """
        SELECT c.id, c.at, c.scan_id, c.what, c.fields
          FROM scanner.v_application_change AS c
         WHERE c.application_id = $1
         ORDER BY c.id DESC
         LIMIT $2
        """,
        application_id,
        limit,
    )
