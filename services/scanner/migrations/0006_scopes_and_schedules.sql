-- What a scan is narrowed to, what is left out by choice, when scans come by themselves, how long
-- what they found is kept, and the posture of each day.

ALTER TABLE scanner.scan
    ADD COLUMN selector    text NOT NULL DEFAULT '',
    ADD COLUMN schedule_id uuid,
    -- Vaults that SCAN_SCOPE left out of this scan.
    ADD COLUMN excluded    integer NOT NULL DEFAULT 0 CHECK (excluded >= 0);

-- Since when SCAN_SCOPE leaves a source out. Its items stay as they were seen last.
ALTER TABLE scanner.vault ADD COLUMN excluded_at timestamptz;

-- A schedule that was removed stays as a row: a late message must not bring it back, and the default
-- is not seeded again.
CREATE TABLE scanner.schedule (
    id               uuid PRIMARY KEY,
    revision         bigint NOT NULL CHECK (revision > 0),
    name             text NOT NULL,
    cron             text NOT NULL,
    time_zone        text NOT NULL,
    mode             text NOT NULL CHECK (mode IN ('full', 'delta', 'force')),
    subscription_ids text[] NOT NULL DEFAULT '{}',
    selector         text NOT NULL DEFAULT '',
    jitter_seconds   integer NOT NULL CHECK (jitter_seconds >= 0),
    enabled          boolean NOT NULL,
    requested_by     text NOT NULL,
    changed_at       timestamptz NOT NULL DEFAULT now(),
    removed_at       timestamptz,
    -- Its next time, before jitter; none while it is not to run.
    next_at          timestamptz,
    last_scan_id     uuid,
    -- What became of its last time: a sentence when no scan was started.
    last_at          timestamptz,
    last_note        text
);

-- The times that were dealt with: the key lets each have one scan at most, whatever clocks do.
CREATE TABLE scanner.schedule_run (
    schedule_id uuid NOT NULL REFERENCES scanner.schedule (id),
    due_at      timestamptz NOT NULL,
    at          timestamptz NOT NULL,
    scan_id     uuid,
    PRIMARY KEY (schedule_id, due_at)
);
CREATE INDEX schedule_run_by_time ON scanner.schedule_run (at);

-- The newest entry of the change feed about the source when its look was written: what comes above it
-- happened after the look. Unknown for looks of the release before.
ALTER TABLE scanner.scan_vault ADD COLUMN change_mark bigint;

-- Since when the change feed is whole; what is older was deleted.
CREATE TABLE scanner.feed_kept (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    since timestamptz NOT NULL
);

CREATE INDEX item_gone ON scanner.item (deleted_at) WHERE deleted_at IS NOT NULL;

-- One row for a day and a subscription, or '' for the directory: what the numbers rest on.
CREATE TABLE scanner.posture_day (
    day             date NOT NULL,
    subscription_id text NOT NULL,
    taken_at        timestamptz NOT NULL,
    vaults          integer NOT NULL,
    unreadable      integer NOT NULL,
    excluded        integer NOT NULL,
    PRIMARY KEY (day, subscription_id)
);
CREATE TABLE scanner.posture_count (
    day             date NOT NULL,
    subscription_id text NOT NULL,
    kind            text NOT NULL,
    status          text NOT NULL,
    items           bigint NOT NULL,
    PRIMARY KEY (day, subscription_id, kind, status),
    FOREIGN KEY (day, subscription_id) REFERENCES scanner.posture_day ON DELETE CASCADE
);

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
       coalesce(s.details_pending, live.details_pending, 0) AS details_pending,
       s.selector, s.schedule_id, s.excluded
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

CREATE VIEW scanner.v_vault_scope AS
SELECT v.id, v.excluded_at FROM scanner.vault v;

CREATE VIEW scanner.v_schedule AS
SELECT s.id, s.revision, s.name, s.cron, s.time_zone, s.mode, s.subscription_ids, s.selector,
       s.jitter_seconds, s.enabled, s.requested_by, s.changed_at, s.removed_at, s.next_at,
       s.last_at, s.last_scan_id, s.last_note
FROM scanner.schedule s;

CREATE VIEW scanner.v_posture_daily AS
SELECT d.day, d.taken_at, nullif(d.subscription_id, '') AS subscription_id, d.vaults, d.unreadable,
       d.excluded, c.kind, c.status, c.items
FROM scanner.posture_day d
LEFT JOIN scanner.posture_count c ON c.day = d.day AND c.subscription_id = d.subscription_id;

CREATE OR REPLACE VIEW scanner.v_scan_vault AS
SELECT sv.scan_id, sv.vault_id, v.name AS vault_name, v.kind AS vault_kind, v.subscription_id,
       sub.name AS subscription_name, v.region,
       CASE WHEN sv.finished_at IS NULL THEN 'pending' ELSE 'done' END AS state,
       sv.outcome, sv.reason, sv.remedy, sv.items, sv.added, sv.changed, sv.removed,
       sv.finished_at, sv.change_mark
FROM scanner.scan_vault sv
JOIN scanner.vault v ON v.id = sv.vault_id
LEFT JOIN scanner.subscription sub ON sub.id = v.subscription_id;

CREATE VIEW scanner.v_feed_kept AS SELECT k.since FROM scanner.feed_kept k;
