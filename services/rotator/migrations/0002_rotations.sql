-- What is rotated, every rotation, and each step of it. No value stands in any column.

CREATE TABLE rotator.target (
    driver      text NOT NULL,
    name        text NOT NULL,
    lease_owner uuid,
    lease_until timestamptz,
    leased_for  uuid,
    epoch       bigint NOT NULL DEFAULT 0,
    tidied_at   timestamptz,
    wrote_at    timestamptz,
    PRIMARY KEY (driver, name),
    CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
);
COMMENT ON TABLE rotator.target IS
'What has credentials: an application, a resource. Whoever holds its lease is the only one to change
it, whichever of its credentials that is about.';
COMMENT ON COLUMN rotator.target.epoch IS
'Grows with each claim; a worker with an older one writes nothing any more.';

COMMENT ON COLUMN rotator.target.leased_for IS
'The rotation that the lease was taken for: its holder may come back to that one only.';
COMMENT ON COLUMN rotator.target.tidied_at IS
'When the janitor last looked for what nobody accounts for.';

CREATE TABLE rotator.credential (
    id       uuid PRIMARY KEY,
    driver   text NOT NULL,
    target   text NOT NULL,
    subject  jsonb NOT NULL,
    key_id   text,
    state    text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'quarantined', 'released')),
    lifetime interval NOT NULL CHECK (lifetime > '0'),
    overlap  interval NOT NULL CHECK (overlap >= '0'),
    added_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (driver, target) REFERENCES rotator.target (driver, name)
);
CREATE INDEX credential_target ON rotator.credential (driver, target);
COMMENT ON TABLE rotator.credential IS
'One logical credential: its target has it, and its places hold its value.';
COMMENT ON COLUMN rotator.credential.key_id IS
'The id of the credential that is in use, as the target names it; null: not known yet.';
COMMENT ON COLUMN rotator.credential.subject IS 'A CredentialRef (shared/events/items.py).';
COMMENT ON COLUMN rotator.credential.state IS
'quarantined: a rotation ended in failed or conflict, and a person has to look first. released: it
is rotated no longer.';

