-- All that one user did, and the overrides: each read off an index, in the order of a report.
CREATE INDEX audit_user ON audit (user_id, organisation, recorded, seq) WHERE kind <> 'opened';
CREATE INDEX audit_override ON audit (organisation, recorded, seq) WHERE kind = 'override';
