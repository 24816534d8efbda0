-- One row for each person, as `unified-profile` has them now. The connector writes the first two columns; PostgreSQL makes the others of the record.

CREATE TABLE IF NOT EXISTS profile (
    person_id uuid PRIMARY KEY,
    -- The whole record, as its schema has it; times are milliseconds since 1970 in UTC, days are days since then.
    record jsonb NOT NULL,
    -- Rises with each record of the person; starts again at 1 after they were gone.
    version bigint NOT NULL GENERATED ALWAYS AS ((record ->> 'version')::bigint) STORED,
    -- More columns are made in this way.
    given_name text GENERATED ALWAYS AS (record #>> '{standard,given_name}') STORED,
    family_name text GENERATED ALWAYS AS (record #>> '{standard,family_name}') STORED,
    -- Whom this is set for may be used for nothing.
    restricted bigint GENERATED ALWAYS AS ((record ->> 'restricted')::bigint) STORED
);

-- Whoever looks for a person has an identifier of theirs, and asks whether they may be used for anything:
--   SELECT * FROM profile WHERE record -> 'identifiers' @> '[{"namespace": "email", "value": "ann@example.org"}]'
--   AND restricted IS NULL;
CREATE INDEX IF NOT EXISTS profile_identifiers ON profile USING gin ((record -> 'identifiers') jsonb_path_ops);
