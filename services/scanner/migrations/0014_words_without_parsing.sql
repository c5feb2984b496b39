-- The words of a name, as before. Nearly all of Key Vault's names are small letters, digits and
-- hyphens: what is between the hyphens are their words, and the text parser, which cost a sixth of
-- a new row, would find no others. PostgreSQL 16 cannot change the expression of a column; there the
-- former one stays.
DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        ALTER TABLE scanner.item ALTER COLUMN search SET EXPRESSION AS (
            CASE WHEN application_name IS NULL AND name COLLATE "C" ~ '^[0-9a-z-]+$'
            THEN array_to_tsvector(array_remove(string_to_array(name, '-'), ''))
            ELSE to_tsvector('simple'::regconfig, translate(
                name
                || CASE WHEN lower(name) = name THEN ''
                   ELSE ' ' || regexp_replace(name, '([a-z0-9])([A-Z])', '\1 \2', 'g') END
                || ' ' || coalesce(application_name, ''),
                '-_./:\@+~,;()[]{}<>|=*&%$#!?"''^`', repeat(' ', 32)))
            END);
    END IF;
END
$$;
