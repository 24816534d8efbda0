-- One row for each person, as the topic has them now, and how far it is read. Both change in one transaction. They are of one topic:
-- another one needs another schema (--tables-in).

CREATE TABLE IF NOT EXISTS profile (
    person_id uuid PRIMARY KEY,
    -- Rises with each record of the person; starts again at 1 after they were gone.
    version bigint NOT NULL,
    -- The whole record, as its schema has it; times are ISO 8601 in UTC.
    record jsonb NOT NULL
);

-- Whoever looks for a person has an identifier of theirs, and asks whether they may be used for anything:
--   SELECT * FROM profile WHERE record -> 'identifiers' @> '[{"namespace": "email", "value": "ann@example.org"}]'
--   AND record ->> 'restricted' IS NULL;
CREATE INDEX IF NOT EXISTS profile_identifiers ON profile USING gin ((record -> 'identifiers') jsonb_path_ops);

CREATE TABLE IF NOT EXISTS position (
    topic text NOT NULL,
    partition integer NOT NULL,
    -- The next record to be read.
    next_offset bigint NOT NULL,
    -- When the end was last seen, or something read.
    read_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
);
