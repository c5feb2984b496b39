-- Whether scans look at a subscription, who said so, and by which message.

ALTER TABLE scanner.subscription
    ADD COLUMN watched boolean NOT NULL DEFAULT true,
    ADD COLUMN watch_requested_by text,
    ADD COLUMN watch_asked_at timestamptz,
    ADD COLUMN watch_message_id uuid,
    ADD CONSTRAINT whoever_asked_is_known CHECK (
        num_nulls(watch_requested_by, watch_asked_at, watch_message_id) IN (0, 3));

CREATE VIEW scanner.v_subscription AS
SELECT s.id, s.name, s.state, s.seen_at, s.watched, s.watch_requested_by, s.watch_asked_at,
       v.vaults, v.items, v.unread, v.last_scanned_at,
       s.grants_outcome, s.grants_reason, s.grants_remedy
FROM scanner.subscription s
LEFT JOIN LATERAL (
    SELECT count(*) AS vaults, coalesce(sum(v.items), 0)::bigint AS items,
           count(*) FILTER (WHERE v.outcome <> 'ok') AS unread,
           max(v.last_scanned_at) AS last_scanned_at
    FROM scanner.vault v
    WHERE v.subscription_id = s.id AND v.deleted_at IS NULL
) v ON true;
