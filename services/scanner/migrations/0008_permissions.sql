-- What the identity that discovers needs, has, lacks, and has too much: the result of each check,
-- written whole when a check ends. A check that is cut off leaves the one before it standing.

CREATE TABLE scanner.permission_check (
    id                uuid PRIMARY KEY,
    began_at          timestamptz NOT NULL,
    finished_at       timestamptz NOT NULL DEFAULT now(),
    requested_by      text NOT NULL,
    could_read_values text NOT NULL CHECK (could_read_values IN ('yes', 'no', 'unknown')),
    vaults            integer NOT NULL CHECK (vaults >= 0),
    excess            integer NOT NULL CHECK (excess >= 0),
    missing           integer NOT NULL CHECK (missing >= 0),
    unknown           integer NOT NULL CHECK (unknown >= 0),
    -- As the tokens' claims say; none where no token could be had or read. No token is kept.
    object_id         text,
    client_id         text,
    tenant_id         text,
    CONSTRAINT a_check_ends_after_it_began CHECK (finished_at >= began_at)
);
CREATE INDEX permission_check_by_time ON scanner.permission_check (began_at DESC);

-- `n` counts from 1, the worst first.
CREATE TABLE scanner.permission (
    check_id          uuid NOT NULL REFERENCES scanner.permission_check (id) ON DELETE CASCADE,
    n                 integer NOT NULL CHECK (n > 0),
    permission        text NOT NULL,
    scope             text NOT NULL,
    state             text NOT NULL CHECK (
        state IN ('needed', 'have', 'missing', 'excess', 'unknown')),
    why               text NOT NULL,
    remedy            text,
    reads_values      boolean NOT NULL,
    vault_name        text,
    -- The whole vault's answer, on the rows whose scope is a vault.
    could_read_values text CHECK (could_read_values IN ('yes', 'no', 'unknown')),
    PRIMARY KEY (check_id, n),
    CONSTRAINT what_is_missing_can_be_mended CHECK (state <> 'missing' OR remedy IS NOT NULL),
    CONSTRAINT only_excess_reads_values CHECK (NOT reads_values OR state = 'excess')
);

-- Whose turn it is, and since when somebody waits: one row.
CREATE TABLE scanner.permission_turn (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    wanted_at   timestamptz,
    wanted_by   text,
    holder      uuid,
    lease_until timestamptz,
    CONSTRAINT who_waits_has_a_name CHECK ((wanted_at IS NULL) = (wanted_by IS NULL)),
    CONSTRAINT a_lease_has_a_holder CHECK ((holder IS NULL) = (lease_until IS NULL))
);
INSERT INTO scanner.permission_turn DEFAULT VALUES;

CREATE VIEW scanner.v_permission_check AS
SELECT c.id, c.began_at, c.finished_at, c.requested_by, c.could_read_values, c.vaults, c.excess,
       c.missing, c.unknown, c.object_id, c.client_id, c.tenant_id
FROM scanner.permission_check c;

CREATE VIEW scanner.v_permission AS
SELECT p.check_id, p.n, p.permission, p.scope, p.state, p.why, p.remedy, p.reads_values,
       p.vault_name, p.could_read_values
FROM scanner.permission p;
