-- The budget of requests of each subscription and region, shared by all replicas. Unlogged: it costs
-- no write-ahead log, and what is left of it after a crash, nothing, means the full rate.
--
-- Times are seconds since 1970 by this server's clock; services.scanner.domain.budget says what the
-- columns mean.
CREATE UNLOGGED TABLE scanner.budget (
    subscription_id text NOT NULL,
    region          text NOT NULL,
    rate            double precision NOT NULL CHECK (rate > 0),
    holds_until     double precision NOT NULL,
    free_at         double precision NOT NULL,
    -- When a replica last asked.
    asked_at        double precision NOT NULL,
    PRIMARY KEY (subscription_id, region)
) WITH (fillfactor = 30);
