-- One row per message and handler, written in the handler's own transaction: a second delivery of
-- the same message finds the row and does nothing.
CREATE TABLE inbox (
    message_id uuid NOT NULL,
    handler text NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (message_id, handler)
);
CREATE INDEX inbox_handled_at ON inbox (handled_at);
