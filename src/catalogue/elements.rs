//! The elements of the types, and which of them a subset of a resource keeps: those of R4's own definitions
//! (`isSummary`, `isModifier`, `min`), by the names of FHIR.
//!
//! Data. What every resource has stands in `search::shape`.

use crate::kinds::Kind;
use crate::search::{Element, Standing};

/// `always`: mandatory, or it changes what the rest means. `summary`: a part of the summary too. `detail`: the rest.
macro_rules! elements {
    ($(always: $($always:literal)*;)? $(summary: $($summary:literal)*;)? $(detail: $($detail:literal)*;)?) => {
        &[
            $($(Element { name: $always, standing: Standing::Always },)*)?
            $($(Element { name: $summary, standing: Standing::Summary },)*)?
            $($(Element { name: $detail, standing: Standing::Detail },)*)?
        ]
    };
}

/// The elements of a type.
pub(super) fn of(kind: Kind) -> &'static [Element] {
    match kind {
        Kind::Patient => PATIENT,
        Kind::Condition => CONDITION,
        Kind::MedicationStatement => MEDICATION_STATEMENT,
        Kind::MedicationRequest => MEDICATION_REQUEST,
        Kind::AllergyIntolerance => ALLERGY_INTOLERANCE,
        Kind::Flag => FLAG,
        Kind::Observation => OBSERVATION,
        Kind::DiagnosticReport => DIAGNOSTIC_REPORT,
        Kind::Procedure => PROCEDURE,
        Kind::Immunization => IMMUNIZATION,
        Kind::Encounter => ENCOUNTER,
        Kind::ServiceRequest => SERVICE_REQUEST,
        Kind::Practitioner => PRACTITIONER,
        Kind::PractitionerRole => PRACTITIONER_ROLE,
        Kind::Organization => ORGANIZATION,
        Kind::Location => LOCATION,
        Kind::Specimen => SPECIMEN,
    }
}

static PATIENT: &[Element] = elements! {
    always: "active" "deceased[x]" "link";
    summary: "identifier" "name" "telecom" "gender" "birthDate" "address" "managingOrganization";
    detail: "maritalStatus" "multipleBirth[x]" "photo" "contact" "communication" "generalPractitioner";
};

static CONDITION: &[Element] = elements! {
    always: "clinicalStatus" "verificationStatus" "subject";
    summary: "identifier" "code" "bodySite" "encounter" "onset[x]" "recordedDate" "recorder" "asserter";
    detail: "category" "severity" "abatement[x]" "stage" "evidence" "note";
};

static MEDICATION_STATEMENT: &[Element] = elements! {
    always: "status" "medication[x]" "subject";
    summary: "identifier" "basedOn" "partOf" "category" "context" "effective[x]" "dateAsserted";
    detail: "statusReason" "informationSource" "derivedFrom" "reasonCode" "reasonReference" "note" "dosage";
};

static MEDICATION_REQUEST: &[Element] = elements! {
    always: "status" "intent" "doNotPerform" "medication[x]" "subject";
    summary: "priority" "reported[x]" "authoredOn" "requester" "performerType" "instantiatesCanonical"
        "instantiatesUri" "basedOn" "groupIdentifier";
    detail: "identifier" "statusReason" "category" "encounter" "supportingInformation" "performer" "recorder"
        "reasonCode" "reasonReference" "courseOfTherapyType" "insurance" "note" "dosageInstruction"
        "dispenseRequest" "substitution" "priorPrescription" "detectedIssue" "eventHistory";
};

static ALLERGY_INTOLERANCE: &[Element] = elements! {
    always: "clinicalStatus" "verificationStatus" "patient";
    summary: "identifier" "type" "category" "criticality" "code" "asserter";
    detail: "encounter" "onset[x]" "recordedDate" "recorder" "lastOccurrence" "note" "reaction";
};

static FLAG: &[Element] = elements! {
    always: "status" "code" "subject";
    summary: "identifier" "category" "period" "encounter" "author";
};

