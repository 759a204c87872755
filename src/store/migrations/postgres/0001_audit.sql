-- The audit trail: appended to, never changed. The columns beside the payload exist to be searched; each is derived
-- from the payload, which alone is under the keyed hash, and verification compares them.

CREATE TABLE audit_chain (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT NOT NULL
);
INSERT INTO audit_chain (one, id) VALUES (1, replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE audit (
    seq           BIGINT PRIMARY KEY,
    chain         TEXT    NOT NULL,
    key_id        TEXT    NOT NULL,
    prev          BYTEA    NOT NULL,
    mac           BYTEA    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('opened', 'closed', 'override', 'interrupted')),
    attempt       TEXT    NOT NULL,
    recorded      BIGINT  NOT NULL,
    patient       BYTEA,
    user_id       TEXT    NOT NULL,
    organisation  TEXT,
    practice      TEXT,
    resource_type TEXT    NOT NULL,
    interaction   TEXT    NOT NULL,
    outcome       BIGINT,
    payload       TEXT    NOT NULL
);

CREATE UNIQUE INDEX audit_attempt ON audit (attempt, kind);
CREATE INDEX audit_organisation ON audit (organisation, recorded, seq) WHERE kind <> 'opened';
CREATE INDEX audit_practice ON audit (practice, recorded, seq) WHERE kind <> 'opened' AND practice IS NOT NULL;
CREATE INDEX audit_patient ON audit (patient, recorded, seq) WHERE kind <> 'opened' AND patient IS NOT NULL;
CREATE INDEX audit_opened ON audit (seq) WHERE kind = 'opened';
CREATE INDEX audit_recorded ON audit (recorded);

-- Up to which row a start has already looked for attempts that a crash left open.
CREATE TABLE audit_recovered (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL
);
INSERT INTO audit_recovered (one, seq) VALUES (1, 0);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are appended only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER audit_never_changed BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_chain_never_changed BEFORE UPDATE OR DELETE ON audit_chain
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_chain_never_emptied BEFORE TRUNCATE ON audit_chain
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whoever holds this row writes: one group of one instance at a time.
CREATE TABLE writing (
    one INTEGER PRIMARY KEY CHECK (one = 1)
);
INSERT INTO writing (one) VALUES (1);

-- One number that moves with every write that a decision can rest on.
CREATE TABLE register_revision (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    revision BIGINT  NOT NULL
);
INSERT INTO register_revision (one, revision) VALUES (1, 1);
