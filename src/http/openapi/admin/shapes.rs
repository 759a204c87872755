//! The plain JSON of `/admin`, as data.

use crate::http::openapi::schemas::Elements;

/// The states of an alert.
pub(super) const STATES: &str = "waiting|unaddressed|delivered|dead";
const NEEDED_STATE: &str = "!waiting|unaddressed|delivered|dead";

/// The shapes that are sent and never answered.
pub(super) const SENT: &[&str] = &[
    "AgreementJoining",
    "AgreementObjecting",
    "AgreementReason",
    "AgreementSettlement",
    "AgreementWithdrawal",
    "ExplainCase",
    "ReportRequest",
    "SuspensionPlaced",
];

/// What is sent and answered, in the notation of the FHIR schemas. Days and instants are texts.
pub(super) const SHAPES: &[(&str, Elements)] = &[
    ("Reports", &[("reports", "!ReportTold*")]),
    (
        "ReportTold",
        &[("name", "!string"), ("title", "!string"), ("fhir", "!Bundle|MeasureReport"), ("needs", "string*")],
    ),
    (
        "ReportRequest",
        &[
            ("from", "moment"),
            ("to", "moment"),
            ("practice", "ods"),
            ("user", "user"),
            ("nhs_number", "nhsNumber"),
            ("staff_names", "boolean"),
            ("row", "row"),
        ],
    ),
    (
        "SharingAgreement",
        &[
            ("id", "!id"),
            ("version", "unsignedInt"),
            ("viewer", "!ods"),
            ("views", "!view+"),
            ("from", "!day"),
            ("until", "day"),
            ("status", "!active|suspended|terminated"),
            ("override_reasons", "overrideReason*"),
            ("clinician_roles", "role*"),
            ("assurance_level", "assurance"),
            ("client_networks", "network*"),
            ("consent_minutes", "minutes"),
            ("sharer", "AgreementSharer*"),
            ("signatory", "AgreementSignatory*"),
            ("assurance", "AgreementAssurance*"),
        ],
    ),
    ("AgreementSharer", &[("practice", "!ods"), ("joined", "!day"), ("left", "day")]),
    (
        "AgreementSignatory",
        &[
            ("organisation", "!ods"),
            ("name", "!words"),
            ("role", "!words"),
            ("date", "!day"),
            ("approvals", "AgreementApproval*"),
        ],
    ),
    ("AgreementApproval", &[("name", "!words"), ("date", "!day")]),
    ("AgreementAssurance", &[("organisation", "!ods"), ("date", "!day")]),
    ("SharingAgreements", &[("on", "instant"), ("agreements", "!SharingAgreement*"), ("suspensions", "Suspension*")]),
    (
        "AgreementVersion",
        &[
            ("version", "!unsignedInt"),
            ("at", "!instant"),
            ("by", "!string"),
            ("reason", "string?"),
            ("agreement", "!SharingAgreement"),
        ],
    ),
    ("AgreementHistory", &[("versions", "!AgreementVersion*")]),
    ("AgreementWithdrawal", &[("organisation", "!ods"), ("on", "day"), ("reason", "!words")]),
    ("AgreementReason", &[("reason", "!words")]),
    (
        "AgreementJoining",
        &[
            ("practice", "!ods"),
            ("joined", "day"),
            ("name", "!words"),
            ("role", "!words"),
            ("date", "!day"),
            ("approvals", "!AgreementApproval*"),
        ],
    ),
    (
        "AgreementObjection",
        &[
            ("id", "!id"),
            ("practice", "!ods"),
            ("joined", "!day"),
            ("organisation", "!ods"),
            ("reason", "!words"),
            ("raised", "!instant"),
            ("by", "!string"),
            ("outcome", "withdrawn|upheld"),
            ("settled", "instant"),
        ],
    ),
    // What is sent to record one.
    ("AgreementObjecting", &[("practice", "!ods"), ("organisation", "!ods"), ("reason", "!words")]),
    ("AgreementObjections", &[("objections", "!AgreementObjection*")]),
    ("AgreementSettlement", &[("outcome", "!withdrawn|upheld")]),
    (
        "Enrolment",
        &[
            ("id", "string"),
            ("version", "unsignedInt"),
            ("user", "!user"),
            ("organisation", "!ods"),
            ("role", "!role"),
            ("terms_accepted", "day"),
            ("trained", "day"),
            ("until", "day"),
        ],
    ),
    ("Enrolments", &[("enrolments", "!Enrolment*")]),
    (
        "Suspension",
        &[
            ("id", "id"),
            ("target", "!everything|viewer|sharer|user"),
            ("subject", "string"),
            ("reason", "!words"),
            ("by", "!string"),
            ("since", "instant"),
            ("until", "instant"),
            ("lifted", "instant"),
            ("lifted_by", "string"),
        ],
    ),
    // What is sent to place one; its subject is an ODS code or a user id, or absent where everything stops.
    (
        "SuspensionPlaced",
        &[
            ("target", "!everything|viewer|sharer|user"),
            ("subject", "user"),
            ("reason", "!words"),
            ("since", "instant"),
            ("until", "instant"),
        ],
    ),
    ("Suspensions", &[("suspensions", "!Suspension*")]),
    (
        "Alert",
        &[
            ("id", "!string"),
            ("kind", "!override|agreement"),
            ("organisation", "!ods"),
            ("raised", "!instant"),
            ("after_refusal", "!boolean"),
            ("state", NEEDED_STATE),
            ("attempts", "!unsignedInt"),
            ("next_attempt", "instant"),
            ("reason", "string"),
            ("settled", "instant"),
            ("review", "string"),
        ],
    ),
    ("Alerts", &[("alerts", "!Alert*")]),
    (
        "ExplainCase",
        &[
            ("user", "!user"),
            ("organisation", "ods"),
            ("role", "!role"),
            ("nhs_number", "!nhsNumber"),
            ("type", "!kind"),
            ("scope", "string"),
            ("assurance", "level"),
            ("address", "address"),
        ],
    ),
    (
        "ExplainAsked",
        &[("user", "!user"), ("organisation", "!ods"), ("role", "!role"), ("type", "!string"), ("views", "!string*")],
    ),
    ("ExplainFact", &[("name", "!string"), ("value", "!string")]),
    (
        "ExplainRule",
        &[
            ("rule", "!unsignedInt"),
            ("name", "!string"),
            ("version", "!unsignedInt"),
            ("verdict", "!passes|refuses"),
            ("reason", "string?"),
            ("facts", "ExplainFact*"),
        ],
    ),
    (
        "Explained",
        &[
            ("at", "!instant"),
            ("revision", "unsignedInt"),
            ("asked", "!ExplainAsked"),
            ("verdict", "!string"),
            ("rules", "!ExplainRule*"),
            ("not_asked", "!string"),
        ],
    ),
    ("Alive", &[("status", "!string")]),
    ("Readiness", &[("status", "!string"), ("store", "string"), ("exclusions", "string"), ("mig", "string")]),
    ("Sharing", &[("at", "!instant"), ("stopped", "!boolean"), ("agreements", "!SharingEntry*")]),
    (
        "SharingEntry",
        &[
            ("viewer", "!string"),
            ("state", "!string"),
            ("since", "!date"),
            ("until", "date?"),
            ("views", "!string*"),
            ("sharers", "!SharingSharer*"),
            ("joining", "SharingSharer*"),
        ],
    ),
    ("SharingSharer", &[("practice", "!string"), ("since", "date")]),
    ("DemoToken", &[("access_token", "!string"), ("token_type", "string"), ("expires_in", "unsignedInt")]),
    ("DemoNoUser", &[("error", "!string"), ("user", "string*")]),
    (
        "DemoAlert",
        &[
            ("webhook_id", "!string"),
            ("received", "!instant"),
            ("verified", "!boolean"),
            ("times", "!unsignedInt"),
            ("body", "!DemoLetter"),
        ],
    ),
    ("DemoLetter", &[("type", "!string"), ("timestamp", "!instant"), ("data", "!DemoLetterData")]),
    (
        "DemoLetterData",
        &[
            ("reference", "string"),
            ("organisation", "string"),
            ("mark", "string"),
            ("agreement", "string"),
            ("version", "unsignedInt"),
            ("viewer", "string"),
            ("change", "string"),
            ("status", "string"),
            ("practice", "string"),
            ("until", "date"),
            ("to", "string"),
        ],
    ),
    (
        "DemoPatient",
        &[
            ("scenario", "!string"),
            ("nhs_number", "!string"),
            ("description", "!string"),
            ("consent", "!Consent"),
            ("override", "!Consent"),
        ],
    ),
];
