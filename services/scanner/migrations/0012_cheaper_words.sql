-- The words of a name, as before, at a third of the cost, which was a fifth of that of a new row.
-- Key Vault's names are letters, digits and hyphens: what separates words is replaced character by
-- character, and only a name with capitals is looked through for words in CamelCase. PostgreSQL 16
-- cannot change the expression of a column; there the former one stays.
DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        ALTER TABLE scanner.item ALTER COLUMN search SET EXPRESSION AS (
            to_tsvector('simple'::regconfig, translate(
                name
                || CASE WHEN lower(name) = name THEN ''
                   ELSE ' ' || regexp_replace(name, '([a-z0-9])([A-Z])', '\1 \2', 'g') END
                || ' ' || coalesce(application_name, ''),
                '-_./:\@+~,;()[]{}<>|=*&%$#!?"''^`', repeat(' ', 32))));
    END IF;
END
$$;
