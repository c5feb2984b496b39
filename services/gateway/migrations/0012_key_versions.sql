-- A purpose has two data keys while its rows are encrypted anew; the newest encrypts.
ALTER TABLE gateway.keyring ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version >= 1);
ALTER TABLE gateway.keyring DROP CONSTRAINT keyring_pkey, ADD PRIMARY KEY (purpose, version);

-- What is encrypted names its key (`cc1:2:…`; without a number: the first). The database itself
-- refuses to let a key go that a row still needs, and a row whose key is not there.
ALTER TABLE gateway.second_factor
    ADD COLUMN key_purpose text NOT NULL GENERATED ALWAYS AS ('data') STORED,
    ADD COLUMN key_version integer NOT NULL GENERATED ALWAYS AS (
        CASE WHEN secret LIKE 'cc1:%:%' THEN split_part(secret, ':', 2)::integer ELSE 1 END
    ) STORED,
    ADD FOREIGN KEY (key_purpose, key_version) REFERENCES gateway.keyring (purpose, version);
CREATE INDEX second_factor_key_version ON gateway.second_factor (key_version);

ALTER TABLE gateway.signing_key
    ADD COLUMN key_purpose text NOT NULL GENERATED ALWAYS AS ('session') STORED,
    ADD COLUMN key_version integer NOT NULL GENERATED ALWAYS AS (
        CASE WHEN private_key LIKE 'cc1:%:%' THEN split_part(private_key, ':', 2)::integer ELSE 1 END
    ) STORED,
    ADD FOREIGN KEY (key_purpose, key_version) REFERENCES gateway.keyring (purpose, version);
