-- Alerting: which rule tells whom of what, and what is open now.

CREATE TABLE alerting.channel (
    id      text PRIMARY KEY,
    kind    text NOT NULL CHECK (kind IN ('outbox')),
    name    text NOT NULL,
    enabled boolean NOT NULL DEFAULT true
);

CREATE TABLE alerting.rule (
    id         text PRIMARY KEY,
    alert_type text NOT NULL CHECK (alert_type IN ('secret_expiring')),
    name       text NOT NULL,
    steps      integer[] NOT NULL CHECK (cardinality(steps) > 0 AND 0 <= ALL (steps)),
    channel_id text NOT NULL REFERENCES alerting.channel (id),
    enabled    boolean NOT NULL DEFAULT true
);
COMMENT ON COLUMN alerting.rule.steps IS 'Days before the end at which people are told.';

CREATE TABLE alerting.alert (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    rule_id         text NOT NULL REFERENCES alerting.rule (id),
    fingerprint     text NOT NULL,
    state           text NOT NULL DEFAULT 'raised' CHECK (state IN ('raised', 'resolved')),
    severity        text NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    title           text NOT NULL,
    body            text NOT NULL,
    link            text NOT NULL,
    item_id         bigint NOT NULL,
    kind            text NOT NULL,
    name            text NOT NULL,
    container       text NOT NULL,
    subscription_id text,
    expires_on      timestamptz NOT NULL,
    step            integer NOT NULL,
    next_step_at    timestamptz,
    raised_at       timestamptz NOT NULL,
    escalated_at    timestamptz,
    resolved_at     timestamptz,
    evidence        text,
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL)),
    CHECK ((state = 'resolved') = (evidence IS NOT NULL))
);
CREATE UNIQUE INDEX alert_one_open ON alerting.alert (fingerprint) WHERE state = 'raised';
CREATE INDEX alert_open_item ON alerting.alert (item_id) WHERE state = 'raised';
CREATE INDEX alert_raised_at ON alerting.alert (raised_at DESC, id);
COMMENT ON COLUMN alerting.alert.fingerprint IS 'The logical credential; one alert is open for it.';
COMMENT ON COLUMN alerting.alert.next_step_at IS 'When the next closer step is reached; null: none.';

CREATE TABLE alerting.delivery (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id     uuid NOT NULL REFERENCES alerting.alert (id),
    channel_id   text NOT NULL REFERENCES alerting.channel (id),
    reason       text NOT NULL CHECK (reason IN ('raised', 'escalated', 'resolved')),
    severity     text NOT NULL,
    title        text NOT NULL,
    body         text NOT NULL,
    link         text NOT NULL,
    delivered_at timestamptz NOT NULL
);
CREATE INDEX delivery_alert ON alerting.delivery (alert_id);

INSERT INTO alerting.channel (id, kind, name)
VALUES ('outbox', 'outbox', 'Built-in outbox');

INSERT INTO alerting.rule (id, alert_type, name, steps, channel_id)
VALUES ('expiring-credential', 'secret_expiring', 'A credential is expiring',
        '{60,30,14,7,3,1,0}', 'outbox');

CREATE VIEW alerting.v_alert AS
SELECT a.id, r.alert_type, a.state, a.severity, a.title, a.body AS text, a.link,
       a.item_id, a.kind, a.name, a.container, a.subscription_id,
       a.expires_on, a.step AS threshold_days,
       a.raised_at, a.escalated_at, a.resolved_at, a.evidence
  FROM alerting.alert AS a
  JOIN alerting.rule AS r ON r.id = a.rule_id;
COMMENT ON VIEW alerting.v_alert IS
'One row per alert. state: raised | resolved. severity: critical | high | medium | low.
link: a path on the gateway. item_id: scanner.v_item.id. threshold_days: the closest step that
people were told; 0 is expired. evidence: what was seen that settled it; null while raised.';

CREATE VIEW alerting.v_outbox AS
SELECT d.id, d.alert_id, c.name AS channel, d.reason, d.severity, d.title, d.body AS text, d.link,
       d.delivered_at
  FROM alerting.delivery AS d
  JOIN alerting.channel AS c ON c.id = d.channel_id
 WHERE c.kind = 'outbox';
COMMENT ON VIEW alerting.v_outbox IS
'The messages of the built-in outbox, oldest first by id. reason: raised | escalated | resolved.';
