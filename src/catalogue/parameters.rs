//! Search parameters by type: the union of what UK Core Access, IHE QEDm and PDQm expect of a provider.
//!
//! Data. Definitions are those of the FHIR R4 registry.

use crate::search::{Form, Parameter, Use};

macro_rules! definition {
    ($name:literal) => {
        concat!("http://hl7.org/fhir/SearchParameter/", $name)
    };
}

/// How a search of the record names its patient, then what the type adds.
macro_rules! of_the_record {
    ($subject:literal; $($parameter:expr),* $(,)?) => {
        &[
            Parameter::filter("patient", Form::Reference, definition!("clinical-patient"), &[], "The one patient, by sealed id")
                .used_as(Use::Patient),
            Parameter::filter("patient.identifier", Form::Token, "", &[], "The one patient, by NHS number")
                .used_as(Use::PatientIdentifier),
            Parameter::filter("patient.birthdate", Form::Date, "", &[], "Compared by the practice's system; a mismatch answers as an unknown patient")
                .used_as(Use::BirthDate),
            $($parameter),*
        ]
    };
    (with subject $subject:literal; $($parameter:expr),* $(,)?) => {
        of_the_record!($subject;
            Parameter::filter("subject", Form::Reference, definition!($subject), &[], "The one patient, by sealed id")
                .used_as(Use::Patient),
            Parameter::filter("subject.identifier", Form::Token, "", &[], "The one patient, by NHS number")
                .used_as(Use::PatientIdentifier),
            Parameter::filter("subject.birthdate", Form::Date, "", &[], "As patient.birthdate")
                .used_as(Use::BirthDate),
            $($parameter),*
        )
    };
}

const fn token(
    name: &'static str,
    definition: &'static str,
    paths: &'static [&'static str],
    documentation: &'static str,
) -> Parameter {
    Parameter::filter(name, Form::Token, definition, paths, documentation)
}

const fn date(
    name: &'static str,
    definition: &'static str,
    paths: &'static [&'static str],
    documentation: &'static str,
) -> Parameter {
    Parameter::filter(name, Form::Date, definition, paths, documentation)
}

const fn reference(
    name: &'static str,
    definition: &'static str,
    paths: &'static [&'static str],
    documentation: &'static str,
) -> Parameter {
    Parameter::filter(name, Form::Reference, definition, paths, documentation)
}

const fn text(
    name: &'static str,
    definition: &'static str,
    paths: &'static [&'static str],
    documentation: &'static str,
) -> Parameter {
    Parameter::filter(name, Form::Text, definition, paths, documentation)
}

const CODE: Parameter = token("code", definition!("clinical-code"), &["code"], "What it is, coded").worded();

pub(super) static PATIENT: &[Parameter] = &[
    token("identifier", definition!("Patient-identifier"), &[], "The one patient, by NHS number")
        .used_as(Use::PatientIdentifier),
    token("_id", definition!("Resource-id"), &[], "The one patient, by sealed id").used_as(Use::Patient),
    date(
        "birthdate",
        definition!("individual-birthdate"),
        &[],
        "Compared by the practice's system; a mismatch answers as an unknown patient",
    )
    .used_as(Use::BirthDate),
    text(
        "name",
        definition!("Patient-name"),
        &["name.family", "name.given", "name.prefix", "name.suffix", "name.text"],
        "Any part of the name",
    ),
    text("family", definition!("individual-family"), &["name.family"], "Family name"),
    text("given", definition!("individual-given"), &["name.given"], "Given name"),
    token("gender", definition!("individual-gender"), &["gender"], "Administrative gender")
        .of("http://hl7.org/fhir/administrative-gender"),
];

pub(super) static CONDITION: &[Parameter] = of_the_record!(with subject "Condition-subject";
    token("category", definition!("Condition-category"), &["category"], "problem-list-item or encounter-diagnosis"),
    token("clinical-status", definition!("Condition-clinical-status"), &["clinicalStatus"], "active, inactive, resolved …"),
    token("verification-status", definition!("Condition-verification-status"), &["verificationStatus"], "confirmed, provisional …"),
    CODE,
    date("onset-date", definition!("Condition-onset-date"), &["onsetDateTime", "onsetPeriod"], "When it began"),
    date("recorded-date", definition!("Condition-recorded-date"), &["recordedDate"], "When it was recorded"),
    date("abatement-date", definition!("Condition-abatement-date"), &["abatementDateTime", "abatementPeriod"], "When it ended"),
    token("severity", definition!("Condition-severity"), &["severity"], "How severe").worded(),
    reference("encounter", definition!("Condition-encounter"), &["encounter"], "The consultation in which it was recorded"),
    reference("asserter", definition!("Condition-asserter"), &["asserter"], "Who asserted it"),
);

