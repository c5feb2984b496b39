-- Settles deliveries of several claims in one statement; returns those that were still ours. The one
-- with a single lease stays for services of the release before, which run on during an upgrade.
CREATE FUNCTION bus.complete(p_seqs bigint[], p_leases uuid[]) RETURNS TABLE (seq bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    DELETE FROM bus.delivery d
     USING unnest(p_seqs, p_leases) AS done (seq, lease)
     WHERE d.seq = done.seq AND d.lease = done.lease AND bus.is_mine(d.queue)
    RETURNING d.seq;
END $$;

REVOKE ALL ON FUNCTION bus.complete(bigint[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bus.complete(bigint[], uuid[])
TO scanner, rotator, syncer, alerting, licensing, gateway;
