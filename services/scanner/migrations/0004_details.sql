-- What the second pass of discovery reads: an item's versions and details, in tables of their own,
-- so that the rows of `scanner.item`, which every list walks, stay as narrow as they are.

CREATE TABLE scanner.item_detail (
    item_id              bigint PRIMARY KEY REFERENCES scanner.item (id) ON DELETE CASCADE,
    -- How the last reading ended, when it began, and when one last read everything.
    outcome              text NOT NULL CHECK (outcome IN (
        'ok', 'denied', 'firewalled', 'throttled', 'not_found', 'timed_out', 'failed')),
    reason               text,
    remedy               text,
    read_at              timestamptz NOT NULL,
    complete_at          timestamptz,
    -- False: it is to be read again by the next scan, whatever the listing says.
    settled              boolean NOT NULL,
    -- What the listing showed when this was read: another listing makes it be read again.
    seen_created_on      timestamptz,
    seen_updated_on      timestamptz,
    seen_expires_on      timestamptz,
    seen_enabled         boolean NOT NULL,
    seen_thumbprint      text,
    version              text,
    version_count        integer,
    enabled_old_versions integer,
    -- The parts by name, each with the fields of its class in `domain/detail.py`; one that was
    -- never read is absent, one that was read and is not there is null.
    facts                jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT what_was_not_read_says_why CHECK ((outcome <> 'ok') = (reason IS NOT NULL)),
    CONSTRAINT what_was_read_is_settled CHECK (
        outcome <> 'ok' OR (settled AND complete_at = read_at)),
    CONSTRAINT versions_are_counted_together CHECK (
        (version_count IS NULL) = (enabled_old_versions IS NULL))
) WITH (fillfactor = 85);

CREATE TABLE scanner.version (
    item_id    bigint NOT NULL REFERENCES scanner.item (id) ON DELETE CASCADE,
    version_id text NOT NULL,
    enabled    boolean NOT NULL,
    created_on timestamptz,
    updated_on timestamptz,
    not_before timestamptz,
    expires_on timestamptz,
    PRIMARY KEY (item_id, version_id)
);

-- The listing (its fingerprint) whose items' details were all read, and when the oldest was: such a
-- vault is passed over without looking at its items.
ALTER TABLE scanner.vault ADD COLUMN details_of bytea, ADD COLUMN details_since timestamptz;

-- Requests that were sent, by kind, in both passes; and items whose details were left over.
ALTER TABLE scanner.scan_vault
    ADD COLUMN calls jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN details_pending integer NOT NULL DEFAULT 0 CHECK (details_pending >= 0);
ALTER TABLE scanner.scan ADD COLUMN calls jsonb, ADD COLUMN details_pending bigint;

CREATE OR REPLACE VIEW scanner.v_scan AS
SELECT s.id, s.mode, s.state, s.outcome, s.requested_by, s.subscription_ids,
       s.requested_at, s.started_at, s.completed_at,
       coalesce(s.vaults, live.vaults) AS vaults,
       coalesce(s.vaults, live.vaults_done) AS vaults_done,
       coalesce(s.unreadable, live.unreadable) AS unreadable,
       coalesce(s.items, live.items) AS items,
       coalesce(s.added, live.added) AS added,
       coalesce(s.changed, live.changed) AS changed,
       coalesce(s.removed, live.removed) AS removed,
       s.error,
       coalesce(s.calls, live.calls, '{}'::jsonb) AS calls,
       coalesce(s.details_pending, live.details_pending, 0) AS details_pending
FROM scanner.scan s
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS vaults,
           count(v.finished_at)::integer AS vaults_done,
           (count(*) FILTER (WHERE v.outcome <> 'ok'))::integer AS unreadable,
           coalesce(sum(v.items), 0)::bigint AS items,
           coalesce(sum(v.added), 0)::bigint AS added,
           coalesce(sum(v.changed), 0)::bigint AS changed,
           coalesce(sum(v.removed), 0)::bigint AS removed,
           (SELECT jsonb_object_agg(c.kind, c.sent) FROM (
                SELECT e.key AS kind, sum(e.value::bigint) AS sent
                FROM scanner.scan_vault n CROSS JOIN LATERAL jsonb_each_text(n.calls) e
                WHERE n.scan_id = s.id AND s.state <> 'completed'
                GROUP BY e.key) c) AS calls,
           coalesce(sum(v.details_pending), 0)::bigint AS details_pending
    FROM scanner.scan_vault v
    WHERE v.scan_id = s.id AND s.state <> 'completed'
) live;

