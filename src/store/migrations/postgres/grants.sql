-- The audit trail can be read and appended to. What proves it is out of the service's reach.
GRANT SELECT, INSERT ON audit TO :service;
GRANT SELECT ON audit_chain, schema_version TO :service;
GRANT SELECT, UPDATE ON audit_recovered, writing, register_revision TO :service;
GRANT SELECT, INSERT, UPDATE ON register_touch TO :service;
-- A history is only ever added to.
GRANT SELECT, INSERT ON agreement_history TO :service;
GRANT SELECT, INSERT, UPDATE ON agreement, enrolment, suspension, relationship, consent, outbox, agreement_change, review,
    objection, settings_item TO :service;
-- Sharers of an agreement are written anew with each version of it.
GRANT SELECT, INSERT, DELETE ON agreement_sharer TO :service;
-- Identifiers of a relationship are written anew with each version of it; old submissions are forgotten.
GRANT SELECT, INSERT, DELETE ON relationship_identifier, submission TO :service;
