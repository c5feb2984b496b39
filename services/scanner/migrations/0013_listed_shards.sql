-- When every source of a shard had an outcome. Its details are asked for when all shards of the scan
-- are so far; code that does not know the column finishes a shard without setting it.
ALTER TABLE scanner.shard ADD COLUMN listed_at timestamptz;
