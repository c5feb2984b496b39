-- How much of the caller's queues waits to be taken, and since how many seconds. Counting ends at a
-- hundred thousand: it is done every few seconds by everybody.
CREATE FUNCTION bus.waiting(p_queues text[]) RETURNS TABLE (
    depth bigint, seconds double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT count(*) FROM (
                SELECT FROM unnest(p_queues) AS q (name)
                  JOIN bus.delivery d ON d.queue = q.name AND d.visible_at <= now()
                 WHERE bus.is_mine(q.name)
                 LIMIT 100000
            ) AS counted),
           bus.lag(p_queues)
$$;

-- For the gateway alone. A consumer is a process of the queue's service that was heard of lately;
-- of the outbox, a process of any service.
CREATE FUNCTION bus.queue_depths() RETURNS TABLE (
    queue text, ready bigint, delayed bigint, in_flight bigint, dead bigint,
    age_seconds double precision, consumers bigint
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT n.queue, n.ready, n.delayed, n.in_flight, n.dead,
           coalesce(extract(epoch FROM now() - first.created_at), 0)::double precision,
           (SELECT count(*) FROM bus.heartbeat h
             WHERE h.seen_at > now() - interval '20 seconds'
               AND h.service IN (split_part(n.queue, '.', 1),
                                 CASE n.queue WHEN 'relay' THEN h.service END))
      FROM bus.depths() n
      LEFT JOIN LATERAL (
          SELECT m.created_at
            FROM (SELECT d.message_id FROM bus.delivery d
                   WHERE d.queue = n.queue AND d.visible_at <= now()
                   ORDER BY d.visible_at, d.seq LIMIT 1) AS oldest
            JOIN bus.message m ON m.id = oldest.message_id
      ) AS first ON true
$$;

-- One dead letter of a queue; of several with one id, the newest.
CREATE FUNCTION bus.dead_letter(p_queue text, p_message_id uuid) RETURNS TABLE (
    queue text, message_id uuid, type text, headers text, body bytea, attempts integer,
    reason text, description text, dead_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.queue, l.message_id, l.type, l.headers::text, l.body, l.attempts, l.reason,
           l.description, l.dead_at
      FROM bus.dead_letter l
     WHERE l.queue = p_queue AND l.message_id = p_message_id
     ORDER BY l.seq DESC LIMIT 1
$$;

REVOKE ALL ON FUNCTION
    bus.waiting(text[]), bus.queue_depths(), bus.dead_letter(text, uuid)
FROM PUBLIC;

GRANT EXECUTE ON FUNCTION bus.waiting(text[])
TO scanner, rotator, syncer, alerting, licensing, gateway;

GRANT EXECUTE ON FUNCTION bus.queue_depths(), bus.dead_letter(text, uuid) TO gateway;
