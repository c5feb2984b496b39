-- What the control plane tells of a vault beside its address: settings, grants, diagnostic
-- settings. Each has an outcome of its own, because "could not look" is never "nothing there".

-- An outcome is null where no release that reads the part has looked yet. After a failure the old
-- value stays, with the reason.
ALTER TABLE scanner.vault
    ADD COLUMN configuration jsonb,
    ADD COLUMN configuration_outcome text CHECK (configuration_outcome IN ('ok', 'failed')),
    ADD COLUMN configuration_reason text,
    ADD CONSTRAINT a_configuration_that_was_read_is_there CHECK (
        configuration_outcome IS DISTINCT FROM 'ok' OR configuration IS NOT NULL),
    ADD CONSTRAINT an_unread_configuration_says_why CHECK (
        (configuration_outcome = 'failed') IS TRUE = (configuration_reason IS NOT NULL));

ALTER TABLE scanner.subscription
    ADD COLUMN grants_outcome text CHECK (grants_outcome IN (
        'ok', 'denied', 'firewalled', 'throttled', 'not_found', 'timed_out', 'failed')),
    ADD COLUMN grants_reason text,
    ADD COLUMN grants_remedy text,
    ADD COLUMN grants_listed_at timestamptz,
    ADD CONSTRAINT unlisted_grants_say_why CHECK (
        (grants_outcome <> 'ok') IS TRUE = (grants_reason IS NOT NULL)),
    ADD CONSTRAINT grants_were_listed_once CHECK (
        grants_outcome IS DISTINCT FROM 'ok' OR grants_listed_at IS NOT NULL);

-- Roles of Azure's and the tenant's own; what follows from a role's actions is kept beside them.
CREATE TABLE scanner.role_definition (
    id           text PRIMARY KEY,
    name         text NOT NULL,
    custom       boolean NOT NULL,
    permissions  jsonb NOT NULL,
    data_actions text[] NOT NULL,
    reads_values boolean NOT NULL
);

-- An assignment above a subscription stands with each subscription that inherits it, so that each
-- subscription's listing replaces its own and nothing else. Its role may be unknown.
CREATE TABLE scanner.role_assignment (
    subscription_id text NOT NULL REFERENCES scanner.subscription (id) ON DELETE CASCADE,
    id              text NOT NULL,
    scope           text NOT NULL,
    principal_id    text NOT NULL,
    principal_type  text,
    role_id         text NOT NULL,
    conditional     boolean NOT NULL,
    PRIMARY KEY (subscription_id, id)
);

-- The settings are null until they were read once; `described` is the digest of the vault's
-- settings and tags at the last attempt: another one makes it due again.
CREATE TABLE scanner.vault_diagnostics (
    vault_id  integer PRIMARY KEY REFERENCES scanner.vault (id) ON DELETE CASCADE,
    settings  jsonb,
    outcome   text NOT NULL CHECK (outcome IN (
        'ok', 'denied', 'firewalled', 'throttled', 'not_found', 'timed_out', 'failed')),
    reason    text,
    remedy    text,
    described text NOT NULL,
    tried_at  timestamptz NOT NULL DEFAULT now(),
    read_at   timestamptz,
    CONSTRAINT unread_diagnostics_say_why CHECK ((outcome <> 'ok') = (reason IS NOT NULL)),
    CONSTRAINT what_was_read_has_a_time CHECK ((settings IS NULL) = (read_at IS NULL)),
    CONSTRAINT ok_means_read CHECK (outcome <> 'ok' OR settings IS NOT NULL)
);

-- No foreign key to the scan, as in scanner.change.
CREATE TABLE scanner.vault_change (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    scan_id  uuid NOT NULL,
    vault_id integer NOT NULL REFERENCES scanner.vault (id) ON DELETE CASCADE,
    field    text NOT NULL,
    before   jsonb,
    after    jsonb,
    CONSTRAINT a_change_changes CHECK (before IS DISTINCT FROM after)
);
CREATE INDEX vault_change_by_vault ON scanner.vault_change (vault_id, id);

