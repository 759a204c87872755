-- What leaves the service by itself, one row for each that is to be told: alerts of overrides, and notices of changed
-- agreements to those who signed them. A row is written in the transaction of what it tells of, and never taken away.
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('override', 'agreement')),
    -- Who overrode, or who is told.
    organisation TEXT NOT NULL,
    consent TEXT UNIQUE REFERENCES consent (id),
    -- What a notice says; of an override nothing but what stands here leaves.
    said TEXT,
    after_refusal BIGINT NOT NULL CHECK (after_refusal IN (0, 1)),
    raised BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'unaddressed', 'delivered', 'dead')),
    -- From when its age counts: when it was raised, or when somebody had it tried again.
    since BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt BIGINT NOT NULL,
    -- Who is sending it now, and until when nobody else does.
    lease TEXT,
    leased_until BIGINT NOT NULL DEFAULT 0,
    -- Why the last attempt did not succeed, as a code.
    reason TEXT,
    settled BIGINT,
    CHECK ((kind = 'override') = (consent IS NOT NULL)),
    CHECK ((kind = 'agreement') = (said IS NOT NULL)),
    CHECK ((state IN ('delivered', 'dead')) = (settled IS NOT NULL))
);
CREATE INDEX outbox_waiting ON outbox (next_attempt) WHERE state = 'waiting';
CREATE INDEX outbox_open ON outbox (kind, state, raised) WHERE state <> 'delivered';
CREATE INDEX outbox_by_organisation ON outbox (organisation, raised);
INSERT INTO outbox (id, kind, organisation, consent, after_refusal, raised, state, since, attempts, next_attempt, settled)
SELECT id, 'override', organisation, consent, after_refusal, raised,
    CASE WHEN delivered IS NULL THEN 'waiting' ELSE 'delivered' END, raised, attempts, next_attempt, delivered
FROM alert;
DROP TABLE alert;

-- A change of an agreement, until whoever is to be told has a row of the outbox.
CREATE TABLE agreement_change (
    id TEXT NOT NULL PRIMARY KEY,
    recipients TEXT NOT NULL,
    said TEXT NOT NULL,
    raised BIGINT NOT NULL,
    addressed BIGINT
);
CREATE INDEX agreement_change_new ON agreement_change (raised) WHERE addressed IS NULL;

-- A review is of an override, or of an ordinary view that chance picked (7.3.5), which has no category.
ALTER TABLE review ADD COLUMN kind TEXT NOT NULL DEFAULT 'override' CHECK (kind IN ('override', 'view'));
-- What an outcome rests on: a reference into the organisation's own files.
ALTER TABLE review ADD COLUMN evidence TEXT;
CREATE INDEX review_open ON review (opened) WHERE status <> 'completed';
