-- The embedded bus, which is also the outbox of every other bus.
--
-- A message is stored once; a delivery is its place in one queue. `visible_at` is when a delivery
-- may be taken and, once taken, when its lease ends. Nobody touches the tables: services call the
-- functions below, which run as the owner and check that the caller's login owns the queue.

CREATE TABLE bus.backend (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    kind text NOT NULL CHECK (kind IN ('postgresql', 'rabbitmq')),
    address text NOT NULL,
    chosen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE bus.backend IS
    'Where events travel. postgresql: straight to the queues; else through the queue relay.';

CREATE TABLE bus.subscription (
    queue text PRIMARY KEY,
    type text NOT NULL
);
CREATE INDEX subscription_type ON bus.subscription (type);

CREATE TABLE bus.message (
    id uuid PRIMARY KEY,
    type text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL CHECK (octet_length(body) <= 196608),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX message_created_at ON bus.message (created_at);

CREATE TABLE bus.delivery (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    message_id uuid NOT NULL REFERENCES bus.message (id),
    route text,
    visible_at timestamptz NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    deliveries integer NOT NULL DEFAULT 0,
    lease uuid
);
CREATE INDEX delivery_due ON bus.delivery (queue, visible_at, seq);
CREATE INDEX delivery_message ON bus.delivery (message_id);
COMMENT ON COLUMN bus.delivery.route IS
    'For rows of the queue relay: the one queue to which the message goes; null: by its type.';
COMMENT ON COLUMN bus.delivery.attempt IS 'How often handling it has failed and was put off.';
COMMENT ON COLUMN bus.delivery.deliveries IS
    'How often it was handed out since the last failure; counts consumers that died with it.';

CREATE TABLE bus.dead_letter (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    message_id uuid NOT NULL,
    type text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    attempts integer NOT NULL,
    reason text NOT NULL,
    description text NOT NULL,
    dead_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dead_letter_queue ON bus.dead_letter (queue, seq);

CREATE TABLE bus.heartbeat (
    service text NOT NULL,
    instance text NOT NULL,
    version text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (service, instance)
);

-- Rows come and go by the thousand: vacuum by count, at once and without pauses.
ALTER TABLE bus.delivery SET (
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.0, autovacuum_vacuum_insert_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.0, autovacuum_analyze_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE bus.message SET (
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.0, autovacuum_vacuum_insert_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.0, autovacuum_analyze_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE bus.heartbeat SET (fillfactor = 50, autovacuum_vacuum_threshold = 200);

-- Who may touch a queue ------------------------------------------------------------------------

CREATE FUNCTION bus.check_owner(p_queue text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_queue IS DISTINCT FROM 'relay'
       AND split_part(p_queue, '.', 1) IS DISTINCT FROM session_user::text THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('the role %s does not own the queue %s', session_user, p_queue);
    END IF;
END $$;

-- Deliveries of queues that are the caller's, or of the relay, which is everybody's work.
CREATE FUNCTION bus.is_mine(p_queue text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p_queue = 'relay' OR split_part(p_queue, '.', 1) = session_user::text
$$;

-- Publishing -----------------------------------------------------------------------------------

CREATE FUNCTION bus.publish(
    p_id uuid, p_type text, p_headers text, p_body bytea, p_deliver_at timestamptz
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_headers jsonb := p_headers::jsonb;
    v_queue text;
BEGIN
    IF v_headers ->> 'ce-source' IS DISTINCT FROM session_user::text THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('the role %s cannot publish as %s',
                             session_user, v_headers ->> 'ce-source');
    END IF;
    -- Held to the transaction's end: a change of the topology waits for it, and whatever is
    -- published after such a change sees all of it.
    LOCK TABLE bus.subscription IN ACCESS SHARE MODE;
    INSERT INTO bus.message (id, type, headers, body)
    VALUES (p_id, p_type, v_headers, p_body)
    ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    FOR v_queue IN SELECT r.queue FROM bus.routes(p_type) r LOOP
        INSERT INTO bus.delivery (queue, message_id, visible_at)
        VALUES (v_queue, p_id, coalesce(p_deliver_at, now()));
        PERFORM pg_notify('bus', v_queue);
    END LOOP;
    RETURN true;
END $$;

-- The queues of this database into which a type goes: its subscribers' own, or the relay's.
CREATE FUNCTION bus.routes(p_type text) RETURNS TABLE (queue text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT CASE b.kind WHEN 'postgresql' THEN s.queue ELSE 'relay' END
      FROM bus.subscription s CROSS JOIN bus.backend b
     WHERE s.type = p_type
$$;

-- Consuming ------------------------------------------------------------------------------------

CREATE FUNCTION bus.claim(
    p_queue text, p_limit integer, p_lease uuid, p_seconds double precision,
    p_delivery_limit integer
) RETURNS TABLE (
    seq bigint, attempt integer, message_id uuid, type text, headers text, body bytea, route text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.check_owner(p_queue);
    RETURN QUERY
    WITH due AS (
        SELECT d.seq, d.deliveries >= p_delivery_limit AS spent
          FROM bus.delivery d
         WHERE d.queue = p_queue AND d.visible_at <= now()
         ORDER BY d.visible_at, d.seq
         LIMIT p_limit
           FOR UPDATE SKIP LOCKED
    ), spent AS (
        DELETE FROM bus.delivery d USING due
         WHERE d.seq = due.seq AND due.spent
        RETURNING d.queue, d.message_id, d.attempt
    ), buried AS (
        INSERT INTO bus.dead_letter
            (queue, message_id, type, headers, body, attempts, reason, description)
        SELECT s.queue, m.id, m.type, m.headers, m.body, s.attempt, 'delivery_limit',
               format('It was handed out %s times and never settled; its consumer may die of it.',
                      p_delivery_limit)
          FROM spent s JOIN bus.message m ON m.id = s.message_id
    )
    UPDATE bus.delivery d
       SET lease = p_lease, deliveries = d.deliveries + 1,
           visible_at = now() + make_interval(secs => p_seconds)
      FROM due, bus.message m
     WHERE d.seq = due.seq AND NOT due.spent AND m.id = d.message_id
    RETURNING d.seq, d.attempt, m.id, m.type, m.headers::text, m.body, d.route;
END $$;

-- Each of the following acts only under the lease that the claim gave: one that ran out and was
-- taken by another consumer changes nothing, and the caller is told so.

CREATE FUNCTION bus.complete(p_seqs bigint[], p_lease uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_count integer;
BEGIN
    DELETE FROM bus.delivery d
     WHERE d.seq = ANY (p_seqs) AND d.lease = p_lease AND bus.is_mine(d.queue);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

CREATE FUNCTION bus.retry(p_seq bigint, p_lease uuid, p_seconds double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE bus.delivery d
       SET lease = NULL, attempt = d.attempt + 1, deliveries = 0,
           visible_at = now() + make_interval(secs => p_seconds)
     WHERE d.seq = p_seq AND d.lease = p_lease AND bus.is_mine(d.queue);
    RETURN FOUND;
END $$;

CREATE FUNCTION bus.release(p_seqs bigint[], p_lease uuid, p_seconds double precision)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_queue text;
    v_count integer;
BEGIN
    WITH given AS (
        UPDATE bus.delivery d
           SET lease = NULL, deliveries = d.deliveries - 1,
               visible_at = now() + make_interval(secs => p_seconds)
         WHERE d.seq = ANY (p_seqs) AND d.lease = p_lease AND bus.is_mine(d.queue)
        RETURNING d.queue
    )
    SELECT min(given.queue), count(*) INTO v_queue, v_count FROM given;
    IF v_count > 0 AND p_seconds <= 0 THEN
        PERFORM pg_notify('bus', v_queue);
    END IF;
    RETURN v_count;
END $$;

CREATE FUNCTION bus.bury(p_seq bigint, p_lease uuid, p_reason text, p_description text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH gone AS (
        DELETE FROM bus.delivery d
         WHERE d.seq = p_seq AND d.lease = p_lease AND bus.is_mine(d.queue)
        RETURNING coalesce(d.route, d.queue) AS queue, d.message_id, d.attempt
    )
    INSERT INTO bus.dead_letter
        (queue, message_id, type, headers, body, attempts, reason, description)
    SELECT g.queue, m.id, m.type, m.headers, m.body, g.attempt + 1, p_reason, p_description
      FROM gone g JOIN bus.message m ON m.id = g.message_id;
    RETURN FOUND;
END $$;

CREATE FUNCTION bus.renew(p_seqs bigint[], p_leases uuid[], p_seconds double precision)
RETURNS TABLE (seq bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    UPDATE bus.delivery d
       SET visible_at = now() + make_interval(secs => p_seconds)
      FROM unnest(p_seqs, p_leases) AS held (seq, lease)
     WHERE d.seq = held.seq AND d.lease = held.lease AND bus.is_mine(d.queue)
    RETURNING d.seq;
END $$;

-- In how many seconds each of the caller's queues has something to take; now or overdue is <= 0.
CREATE FUNCTION bus.due(p_queues text[]) RETURNS TABLE (queue text, seconds double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT q.name, extract(epoch FROM first.visible_at - now())::double precision
      FROM unnest(p_queues) AS q (name)
      CROSS JOIN LATERAL (
          SELECT d.visible_at FROM bus.delivery d
           WHERE d.queue = q.name ORDER BY d.visible_at, d.seq LIMIT 1
      ) AS first
     WHERE bus.is_mine(q.name);
END $$;

-- Housekeeping ---------------------------------------------------------------------------------

-- Messages are kept for a while after their last delivery, so that publishing one again with the
-- same id changes nothing. Whoever finds another session at it leaves it alone.
CREATE FUNCTION bus.collect(p_keep_seconds double precision, p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_count integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('bus.collect')) THEN
        RETURN 0;
    END IF;
    DELETE FROM bus.message m
     WHERE m.id IN (
        SELECT old.id FROM bus.message old
         WHERE old.created_at < now() - make_interval(secs => greatest(p_keep_seconds, 60))
           AND NOT EXISTS (SELECT FROM bus.delivery d WHERE d.message_id = old.id)
         ORDER BY old.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED
     );
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- Seconds since the oldest message that could have been taken became so; 0 when none waits.
CREATE FUNCTION bus.lag(p_queues text[]) RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(extract(epoch FROM now() - min(m.created_at)), 0)::double precision
      FROM unnest(p_queues) AS q (name)
      CROSS JOIN LATERAL (
          SELECT d.message_id FROM bus.delivery d
           WHERE d.queue = q.name AND d.visible_at <= now() ORDER BY d.visible_at, d.seq LIMIT 1
      ) AS first
      JOIN bus.message m ON m.id = first.message_id
     WHERE bus.is_mine(q.name)
$$;

CREATE FUNCTION bus.chosen_backend() RETURNS TABLE (kind text, address text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT b.kind, b.address FROM bus.backend b
$$;

CREATE FUNCTION bus.beat(p_instance text, p_version text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO bus.heartbeat (service, instance, version, seen_at)
    VALUES (session_user, p_instance, p_version, now())
    ON CONFLICT (service, instance)
    DO UPDATE SET version = excluded.version, seen_at = excluded.seen_at;
    DELETE FROM bus.heartbeat h
     WHERE h.service = session_user AND h.instance <> p_instance
       AND h.seen_at < now() - interval '1 hour';
END $$;

CREATE FUNCTION bus.seen() RETURNS TABLE (
    service text, instance text, version text, seen_at timestamptz, age_seconds double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.service, h.instance, h.version, h.seen_at,
           extract(epoch FROM clock_timestamp() - h.seen_at)::double precision
      FROM bus.heartbeat h
     ORDER BY h.service, h.seen_at
$$;

-- Operating: for the gateway alone --------------------------------------------------------------

CREATE FUNCTION bus.depths() RETURNS TABLE (
    queue text, ready bigint, delayed bigint, in_flight bigint, dead bigint
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH names AS (
        SELECT s.queue FROM bus.subscription s
        UNION SELECT d.queue FROM bus.delivery d
        UNION SELECT l.queue FROM bus.dead_letter l
        UNION SELECT 'relay'
    ), live AS (
        SELECT d.queue,
               count(*) FILTER (WHERE d.visible_at <= now()) AS ready,
               count(*) FILTER (WHERE d.visible_at > now() AND d.lease IS NULL) AS delayed,
               count(*) FILTER (WHERE d.visible_at > now() AND d.lease IS NOT NULL) AS in_flight
          FROM bus.delivery d GROUP BY d.queue
    ), dead AS (
        SELECT l.queue, count(*) AS dead FROM bus.dead_letter l GROUP BY l.queue
    )
    SELECT n.queue, coalesce(live.ready, 0), coalesce(live.delayed, 0),
           coalesce(live.in_flight, 0), coalesce(dead.dead, 0)
      FROM names n
      LEFT JOIN live ON live.queue = n.queue
      LEFT JOIN dead ON dead.queue = n.queue
     ORDER BY n.queue
$$;

CREATE FUNCTION bus.dead_letters(p_queue text, p_limit integer) RETURNS TABLE (
    queue text, message_id uuid, type text, headers text, body bytea, attempts integer,
    reason text, description text, dead_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.queue, l.message_id, l.type, l.headers::text, l.body, l.attempts, l.reason,
           l.description, l.dead_at
      FROM bus.dead_letter l
     WHERE p_queue IS NULL OR l.queue = p_queue
     ORDER BY l.seq DESC LIMIT p_limit
$$;

-- Puts dead letters back into their queue (through the relay, where that is the way), as new.
CREATE FUNCTION bus.replay(p_queue text, p_message_id uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_letter record;
    v_external boolean := (SELECT b.kind <> 'postgresql' FROM bus.backend b);
    v_count integer := 0;
BEGIN
    FOR v_letter IN
        DELETE FROM bus.dead_letter l
         WHERE l.queue = p_queue AND (p_message_id IS NULL OR l.message_id = p_message_id)
        RETURNING l.queue, l.message_id, l.type, l.headers, l.body
    LOOP
        INSERT INTO bus.message (id, type, headers, body)
        VALUES (v_letter.message_id, v_letter.type, v_letter.headers, v_letter.body)
        ON CONFLICT (id) DO UPDATE SET created_at = now();
        INSERT INTO bus.delivery (queue, message_id, route, visible_at)
        VALUES (CASE WHEN v_external THEN 'relay' ELSE v_letter.queue END, v_letter.message_id,
                CASE WHEN v_external THEN v_letter.queue END, now());
        v_count := v_count + 1;
    END LOOP;
    IF v_count > 0 THEN
        PERFORM pg_notify('bus', CASE WHEN v_external THEN 'relay' ELSE p_queue END);
    END IF;
    RETURN v_count;
END $$;

CREATE FUNCTION bus.purge(p_queue text, p_message_id uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_count integer;
BEGIN
    DELETE FROM bus.dead_letter l
     WHERE l.queue = p_queue AND (p_message_id IS NULL OR l.message_id = p_message_id);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- Grants ---------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bus FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
    bus.publish(uuid, text, text, bytea, timestamptz),
    bus.claim(text, integer, uuid, double precision, integer),
    bus.complete(bigint[], uuid),
    bus.retry(bigint, uuid, double precision),
    bus.release(bigint[], uuid, double precision),
    bus.bury(bigint, uuid, text, text),
    bus.renew(bigint[], uuid[], double precision),
    bus.due(text[]),
    bus.collect(double precision, integer),
    bus.lag(text[]),
    bus.chosen_backend(),
    bus.beat(text, text),
    bus.seen()
TO scanner, rotator, syncer, alerting, licensing, gateway;

GRANT EXECUTE ON FUNCTION
    bus.depths(),
    bus.dead_letters(text, integer),
    bus.replay(text, uuid),
    bus.purge(text, uuid)
TO gateway;

GRANT USAGE ON SCHEMA bus TO scanner, rotator, syncer, alerting, licensing, gateway;
