-- Rules on thresholds, the items that still carry windows of a former rule, and the sweep's clock.

-- One rule for a scope. A rule without a number says nothing; it stays, so that an older request
-- that arrives later cannot bring it back.
CREATE TABLE scanner.threshold (
    scope            text NOT NULL CHECK (
        scope IN ('global', 'subscription', 'vault', 'tag', 'item')),
    name             text NOT NULL,
    warning_days     integer,
    critical_days    integer,
    warning_percent  integer,
    critical_percent integer,
    requested_by     text NOT NULL,
    asked_at         timestamptz NOT NULL,
    message_id       uuid NOT NULL,
    PRIMARY KEY (scope, name),
    CONSTRAINT the_global_scope_has_no_name CHECK ((scope = 'global') = (name = '')),
    CONSTRAINT days_come_in_pairs CHECK (num_nulls(warning_days, critical_days) IN (0, 2)),
    CONSTRAINT days_are_in_order CHECK (
        warning_days <= 90 AND warning_days > critical_days AND critical_days BETWEEN 1 AND 30),
    CONSTRAINT percents_come_in_pairs CHECK (
        num_nulls(warning_percent, critical_percent) IN (0, 2)),
    CONSTRAINT percents_are_in_order CHECK (
        warning_percent < 100 AND warning_percent > critical_percent AND critical_percent >= 1)
);

-- Vaults whose items in a rule's scope still carry windows of the former rule.
CREATE TABLE scanner.threshold_backlog (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope      text NOT NULL,
    name       text NOT NULL,
    vault_id   integer NOT NULL REFERENCES scanner.vault (id),
    after_item bigint NOT NULL DEFAULT 0,
    FOREIGN KEY (scope, name) REFERENCES scanner.threshold (scope, name)
);
CREATE INDEX threshold_backlog_by_rule ON scanner.threshold_backlog (scope, name);

-- The moment by which the last sweep judged: a clock that is behind it has gone back.
CREATE TABLE scanner.sweep_clock (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    swept_at timestamptz NOT NULL
);

-- What was announced of a credential counts for its successors with the same end, also when it is
-- gone.
CREATE INDEX item_by_logical_credential ON scanner.item (application_object_id, kind, name)
    WHERE application_object_id IS NOT NULL;

CREATE VIEW scanner.v_threshold AS
SELECT t.scope, t.name, t.warning_days, t.critical_days, t.warning_percent, t.critical_percent,
       t.requested_by, t.asked_at,
       NOT EXISTS (
           SELECT FROM scanner.threshold_backlog b WHERE b.scope = t.scope AND b.name = t.name
       ) AS applied
FROM scanner.threshold t
WHERE num_nonnulls(t.warning_days, t.warning_percent) > 0;

COMMENT ON VIEW scanner.v_threshold IS
'Rules on thresholds, one row per scope. name: the subscription''s id, the vault''s or item''s id, or
key=text of a tag; empty for the global scope. applied: every item in scope is judged by it.';
