-- What an agreement says of how and from where its users sign in; nothing said is the deployment's setting.
ALTER TABLE agreement ADD COLUMN assurance BIGINT CHECK (assurance BETWEEN 1 AND 3);
ALTER TABLE agreement ADD COLUMN client_networks TEXT NOT NULL DEFAULT '';
-- Why a version was made: a withdrawal, a suspension.
ALTER TABLE agreement_history ADD COLUMN reason TEXT;
ALTER TABLE enrolment ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- Who spoke: a refusal is lifted by whoever gave it, or by the patient.
ALTER TABLE consent ADD COLUMN speaker TEXT NOT NULL DEFAULT 'patient'
    CHECK (speaker IN ('patient', 'parent', 'attorney', 'clinician'));
UPDATE consent SET speaker = CASE
    WHEN decision = 'override' THEN 'clinician'
    WHEN body LIKE '%"contained"%' AND body LIKE '%POWATT"%' THEN 'attorney'
    WHEN body LIKE '%"contained"%' THEN 'parent'
    ELSE 'patient' END;

-- An objection to a practice that is about to join (14). While it stands, the practice does not share.
CREATE TABLE objection (
    id TEXT NOT NULL PRIMARY KEY,
    agreement TEXT NOT NULL,
    practice TEXT NOT NULL,
    joined TEXT NOT NULL,
    organisation TEXT NOT NULL,
    reason TEXT NOT NULL,
    raised BIGINT NOT NULL,
    raised_by TEXT NOT NULL,
    settled BIGINT,
    settled_by TEXT,
    outcome TEXT CHECK (outcome IN ('withdrawn', 'upheld')),
    CHECK ((settled IS NULL) = (outcome IS NULL))
);
CREATE INDEX objection_by_sharer ON objection (agreement, practice, joined);
CREATE UNIQUE INDEX objection_once ON objection (agreement, practice, joined, organisation) WHERE settled IS NULL;

-- What was answered to a submission that named itself, so that sending it again does not do it again.
CREATE TABLE submission (
    actor TEXT NOT NULL,
    name TEXT NOT NULL,
    digest BYTEA NOT NULL,
    reply TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (actor, name)
);
CREATE INDEX submission_by_age ON submission (at);

-- What each entry of the file that the settings name said when it was last taken in: an entry that says the same at the
-- next start is not taken in again, and so undoes nothing that was done since.
CREATE TABLE settings_item (
    item TEXT NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL
);

CREATE TABLE relationship_identifier (
    relationship TEXT NOT NULL REFERENCES relationship (id),
    organisation TEXT NOT NULL,
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (relationship, system, value)
);
CREATE INDEX relationship_by_identifier ON relationship_identifier (organisation, system, value);
INSERT INTO relationship_identifier (relationship, organisation, system, value)
SELECT r.id, r.organisation, i->>'system', i->>'value'
FROM relationship r, jsonb_array_elements(COALESCE(r.body::jsonb->'identifier', '[]'::jsonb)) i;
