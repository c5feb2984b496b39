-- Second factors: one-time codes by time (RFC 6238), and recovery codes for a device that was lost.

CREATE TABLE gateway.second_factor (
    user_id      uuid PRIMARY KEY REFERENCES gateway.app_user (id),
    secret       text NOT NULL CHECK (secret LIKE 'cc1:%'),
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint NOT NULL DEFAULT 0
);
COMMENT ON COLUMN gateway.second_factor.confirmed_at IS
'When a first code proved that the device has the secret; before that it is asked for nothing.';
COMMENT ON COLUMN gateway.second_factor.last_step IS
'The time step of the newest code that was used: none of it or before it is taken again.';

CREATE TABLE gateway.recovery_code (
    user_id uuid NOT NULL REFERENCES gateway.app_user (id),
    hash    bytea NOT NULL CHECK (length(hash) = 32),
    used_at timestamptz,
    PRIMARY KEY (user_id, hash)
);
COMMENT ON TABLE gateway.recovery_code IS
'Keyed fingerprints of random codes, each good once; a slow hash would protect 80 random bits no more.';
