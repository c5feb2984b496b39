-- API tokens: a user's rights, or less of them, for a program.

CREATE TABLE gateway.api_token (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL REFERENCES gateway.app_user (id),
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    hash         bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    permissions  text[] NOT NULL CHECK (cardinality(permissions) > 0),
    networks     text[] NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at <= created_at + interval '365 days'),
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE UNIQUE INDEX api_token_name ON gateway.api_token (user_id, lower(name)) WHERE revoked_at IS NULL;
CREATE INDEX api_token_expires_at ON gateway.api_token (expires_at);
COMMENT ON COLUMN gateway.api_token.hash IS
'A keyed fingerprint of the token; 256 random bits need no slow hash.';
COMMENT ON COLUMN gateway.api_token.permissions IS
'What it may at most; what its user''s role does not include it may not either.';
COMMENT ON COLUMN gateway.api_token.networks IS 'Where it works from; none: from everywhere.';
