-- Where copies of vault secrets are, and which version each of them holds.

CREATE TABLE syncer.copy (
    mapping_id     uuid PRIMARY KEY,
    vault_url      text NOT NULL,
    name           text NOT NULL,
    destination    text NOT NULL UNIQUE,
    copied_version text,
    copied_at      timestamptz,
    CHECK ((copied_version IS NULL) = (copied_at IS NULL))
);
CREATE INDEX copy_source ON syncer.copy (lower(vault_url), lower(name));
COMMENT ON TABLE syncer.copy IS
'One row per mapping: a secret and the place in another cloud that holds its value too. An old
credential is not removed while a copy of its secret holds an older version than the newest.';
COMMENT ON COLUMN syncer.copy.destination IS 'Where the copy is, as its cloud names it.';

CREATE VIEW syncer.v_copy AS
SELECT c.mapping_id, c.vault_url, c.name, c.destination, c.copied_version, c.copied_at
  FROM syncer.copy AS c;
