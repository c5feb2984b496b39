-- Which credentials are replaced by themselves, when none is, what comes next, and suggestions.

CREATE TABLE rotator.policy (
    id                uuid PRIMARY KEY,
    name              text NOT NULL,
    selector          text NOT NULL,
    priority          integer NOT NULL,
    rotate_before     interval CHECK (rotate_before > '0'),
    lifetime          interval NOT NULL CHECK (lifetime > '0'),
    overlap           interval NOT NULL CHECK (overlap > '0'),
    windows           jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(windows) = 'array'),
    requires_approval boolean NOT NULL,
    enabled           boolean NOT NULL,
    changed_by        text NOT NULL,
    changed_at        timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX policy_name ON rotator.policy (lower(name));
COMMENT ON COLUMN rotator.policy.windows IS
'RotationWindow of shared/events/policies.py, some of them; none: at any time.';
COMMENT ON COLUMN rotator.policy.rotate_before IS
'Null: 30 days, or a third of the lifetime where that is less.';

CREATE TABLE rotator.freeze (
    id         uuid PRIMARY KEY,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL CHECK (ends_at > starts_at),
    reason     text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE rotator.latest_change (
    id         uuid PRIMARY KEY,
    asked_at   timestamptz NOT NULL,
    message_id uuid NOT NULL
);
COMMENT ON TABLE rotator.latest_change IS
'When each policy and freeze, removed ones too, was last changed; an older request that comes later
changes nothing.';

CREATE TABLE rotator.outlook (
    credential_id uuid PRIMARY KEY REFERENCES rotator.credential (id) ON DELETE CASCADE,
    policy_id     uuid,
    policy_name   text,
    ends_at       timestamptz,
    next_at       timestamptz,
    timeliness    text,
    warning       text,
    reason        text NOT NULL
);
COMMENT ON TABLE rotator.outlook IS
'What comes next for each credential that is rotated, as it was looked at last. Nothing acts on a
row: whoever begins a rotation looks again.';
COMMENT ON COLUMN rotator.outlook.reason IS 'Which policy decides and why, or why none does.';
COMMENT ON COLUMN rotator.outlook.warning IS
'Why nothing comes next, or what is wrong with when it comes.';

CREATE TABLE rotator.told (
    credential_id uuid NOT NULL REFERENCES rotator.credential (id) ON DELETE CASCADE,
    key_id        text NOT NULL,
    timeliness    text NOT NULL,
    told_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (credential_id, key_id, timeliness)
);
COMMENT ON TABLE rotator.told IS 'What rotation.upcoming was published about, once each.';

CREATE INDEX rotation_of ON rotator.rotation (credential_id, requested_at DESC);
CREATE INDEX rotation_by_hand ON rotator.rotation (requested_at)
    WHERE starts_with(trigger_key, 'request:');

CREATE TABLE rotator.suggestion (
    item_id       bigint NOT NULL,
    place_item_id bigint NOT NULL,
    score         double precision NOT NULL CHECK (score > 0 AND score <= 1),
    band          text NOT NULL,
    sentence      text NOT NULL,
    signals       jsonb NOT NULL,
    confirmed     boolean NOT NULL,
    ambiguous     boolean NOT NULL,
    refusal       text,
    PRIMARY KEY (item_id, place_item_id)
);
CREATE INDEX suggestion_order ON rotator.suggestion (score DESC, item_id, place_item_id);
COMMENT ON TABLE rotator.suggestion IS
'Which vault secrets could hold which applications'' secrets. Replaced as a whole by each look.';
COMMENT ON COLUMN rotator.suggestion.refusal IS
'Why nothing rotates it with nobody watching; null: somebody confirmed it.';

CREATE TABLE rotator.suggestion_look (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    read_at     timestamptz NOT NULL,
    credentials integer NOT NULL,
    secrets     integer NOT NULL,
    left_out    integer NOT NULL
);
COMMENT ON TABLE rotator.suggestion_look IS
'When the inventory was read that the suggestions come from, and how many matches were too many.';

CREATE VIEW rotator.v_policy AS
SELECT p.id, p.name, p.selector, p.priority, p.rotate_before, p.lifetime, p.overlap, p.windows,
       p.requires_approval, p.enabled, p.changed_by, p.changed_at,
       (SELECT count(*) FROM rotator.outlook AS o WHERE o.policy_id = p.id)::integer AS credentials
  FROM rotator.policy AS p;
COMMENT ON COLUMN rotator.v_policy.credentials IS 'How many it decides about.';

CREATE VIEW rotator.v_freeze AS
SELECT f.id, f.starts_at, f.ends_at, f.reason, f.changed_by, f.changed_at FROM rotator.freeze AS f;

CREATE OR REPLACE VIEW rotator.v_credential AS
SELECT c.id, c.driver, c.target, c.subject, c.key_id, c.state, c.lifetime, c.overlap, c.added_at,
       o.policy_id, o.policy_name, o.ends_at, o.next_at, o.timeliness, o.warning,
       o.reason AS policy_reason
  FROM rotator.credential AS c
  LEFT JOIN rotator.outlook AS o ON o.credential_id = c.id;

CREATE VIEW rotator.v_suggestion AS
SELECT s.item_id, s.place_item_id, s.score, s.band, s.sentence, s.signals, s.confirmed,
       s.ambiguous, s.refusal
  FROM rotator.suggestion AS s;

CREATE VIEW rotator.v_suggestion_look AS
SELECT l.read_at, l.credentials, l.secrets, l.left_out FROM rotator.suggestion_look AS l;
