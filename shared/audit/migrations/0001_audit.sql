-- What happened. Services add rows and can do nothing else; columns without an INSERT grant are the
-- database's own testimony.
CREATE TABLE entry (
    xid            xid8        NOT NULL DEFAULT pg_current_xact_id(),
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    service        name        NOT NULL DEFAULT session_user,
    action         text        NOT NULL CHECK (action ~ '^[a-z-]+:[a-z-]+$'),
    actor          text        NOT NULL CHECK (length(actor) BETWEEN 1 AND 300),
    subject        text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 300),
    outcome        text        NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
    correlation_id uuid,
    address        text        CHECK (length(address) <= 100),
    scope          text        CHECK (length(scope) <= 300),
    reason         text        CHECK (length(reason) <= 500),
    amount         bigint      CHECK (amount >= 0),
    before         text        CHECK (length(before) <= 300),
    after          text        CHECK (length(after) <= 300)
);
CREATE INDEX entry_at ON entry (at);

-- The chain: hash = SHA-256(previous hash, canonical form of position, time and entry).
CREATE TABLE seal (
    position  bigint      PRIMARY KEY CHECK (position > 0),
    entry_id  bigint      NOT NULL UNIQUE,
    sealed_at timestamptz NOT NULL,
    hash      bytea       NOT NULL CHECK (length(hash) = 32)
);

-- The chain's head, signed; each row was exported before it was written here.
CREATE TABLE checkpoint (
    position  bigint      PRIMARY KEY,
    hash      bytea       NOT NULL CHECK (length(hash) = 32),
    at        timestamptz NOT NULL,
    key_id    text        NOT NULL CHECK (length(key_id) BETWEEN 1 AND 64),
    signature bytea       NOT NULL CHECK (length(signature) = 64)
);

CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'audit.% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['entry', 'seal', 'checkpoint'] LOOP
        EXECUTE format('CREATE TRIGGER deny_change BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION deny()', name);
        EXECUTE format('CREATE TRIGGER deny_truncate BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION deny()', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER deny_change', name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER deny_truncate', name);
    END LOOP;
END $$;

-- One field of the canonical form. The length in front makes it unambiguous; NULL is not ''.
CREATE FUNCTION field(value text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
RETURN coalesce(octet_length(value)::text || ':' || value, '-') || ',';

CREATE FUNCTION micros(instant timestamptz) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog
RETURN (extract(epoch FROM instant) * 1000000)::bigint::text;

-- The same as shared/audit/chain.py computes; a test holds the two together.
CREATE FUNCTION link(previous bytea, place bigint, sealed_at timestamptz, e entry) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = audit, pg_catalog
RETURN sha256(previous || convert_to(
    field('1') || field(place::text) || field(micros(sealed_at))
    || field(e.xid::text) || field(e.id::text) || field(micros(e.at)) || field(e.service::text)
    || field(e.action) || field(e.actor) || field(e.subject) || field(e.outcome)
    || field(e.correlation_id::text) || field(e.address) || field(e.scope) || field(e.reason)
    || field(e.amount::text) || field(e.before) || field(e.after), 'UTF8'));

-- Seal up to `most` entries that nothing older can join any more, and return how many.
-- One sealer at a time; another one returns 0 at once. Writers are never waited for and never wait.
CREATE FUNCTION seal_entries(since timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = audit, pg_catalog AS $$
DECLARE
    e entry;
    now_at CONSTANT timestamptz := clock_timestamp();
    last_hash bytea;
    last_position bigint;
    done integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('certifyclouds.audit.seal', 0)) THEN
        RETURN 0;
    END IF;
    SELECT s.position, s.hash INTO last_position, last_hash
      FROM seal AS s ORDER BY s.position DESC LIMIT 1;
    last_position := coalesce(last_position, 0);
    last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
    FOR e IN
        SELECT c.*
          FROM entry AS c
         WHERE c.at >= since
           -- Below xmin every transaction has ended. A visible row at or above xmax can only come
           -- from another server, restored here: no transaction of this one will write it again.
           AND (c.xid < pg_snapshot_xmin(pg_current_snapshot())
                OR c.xid >= pg_snapshot_xmax(pg_current_snapshot()))
           AND NOT EXISTS (SELECT FROM seal AS s WHERE s.entry_id = c.id)
         ORDER BY c.xid, c.id
         LIMIT most
    LOOP
        last_position := last_position + 1;
        last_hash := link(last_hash, last_position, now_at, e);
        INSERT INTO seal (position, entry_id, sealed_at, hash)
        VALUES (last_position, e.id, now_at, last_hash);
        done := done + 1;
    END LOOP;
    RETURN done;
END $$;

GRANT INSERT (action, actor, subject, outcome, correlation_id, address, scope, reason, amount,
              before, after)
   ON entry TO scanner, rotator, syncer, alerting, licensing, gateway;
GRANT SELECT ON entry, seal, checkpoint TO gateway;
GRANT INSERT (position, hash, at, key_id, signature) ON checkpoint TO gateway;
GRANT EXECUTE ON FUNCTION seal_entries(timestamptz, integer) TO gateway;
