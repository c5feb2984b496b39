-- The scanner's tables: the estate as it was last seen, what changed, what was announced, and the
-- scans that looked. Constraints make half states unrepresentable; everything that other services
-- may read is a view `v_*` at the end.

CREATE TABLE scanner.subscription (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    state   text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- A source of items: a Key Vault, or the tenant's one Entra directory.
CREATE TABLE scanner.vault (
    id               integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             text NOT NULL CHECK (kind IN ('vault', 'directory')),
    name             text NOT NULL,
    uri              text,
    resource_id      text,
    subscription_id  text REFERENCES scanner.subscription (id),
    resource_group   text,
    region           text,
    sku              text,
    tags             jsonb NOT NULL DEFAULT '{}',
    rbac             boolean,
    created_on       timestamptz,
    -- The last look, whatever it came to, and the last one that saw everything.
    outcome          text CHECK (outcome IN (
        'ok', 'denied', 'firewalled', 'throttled', 'not_found', 'timed_out', 'failed')),
    outcome_reason   text,
    outcome_remedy   text,
    last_scanned_at  timestamptz,
    last_complete_at timestamptz,
    -- When the listing that the items come from was begun: an older one never replaces it.
    listed_at        timestamptz,
    fingerprint      bytea,
    items            integer NOT NULL DEFAULT 0 CHECK (items >= 0),
    deleted_at       timestamptz,
    CONSTRAINT a_vault_has_an_address CHECK (
        num_nulls(uri, resource_id, subscription_id, resource_group, region, sku, rbac)
        = CASE kind WHEN 'vault' THEN 0 ELSE 7 END),
    CONSTRAINT a_look_has_an_outcome CHECK ((last_scanned_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT an_unreadable_vault_says_why CHECK (
        (outcome IS NOT NULL AND outcome <> 'ok') = (outcome_reason IS NOT NULL)),
    CONSTRAINT a_deleted_vault_is_empty CHECK (deleted_at IS NULL OR items = 0),
    CONSTRAINT a_fingerprint_belongs_to_a_listing CHECK (
        fingerprint IS NULL OR listed_at IS NOT NULL)
) WITH (fillfactor = 70);

-- A vault's address is unique in its cloud and stays when the vault is moved, which a resource id
-- does not; Azure does not always write it alike.
CREATE UNIQUE INDEX vault_by_address ON scanner.vault (lower(rtrim(uri, '/')));
CREATE UNIQUE INDEX one_directory ON scanner.vault (kind) WHERE kind = 'directory';
CREATE INDEX vault_by_subscription ON scanner.vault (subscription_id, id);

CREATE TABLE scanner.item (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vault_id              integer NOT NULL REFERENCES scanner.vault (id),
    subscription_id       text,
    kind                  text NOT NULL CHECK (kind IN (
        'secret', 'key', 'certificate', 'app_secret', 'app_certificate')),
    external_id           text NOT NULL,
    name                  text NOT NULL,
    enabled               boolean NOT NULL,
    created_on            timestamptz,
    updated_on            timestamptz,
    not_before            timestamptz,
    expires_on            timestamptz,
    exp_sort              timestamptz NOT NULL GENERATED ALWAYS AS (
        coalesce(expires_on, 'infinity'::timestamptz)) STORED,
    warning_at            timestamptz,
    critical_at           timestamptz,
    -- When the expiry sweep looks at this item next; null: there is nothing to announce any more.
    look_at               timestamptz,
    content_type          text,
    tags                  jsonb NOT NULL DEFAULT '{}',
    recovery_level        text,
    recoverable_days      integer,
    managed               boolean NOT NULL,
    version               text,
    thumbprint            text,
    application_object_id text,
    application_id        text,
    application_name      text,
    -- The words of the names, parts of CamelCase included, for prefix search.
    search                tsvector NOT NULL GENERATED ALWAYS AS (
        to_tsvector('simple'::regconfig, regexp_replace(
            name || ' ' || regexp_replace(name, '([a-z0-9])([A-Z])', '\1 \2', 'g')
            || ' ' || coalesce(application_name, ''),
            '[^[:alnum:]]+', ' ', 'g'))) STORED,
    first_seen_at         timestamptz NOT NULL DEFAULT now(),
    changed_at            timestamptz NOT NULL DEFAULT now(),
    deleted_at            timestamptz,
    CONSTRAINT an_item_is_unique_in_its_vault UNIQUE (vault_id, external_id),
    CONSTRAINT an_expiry_has_its_windows CHECK (
        num_nulls(expires_on, warning_at, critical_at) IN (0, 3)),
    CONSTRAINT an_expiry_is_a_date CHECK (isfinite(expires_on)),
    CONSTRAINT windows_are_in_order CHECK (warning_at <= critical_at AND critical_at <= expires_on),
    -- These bounds let a query for one status read a bounded range of expiries.
    CONSTRAINT windows_are_bounded CHECK (
        expires_on - warning_at <= interval '90 days'
        AND expires_on - critical_at <= interval '30 days'),
    CONSTRAINT only_what_alerts_is_looked_at CHECK (
        look_at IS NULL OR (enabled AND NOT managed AND expires_on IS NOT NULL)),
    CONSTRAINT an_application_is_whole CHECK (
        num_nulls(application_object_id, application_id, application_name)
        = CASE WHEN kind IN ('app_secret', 'app_certificate') THEN 0 ELSE 3 END)
) WITH (
    fillfactor = 90,
    -- Index-only plans need a fresh visibility map.
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);

-- A page by expiry walks one of these three; status bounds the range and is checked in the index.
CREATE INDEX item_by_expiry ON scanner.item (exp_sort, id, warning_at, critical_at)
    WHERE deleted_at IS NULL;
CREATE INDEX item_by_subscription ON scanner.item
    (subscription_id, exp_sort, id, warning_at, critical_at) WHERE deleted_at IS NULL;
CREATE INDEX item_by_vault ON scanner.item (vault_id, exp_sort, id) WHERE deleted_at IS NULL;
CREATE INDEX item_by_application ON scanner.item (application_object_id, kind, name)
    WHERE deleted_at IS NULL AND application_object_id IS NOT NULL;
CREATE INDEX item_to_look_at ON scanner.item (look_at)
    WHERE deleted_at IS NULL AND look_at IS NOT NULL;
CREATE INDEX item_by_words ON scanner.item USING gin (search) WHERE deleted_at IS NULL;
CREATE INDEX item_by_tags ON scanner.item USING gin (tags jsonb_path_ops)
    WHERE deleted_at IS NULL;

-- Search inside words needs pg_trgm, which the administrator may not have allowed.
DO $$
DECLARE
    home text := (SELECT nspname FROM pg_catalog.pg_extension e
                  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
                  WHERE extname = 'pg_trgm');
BEGIN
    IF home IS NOT NULL AND has_schema_privilege(home, 'USAGE') THEN
        EXECUTE format(
            'CREATE INDEX item_by_part ON scanner.item USING gin (name %I.gin_trgm_ops)'
            ' WHERE deleted_at IS NULL', home);
    END IF;
END
$$;

CREATE TABLE scanner.scan (
    id               uuid PRIMARY KEY,
    mode             text NOT NULL CHECK (mode IN ('full', 'delta', 'force')),
    subscription_ids text[] NOT NULL DEFAULT '{}',
    requested_by     text NOT NULL,
    requested_at     timestamptz NOT NULL,
    correlation_id   uuid NOT NULL,
    -- requested: its sources are being listed; running: it has shards.
    state            text NOT NULL CHECK (state IN ('requested', 'running', 'completed')),
    started_at       timestamptz NOT NULL DEFAULT now(),
    completed_at     timestamptz,
    outcome          text CHECK (outcome IN ('complete', 'partial', 'failed')),
    error            text,
    -- Sentences on what could not even be listed.
    notes            text[] NOT NULL DEFAULT '{}',
    -- How often the watchdog sent its shards again, and when something was last done about it.
    resumed          integer NOT NULL DEFAULT 0,
    progress_at      timestamptz NOT NULL DEFAULT now(),
    vaults           integer,
    unreadable       integer,
    items            bigint,
    added            bigint,
    changed          bigint,
    removed          bigint,
    CONSTRAINT a_completed_scan_has_its_result CHECK (
        num_nulls(completed_at, outcome, vaults, unreadable, items, added, changed, removed)
        = CASE state WHEN 'completed' THEN 0 ELSE 8 END),
    CONSTRAINT what_was_not_complete_says_why CHECK (
        (outcome IS NOT NULL AND outcome <> 'complete') = (error IS NOT NULL))
);
CREATE INDEX scan_by_time ON scanner.scan (requested_at, id);
CREATE INDEX scan_unfinished ON scanner.scan (progress_at) WHERE state <> 'completed';

CREATE TABLE scanner.shard (
    scan_id         uuid NOT NULL REFERENCES scanner.scan (id) ON DELETE CASCADE,
    shard_id        integer NOT NULL,
    subscription_id text,
    region          text,
    finished_at     timestamptz,
    PRIMARY KEY (scan_id, shard_id)
);

-- One source in one scan: where a lost shard goes on, and what the look came to.
CREATE TABLE scanner.scan_vault (
    scan_id         uuid NOT NULL,
    vault_id        integer NOT NULL REFERENCES scanner.vault (id),
    shard_id        integer NOT NULL,
    presence        text NOT NULL CHECK (presence IN ('listed', 'missing', 'unseen')),
    progress_at     timestamptz,
    finished_at     timestamptz,
    outcome         text CHECK (outcome IN (
        'ok', 'denied', 'firewalled', 'throttled', 'not_found', 'timed_out', 'failed')),
    reason          text,
    remedy          text,
    items           integer NOT NULL DEFAULT 0,
    added           integer NOT NULL DEFAULT 0,
    changed         integer NOT NULL DEFAULT 0,
    removed         integer NOT NULL DEFAULT 0,
    first_change_id bigint,
    last_change_id  bigint,
    PRIMARY KEY (scan_id, vault_id),
    FOREIGN KEY (scan_id, shard_id) REFERENCES scanner.shard (scan_id, shard_id) ON DELETE CASCADE,
    CONSTRAINT what_is_finished_has_an_outcome CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT what_is_unreadable_says_why CHECK (
        (outcome IS NOT NULL AND outcome <> 'ok') = (reason IS NOT NULL)),
    CONSTRAINT what_is_unreadable_changes_nothing CHECK (
        outcome = 'ok' OR (added, changed, removed) = (0, 0, 0)),
    CONSTRAINT a_range_has_two_ends CHECK (
        (first_change_id IS NULL) = (last_change_id IS NULL)
        AND (first_change_id IS NULL) = (added + changed + removed = 0))
) WITH (fillfactor = 70);
CREATE INDEX scan_vault_by_shard ON scanner.scan_vault (scan_id, shard_id);
CREATE INDEX scan_vault_by_vault ON scanner.scan_vault (vault_id);

-- Scan and vault are no foreign keys: checking them would lock their one row for each of thousands
-- of entries, by many writers at once. The entry's item has its vault checked.
CREATE TABLE scanner.change (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    scan_id  uuid NOT NULL,
    item_id  bigint NOT NULL REFERENCES scanner.item (id),
    vault_id integer NOT NULL,
    what     text NOT NULL CHECK (what IN ('added', 'changed', 'removed', 'restored')),
    -- [{"field", "before", "after"}, …]: attributes only, an item has no value.
    fields   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT a_change_names_what_changed CHECK (what <> 'changed' OR fields <> '[]')
);
CREATE INDEX change_by_item ON scanner.change (item_id, id);
CREATE INDEX change_by_vault ON scanner.change (vault_id, id);
CREATE INDEX change_by_scan ON scanner.change (scan_id, id);

-- A step of an item's ladder, once for each expiry: announced, or passed unannounced because a
-- nearer step was crossed at the same time.
CREATE TABLE scanner.announcement (
    item_id        bigint NOT NULL REFERENCES scanner.item (id) ON DELETE CASCADE,
    expires_on     timestamptz NOT NULL,
    threshold_days integer NOT NULL CHECK (threshold_days >= 0),
    announced      boolean NOT NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (item_id, expires_on, threshold_days)
);

-- Listings too long for one transaction wait here; `look` is one reading of one vault.
CREATE TABLE scanner.staged (
    look        uuid NOT NULL,
    external_id text NOT NULL,
    body        jsonb NOT NULL,
    staged_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (look, external_id)
);
CREATE INDEX staged_by_time ON scanner.staged (staged_at);

CREATE VIEW scanner.v_scan AS
SELECT s.id, s.mode, s.state, s.outcome, s.requested_by, s.subscription_ids,
       s.requested_at, s.started_at, s.completed_at,
       coalesce(s.vaults, live.vaults) AS vaults,
       coalesce(s.vaults, live.vaults_done) AS vaults_done,
       coalesce(s.unreadable, live.unreadable) AS unreadable,
       coalesce(s.items, live.items) AS items,
       coalesce(s.added, live.added) AS added,
       coalesce(s.changed, live.changed) AS changed,
       coalesce(s.removed, live.removed) AS removed,
       s.error
FROM scanner.scan s
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS vaults,
           count(v.finished_at)::integer AS vaults_done,
           (count(*) FILTER (WHERE v.outcome <> 'ok'))::integer AS unreadable,
           coalesce(sum(v.items), 0)::bigint AS items,
           coalesce(sum(v.added), 0)::bigint AS added,
           coalesce(sum(v.changed), 0)::bigint AS changed,
           coalesce(sum(v.removed), 0)::bigint AS removed
    FROM scanner.scan_vault v
    WHERE v.scan_id = s.id AND s.state <> 'completed'
) live;

CREATE VIEW scanner.v_scan_vault AS
SELECT sv.scan_id, sv.vault_id, v.name AS vault_name, v.kind AS vault_kind, v.subscription_id,
       sub.name AS subscription_name, v.region,
       CASE WHEN sv.finished_at IS NULL THEN 'pending' ELSE 'done' END AS state,
       sv.outcome, sv.reason, sv.remedy, sv.items, sv.added, sv.changed, sv.removed, sv.finished_at
FROM scanner.scan_vault sv
JOIN scanner.vault v ON v.id = sv.vault_id
LEFT JOIN scanner.subscription sub ON sub.id = v.subscription_id;

CREATE VIEW scanner.v_shard AS
SELECT s.scan_id, s.shard_id, s.subscription_id, sub.name AS subscription_name, s.region,
       live.vaults, live.vaults_done, live.unreadable, live.items,
       CASE WHEN s.finished_at IS NULL THEN 'pending' ELSE 'done' END AS state
FROM scanner.shard s
LEFT JOIN scanner.subscription sub ON sub.id = s.subscription_id
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS vaults,
           count(v.finished_at)::integer AS vaults_done,
           (count(*) FILTER (WHERE v.outcome <> 'ok'))::integer AS unreadable,
           coalesce(sum(v.items), 0)::bigint AS items
    FROM scanner.scan_vault v
    WHERE v.scan_id = s.scan_id AND v.shard_id = s.shard_id
) live;

CREATE VIEW scanner.v_vault AS
SELECT v.id, v.kind, v.name, v.uri, v.resource_id, v.subscription_id,
       sub.name AS subscription_name, v.resource_group, v.region, v.sku, v.tags, v.rbac,
       v.created_on, v.outcome, v.outcome_reason, v.outcome_remedy, v.last_scanned_at,
       v.last_complete_at, v.items, v.deleted_at
FROM scanner.vault v
LEFT JOIN scanner.subscription sub ON sub.id = v.subscription_id;

-- LEFT JOINs to primary keys: a query that does not ask for the names does not pay for them.
CREATE VIEW scanner.v_item AS
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
       i.content_type, i.tags, i.recovery_level, i.recoverable_days, i.managed, i.version,
       i.thumbprint, i.application_object_id, i.application_id, i.application_name, i.search,
       i.first_seen_at, i.changed_at, i.deleted_at
FROM scanner.item i
LEFT JOIN scanner.vault v ON v.id = i.vault_id
LEFT JOIN scanner.subscription sub ON sub.id = i.subscription_id;

COMMENT ON COLUMN scanner.v_item.status IS
    'For showing, not for filtering: a condition on it reads every row. Filter by ranges, with the'
    ' bounds that let the index on exp_sort stop: enabled AND (not_before IS NULL OR not_before <='
    ' now()) AND … expired: exp_sort <= now(); critical: exp_sort > now() AND exp_sort < now() +'
    ' interval ''30 days'' AND critical_at < now(); warning: exp_sort > now() AND exp_sort < now()'
    ' + interval ''90 days'' AND warning_at < now() AND critical_at >= now(); healthy: exp_sort >'
    ' now() AND exp_sort < ''infinity'' AND warning_at >= now(); no_expiry: exp_sort = ''infinity''.';
COMMENT ON COLUMN scanner.v_item.search IS
    'Search by prefix of words: search @@ to_tsquery(''simple'', ''pay:* & prod:*'').';

CREATE VIEW scanner.v_change AS
SELECT c.id, c.at, c.scan_id, c.item_id, c.vault_id, i.kind, i.name, c.what, c.fields
FROM scanner.change c
LEFT JOIN scanner.item i ON i.id = c.item_id;