CREATE OR REPLACE VIEW scanner.v_item AS
SELECT i.id, i.vault_id, v.name AS vault_name, i.subscription_id, sub.name AS subscription_name,
       i.kind, i.external_id, i.name, i.enabled, i.created_on, i.updated_on, i.not_before,
       i.expires_on, i.exp_sort, i.warning_at, i.critical_at,
       CASE
           WHEN NOT i.enabled THEN 'disabled'
           WHEN i.not_before > now() THEN 'not_yet_active'
           WHEN i.expires_on IS NULL THEN 'no_expiry'
           WHEN i.expires_on <= now() THEN 'expired'
           WHEN i.critical_at < now() THEN 'critical'
           WHEN i.warning_at < now() THEN 'warning'
           ELSE 'healthy'
       END AS status,
       floor(extract(epoch FROM i.expires_on - now()) / 86400)::integer AS days_left,
       i.content_type, i.tags, i.recovery_level, i.recoverable_days, i.managed, coalesce(i.version, d.version) AS version,
       i.thumbprint, i.application_object_id, i.application_id, i.application_name, i.search,
       i.first_seen_at, i.changed_at, i.deleted_at,
       -- The secret and the key behind a certificate bear its name.
       CASE WHEN i.managed THEN c.id END AS certificate_id,
       d.version_count, d.enabled_old_versions
FROM scanner.item i
LEFT JOIN scanner.vault v ON v.id = i.vault_id
LEFT JOIN scanner.subscription sub ON sub.id = i.subscription_id
LEFT JOIN scanner.item_detail d ON d.item_id = i.id
LEFT JOIN scanner.item c ON c.vault_id = i.vault_id AND c.external_id = 'certificates/' || i.name;

CREATE VIEW scanner.v_version AS
SELECT v.item_id, v.version_id, v.enabled, v.created_on, v.updated_on, v.not_before, v.expires_on,
       v.version_id = d.version AS current
FROM scanner.version v
LEFT JOIN scanner.item_detail d ON d.item_id = v.item_id;

CREATE VIEW scanner.v_item_detail AS
SELECT d.item_id, i.vault_id, i.kind, d.outcome, d.reason, d.remedy, d.read_at, d.complete_at,
       d.version, d.version_count, d.enabled_old_versions,
       coalesce(d.facts #>> '{key,key_type}', d.facts #>> '{certificate,key_type}') AS key_type,
       coalesce(d.facts #>> '{key,size}', d.facts #>> '{certificate,key_size}')::bigint
           AS key_size,
       coalesce(d.facts #>> '{key,curve}', d.facts #>> '{certificate,curve}') AS curve,
       (d.facts #>> '{key,hsm}')::boolean AS hsm,
       coalesce(d.facts #>> '{key,exportable}', d.facts #>> '{policy,exportable}')::boolean
           AS exportable,
       (d.facts #>> '{key,release_policy}')::boolean AS release_policy,
       (SELECT min((a.value ->> 'days')::bigint)
        FROM jsonb_array_elements(nullif(d.facts #> '{rotation_policy,actions}', 'null')) a
        WHERE a.value ->> 'action' = 'Rotate' AND a.value ->> 'trigger' = 'after_create')
           AS rotates_after_days,
       (d.facts #> '{rotation_policy,actions}') @> '[{"action": "Rotate"}]' AS rotates,
       (d.facts #>> '{rotation_policy,expiry_days}')::bigint AS rotation_expiry_days,
       d.facts #>> '{certificate,thumbprint_sha256}' AS thumbprint_sha256,
       d.facts #>> '{certificate,signature_algorithm}' AS signature_algorithm,
       d.facts #>> '{certificate,issuer_common_name}' AS issuer_common_name,
       (d.facts #>> '{certificate,self_signed}')::boolean AS self_signed,
       d.facts #>> '{policy,issuer}' AS policy_issuer,
       (d.facts #>> '{policy,validity_months}')::bigint AS validity_months,
       (d.facts #> '{policy,actions}') @> '[{"action": "AutoRenew"}]' AS renews,
       d.facts #>> '{operation,status}' AS operation_status,
       d.facts
FROM scanner.item_detail d
JOIN scanner.item i ON i.id = d.item_id;

COMMENT ON VIEW scanner.v_item_detail IS
    'One row for each item whose details were asked for; an item without a row was not read yet.'
    ' Columns are null where the kind has no such attribute, or where it could not be read.';
