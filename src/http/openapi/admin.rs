//! `/admin` and the batch in the OpenAPI document: plain JSON, so that its shapes are given here.

mod shapes;

use super::forms::{formed, of_a_register, one_of};
use super::operations::{body, item, operation, refusals, string};
use super::parameters::{etag, header, id, query};
use super::schemas::object;
use super::{FHIR_JSON, answers};
use crate::report::Name;
use crate::search::Form;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterBuilder};
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, ObjectBuilder, PathsBuilder, Ref, RefOr, Response,
    ResponseBuilder, Schema,
};

const JSON: &str = "application/json";
const TOML: &str = "application/toml";
/// The document's word for these operations.
pub(super) const TAG: &str = "admin";

/// One operation: method, id, summary, what is sent, the status and what is answered.
type Row = (HttpMethod, &'static str, &'static str, Option<&'static str>, &'static str, &'static str);

/// The routes below `/admin`, in their order.
const ROUTES: &[(&str, &[Row])] = &[
    (
        "agreements",
        &[
            (
                HttpMethod::Get,
                "listAgreements",
                "Sharing agreements; with on, who could see what then",
                None,
                "200",
                "SharingAgreements",
            ),
            (
                HttpMethod::Post,
                "createAgreement",
                "A new agreement; as TOML, registers to add and change",
                Some("SharingAgreement"),
                "201",
                "SharingAgreement",
            ),
        ],
    ),
    (
        "agreements/{id}",
        &[
            (HttpMethod::Get, "readAgreement", "One agreement", None, "200", "SharingAgreement"),
            (
                HttpMethod::Put,
                "replaceAgreement",
                "All that an agreement says, anew",
                Some("SharingAgreement"),
                "200",
                "SharingAgreement",
            ),
        ],
    ),
    (
        "agreements/{id}/history",
        &[(HttpMethod::Get, "agreementHistory", "Every version of an agreement", None, "200", "AgreementHistory")],
    ),
    (
        "agreements/{id}/withdrawal",
        &[(
            HttpMethod::Post,
            "withdrawFromAgreement",
            "The viewer or a sharer leaves, at once or on a day (12.1)",
            Some("AgreementWithdrawal"),
            "200",
            "SharingAgreement",
        )],
    ),
    (
        "agreements/{id}/suspension",
        &[(
            HttpMethod::Post,
            "suspendAgreement",
            "Stop an agreement for now (12.2, 12.3)",
            Some("AgreementReason"),
            "200",
            "SharingAgreement",
        )],
    ),
    (
        "agreements/{id}/resumption",
        &[(
            HttpMethod::Post,
            "resumeAgreement",
            "Put an agreement in force again",
            Some("AgreementReason"),
            "200",
            "SharingAgreement",
        )],
    ),
    (
        "agreements/{id}/joining",
        &[(
            HttpMethod::Post,
            "joinAgreement",
            "A practice joins when the objection period is over (14)",
            Some("AgreementJoining"),
            "200",
            "SharingAgreement",
        )],
    ),
    (
        "agreements/{id}/objections",
        &[
            (
                HttpMethod::Get,
                "listObjections",
                "Objections to those who are to join",
                None,
                "200",
                "AgreementObjections",
            ),
            (
                HttpMethod::Post,
                "raiseObjection",
                "Record an objection: while it stands the practice does not share",
                Some("AgreementObjecting"),
                "201",
                "AgreementObjection",
            ),
        ],
    ),
    (
        "agreements/{id}/objections/{objection}",
        &[(
            HttpMethod::Post,
            "settleObjection",
            "End an objection: withdrawn or upheld",
            Some("AgreementSettlement"),
            "200",
            "AgreementObjection",
        )],
    ),
    (
        "enrolments",
        &[
            (
                HttpMethod::Get,
                "listEnrolments",
                "Who accepted the terms and was trained (7.3.3)",
                None,
                "200",
                "Enrolments",
            ),
            (
                HttpMethod::Post,
                "createEnrolment",
                "Enrol a user for an organisation and role",
                Some("Enrolment"),
                "201",
                "Enrolment",
            ),
        ],
    ),
    (
        "enrolments/{id}",
        &[
            (HttpMethod::Get, "readEnrolment", "One enrolment", None, "200", "Enrolment"),
            (HttpMethod::Put, "replaceEnrolment", "Change an enrolment", Some("Enrolment"), "200", "Enrolment"),
            (
                HttpMethod::Delete,
                "endEnrolment",
                "End an enrolment at once; it stays on record",
                None,
                "200",
                "Enrolment",
            ),
        ],
    ),
    (
        "suspensions",
        &[
            (
                HttpMethod::Get,
                "listSuspensions",
                "What is stopped; with lifted=true, what ever was",
                None,
                "200",
                "Suspensions",
            ),
            (
                HttpMethod::Post,
                "placeSuspension",
                "Stop everything, a viewer, a sharer or a user (12.4)",
                Some("SuspensionPlaced"),
                "201",
                "Suspension",
            ),
        ],
    ),
    (
        "suspensions/{id}",
        &[
            (HttpMethod::Get, "readSuspension", "One suspension", None, "200", "Suspension"),
            (HttpMethod::Delete, "liftSuspension", "Let it go on", None, "200", "Suspension"),
        ],
    ),
    (
        "alerts",
        &[(
            HttpMethod::Get,
            "listAlerts",
            "What became of alerts and notices; for privacy officers their own organisation's, for administrators all",
            None,
            "200",
            "Alerts",
        )],
    ),
    ("alerts/{id}", &[(HttpMethod::Get, "readAlert", "What became of one of them", None, "200", "Alert")]),
    (
        "alerts/{id}/retry",
        &[(HttpMethod::Post, "retryAlert", "Try a dead letter again, as if it were new", None, "200", "Alert")],
    ),
    (
        "explain",
        &[(
            HttpMethod::Post,
            "explainDecision",
            "What each local rule says of a user and a patient; for privacy officers",
            Some("ExplainCase"),
            "200",
            "Explained",
        )],
    ),
    (
        "reports",
        &[(
            HttpMethod::Get,
            "listReports",
            "What the audit trail tells; for whoever may search it",
            None,
            "200",
            "Reports",
        )],
    ),
    (
        "reports/{name}",
        &[
            (HttpMethod::Get, "makeReport", "A report that names neither patient nor user", None, "200", "Report"),
            (
                HttpMethod::Post,
                "makeReportOf",
                "A report; the patient or the user that it is about stands in the body",
                Some("ReportRequest"),
                "200",
                "Report",
            ),
        ],
    ),
];

/// Parameters of an address: name, what it is, and its form, as the shapes name it.
type Query = (&'static str, &'static [(&'static str, &'static str, &'static str)]);
const QUERIES: &[Query] = &[
    (
        "listAgreements",
        &[("on", "An instant or a day", "moment"), ("viewer", "ODS code", "ods"), ("practice", "ODS code", "ods")],
    ),
    ("listEnrolments", &[("user", "User id", "user"), ("organisation", "ODS code", "ods")]),
    ("listAlerts", &[("state", "How it stands", shapes::STATES), ("kind", "What it tells of", "override|agreement")]),
    ("listSuspensions", &[("lifted", "true: those that were lifted too", "true|false")]),
    (
        "makeReport",
        &[
            ("from", "First day or instant", "moment"),
            ("to", "Last day or instant", "moment"),
            ("practice", "ODS code", "ods"),
            ("row", "The trail as it stood at this row", "row"),
            ("_format", "csv or json", "csv|json|text/csv|application/json|application/fhir+json"),
        ],
    ),
];

/// What names the version that is changed: `true` where it has to.
const VERSIONED: &[(&str, bool)] = &[
    ("replaceAgreement", true),
    ("resumeAgreement", true),
    ("joinAgreement", true),
    ("replaceEnrolment", true),
    ("withdrawFromAgreement", false),
    ("suspendAgreement", false),
];

/// The schemas.
pub(super) fn schemas(mut components: ComponentsBuilder) -> ComponentsBuilder {
    for (name, elements) in shapes::SHAPES {
        // What is only sent has these members and no others; what is answered may get more.
        let closed = shapes::SENT.contains(name).then_some(AdditionalProperties::FreeForm(false));
        components = components.schema(*name, object(ObjectBuilder::new().additional_properties(closed), elements, 0));
    }
    components
}

/// The operations, and the batch.
pub(super) fn paths(mut paths: PathsBuilder) -> PathsBuilder {
    for (path, rows) in ROUTES {
        let operations = rows.iter().map(|row| (row.0.clone(), one(path, row))).collect();
        paths = paths.path(format!("/admin/{path}"), item(operations));
    }
    let description = "Only EpisodeOfCare, only POST (with ifNoneExist by identifier) and PUT (with ifMatch), 500 entries at \
                       most. Each entry is decided, kept and audited by itself, and answered in its place.";
    let batch = operation("kept", "batch".to_owned(), "Register many at once".to_owned(), description)
        .request_body(Some(body(FHIR_JSON, Ref::from_schema_name("EpisodeBatch").into())))
        .response("200", answers::answer("A batch-response", "Bundle"));
    let batch = refusals(batch, &["400", "413", "415", "422"]);
    paths.path("/FHIR/R4", item(vec![(HttpMethod::Post, batch)]))
}

fn one(path: &str, (method, name, summary, sent, status, answered): &Row) -> Operation {
    let mut operation = operation(TAG, (*name).to_owned(), (*summary).to_owned(), "");
    if path.contains("{id}") {
        operation = operation.parameter(id());
    }
    if path.contains("{objection}") {
        operation = operation.parameter(ParameterBuilder::from(id()).name("objection").build());
    }
    if path.contains("{name}") {
        let reports = one_of(Name::ALL.iter().map(|name| name.as_str())).build();
        let named = ParameterBuilder::from(id()).name("name").description(Some("Which report")).schema(Some(reports));
        operation = operation.parameter(named.build());
    }
    for (parameter, text, form) in QUERIES.iter().filter(|(of, _)| of == name).flat_map(|(_, parameters)| *parameters) {
        let schema = of_a_register(form).unwrap_or_else(string);
        operation = operation.parameter(query(parameter, text, Form::Text, schema));
    }
    if let Some((_, needed)) = VERSIONED.iter().find(|(of, _)| of == name) {
        let text = "The ETag that was read; what closes may go without it, so that it need not wait";
        operation = operation.parameter(header("If-Match", text, *needed, etag()));
    }
    let writes = !matches!(method, HttpMethod::Get) && *path != *"explain" && !path.starts_with("reports");
    if writes {
        let text = "Sent again under the same name, it is not done again";
        operation = operation.parameter(header("Idempotency-Key", text, false, formed("[!-~]{1,128}")));
    }
    if let Some(shape) = sent {
        let mut sent = body(JSON, Ref::from_schema_name(*shape).into());
        if *name == "createAgreement" {
            sent.content.insert(TOML.to_owned(), ContentBuilder::new().schema(Some(string())).build().into());
        }
        operation = operation.request_body(Some(sent));
    }
    operation = operation
        .response(*status, if *answered == "Report" { report() } else { shaped(answered, *name == "listAgreements") });
    if *status == "201" {
        operation = operation.response("200", shaped(answered, false));
    }
    let own: &[&str] = match (writes, sent.is_some()) {
        (true, _) => &["400", "404", "412", "413", "415", "422"],
        (false, true) => &["400", "404", "413", "415", "422"],
        (false, false) => &["400", "404", "422"],
    };
    refusals(operation, own)
}

/// A report: a Bundle of AuditEvents or a MeasureReport, or the same as a table.
fn report() -> Response {
    let schema: RefOr<Schema> = ObjectBuilder::new().build().into();
    ResponseBuilder::new()
        .description("A Bundle of AuditEvents or a MeasureReport, or CSV (RFC 4180)")
        .content(FHIR_JSON, ContentBuilder::new().schema(Some(schema)).build())
        .content("text/csv", ContentBuilder::new().schema(Some(string())).build())
        .header(
            "X-Audit-Chain-Head",
            HeaderBuilder::new().schema(Some(string())).description(Some("The row that it is made from")).build(),
        )
        .header(
            "X-Report-Bounds",
            HeaderBuilder::new()
                .schema(Some(string()))
                .description(Some("What bounds it, as a form: organisation, practice, user, from, to"))
                .build(),
        )
        .build()
}

fn shaped(shape: &str, as_toml: bool) -> Response {
    let schema: RefOr<Schema> = Ref::from_schema_name(shape).into();
    let mut response = ResponseBuilder::new()
        .description("As it is now")
        .content(JSON, ContentBuilder::new().schema(Some(schema)).build())
        .header(
            "ETag",
            HeaderBuilder::new().schema(Some(string())).description(Some("Its version, where it has one")).build(),
        );
    if as_toml {
        response = response.content(TOML, ContentBuilder::new().schema(Some(string())).build());
    }
    response.build()
}
