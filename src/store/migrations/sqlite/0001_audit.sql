-- The audit trail: appended to, never changed. The columns beside the payload exist to be searched; each is derived
-- from the payload, which alone is under the keyed hash, and verification compares them.

CREATE TABLE audit_chain (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT NOT NULL
);
INSERT INTO audit_chain (one, id) VALUES (1, lower(hex(randomblob(16))));

CREATE TABLE audit (
    seq           INTEGER PRIMARY KEY,
    chain         TEXT    NOT NULL,
    key_id        TEXT    NOT NULL,
    prev          BLOB    NOT NULL,
    mac           BLOB    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('opened', 'closed', 'override', 'interrupted')),
    attempt       TEXT    NOT NULL,
    recorded      BIGINT  NOT NULL,
    patient       BLOB,
    user_id       TEXT    NOT NULL,
    organisation  TEXT,
    practice      TEXT,
    resource_type TEXT    NOT NULL,
    interaction   TEXT    NOT NULL,
    outcome       INTEGER,
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
    seq INTEGER NOT NULL
);
INSERT INTO audit_recovered (one, seq) VALUES (1, 0);

CREATE TRIGGER audit_never_updated BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'audit rows are appended only');
END;
CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'audit rows are appended only');
END;
CREATE TRIGGER audit_chain_never_updated BEFORE UPDATE ON audit_chain BEGIN
    SELECT RAISE(ABORT, 'a chain keeps its name');
END;
CREATE TRIGGER audit_chain_never_deleted BEFORE DELETE ON audit_chain BEGIN
    SELECT RAISE(ABORT, 'a chain keeps its name');
END;

-- One number that moves with every write that a decision can rest on.
CREATE TABLE register_revision (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    revision BIGINT  NOT NULL
);
INSERT INTO register_revision (one, revision) VALUES (1, 1);
