-- What was asked for here about scans: a scope, and schedules.

ALTER TABLE gateway.scan_request ADD COLUMN selector text NOT NULL DEFAULT '';

CREATE TABLE gateway.schedule_request (
    id               uuid PRIMARY KEY,
    revision         bigint NOT NULL,
    removed          boolean NOT NULL,
    name             text NOT NULL,
    cron             text NOT NULL,
    time_zone        text NOT NULL,
    mode             text NOT NULL,
    subscription_ids text[] NOT NULL,
    selector         text NOT NULL,
    jitter_seconds   integer NOT NULL,
    enabled          boolean NOT NULL,
    requested_by     text NOT NULL,
    requested_at     timestamptz NOT NULL
);
COMMENT ON TABLE gateway.schedule_request IS
'What was last asked for each schedule. The scanner''s row stands for it once it has that revision.';