CREATE TABLE rotator.place (
    id            uuid PRIMARY KEY,
    credential_id uuid NOT NULL REFERENCES rotator.credential (id) ON DELETE CASCADE,
    vault_url     text NOT NULL,
    name          text NOT NULL,
    reference     jsonb NOT NULL,
    position      integer NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX place_once ON rotator.place (lower(vault_url), lower(name));
CREATE INDEX place_credential ON rotator.place (credential_id, position, id);
COMMENT ON INDEX rotator.place_once IS
'Two credentials in one place would overwrite each other for ever.';

CREATE TABLE rotator.rotation (
    id            uuid PRIMARY KEY,
    credential_id uuid NOT NULL REFERENCES rotator.credential (id),
    trigger_key   text NOT NULL UNIQUE,
    state         text NOT NULL,
    over          boolean NOT NULL DEFAULT false,
    attempt       integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    before        text[] NOT NULL DEFAULT '{}',
    tries         integer NOT NULL DEFAULT 0,
    polls         integer NOT NULL DEFAULT 0,
    confirmations integer NOT NULL DEFAULT 0,
    old_key_id    text,
    new_key_id    text,
    lifetime      interval NOT NULL,
    overlap       interval NOT NULL,
    not_before    timestamptz,
    reason        text,
    wanted        text CHECK (wanted IN ('roll_back', 'withdraw')),
    emergency     boolean NOT NULL DEFAULT false,
    plan          jsonb,
    plan_hash     text,
    approval_required boolean NOT NULL DEFAULT false,
    approved_hash text,
    approved_by   text,
    approved_at   timestamptz,
    requested_by  text NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    due_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN rotator.rotation.approved_hash IS
'The digest of the plan that somebody else allowed; what is done must still have it.';
ALTER TABLE rotator.rotation ADD CONSTRAINT rotation_four_eyes
    CHECK (approved_by IS NULL OR approved_by <> requested_by);
CREATE UNIQUE INDEX rotation_one_open ON rotator.rotation (credential_id) WHERE NOT over;
CREATE INDEX rotation_due ON rotator.rotation (due_at) WHERE NOT over;
CREATE INDEX rotation_requested_at ON rotator.rotation (requested_at DESC, id);
COMMENT ON COLUMN rotator.rotation.trigger_key IS
'What caused it, once: the same expiry or the same request never causes a second rotation.';
COMMENT ON COLUMN rotator.rotation.before IS
'The ids of what the target had when the present attempt was intended.';
COMMENT ON COLUMN rotator.rotation.not_before IS
'The end of the overlap: the old credential is not removed earlier.';

CREATE TABLE rotator.rotation_place (
    rotation_id      uuid NOT NULL REFERENCES rotator.rotation (id) ON DELETE CASCADE,
    place_id         uuid NOT NULL,
    position         integer NOT NULL,
    vault_url        text NOT NULL,
    name             text NOT NULL,
    reference        jsonb NOT NULL,
    base_version     text,
    new_version      text,
    reverted_version text,
    PRIMARY KEY (rotation_id, place_id)
);

CREATE TABLE rotator.rotation_step (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rotation_id    uuid NOT NULL REFERENCES rotator.rotation (id) ON DELETE CASCADE,
    previous_state text NOT NULL,
    state          text NOT NULL,
    attempt        integer NOT NULL,
    epoch          bigint NOT NULL,
    reason         text,
    at             timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX rotation_step_of ON rotator.rotation_step (rotation_id, id);
COMMENT ON TABLE rotator.rotation_step IS 'Each change of a rotation''s state, kept for good.';

CREATE UNLOGGED TABLE rotator.budget (
    owner      text PRIMARY KEY,
    full_at    timestamptz NOT NULL,
    shut_until timestamptz
);
COMMENT ON TABLE rotator.budget IS
'How fast writes go out to each vault and to each kind of targets, for all processes together. Lost
in a crash of the database, which then means a full budget.';

CREATE TABLE rotator.pause (
    id        uuid PRIMARY KEY,
    scope     text NOT NULL CHECK (scope IN ('everything', 'subscription', 'credential')),
    target    text NOT NULL DEFAULT '',
    reason    text NOT NULL,
    paused_by text NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (scope, target),
    CHECK ((scope = 'everything') = (target = ''))
);
COMMENT ON TABLE rotator.pause IS
'The kill switch: while a row stands, no rotation that it concerns changes anything.';

CREATE TABLE rotator.pause_switch (
    scope    text NOT NULL,
    target   text NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (scope, target)
);
COMMENT ON TABLE rotator.pause_switch IS
'When each pause was last switched on or off; an older request that comes later changes nothing.';

CREATE VIEW rotator.v_rotation AS
SELECT r.id, r.credential_id, c.driver, c.target, c.subject, r.state, r.over, r.attempt,
       r.old_key_id, r.new_key_id, r.lifetime, r.overlap, r.not_before, r.reason, r.wanted,
       r.emergency, r.plan, r.plan_hash, r.approval_required, r.approved_by, r.approved_at,
       r.requested_by, r.requested_at, r.changed_at, r.due_at,
       NOT r.over AND r.state IN ('creating', 'created', 'verified', 'published', 'syncing',
                                  'overlap') AS can_roll_back
  FROM rotator.rotation AS r
  JOIN rotator.credential AS c ON c.id = r.credential_id;
COMMENT ON VIEW rotator.v_rotation IS 'One row per rotation, the finished ones too.';

CREATE VIEW rotator.v_rotation_place AS
SELECT p.rotation_id, p.place_id, p.position, p.vault_url, p.name, p.reference, p.base_version,
       p.new_version, p.reverted_version
  FROM rotator.rotation_place AS p;

CREATE VIEW rotator.v_rotation_step AS
SELECT s.id, s.rotation_id, s.previous_state, s.state, s.attempt, s.reason, s.at
  FROM rotator.rotation_step AS s;

CREATE VIEW rotator.v_credential AS
SELECT c.id, c.driver, c.target, c.subject, c.key_id, c.state, c.lifetime, c.overlap, c.added_at
  FROM rotator.credential AS c;

CREATE VIEW rotator.v_place AS
SELECT p.id, p.credential_id, p.vault_url, p.name, p.reference, p.position
  FROM rotator.place AS p;

CREATE VIEW rotator.v_pause AS
SELECT p.id, p.scope, p.target, p.reason, p.paused_by, p.paused_at FROM rotator.pause AS p;

CREATE TABLE rotator.plan (
    id            uuid PRIMARY KEY,
    credential_id uuid NOT NULL REFERENCES rotator.credential (id) ON DELETE CASCADE,
    emergency     boolean NOT NULL,
    requested_by  text NOT NULL,
    made_at       timestamptz NOT NULL DEFAULT now(),
    plan_hash     text,
    document      jsonb,
    failure       text,
    CHECK ((document IS NULL) = (failure IS NOT NULL)),
    CHECK ((document IS NULL) = (plan_hash IS NULL))
);
CREATE INDEX plan_made_at ON rotator.plan (made_at);
COMMENT ON COLUMN rotator.plan.failure IS 'Why there is no plan: what could not be looked at.';

CREATE VIEW rotator.v_plan AS
SELECT p.id, p.credential_id, p.emergency, p.requested_by, p.made_at, p.plan_hash, p.document,
       p.failure
  FROM rotator.plan AS p;
