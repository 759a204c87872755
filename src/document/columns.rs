//! Which columns a resource has in a narrative, by FHIR type: data, and the only place for it. A type without a row of its
//! own is shown by the last one.

/// What a type looks like.
#[derive(Debug)]
pub(super) struct Layout {
    /// The FHIR type.
    pub kind: &'static str,
    /// What several of it are called.
    pub plural: &'static str,
    /// One row an entry; else one row a column, for what occurs once.
    pub in_rows: bool,
    /// The columns.
    pub columns: &'static [Column],
}

/// One column.
#[derive(Debug)]
pub(super) struct Column {
    pub head: &'static str,
    pub items: &'static [Item],
}

/// Something in a cell.
#[derive(Debug)]
pub(super) struct Item {
    /// What stands before it.
    pub label: &'static str,
    /// Where it is found. `extension:NAME` is the extension whose URL ends so.
    pub paths: &'static [&'static str],
    /// How it is said.
    pub form: Form,
}

/// How something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The first path that says anything, by its shape.
    First,
    /// Every path, by its shape.
    Every,
    /// The first path that says anything, as a date.
    Date,
}

const fn column(head: &'static str, items: &'static [Item]) -> Column {
    Column { head, items }
}

const fn first(paths: &'static [&'static str]) -> Item {
    Item { label: "", paths, form: Form::First }
}

const fn every(paths: &'static [&'static str]) -> Item {
    Item { label: "", paths, form: Form::Every }
}

const fn named(label: &'static str, paths: &'static [&'static str]) -> Item {
    Item { label, paths, form: Form::First }
}

const fn date(label: &'static str, paths: &'static [&'static str]) -> Item {
    Item { label, paths, form: Form::Date }
}

const NOTES: Item = every(&["note"]);

macro_rules! rows {
    ($kind:literal, $plural:literal: $($head:literal => $items:expr),+ $(,)?) => {
        Layout { kind: $kind, plural: $plural, in_rows: true, columns: &[$(column($head, &$items)),+] }
    };
}

/// The layout of a FHIR type.
pub(super) fn of(kind: &str) -> &'static Layout {
    LAYOUTS.iter().find(|layout| layout.kind == kind).unwrap_or(&OTHER)
}

/// By what another resource is named, by its FHIR type.
pub(super) fn labels(kind: &str) -> &'static [&'static str] {
    match kind {
        "PractitionerRole" => &["practitioner", "code", "organization"],
        "Practitioner" | "Patient" | "Organization" | "Location" => &["name"],
        _ => &["code", "medicationCodeableConcept", "vaccineCode", "type", "class"],
    }
}

