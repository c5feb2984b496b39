-- The rotator's memory of what it was told: one row per item that comes to its end.

CREATE TABLE rotator.noticed (
    item_id         bigint PRIMARY KEY,
    kind            text NOT NULL,
    name            text NOT NULL,
    container       text NOT NULL,
    subscription_id text,
    expires_on      timestamptz NOT NULL,
    threshold_days  integer NOT NULL,
    told_at         timestamptz NOT NULL
);
COMMENT ON TABLE rotator.noticed IS
'Credentials that were announced as expiring. Nothing acts on a row: whoever reads it looks at
scanner.v_item first, because the credential may have been renewed since.';
