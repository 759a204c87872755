-- Where the register last moved: one patient's consents and relationships, or (scope '') what every decision rests on. A
-- consent for one patient thus leaves the decisions on all others standing.
CREATE TABLE register_touch (
    scope    TEXT   NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);
INSERT INTO register_touch (scope, revision) SELECT '', revision FROM register_revision;
