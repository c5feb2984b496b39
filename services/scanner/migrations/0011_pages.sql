-- What decides whether an item belongs on a page is in the index that the page is found by: the
-- status, and a name in which a search looks for its words. A subscription is the list of its
-- vaults, so it needs no index, and the widest one goes.

DROP INDEX scanner.item_by_expiry;
CREATE INDEX item_by_expiry ON scanner.item (exp_sort, id)
    INCLUDE (warning_at, critical_at, not_before, vault_id, enabled, managed, name)
    WHERE deleted_at IS NULL;

DROP INDEX scanner.item_by_subscription;
DROP INDEX scanner.item_by_vault;
CREATE INDEX item_by_vault ON scanner.item (vault_id, exp_sort, id)
    INCLUDE (warning_at, critical_at, not_before, enabled, managed, name)
    WHERE deleted_at IS NULL;

-- PostgreSQL does not join two indexes that share a condition. Without one of its own this index is
-- joined with those of the orders, so that of a tag that is everywhere only a page's rows are read.
DROP INDEX scanner.item_by_tags;
CREATE INDEX item_by_tags ON scanner.item USING gin (tags jsonb_path_ops);

-- Healthy items follow in the order of expiry after all that are near their end, but for those that
-- are warned of late. Where nobody made rules of fewer days, there are none of these.
CREATE INDEX item_warned_late ON scanner.item (exp_sort, id)
    INCLUDE (warning_at, critical_at, not_before, vault_id, enabled, managed, name)
    WHERE deleted_at IS NULL AND exp_sort - warning_at < interval '30 days';
