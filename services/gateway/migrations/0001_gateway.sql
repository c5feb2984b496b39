-- The gateway: who may come in, what they asked for, and what happened while they watched.

CREATE TABLE gateway.app_user (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username      text NOT NULL CHECK (length(username) BETWEEN 1 AND 64),
    role          text NOT NULL CHECK (role IN ('viewer', 'auditor', 'operator', 'approver', 'admin')),
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz
);
CREATE UNIQUE INDEX app_user_username ON gateway.app_user (lower(username));
COMMENT ON COLUMN gateway.app_user.password_hash IS 'argon2id, with its parameters and salt.';

CREATE TABLE gateway.session (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES gateway.app_user (id),
    carrier      text NOT NULL CHECK (carrier IN ('cookie', 'bearer')),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    revoked_at   timestamptz,
    network      text NOT NULL,
    user_agent   text NOT NULL,
    CHECK (expires_at > created_at)
);
CREATE INDEX session_by_user ON gateway.session (user_id);
CREATE INDEX session_expires_at ON gateway.session (expires_at);
COMMENT ON TABLE gateway.session IS
'The truth about who is signed in. A token only points at a row here.';

-- Names are kept as keyed fingerprints: people type passwords into the wrong field.
CREATE TABLE gateway.login_standing (
    account         bytea NOT NULL,
    network         text NOT NULL,
    failures        integer NOT NULL CHECK (failures >= 0),
    last_failure_at timestamptz,
    locked_until    timestamptz,
    PRIMARY KEY (account, network)
);
CREATE INDEX login_standing_age ON gateway.login_standing (last_failure_at);
COMMENT ON COLUMN gateway.login_standing.network IS 'An IPv4 address, an IPv6 /64, or * for all.';

-- Limits of requests are forgotten in a crash; that is why they cost no write-ahead log.
CREATE UNLOGGED TABLE gateway.rate_bucket (
    key        text PRIMARY KEY,
    tokens     double precision NOT NULL,
    refused    boolean NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX rate_bucket_age ON gateway.rate_bucket (updated_at);

CREATE TABLE gateway.setup_token (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    hash       bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE gateway.setup_token IS
'SHA-256 of the one-time token for the first administrator; no row once it was used.';

CREATE TABLE gateway.keyring (
    purpose    text PRIMARY KEY CHECK (purpose IN ('data', 'audit', 'fingerprint', 'session')),
    wrapped    text NOT NULL CHECK (wrapped LIKE 'cc1:%'),
    salt       bytea NOT NULL,
    iterations integer NOT NULL,
    created_at timestamptz NOT NULL,
    wrapped_at timestamptz NOT NULL
);
COMMENT ON TABLE gateway.keyring IS
'Random data keys, wrapped by a key that PBKDF2 makes of SECRET_KEY with this salt.';

CREATE TABLE gateway.signing_key (
    kid         text PRIMARY KEY,
    public_key  bytea NOT NULL,
    private_key text NOT NULL CHECK (private_key LIKE 'cc1:%'),
    created_at  timestamptz NOT NULL
);
COMMENT ON TABLE gateway.signing_key IS
'Ed25519 keys of session tokens, newest signs, each is accepted until its last token has ended.';

CREATE TABLE gateway.scan_request (
    id               uuid PRIMARY KEY,
    mode             text NOT NULL,
    subscription_ids text[] NOT NULL,
    requested_by     text NOT NULL,
    requested_at     timestamptz NOT NULL
);
CREATE INDEX scan_request_requested_at ON gateway.scan_request (requested_at DESC, id);
COMMENT ON TABLE gateway.scan_request IS
'Scans that were asked for here. The scanner has its own row once it has heard.';

CREATE TABLE gateway.idempotency (
    user_id    uuid NOT NULL REFERENCES gateway.app_user (id),
    key        text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    request    bytea NOT NULL,
    location   text,
    answer     jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_created_at ON gateway.idempotency (created_at);
COMMENT ON COLUMN gateway.idempotency.request IS 'SHA-256 of the method, the path and the body.';

-- The counter's row is locked until the event that took its number is committed. So numbers become
-- visible in their order, without gaps, and a reader who asks for what is above the last number it
-- has seen misses nothing. An identity column would not do: it is drawn before the commit.
CREATE TABLE gateway.live_head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    last bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO gateway.live_head (last) VALUES (0);

CREATE TABLE gateway.live_event (
    id             bigint PRIMARY KEY,
    at             timestamptz NOT NULL,
    type           text NOT NULL,
    message_id     uuid NOT NULL,
    correlation_id uuid NOT NULL,
    summary        text NOT NULL,
    data           jsonb NOT NULL
);
CREATE INDEX live_event_at ON gateway.live_event (at);
COMMENT ON COLUMN gateway.live_event.data IS 'The event as it was on the bus; it never has a value.';
