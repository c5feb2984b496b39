-- The syncer remembers only which messages it has seen (`inbox`). A release that copies looks at
-- scanner.v_item for what there is, so nothing is lost by not keeping it here.

COMMENT ON TABLE syncer.inbox IS 'The messages that the syncer has seen.';