CREATE OR REPLACE VIEW scanner.v_vault AS
SELECT v.id, v.kind, v.name, v.uri, v.resource_id, v.subscription_id,
       sub.name AS subscription_name, v.resource_group, v.region, v.sku, v.tags, v.rbac,
       v.created_on, v.outcome, v.outcome_reason, v.outcome_remedy, v.last_scanned_at,
       v.last_complete_at, v.items, v.deleted_at,
       v.configuration, v.configuration_outcome, v.configuration_reason,
       sub.grants_outcome, sub.grants_reason, sub.grants_remedy, sub.grants_listed_at,
       d.settings AS diagnostics, d.outcome AS diagnostics_outcome,
       d.reason AS diagnostics_reason, d.remedy AS diagnostics_remedy,
       d.read_at AS diagnostics_read_at
FROM scanner.vault v
LEFT JOIN scanner.subscription sub ON sub.id = v.subscription_id
LEFT JOIN scanner.vault_diagnostics d ON d.vault_id = v.id;

COMMENT ON COLUMN scanner.v_vault.configuration IS
    'The fields of the domain''s VaultConfiguration; null in it: Azure left the field out, which is'
    ' not "off".';
COMMENT ON COLUMN scanner.v_vault.grants_outcome IS
    'Whether v_vault_grant tells all role assignments (ok), or why not; null: never listed.';

-- Who may do what in a vault. A scope counts when it is the vault, above it, or inside it (a single
-- secret). Roles decide about values only where `rbac` is on, policies only where it is off;
-- `reads_values` is null where the role is not known.
CREATE VIEW scanner.v_vault_grant AS
SELECT v.id AS vault_id, 'role' AS how, a.id AS grant_id, a.principal_id, a.principal_type,
       NULL::text AS application_id, a.role_id, r.name AS role_name, r.custom AS role_custom,
       a.scope,
       CASE
           WHEN a.scope = '/' THEN 'root'
           WHEN starts_with(a.scope, '/providers/microsoft.management/') THEN 'management_group'
           WHEN starts_with(a.scope, v.resource_id || '/') THEN 'object'
           WHEN a.scope = v.resource_id THEN 'vault'
           WHEN a.scope = '/subscriptions/' || v.subscription_id THEN 'subscription'
           ELSE 'resource_group'
       END AS scope_level,
       r.data_actions AS what,
       CASE WHEN NOT v.rbac THEN false ELSE r.reads_values END AS reads_values,
       a.conditional
FROM scanner.vault v
JOIN scanner.role_assignment a ON a.subscription_id = v.subscription_id
LEFT JOIN scanner.role_definition r ON r.id = a.role_id
WHERE v.deleted_at IS NULL
  AND (a.scope = '/' OR starts_with(a.scope, '/providers/microsoft.management/')
       OR starts_with(v.resource_id || '/', a.scope || '/')
       OR starts_with(a.scope, v.resource_id || '/'))
UNION ALL
SELECT v.id, 'access_policy', NULL, p.policy ->> 'object_id', NULL, p.policy ->> 'application_id',
       NULL, NULL, NULL, v.resource_id, 'vault', w.what,
       p.policy -> 'secrets' ?| ARRAY['get', 'all'], false
FROM scanner.vault v
CROSS JOIN LATERAL jsonb_array_elements(
    CASE jsonb_typeof(v.configuration -> 'policies')
        WHEN 'array' THEN v.configuration -> 'policies' ELSE '[]' END) AS p (policy)
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(k.kind || '/' || g.permission ORDER BY k.kind, g.permission),
                    '{}') AS what
    FROM unnest(ARRAY['keys', 'secrets', 'certificates', 'storage']) AS k (kind)
    CROSS JOIN LATERAL jsonb_array_elements_text(p.policy -> k.kind) AS g (permission)
) AS w
WHERE v.deleted_at IS NULL AND NOT v.rbac;

CREATE VIEW scanner.v_vault_change AS
SELECT c.id, c.at, c.scan_id, c.vault_id, v.name AS vault_name, v.subscription_id, c.field,
       c.before, c.after
FROM scanner.vault_change c
JOIN scanner.vault v ON v.id = c.vault_id;
