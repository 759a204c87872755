-- An attempt that is decided again on another Consent says so before it asks again: it may have several `opened` rows, and
-- still ends once.
DROP INDEX audit_attempt;
CREATE INDEX audit_attempt ON audit (attempt, kind);
CREATE UNIQUE INDEX audit_ends_once ON audit (attempt, kind) WHERE kind <> 'opened';
