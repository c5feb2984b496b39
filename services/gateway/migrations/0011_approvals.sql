-- What one person asked for and another one decides about.

CREATE TABLE gateway.approval (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    act             text NOT NULL,
    plan            jsonb NOT NULL,
    plan_hash       bytea NOT NULL CHECK (length(plan_hash) = 32),
    reason          text NOT NULL CHECK (length(reason) <= 500),
    requested_by    uuid NOT NULL REFERENCES gateway.app_user (id),
    requested_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL CHECK (expires_at > requested_at),
    decision        text CHECK (decision IN ('approved', 'rejected', 'withdrawn')),
    decided_by      uuid REFERENCES gateway.app_user (id),
    decided_at      timestamptz,
    decision_reason text CHECK (length(decision_reason) <= 500),
    used_at         timestamptz,
    CHECK ((decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL)),
    CHECK (decision IS NULL OR (decision = 'withdrawn') = (decided_by = requested_by)),
    CHECK (used_at IS NULL OR decision = 'approved')
);
CREATE INDEX approval_requested_at ON gateway.approval (requested_at DESC, id);
CREATE INDEX approval_open ON gateway.approval (expires_at) WHERE decision IS NULL;
COMMENT ON TABLE gateway.approval IS
'Requests that need a second person. That nobody approves their own is a constraint as well.';
COMMENT ON COLUMN gateway.approval.plan IS
'What would be done, by names and ids; its digest is what is approved.';
