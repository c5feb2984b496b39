-- What a page or a figure of the inventory is read from without visiting the rows. The columns
-- behind INCLUDE decide a status, a reader's scope and whether an item counts by itself.

DROP INDEX scanner.item_by_expiry;
CREATE INDEX item_by_expiry ON scanner.item (exp_sort, id)
    INCLUDE (warning_at, critical_at, not_before, vault_id, enabled, managed)
    WHERE deleted_at IS NULL;

CREATE INDEX item_by_name ON scanner.item (name, id) INCLUDE (vault_id) WHERE deleted_at IS NULL;
CREATE INDEX item_by_change ON scanner.item (changed_at, id) INCLUDE (vault_id)
    WHERE deleted_at IS NULL;

-- Few items are disabled or begin later, so that walking the others for them would take long.
CREATE INDEX item_disabled ON scanner.item (exp_sort, id) INCLUDE (vault_id, managed)
    WHERE deleted_at IS NULL AND NOT enabled;
CREATE INDEX item_by_begin ON scanner.item (not_before, exp_sort, id) INCLUDE (vault_id, managed)
    WHERE deleted_at IS NULL AND enabled AND not_before IS NOT NULL;

-- Counts by kind. Equal keys are stored once, so that a million items take a few megabytes.
CREATE INDEX item_by_kind ON scanner.item (kind, vault_id) WHERE deleted_at IS NULL AND NOT managed;

-- What items are found by. Without joins: even those that a query does not use keep it from being
-- answered by an index alone.
CREATE VIEW scanner.v_item_key AS
SELECT i.id, i.vault_id, i.subscription_id, i.kind, i.name, i.enabled, i.not_before, i.exp_sort,
       i.warning_at, i.critical_at, i.managed, i.tags, i.search, i.changed_at, i.deleted_at
FROM scanner.item i;
