-- What the installation may do: in this release the one evaluation.

CREATE TABLE licensing.evaluation (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    started_at timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL CHECK (ends_at > started_at),
    announced  text CHECK (announced IN ('evaluation', 'restricted'))
);
COMMENT ON COLUMN licensing.evaluation.announced IS
'The state that was published last; null: none yet.';
