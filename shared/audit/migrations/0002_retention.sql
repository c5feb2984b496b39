-- The oldest entries may go, up to a signed checkpoint: from there the rest is verified.

CREATE OR REPLACE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME <> 'checkpoint'
       AND current_setting('audit.pruning', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit.% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

-- Delete entries that were sealed before an instant, up to the last checkpoint among the oldest
-- `most` (or the first checkpoint there is beyond them), and write into the log that it was done.
-- Returns how many went; 0: there is nothing to delete, or somebody else seals or deletes just now.
-- The newest link always stays: the next one continues it.
CREATE FUNCTION prune(before timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = audit, pg_catalog AS $$
DECLARE
    oldest bigint;
    newest bigint;
    through bigint;
    done integer;
BEGIN
    IF before > clock_timestamp() - interval '90 days' THEN
        RAISE EXCEPTION 'audit entries of the last 90 days are not deleted'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('certifyclouds.audit.seal', 0)) THEN
        RETURN 0;
    END IF;
    SELECT min(s.position), max(s.position) INTO oldest, newest FROM seal AS s;
    SELECT c.position INTO through
      FROM checkpoint AS c
      JOIN seal AS s ON s.position = c.position AND s.hash = c.hash
     WHERE s.sealed_at < before AND c.position < newest
     ORDER BY c.position >= oldest + most,
              CASE WHEN c.position < oldest + most THEN -c.position ELSE c.position END
     LIMIT 1;
    IF through IS NULL
       OR EXISTS (SELECT FROM seal AS s WHERE s.position <= through AND s.sealed_at >= before) THEN
        RETURN 0;
    END IF;
    PERFORM set_config('audit.pruning', 'on', true);
    WITH gone AS (DELETE FROM seal AS s WHERE s.position <= through RETURNING s.entry_id)
    DELETE FROM entry AS e USING gone WHERE e.id = gone.entry_id;
    GET DIAGNOSTICS done = ROW_COUNT;
    PERFORM set_config('audit.pruning', 'off', true);
    INSERT INTO entry (action, actor, subject, outcome, amount)
    VALUES ('audit:pruned', session_user, 'position ' || through, 'done', done);
    RETURN done;
END $$;

REVOKE EXECUTE ON FUNCTION prune(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune(timestamptz, integer) TO gateway;
