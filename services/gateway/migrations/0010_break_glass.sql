ALTER TABLE gateway.setup_token ADD COLUMN username text;
COMMENT ON TABLE gateway.setup_token IS
'SHA-256 of the one-time token for the first administrator, or for the one that it names; no row once it was used.';
COMMENT ON COLUMN gateway.setup_token.username IS
'Whom a break-glass code lets in; null for the first administrator.';
