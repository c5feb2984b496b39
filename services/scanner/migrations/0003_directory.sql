-- The directory: applications and service principals as they were last seen, also those without any
-- credential, what changed of them, and what only an application's credential has.

CREATE TABLE scanner.application (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vault_id           integer NOT NULL REFERENCES scanner.vault (id),
    kind               text NOT NULL CHECK (kind IN ('application', 'service_principal')),
    object_id          text NOT NULL,
    app_id             text NOT NULL,
    name               text NOT NULL,
    created_on         timestamptz,
    audience           text,
    publisher_domain   text,
    owner_tenant_id    text,
    enabled            boolean,
    principal_type     text,
    tags               jsonb NOT NULL DEFAULT '[]',
    notes              text,
    service_reference  text,
    signing_thumbprint text,
    -- Lists of objects; null: not known yet, which is not the same as none.
    owners             jsonb,
    federated          jsonb,
    first_seen_at      timestamptz NOT NULL DEFAULT now(),
    changed_at         timestamptz NOT NULL DEFAULT now(),
    deleted_at         timestamptz,
    CONSTRAINT an_application_is_unique_in_its_directory UNIQUE (vault_id, object_id),
    CONSTRAINT owners_are_a_list CHECK (jsonb_typeof(owners) = 'array'),
    CONSTRAINT federations_are_a_list CHECK (jsonb_typeof(federated) = 'array'),
    CONSTRAINT only_a_principal_can_be_disabled CHECK (
        kind = 'service_principal' OR num_nonnulls(enabled, principal_type, owner_tenant_id) = 0)
) WITH (fillfactor = 90);
CREATE INDEX application_by_name ON scanner.application (lower(name) text_pattern_ops)
    WHERE deleted_at IS NULL;
CREATE INDEX application_by_object ON scanner.application (object_id);

-- What an application's credential has and no other item. Nothing of it changes while it lives.
CREATE TABLE scanner.credential (
    item_id               bigint PRIMARY KEY REFERENCES scanner.item (id) ON DELETE CASCADE,
    application_id        bigint NOT NULL REFERENCES scanner.application (id),
    key_id                text NOT NULL,
    usage                 text,
    custom_key_identifier text
);
CREATE INDEX credential_by_application ON scanner.credential (application_id);

-- The scan is no foreign key, as in the items' change feed.
CREATE TABLE scanner.application_change (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT now(),
    scan_id        uuid NOT NULL,
    application_id bigint NOT NULL REFERENCES scanner.application (id),
    what           text NOT NULL CHECK (what IN ('added', 'changed', 'removed', 'restored')),
    -- [{"field", "before", "after"}, …]; an owner or a federated credential is a field of its own.
    fields         jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT a_change_names_what_changed CHECK (what <> 'changed' OR fields <> '[]')
);
CREATE INDEX application_change_by_application ON scanner.application_change (application_id, id);

CREATE VIEW scanner.v_application AS
SELECT a.id, a.kind, a.object_id, a.app_id, a.name, a.created_on, a.audience, a.publisher_domain,
       a.owner_tenant_id, a.enabled, a.principal_type, a.tags, a.notes, a.service_reference,
       a.signing_thumbprint, a.owners, a.federated,
       jsonb_array_length(a.owners) AS owner_count,
       jsonb_array_length(a.federated) AS federated_count,
       (SELECT count(*) FROM scanner.item i
        WHERE i.application_object_id = a.object_id AND i.deleted_at IS NULL AND NOT i.managed
       )::integer AS credential_count,
       a.first_seen_at, a.changed_at, a.deleted_at
FROM scanner.application a;

COMMENT ON COLUMN scanner.v_application.credential_count IS
    'Logical credentials: the parts of one signing certificate count once.';
COMMENT ON COLUMN scanner.v_application.owner_count IS
    'Null: the owners could not be looked up yet; 0: it has none.';

CREATE VIEW scanner.v_credential AS
SELECT c.item_id, c.application_id, a.kind AS application_kind, a.object_id, c.key_id, c.usage,
       c.custom_key_identifier,
       a.signing_thumbprint IS NOT NULL AND a.signing_thumbprint = i.thumbprint AS signs_tokens
FROM scanner.credential c
JOIN scanner.application a ON a.id = c.application_id
JOIN scanner.item i ON i.id = c.item_id;

CREATE VIEW scanner.v_application_change AS
SELECT c.id, c.at, c.scan_id, c.application_id, a.kind, a.object_id, a.name, c.what, c.fields
FROM scanner.application_change c
JOIN scanner.application a ON a.id = c.application_id;