static OBSERVATION: &[Element] = elements! {
    always: "status" "code";
    summary: "identifier" "basedOn" "partOf" "subject" "focus" "encounter" "effective[x]" "issued" "performer"
        "value[x]" "hasMember" "derivedFrom" "component";
    detail: "category" "dataAbsentReason" "interpretation" "note" "bodySite" "method" "specimen" "device"
        "referenceRange";
};

static DIAGNOSTIC_REPORT: &[Element] = elements! {
    always: "status" "code";
    summary: "identifier" "category" "subject" "encounter" "effective[x]" "issued" "performer"
        "resultsInterpreter" "media";
    detail: "basedOn" "specimen" "result" "imagingStudy" "conclusion" "conclusionCode" "presentedForm";
};

static PROCEDURE: &[Element] = elements! {
    always: "status" "subject";
    summary: "identifier" "instantiatesCanonical" "instantiatesUri" "basedOn" "partOf" "statusReason" "category"
        "code" "encounter" "performed[x]" "recorder" "asserter" "performer" "location" "reasonCode"
        "reasonReference" "bodySite" "outcome";
    detail: "report" "complication" "complicationDetail" "followUp" "note" "focalDevice" "usedReference"
        "usedCode";
};

static IMMUNIZATION: &[Element] = elements! {
    always: "status" "vaccineCode" "patient" "occurrence[x]" "isSubpotent";
    summary: "primarySource" "performer" "note";
    detail: "identifier" "statusReason" "encounter" "recorded" "reportOrigin" "location" "manufacturer"
        "lotNumber" "expirationDate" "site" "route" "doseQuantity" "reasonCode" "reasonReference"
        "subpotentReason" "education" "programEligibility" "fundingSource" "reaction" "protocolApplied";
};

static ENCOUNTER: &[Element] = elements! {
    always: "status" "class";
    summary: "identifier" "type" "serviceType" "subject" "episodeOfCare" "participant" "appointment"
        "reasonCode" "reasonReference" "diagnosis";
    detail: "statusHistory" "classHistory" "priority" "basedOn" "period" "length" "account" "hospitalization"
        "location" "serviceProvider" "partOf";
};

static SERVICE_REQUEST: &[Element] = elements! {
    always: "status" "intent" "doNotPerform" "subject";
    summary: "identifier" "instantiatesCanonical" "instantiatesUri" "basedOn" "replaces" "requisition"
        "category" "priority" "code" "orderDetail" "quantity[x]" "encounter" "occurrence[x]" "asNeeded[x]"
        "authoredOn" "requester" "performerType" "performer" "locationCode" "locationReference" "reasonCode"
        "reasonReference" "specimen" "bodySite" "patientInstruction";
    detail: "insurance" "supportingInfo" "note" "relevantHistory";
};

static PRACTITIONER: &[Element] = elements! {
    summary: "identifier" "active" "name" "telecom" "address" "gender" "birthDate";
    detail: "photo" "qualification" "communication";
};

static PRACTITIONER_ROLE: &[Element] = elements! {
    summary: "identifier" "active" "period" "practitioner" "organization" "code" "specialty" "location"
        "telecom";
    detail: "healthcareService" "availableTime" "notAvailable" "availabilityExceptions" "endpoint";
};

static ORGANIZATION: &[Element] = elements! {
    always: "active";
    summary: "identifier" "type" "name" "partOf";
    detail: "alias" "telecom" "address" "contact" "endpoint";
};

static LOCATION: &[Element] = elements! {
    always: "status";
    summary: "identifier" "operationalStatus" "name" "description" "mode" "type" "physicalType"
        "managingOrganization";
    detail: "alias" "telecom" "address" "position" "partOf" "hoursOfOperation" "availabilityExceptions"
        "endpoint";
};

static SPECIMEN: &[Element] = elements! {
    always: "status";
    summary: "identifier" "accessionIdentifier" "type" "subject" "receivedTime" "condition";
    detail: "parent" "request" "collection" "processing" "container" "note";
};