pub(super) static MEDICATION_STATEMENT: &[Parameter] = of_the_record!(with subject "MedicationStatement-subject";
    token("status", definition!("medications-status"), &["status"], "active, completed, stopped …")
        .of("http://hl7.org/fhir/CodeSystem/medication-statement-status"),
    token("category", definition!("MedicationStatement-category"), &["category"], "Where it is taken"),
    token("code", definition!("clinical-code"), &["medicationCodeableConcept"], "The medication, coded").worded(),
    date("effective", definition!("MedicationStatement-effective"), &["effectiveDateTime", "effectivePeriod"], "When it is taken"),
    reference("context", definition!("MedicationStatement-context"), &["context"], "The consultation in which it was recorded"),
    reference("source", definition!("MedicationStatement-source"), &["informationSource"], "Who said so"),
);

pub(super) static MEDICATION_REQUEST: &[Parameter] = of_the_record!(with subject "MedicationRequest-subject";
    token("status", definition!("medications-status"), &["status"], "active, completed, stopped, cancelled …")
        .of("http://hl7.org/fhir/CodeSystem/medicationrequest-status"),
    token("intent", definition!("MedicationRequest-intent"), &["intent"], "plan for an authorisation, order for an issue")
        .of("http://hl7.org/fhir/CodeSystem/medicationrequest-intent"),
    token("category", definition!("MedicationRequest-category"), &["category"], "Where it is to be taken").worded(),
    token("code", definition!("clinical-code"), &["medicationCodeableConcept"], "The medication, coded").worded(),
    date("authoredon", definition!("MedicationRequest-authoredon"), &["authoredOn"], "When it was authorised or issued"),
    reference("encounter", definition!("medications-encounter"), &["encounter"], "The consultation in which it was recorded"),
    reference("requester", definition!("MedicationRequest-requester"), &["requester"], "Who authorised it"),
);

pub(super) static ALLERGY_INTOLERANCE: &[Parameter] = of_the_record!("";
    token("clinical-status", definition!("AllergyIntolerance-clinical-status"), &["clinicalStatus"], "active, inactive, resolved"),
    token("verification-status", definition!("AllergyIntolerance-verification-status"), &["verificationStatus"], "confirmed, unconfirmed …"),
    token("category", definition!("AllergyIntolerance-category"), &["category"], "food, medication, environment, biologic")
        .of("http://hl7.org/fhir/allergy-intolerance-category"),
    token("type", definition!("clinical-type"), &["type"], "allergy or intolerance").of("http://hl7.org/fhir/allergy-intolerance-type"),
    token("criticality", definition!("AllergyIntolerance-criticality"), &["criticality"], "low, high, unable-to-assess")
        .of("http://hl7.org/fhir/allergy-intolerance-criticality"),
    token("code", definition!("clinical-code"), &["code", "reaction.substance"], "The substance, coded").worded(),
    token("manifestation", definition!("AllergyIntolerance-manifestation"), &["reaction.manifestation"], "How it shows"),
    token("severity", definition!("AllergyIntolerance-severity"), &["reaction.severity"], "mild, moderate, severe")
        .of("http://hl7.org/fhir/reaction-event-severity"),
    date("date", definition!("clinical-date"), &["recordedDate"], "When it was recorded"),
    date("last-date", definition!("AllergyIntolerance-last-date"), &["lastOccurrence"], "When it last showed"),
    date("onset", definition!("AllergyIntolerance-onset"), &["reaction.onset"], "When a reaction began"),
    reference("asserter", definition!("AllergyIntolerance-asserter"), &["asserter"], "Who asserted it"),
    reference("recorder", definition!("AllergyIntolerance-recorder"), &["recorder"], "Who recorded it"),
);

pub(super) static FLAG: &[Parameter] = of_the_record!(with subject "Flag-subject";
    date("date", definition!("clinical-date"), &["period"], "Since when it stands"),
    reference("encounter", definition!("clinical-encounter"), &["encounter"], "The consultation in which it was recorded"),
    reference("author", definition!("Flag-author"), &["author"], "Who is responsible for it"),
);

pub(super) static OBSERVATION: &[Parameter] = of_the_record!(with subject "Observation-subject";
    token("category", definition!("Observation-category"), &["category"], "vital-signs, laboratory …"),
    CODE,
    token("combo-code", definition!("Observation-combo-code"), &["code", "component.code"], "What was observed, or a component of it").worded(),
    token("component-code", definition!("Observation-component-code"), &["component.code"], "A component of it").worded(),
    token("status", definition!("Observation-status"), &["status"], "final …").of("http://hl7.org/fhir/observation-status"),
    date("date", definition!("clinical-date"), &["effectiveDateTime", "effectivePeriod", "effectiveInstant"], "When it was observed"),
    reference("encounter", definition!("clinical-encounter"), &["encounter"], "The consultation in which it was recorded"),
    reference("performer", definition!("Observation-performer"), &["performer"], "Who observed it"),
    reference("has-member", definition!("Observation-has-member"), &["hasMember"], "A member of the group"),
    reference("specimen", definition!("Observation-specimen"), &["specimen"], "What was tested"),
);

