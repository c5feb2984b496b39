-- People: how much of the estate they may see, whether their password is only a first one, and that
-- they were removed. A removed user's row stays: the audit log names people, and a name that came
-- back for somebody else would make one person of two.

ALTER TABLE gateway.app_user
    ADD COLUMN scope text NOT NULL DEFAULT '' CHECK (length(scope) <= 2000),
    ADD COLUMN must_change_password boolean NOT NULL DEFAULT false,
    ADD COLUMN removed_at timestamptz,
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD CONSTRAINT who_was_removed_cannot_sign_in CHECK (
        removed_at IS NULL OR disabled_at IS NOT NULL);
COMMENT ON COLUMN gateway.app_user.scope IS
'A selector of vaults in its canonical text; empty: the whole estate.';
COMMENT ON COLUMN gateway.app_user.must_change_password IS
'Somebody else knows the password: it opens nothing but its own change.';
COMMENT ON COLUMN gateway.app_user.revision IS
'Counts the changes, so that two administrators do not undo each other''s unseen.';

ALTER TABLE gateway.session ADD COLUMN confirmed_at timestamptz;
COMMENT ON COLUMN gateway.session.confirmed_at IS
'When the password was given again in this session; null: only at its beginning.';