static LAYOUTS: &[Layout] = &[
    Layout {
        kind: "Patient",
        plural: "patients",
        in_rows: false,
        columns: &[
            column("Name", &[first(&["name"])]),
            column("Born", &[date("", &["birthDate"])]),
            column("Gender", &[first(&["gender"])]),
            column("Died", &[date("", &["deceasedDateTime"]), first(&["deceasedBoolean"])]),
            column("Address", &[first(&["address"])]),
            column("Telephone", &[first(&["telecom"])]),
            column("General practitioner", &[first(&["generalPractitioner"])]),
            column("Practice", &[first(&["managingOrganization"])]),
            column("Contacts", &[first(&["contact.name"])]),
        ],
    },
    rows!("Condition", "conditions":
        "Date" => [date("", &["onsetDateTime", "onsetPeriod", "recordedDate"])],
        "What" => [first(&["code"])],
        "Status" => [every(&["clinicalStatus", "verificationStatus", "extension:problem-significance.valueCode",
                             "extension:problem-status.valueCode"]),
                     date("Ended: ", &["abatementDateTime", "abatementPeriod"])],
        "Details" => [NOTES, named("Evidence: ", &["evidence.detail"])],
        "Who" => [first(&["asserter", "recorder"])],
    ),
    rows!("MedicationStatement", "medicines":
        "Date" => [date("", &["effectivePeriod", "effectiveDateTime", "dateAsserted"])],
        "Medicine" => [first(&["medicationCodeableConcept"])],
        "Dose" => [first(&["dosage"])],
        "Status" => [every(&["status", "statusReason"]),
                     date("Last issued: ", &["extension:MedicationStatementLastIssueDate.valueDateTime"])],
        "Details" => [NOTES, named("For: ", &["reasonReference", "reasonCode"])],
        "Who" => [first(&["informationSource"])],
    ),
    rows!("MedicationRequest", "prescriptions":
        "Date" => [date("", &["authoredOn"])],
        "Medicine" => [first(&["medicationCodeableConcept"])],
        "Dose" => [first(&["dosageInstruction"])],
        "Quantity" => [every(&["dispenseRequest.quantity", "dispenseRequest.expectedSupplyDuration"])],
        "Status" => [every(&["intent", "status", "statusReason"])],
        "Details" => [NOTES, named("For: ", &["reasonReference", "reasonCode"])],
        "Who" => [first(&["requester", "recorder"])],
    ),
    rows!("AllergyIntolerance", "allergies":
        "Date" => [date("", &["recordedDate", "onsetDateTime"])],
        "What" => [first(&["code"])],
        "Reaction" => [named("To: ", &["reaction.substance"]), first(&["reaction.manifestation"])],
        "Status" => [every(&["clinicalStatus", "verificationStatus", "category", "criticality"])],
        "Details" => [NOTES],
        "Who" => [first(&["asserter", "recorder"])],
    ),
    rows!("Observation", "observations":
        "Date" => [date("", &["effectiveDateTime", "effectivePeriod", "issued"])],
        "What" => [first(&["code"])],
        "Value" => [first(&["valueQuantity", "valueString", "valueCodeableConcept", "valueRange", "valueRatio",
                            "valueInteger", "valueBoolean", "valueDateTime", "dataAbsentReason"]),
                    first(&["component"]), first(&["interpretation"])],
        "Range" => [first(&["referenceRange"])],
        "Details" => [NOTES, named("Includes: ", &["hasMember"])],
        "Who" => [first(&["performer"])],
    ),
    rows!("DiagnosticReport", "reports":
        "Date" => [date("", &["effectiveDateTime", "effectivePeriod", "issued"])],
        "What" => [first(&["code"])],
        "Result" => [first(&["conclusion", "conclusionCode"]), named("Includes: ", &["result"])],
        "Status" => [first(&["status"])],
        "Specimen" => [first(&["specimen"])],
        "Who" => [first(&["performer", "resultsInterpreter"])],
    ),
    rows!("Procedure", "procedures":
        "Date" => [date("", &["performedDateTime", "performedPeriod"])],
        "What" => [first(&["code"])],
        "Status" => [first(&["status"])],
        "Details" => [NOTES, named("For: ", &["reasonReference", "reasonCode"])],
        "Who" => [first(&["performer.actor", "asserter", "recorder"])],
    ),
    rows!("Immunization", "immunisations":
        "Date" => [date("", &["occurrenceDateTime"]), first(&["occurrenceString"])],
        "What" => [first(&["extension:VaccinationProcedure.valueCodeableConcept", "vaccineCode"])],
        "Dose" => [first(&["doseQuantity"]), named("Number: ", &["protocolApplied.doseNumberPositiveInt",
                                                                 "protocolApplied.doseNumberString"])],
        "Status" => [every(&["status", "statusReason"])],
        "Details" => [named("Batch: ", &["lotNumber"]), every(&["site", "route", "note"])],
        "Who" => [first(&["performer.actor"])],
    ),
    rows!("Encounter", "encounters":
        "Date" => [date("", &["period"])],
        "What" => [every(&["type", "class"])],
        "Length" => [first(&["length"])],
        "Status" => [first(&["status"])],
        "Where" => [every(&["location.location", "serviceProvider"])],
        "Who" => [first(&["participant.individual"])],
    ),
    rows!("ServiceRequest", "referrals":
        "Date" => [date("", &["authoredOn", "occurrenceDateTime", "occurrencePeriod"])],
        "What" => [first(&["code"])],
        "To" => [every(&["performerType", "performer", "locationReference"])],
        "Status" => [every(&["intent", "status", "priority"])],
        "Details" => [NOTES, named("For: ", &["reasonReference", "reasonCode"])],
        "Who" => [first(&["requester"])],
    ),
    rows!("Flag", "warnings":
        "Date" => [date("", &["period"])],
        "What" => [first(&["code"])],
        "Status" => [every(&["status", "category"])],
        "Who" => [first(&["author"])],
    ),
];

static OTHER: Layout = rows!("", "entries":
    "Date" => [date("", &["effectiveDateTime", "occurrenceDateTime", "authoredOn", "date", "period", "recordedDate"])],
    "What" => [first(&["code", "type", "name"])],
    "Status" => [first(&["status"])],
    "Details" => [NOTES],
    "Who" => [first(&["performer", "author", "recorder"])],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Kind;

    #[test]
    fn every_type_of_a_section_has_columns_of_its_own() {
        for kind in Kind::ALL.iter().filter(|kind| !kind.is_referred_to()) {
            assert_eq!(of(kind.as_str()).kind, kind.as_str());
        }
        assert_eq!(of("Unheard").kind, "");
    }

    #[test]
    fn each_table_says_when_what_and_who() {
        for layout in LAYOUTS.iter().filter(|layout| layout.in_rows) {
            let (first, last) = (layout.columns.first(), layout.columns.last());
            assert_eq!((first.map(|c| c.head), last.map(|c| c.head)), (Some("Date"), Some("Who")), "{}", layout.kind);
            assert!(layout.columns.iter().flat_map(|column| column.items).all(|item| !item.paths.is_empty()));
        }
    }
}