pub(super) static DIAGNOSTIC_REPORT: &[Parameter] = of_the_record!(with subject "DiagnosticReport-subject";
    token("category", definition!("DiagnosticReport-category"), &["category"], "LAB, RAD, HM, CH …"),
    CODE,
    date("date", definition!("clinical-date"), &["effectiveDateTime", "effectivePeriod"], "When the specimen was taken or the test done"),
    token("status", definition!("DiagnosticReport-status"), &["status"], "final …").of("http://hl7.org/fhir/diagnostic-report-status"),
    date("issued", definition!("DiagnosticReport-issued"), &["issued"], "When it was issued"),
    reference("encounter", definition!("clinical-encounter"), &["encounter"], "The consultation in which it was recorded"),
    reference("performer", definition!("DiagnosticReport-performer"), &["performer"], "Who is responsible for it"),
    reference("result", definition!("DiagnosticReport-result"), &["result"], "A result of it"),
    reference("specimen", definition!("DiagnosticReport-specimen"), &["specimen"], "What was tested"),
);

pub(super) static PROCEDURE: &[Parameter] = of_the_record!(with subject "Procedure-subject";
    date("date", definition!("clinical-date"), &["performedDateTime", "performedPeriod"], "When it was done"),
    CODE,
    token("category", definition!("Procedure-category"), &["category"], "What kind it is"),
    token("status", definition!("Procedure-status"), &["status"], "completed …").of("http://hl7.org/fhir/event-status"),
    reference("encounter", definition!("clinical-encounter"), &["encounter"], "The consultation in which it was recorded"),
    reference("performer", definition!("Procedure-performer"), &["performer.actor"], "Who did it"),
);

pub(super) static IMMUNIZATION: &[Parameter] = of_the_record!("";
    token("status", definition!("Immunization-status"), &["status"], "completed, not-done").of("http://hl7.org/fhir/event-status"),
    date("date", definition!("clinical-date"), &["occurrenceDateTime"], "When it was given"),
    token("vaccine-code", definition!("Immunization-vaccine-code"), &["vaccineCode"], "The vaccine, where it is recorded").worded(),
    text("lot-number", definition!("Immunization-lot-number"), &["lotNumber"], "The batch"),
    token("status-reason", definition!("Immunization-status-reason"), &["statusReason"], "Why it was not given").worded(),
    reference("performer", definition!("Immunization-performer"), &["performer.actor"], "Who is responsible for it"),
);

pub(super) static ENCOUNTER: &[Parameter] = of_the_record!(with subject "Encounter-subject";
    date("date", definition!("clinical-date"), &["period"], "When it was"),
    token("status", definition!("Encounter-status"), &["status"], "finished …").of("http://hl7.org/fhir/encounter-status"),
    token("class", definition!("Encounter-class"), &["class"], "AMB, VR, IMP …").worded(),
    token("type", definition!("clinical-type"), &["type"], "What kind it was").worded(),
    token("reason-code", definition!("Encounter-reason-code"), &["reasonCode"], "Why it was"),
    reference("participant", definition!("Encounter-participant"), &["participant.individual"], "Who took part"),
    reference("location", definition!("Encounter-location"), &["location.location"], "Where it was"),
    reference("service-provider", definition!("Encounter-service-provider"), &["serviceProvider"], "The organisation"),
);

pub(super) static SERVICE_REQUEST: &[Parameter] = of_the_record!(with subject "ServiceRequest-subject";
    date("authored", definition!("ServiceRequest-authored"), &["authoredOn"], "When it was made"),
    token("status", definition!("ServiceRequest-status"), &["status"], "unknown, revoked …").of("http://hl7.org/fhir/request-status"),
    token("intent", definition!("ServiceRequest-intent"), &["intent"], "order").of("http://hl7.org/fhir/request-intent"),
    token("category", definition!("ServiceRequest-category"), &["category"], "What kind it is").worded(),
    token("priority", definition!("ServiceRequest-priority"), &["priority"], "routine, urgent, asap").of("http://hl7.org/fhir/request-priority"),
    CODE,
    date("occurrence", definition!("ServiceRequest-occurrence"), &["occurrenceDateTime"], "When it is to be"),
    reference("encounter", definition!("clinical-encounter"), &["encounter"], "The consultation in which it was made"),
    reference("requester", definition!("ServiceRequest-requester"), &["requester"], "Who made it"),
    reference("performer", definition!("ServiceRequest-performer"), &["performer"], "To whom it was made"),
);
