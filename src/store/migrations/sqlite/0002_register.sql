-- What the service itself keeps. Instants are milliseconds since the epoch; days are ISO text, which sorts as it dates.
-- Every write here that a decision can rest on also moves register_revision, in the same transaction.

CREATE TABLE agreement (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 1),
    viewer TEXT NOT NULL,
    -- One set of views for all sharers: it stands here, so that no sharer can have another (invariant of section 6).
    views TEXT NOT NULL CHECK (views <> ''),
    from_day TEXT NOT NULL,
    until_day TEXT,
    override_reasons TEXT NOT NULL,
    clinician_roles TEXT NOT NULL,
    consent_minutes BIGINT NOT NULL CHECK (consent_minutes BETWEEN 1 AND 480),
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'terminated')),
    CHECK (until_day IS NULL OR from_day <= until_day),
    UNIQUE (id, viewer)
);
CREATE INDEX agreement_by_viewer ON agreement (viewer);

CREATE TABLE agreement_sharer (
    agreement TEXT NOT NULL,
    viewer TEXT NOT NULL,
    practice TEXT NOT NULL,
    joined TEXT NOT NULL,
    left_on TEXT,
    -- The earlier of leaving and the agreement's end; null while the sharing is open.
    last_day TEXT,
    -- 0 once the agreement is terminated.
    standing BIGINT NOT NULL CHECK (standing IN (0, 1)),
    CHECK (left_on IS NULL OR joined <= left_on),
    PRIMARY KEY (agreement, practice, joined),
    FOREIGN KEY (agreement, viewer) REFERENCES agreement (id, viewer)
);
-- A practice shares with a viewer under one agreement at a time, or two sets of views would be possible.
CREATE UNIQUE INDEX agreement_sharer_once ON agreement_sharer (viewer, practice) WHERE last_day IS NULL AND standing = 1;

-- Each version of each agreement in the notation of the import, signatories included. Appended, never changed.
CREATE TABLE agreement_history (
    agreement TEXT NOT NULL,
    version BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (agreement, version)
);

CREATE TABLE enrolment (
    user_id TEXT NOT NULL,
    organisation TEXT NOT NULL,
    role TEXT NOT NULL,
    terms_accepted TEXT,
    trained TEXT,
    until_day TEXT,
    PRIMARY KEY (user_id, organisation, role)
);

CREATE TABLE suspension (
    id TEXT NOT NULL PRIMARY KEY,
    target TEXT NOT NULL CHECK (target IN ('everything', 'viewer', 'sharer', 'user')),
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    placed_by TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    lifted BIGINT,
    lifted_by TEXT,
    CHECK ((target = 'everything') = (subject = ''))
);
CREATE UNIQUE INDEX suspension_once ON suspension (target, subject) WHERE lifted IS NULL;

CREATE TABLE relationship (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    patient TEXT NOT NULL,
    organisation TEXT NOT NULL,
    status TEXT NOT NULL,
    -- Half open: from start, included, to finish, excluded; null means unbounded.
    start BIGINT,
    finish BIGINT,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    -- The resource without id, meta, status and patient.
    body TEXT NOT NULL
);
CREATE INDEX relationship_by_patient ON relationship (patient, organisation);

CREATE TABLE consent (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    patient TEXT NOT NULL,
    user_id TEXT NOT NULL,
    organisation TEXT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('permit', 'deny', 'override')),
    category TEXT,
    reason TEXT,
    after_refusal BIGINT NOT NULL CHECK (after_refusal IN (0, 1)),
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'entered-in-error')),
    received BIGINT NOT NULL,
    until BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    -- The register's revision that its receipt made: the order of receipt, whatever the clock did.
    receipt BIGINT NOT NULL UNIQUE,
    -- The resource without id, meta, status, patient, period and fixed members.
    body TEXT NOT NULL,
    CHECK ((decision = 'override') = (category IS NOT NULL AND reason IS NOT NULL)),
    CHECK (until - received <= 28800000)
);
CREATE INDEX consent_by_occasion ON consent (patient, organisation, user_id, receipt);
CREATE INDEX consent_by_author ON consent (organisation, user_id, receipt);

-- What leaves the service about an override names id, organisation and time: no patient and no user.
CREATE TABLE alert (
    id TEXT NOT NULL PRIMARY KEY,
    consent TEXT NOT NULL UNIQUE REFERENCES consent (id),
    organisation TEXT NOT NULL,
    raised BIGINT NOT NULL,
    after_refusal BIGINT NOT NULL CHECK (after_refusal IN (0, 1)),
    attempts BIGINT NOT NULL,
    next_attempt BIGINT NOT NULL,
    delivered BIGINT
);
CREATE INDEX alert_waiting ON alert (next_attempt) WHERE delivered IS NULL;

CREATE TABLE review (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    consent TEXT NOT NULL UNIQUE REFERENCES consent (id),
    patient TEXT NOT NULL,
    organisation TEXT NOT NULL,
    -- Who overrode; four eyes: never who closes.
    overridden_by TEXT NOT NULL,
    category TEXT NOT NULL,
    after_refusal BIGINT NOT NULL CHECK (after_refusal IN (0, 1)),
    status TEXT NOT NULL CHECK (status IN ('requested', 'in-progress', 'completed')),
    outcome TEXT,
    reviewer TEXT,
    opened BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    CHECK ((status = 'completed') = (outcome IS NOT NULL)),
    CHECK (status <> 'completed' OR reviewer <> overridden_by)
);
CREATE INDEX review_queue ON review (organisation, status, after_refusal, opened);
