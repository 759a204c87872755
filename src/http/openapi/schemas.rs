//! The schemas of the OpenAPI document: the elements that are served, at the depth that a client's types need.
//!
//! Data, in a small notation: `Type` one, `Type*` many, `Type+` at least one, `Type=` exactly one, `Type?` one or null, `a|b` one of these words, a leading `!` required. Long
//! because it is one table: a type a block.

use super::forms::{date, date_time, formed, of_a_register};
use serde_json::json;
use utoipa::openapi::schema::{Discriminator, OneOfBuilder};
use utoipa::openapi::{ArrayBuilder, ComponentsBuilder, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type};

pub(super) type Elements = &'static [(&'static str, &'static str)];

/// Data types, and the inner elements that need a name.
const DATA_TYPES: &[(&str, Elements)] = &[
    (
        "Coding",
        &[
            ("system", "uri"),
            ("version", "string"),
            ("code", "code"),
            ("display", "string"),
            ("userSelected", "boolean"),
        ],
    ),
    ("CodeableConcept", &[("coding", "Coding*"), ("text", "string")]),
    (
        "Identifier",
        &[
            ("use", "code"),
            ("type", "CodeableConcept"),
            ("system", "uri"),
            ("value", "string"),
            ("extension", "Extension*"),
        ],
    ),
    ("Reference", &[("reference", "string"), ("type", "uri"), ("identifier", "Identifier"), ("display", "string")]),
    ("Period", &[("start", "dateTime"), ("end", "dateTime")]),
    (
        "Quantity",
        &[("value", "decimal"), ("comparator", "code"), ("unit", "string"), ("system", "uri"), ("code", "code")],
    ),
    ("Annotation", &[("authorReference", "Reference"), ("time", "dateTime"), ("text", "!string")]),
    (
        "HumanName",
        &[
            ("use", "code"),
            ("text", "string"),
            ("family", "string"),
            ("given", "string*"),
            ("prefix", "string*"),
            ("suffix", "string*"),
        ],
    ),
    (
        "Address",
        &[
            ("use", "code"),
            ("text", "string"),
            ("line", "string*"),
            ("city", "string"),
            ("district", "string"),
            ("postalCode", "string"),
            ("country", "string"),
        ],
    ),
    ("ContactPoint", &[("system", "code"), ("value", "string"), ("use", "code")]),
    (
        "Meta",
        &[
            ("versionId", "id"),
            ("lastUpdated", "instant"),
            ("profile", "canonical*"),
            ("security", "Coding*"),
            ("tag", "Coding*"),
        ],
    ),
    (
        "Extension",
        &[
            ("url", "!uri"),
            ("valueBoolean", "boolean"),
            ("valueCode", "code"),
            ("valueDate", "date"),
            ("valueString", "string"),
            ("valueCodeableConcept", "CodeableConcept"),
            ("valueReference", "Reference"),
            ("valueDateTime", "dateTime"),
            ("valueUnsignedInt", "unsignedInt"),
            ("extension", "Extension*"),
        ],
    ),
    ("ValueSetCompose", &[("include", "!ValueSetInclude*")]),
    (
        "ValueSetInclude",
        &[
            ("extension", "Extension*"),
            ("system", "uri"),
            ("concept", "ValueSetConcept*"),
            ("filter", "ValueSetFilter*"),
        ],
    ),
    ("ValueSetConcept", &[("extension", "Extension*"), ("code", "!code"), ("display", "string")]),
    ("ValueSetFilter", &[("property", "!code"), ("op", "!code"), ("value", "!string")]),
    ("CodeSystemConcept", &[("code", "!code"), ("display", "string"), ("definition", "string")]),
    ("Attachment", &[("contentType", "plain"), ("url", "plain"), ("title", "!plain"), ("language", "plain")]),
    ("Dosage", &[("text", "string"), ("patientInstruction", "string")]),
    ("BundleLink", &[("relation", "!string"), ("url", "!uri")]),
    (
        "BundleEntry",
        &[
            ("fullUrl", "uri"),
            ("resource", "Resource"),
            ("search", "BundleEntrySearch"),
            ("request", "BundleEntryRequest"),
            ("response", "BundleEntryResponse"),
        ],
    ),
    ("BundleEntrySearch", &[("mode", "code")]),
    (
        "OperationOutcomeIssue",
        &[
            ("severity", "!code"),
            ("code", "!code"),
            ("details", "CodeableConcept"),
            ("diagnostics", "string"),
            ("expression", "string*"),
        ],
    ),
    (
        "AllergyIntoleranceReaction",
        &[
            ("substance", "CodeableConcept"),
            ("manifestation", "CodeableConcept*"),
            ("onset", "dateTime"),
            ("severity", "code"),
        ],
    ),
    (
        "ObservationComponent",
        &[
            ("code", "!CodeableConcept"),
            ("valueQuantity", "Quantity"),
            ("valueString", "string"),
            ("valueCodeableConcept", "CodeableConcept"),
            ("referenceRange", "ObservationReferenceRange*"),
            ("dataAbsentReason", "CodeableConcept"),
        ],
    ),
    ("ObservationReferenceRange", &[("low", "Quantity"), ("high", "Quantity"), ("text", "string")]),
    ("ProcedurePerformer", &[("actor", "!Reference")]),
    ("ImmunizationPerformer", &[("actor", "!Reference")]),
    (
        "MedicationRequestDispenseRequest",
        &[("validityPeriod", "Period"), ("quantity", "Quantity"), ("expectedSupplyDuration", "Quantity")],
    ),
    ("MedicationRequestSubstitution", &[("allowedBoolean", "boolean")]),
    (
        "SpecimenCollection",
        &[("collectedDateTime", "dateTime"), ("collectedPeriod", "Period"), ("quantity", "Quantity")],
    ),
    ("EncounterParticipant", &[("type", "CodeableConcept*"), ("individual", "Reference")]),
    ("EncounterLocation", &[("location", "!Reference")]),
    // What the service keeps has fewer elements than FHIR gives it, so that its types are its own.
    ("KeptCoding", &[("system", "!plain"), ("version", "plain"), ("code", "!plain"), ("display", "plain")]),
    ("KeptConcept", &[("coding", "!KeptCoding*"), ("text", "plain")]),
    ("KeptIdentifier", &[("use", "plain"), ("system", "!plain"), ("value", "!plain")]),
    ("KeptNhsNumber", &[("use", "plain"), ("system", "!https://fhir.nhs.uk/Id/nhs-number|"), ("value", "!nhsNumber")]),
    (
        "KeptOdsCode",
        &[("use", "plain"), ("system", "!https://fhir.nhs.uk/Id/ods-organization-code|"), ("value", "!ods")],
    ),
    (
        "KeptPatient",
        &[
            ("reference", "patientReference"),
            ("type", "Patient|"),
            ("identifier", "KeptNhsNumber"),
            ("display", "plain"),
        ],
    ),
    ("KeptOrganization", &[("type", "plain"), ("identifier", "!KeptOdsCode"), ("display", "plain")]),
    ("KeptUser", &[("type", "plain"), ("identifier", "!KeptIdentifier"), ("display", "plain")]),
    (
        "KeptPerformer",
        &[("reference", "plain"), ("type", "plain"), ("identifier", "KeptIdentifier"), ("display", "plain")],
    ),
    (
        "KeptName",
        &[("use", "plain"), ("text", "plain"), ("family", "plain"), ("given", "plain*"), ("prefix", "plain*")],
    ),
    (
        "ConsentProvision",
        &[("type", "!permit|deny"), ("period", "Period"), ("actor", "!ConsentActor="), ("purpose", "!ConsentPurpose=")],
    ),
    (
        "ConsentPurpose",
        &[
            ("system", "!http://terminology.hl7.org/CodeSystem/v3-ActReason|"),
            ("version", "plain"),
            ("code", "!TREAT|BTG"),
            ("display", "plain"),
        ],
    ),
    ("ConsentActor", &[("role", "!KeptConcept"), ("reference", "!KeptUser")]),
    ("ConsentPolicy", &[("uri", "!absolute"), ("authority", "plain")]),
    (
        "ConsentExtension",
        &[("url", "!urn:x-mig-fhir:StructureDefinition:override-reason|"), ("valueCodeableConcept", "!KeptConcept")],
    ),
    (
        "AuditEventAgent",
        &[
            ("type", "CodeableConcept"),
            ("role", "CodeableConcept*"),
            ("who", "Reference"),
            ("requestor", "!boolean"),
            ("purposeOfUse", "CodeableConcept*"),
            ("altId", "string"),
            ("name", "string"),
            ("network", "AuditEventAgentNetwork"),
            ("policy", "uri*"),
        ],
    ),
    (
        "AuditEventEntity",
        &[
            ("what", "Reference"),
            ("type", "Coding"),
            ("role", "Coding"),
            ("query", "base64Binary"),
            ("description", "string"),
            ("detail", "AuditEventEntityDetail*"),
        ],
    ),
    ("AuditEventSource", &[("observer", "!Reference"), ("type", "Coding*")]),
    ("Narrative", &[("status", "!code"), ("div", "!string")]),
    ("BundleEntryRequest", &[("method", "!code"), ("url", "!uri"), ("ifMatch", "string"), ("ifNoneExist", "string")]),
    (
        "BundleEntryResponse",
        &[
            ("status", "!string"),
            ("location", "uri"),
            ("etag", "string"),
            ("lastModified", "instant"),
            ("outcome", "OperationOutcome"),
        ],
    ),
    ("EpisodeBatchEntry", &[("request", "!EpisodeBatchRequest"), ("resource", "!EpisodeOfCare"), ("fullUrl", "uri")]),
    (
        "EpisodeBatchRequest",
        &[("method", "!POST|PUT"), ("url", "!uri"), ("ifMatch", "string"), ("ifNoneExist", "string")],
    ),
    ("AuditEventAgentNetwork", &[("address", "string"), ("type", "code")]),
    ("AuditEventEntityDetail", &[("type", "!string"), ("valueString", "string")]),
    (
        "CompositionSection",
        &[
            ("title", "string"),
            ("code", "CodeableConcept"),
            ("text", "Narrative"),
            ("mode", "code"),
            ("orderedBy", "CodeableConcept"),
            ("entry", "Reference*"),
            ("emptyReason", "CodeableConcept"),
            ("section", "CompositionSection*"),
        ],
    ),
    // How a review of an override ended (CodeSystem review-outcome).
    ("ReviewOutcome", &[("coding", "!ReviewOutcomeCoding="), ("text", "plain")]),
    (
        "ReviewOutcomeCoding",
        &[
            ("system", "!urn:x-mig-fhir:CodeSystem:review-outcome|"),
            ("version", "plain"),
            ("code", "!justified|not-justified|escalated"),
            ("display", "plain"),
        ],
    ),
    ("TaskRestriction", &[("recipient", "Reference*")]),
    ("TaskOutput", &[("type", "!CodeableConcept"), ("valueString", "!string")]),
    ("DeviceName", &[("name", "!string"), ("type", "!code")]),
    ("DeviceVersion", &[("value", "!string")]),
    ("CapabilityStatementSoftware", &[("name", "!string"), ("version", "string")]),
    ("CapabilityStatementImplementation", &[("description", "!string"), ("url", "uri")]),
    (
        "CapabilityStatementRest",
        &[
            ("mode", "!code"),
            ("documentation", "string"),
            ("security", "CapabilityStatementSecurity"),
            ("resource", "CapabilityStatementResource*"),
            ("interaction", "CapabilityStatementInteraction*"),
        ],
    ),
    ("CapabilityStatementSecurity", &[("cors", "boolean"), ("service", "CodeableConcept*"), ("description", "string")]),
    (
        "CapabilityStatementResource",
        &[
            ("type", "!code"),
            ("profile", "canonical"),
            ("supportedProfile", "canonical*"),
            ("documentation", "string"),
            ("interaction", "CapabilityStatementInteraction*"),
            ("versioning", "code"),
            ("referencePolicy", "code*"),
            ("searchInclude", "string*"),
            ("searchParam", "CapabilityStatementSearchParam*"),
            ("operation", "CapabilityStatementOperation*"),
        ],
    ),
    ("CapabilityStatementInteraction", &[("code", "!code"), ("documentation", "string")]),
    (
        "CapabilityStatementSearchParam",
        &[("name", "!string"), ("definition", "canonical"), ("type", "!code"), ("documentation", "string")],
    ),
    ("CapabilityStatementOperation", &[("name", "!string"), ("definition", "!canonical"), ("documentation", "string")]),
];

/// Resources; each has `resourceType`, `id` and `meta` besides.
const RESOURCES: &[(&str, Elements)] = &[
    (
        "Bundle",
        &[
            ("type", "!code"),
            ("total", "unsignedInt"),
            ("link", "BundleLink*"),
            ("entry", "BundleEntry*"),
            ("identifier", "Identifier"),
            ("timestamp", "instant"),
        ],
    ),
    // The Bundle that registers many at once; what is answered is a Bundle of any resource.
    ("EpisodeBatch", &[("type", "!batch|"), ("entry", "!EpisodeBatchEntry*")]),
    ("OperationOutcome", &[("issue", "!OperationOutcomeIssue*")]),
    (
        "CapabilityStatement",
        &[
            ("status", "!code"),
            ("date", "!dateTime"),
            ("kind", "!code"),
            ("fhirVersion", "!code"),
            ("format", "!code*"),
            ("url", "uri"),
            ("version", "string"),
            ("name", "string"),
            ("title", "string"),
            ("publisher", "string"),
            ("description", "string"),
            ("software", "CapabilityStatementSoftware"),
            ("implementation", "CapabilityStatementImplementation"),
            ("rest", "CapabilityStatementRest*"),
            ("instantiates", "canonical*"),
            ("implementationGuide", "canonical*"),
        ],
    ),
    (
        "Patient",
        &[
            ("identifier", "Identifier*"),
            ("active", "boolean"),
            ("name", "HumanName*"),
            ("telecom", "ContactPoint*"),
            ("gender", "code"),
            ("birthDate", "date"),
            ("deceasedBoolean", "boolean"),
            ("deceasedDateTime", "dateTime"),
            ("address", "Address*"),
            ("generalPractitioner", "Reference*"),
            ("managingOrganization", "Reference"),
        ],
    ),
    (
        "Condition",
        &[
            ("extension", "Extension*"),
            ("clinicalStatus", "CodeableConcept"),
            ("verificationStatus", "CodeableConcept"),
            ("category", "CodeableConcept*"),
            ("severity", "CodeableConcept"),
            ("code", "CodeableConcept"),
            ("subject", "!Reference"),
            ("encounter", "Reference"),
            ("onsetDateTime", "dateTime"),
            ("abatementDateTime", "dateTime"),
            ("recordedDate", "dateTime"),
            ("recorder", "Reference"),
            ("asserter", "Reference"),
            ("note", "Annotation*"),
        ],
    ),
    (
        "MedicationStatement",
        &[
            ("extension", "Extension*"),
            ("status", "!code"),
            ("category", "CodeableConcept"),
            ("medicationCodeableConcept", "CodeableConcept"),
            ("subject", "!Reference"),
            ("context", "Reference"),
            ("effectiveDateTime", "dateTime"),
            ("effectivePeriod", "Period"),
            ("dateAsserted", "dateTime"),
            ("informationSource", "Reference"),
            ("reasonCode", "CodeableConcept*"),
            ("note", "Annotation*"),
            ("dosage", "Dosage*"),
            ("basedOn", "Reference*"),
        ],
    ),
    (
        "MedicationRequest",
        &[
            ("extension", "Extension*"),
            ("status", "!code"),
            ("statusReason", "CodeableConcept"),
            ("intent", "!code"),
            ("category", "CodeableConcept*"),
            ("reportedBoolean", "boolean"),
            ("medicationCodeableConcept", "CodeableConcept"),
            ("subject", "!Reference"),
            ("encounter", "Reference"),
            ("authoredOn", "dateTime"),
            ("requester", "Reference"),
            ("recorder", "Reference"),
            ("reasonReference", "Reference*"),
            ("basedOn", "Reference*"),
            ("courseOfTherapyType", "CodeableConcept"),
            ("note", "Annotation*"),
            ("dosageInstruction", "Dosage*"),
            ("dispenseRequest", "MedicationRequestDispenseRequest"),
            ("substitution", "MedicationRequestSubstitution"),
            ("priorPrescription", "Reference"),
        ],
    ),
    (
        "AllergyIntolerance",
        &[
            ("clinicalStatus", "CodeableConcept"),
            ("verificationStatus", "CodeableConcept"),
            ("type", "code"),
            ("category", "code*"),
            ("criticality", "code"),
            ("code", "CodeableConcept"),
            ("patient", "!Reference"),
            ("encounter", "Reference"),
            ("onsetDateTime", "dateTime"),
            ("recordedDate", "dateTime"),
            ("recorder", "Reference"),
            ("asserter", "Reference"),
            ("lastOccurrence", "dateTime"),
            ("note", "Annotation*"),
            ("reaction", "AllergyIntoleranceReaction*"),
        ],
    ),
    (
        "Flag",
        &[
            ("status", "!code"),
            ("category", "CodeableConcept*"),
            ("code", "!CodeableConcept"),
            ("subject", "!Reference"),
            ("period", "Period"),
            ("encounter", "Reference"),
            ("author", "Reference"),
        ],
    ),
    (
        "Observation",
        &[
            ("status", "!code"),
            ("category", "CodeableConcept*"),
            ("code", "!CodeableConcept"),
            ("subject", "Reference"),
            ("encounter", "Reference"),
            ("effectiveDateTime", "dateTime"),
            ("effectivePeriod", "Period"),
            ("issued", "instant"),
            ("performer", "Reference*"),
            ("valueQuantity", "Quantity"),
            ("valueCodeableConcept", "CodeableConcept"),
            ("valueString", "string"),
            ("interpretation", "CodeableConcept*"),
            ("note", "Annotation*"),
            ("referenceRange", "ObservationReferenceRange*"),
            ("specimen", "Reference"),
            ("hasMember", "Reference*"),
            ("component", "ObservationComponent*"),
        ],
    ),
    (
        "DiagnosticReport",
        &[
            ("status", "!code"),
            ("category", "CodeableConcept*"),
            ("code", "!CodeableConcept"),
            ("subject", "Reference"),
            ("encounter", "Reference"),
            ("effectiveDateTime", "dateTime"),
            ("effectivePeriod", "Period"),
            ("issued", "instant"),
            ("performer", "Reference*"),
            ("specimen", "Reference*"),
            ("result", "Reference*"),
            ("conclusion", "string"),
        ],
    ),
    (
        "Immunization",
        &[
            ("extension", "Extension*"),
            ("status", "!code"),
            ("statusReason", "CodeableConcept"),
            ("vaccineCode", "!CodeableConcept"),
            ("patient", "!Reference"),
            ("encounter", "Reference"),
            ("occurrenceDateTime", "dateTime"),
            ("occurrenceString", "string"),
            ("recorded", "dateTime"),
            ("lotNumber", "string"),
            ("site", "CodeableConcept"),
            ("performer", "ImmunizationPerformer*"),
            ("note", "Annotation*"),
            ("reasonReference", "Reference*"),
        ],
    ),
    (
        "ServiceRequest",
        &[
            ("identifier", "Identifier*"),
            ("status", "!code"),
            ("intent", "!code"),
            ("category", "CodeableConcept*"),
            ("priority", "code"),
            ("code", "CodeableConcept"),
            ("subject", "!Reference"),
            ("encounter", "Reference"),
            ("occurrenceDateTime", "dateTime"),
            ("authoredOn", "dateTime"),
            ("requester", "Reference"),
            ("performerType", "CodeableConcept"),
            ("performer", "Reference*"),
            ("reasonReference", "Reference*"),
            ("note", "Annotation*"),
        ],
    ),
    (
        "Procedure",
        &[
            ("status", "!code"),
            ("category", "CodeableConcept"),
            ("code", "CodeableConcept"),
            ("subject", "!Reference"),
            ("encounter", "Reference"),
            ("performedDateTime", "dateTime"),
            ("performedPeriod", "Period"),
            ("performer", "ProcedurePerformer*"),
            ("note", "Annotation*"),
            ("asserter", "Reference"),
            ("recorder", "Reference"),
        ],
    ),
    (
        "Encounter",
        &[
            ("status", "!code"),
            ("class", "!Coding"),
            ("type", "CodeableConcept*"),
            ("subject", "Reference"),
            ("participant", "EncounterParticipant*"),
            ("period", "Period"),
            ("reasonCode", "CodeableConcept*"),
            ("location", "EncounterLocation*"),
            ("serviceProvider", "Reference"),
            ("length", "Quantity"),
        ],
    ),
    ("Practitioner", &[("identifier", "Identifier*"), ("name", "HumanName*")]),
    (
        "PractitionerRole",
        &[
            ("practitioner", "Reference"),
            ("organization", "Reference"),
            ("code", "CodeableConcept*"),
            ("location", "Reference*"),
        ],
    ),
    (
        "Organization",
        &[
            ("identifier", "Identifier*"),
            ("name", "string"),
            ("telecom", "ContactPoint*"),
            ("address", "Address*"),
            ("type", "CodeableConcept*"),
        ],
    ),
    (
        "Location",
        &[
            ("name", "string"),
            ("address", "Address"),
            ("managingOrganization", "Reference"),
            ("type", "CodeableConcept*"),
        ],
    ),
    (
        "Specimen",
        &[
            ("type", "CodeableConcept"),
            ("subject", "Reference"),
            ("receivedTime", "dateTime"),
            ("collection", "SpecimenCollection"),
        ],
    ),
    ("RelatedPerson", &[("patient", "!KeptPatient"), ("relationship", "!KeptConcept="), ("name", "KeptName=")]),
    (
        "Consent",
        &[
            ("contained", "RelatedPerson="),
            ("extension", "ConsentExtension="),
            ("status", "!active|inactive|entered-in-error"),
            ("scope", "!KeptConcept"),
            ("category", "!KeptConcept*"),
            ("patient", "!KeptPatient"),
            ("dateTime", "!dateTime"),
            ("performer", "!KeptPerformer="),
            ("organization", "!KeptOrganization="),
            ("sourceAttachment", "Attachment"),
            ("policy", "!ConsentPolicy="),
            ("provision", "!ConsentProvision"),
        ],
    ),
    (
        "EpisodeOfCare",
        &[
            ("identifier", "KeptIdentifier*"),
            ("status", "!planned|waitlist|active|onhold|finished|cancelled|entered-in-error"),
            ("patient", "!KeptPatient"),
            ("managingOrganization", "!KeptOrganization"),
            ("period", "Period"),
        ],
    ),
    (
        "AuditEvent",
        &[
            ("type", "!Coding"),
            ("subtype", "Coding*"),
            ("action", "code"),
            ("period", "Period"),
            ("recorded", "!instant"),
            ("outcome", "code"),
            ("purposeOfEvent", "CodeableConcept*"),
            ("agent", "!AuditEventAgent*"),
            ("source", "!AuditEventSource"),
            ("entity", "AuditEventEntity*"),
            ("outcomeDesc", "string"),
        ],
    ),
    (
        "ValueSet",
        &[
            ("url", "uri"),
            ("version", "string"),
            ("name", "string"),
            ("title", "string"),
            ("status", "!code"),
            ("description", "string"),
            ("purpose", "string"),
            ("compose", "ValueSetCompose"),
            ("date", "dateTime"),
            ("experimental", "boolean"),
            ("publisher", "string"),
        ],
    ),
    (
        "CodeSystem",
        &[
            ("url", "uri"),
            ("version", "string"),
            ("name", "string"),
            ("title", "string"),
            ("status", "!code"),
            ("description", "string"),
            ("caseSensitive", "boolean"),
            ("content", "!code"),
            ("count", "unsignedInt"),
            ("concept", "CodeSystemConcept*"),
            ("date", "dateTime"),
            ("experimental", "boolean"),
            ("publisher", "string"),
        ],
    ),
    (
        "Task",
        &[
            ("status", "!requested|in-progress|completed"),
            ("intent", "!code"),
            ("code", "CodeableConcept"),
            ("focus", "Reference"),
            ("for", "Reference"),
            ("authoredOn", "dateTime"),
            ("owner", "Reference"),
            ("note", "Annotation*"),
            ("priority", "code"),
            ("lastModified", "dateTime"),
            ("requester", "Reference"),
            ("businessStatus", "ReviewOutcome"),
            ("restriction", "TaskRestriction"),
            ("reasonCode", "CodeableConcept"),
            ("output", "TaskOutput*"),
        ],
    ),
    (
        "Composition",
        &[
            ("language", "code"),
            ("text", "Narrative"),
            ("identifier", "Identifier"),
            ("status", "!code"),
            ("type", "!CodeableConcept"),
            ("subject", "Reference"),
            ("date", "!dateTime"),
            ("author", "!Reference*"),
            ("title", "!string"),
            ("confidentiality", "code"),
            ("custodian", "Reference"),
            ("section", "CompositionSection*"),
        ],
    ),
    (
        "Device",
        &[
            ("status", "code"),
            ("deviceName", "DeviceName*"),
            ("type", "CodeableConcept"),
            ("version", "DeviceVersion*"),
        ],
    ),
];

/// Adds every schema.
pub(super) fn add(mut components: ComponentsBuilder) -> ComponentsBuilder {
    components = components.schema("Resource", any());
    for (name, elements) in DATA_TYPES {
        components = components.schema(*name, object(ObjectBuilder::new(), elements, 1));
    }
    for (name, elements) in RESOURCES {
        let kind = if *name == "EpisodeBatch" { "Bundle" } else { name };
        let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([json!(kind)])).build();
        let mut head = ObjectBuilder::new().property("resourceType", Schema::from(word)).required("resourceType");
        if *name == "RelatedPerson" {
            // Contained, so that it has an id and no more.
            head = head.property("id", element("plain")).required("id");
        } else if *name != "EpisodeBatch" {
            head = head.property("id", element("id")).property("meta", element("Meta"));
        }
        components = components.schema(*name, object(head, elements, 1));
    }
    components
}

/// One of what an entry can hold: a Bundle and the statement stand alone, so that no schema leads back to itself by an entry.
fn any() -> Schema {
    let held = RESOURCES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !matches!(*name, "Bundle" | "EpisodeBatch" | "CapabilityStatement"));
    let place = |name: &str| format!("#/components/schemas/{name}");
    let mapping: Vec<(String, String)> = held.clone().map(|name| (name.to_owned(), place(name))).collect();
    let one = held.fold(OneOfBuilder::new(), |one, name| one.item(Ref::from_schema_name(name)));
    one.description(Some("Any resource that an entry can hold; resourceType says which"))
        .discriminator(Some(Discriminator::with_mapping("resourceType", mapping)))
        .build()
        .into()
}

/// An object of these elements, whose lists have at least so many items: FHIR has no empty list, plain JSON has.
pub(super) fn object(mut object: ObjectBuilder, elements: Elements, fewest: usize) -> Schema {
    for (name, notation) in elements {
        let (notation, required) = notation.strip_prefix('!').map_or((*notation, false), |rest| (rest, true));
        let property = match notation.strip_suffix(['*', '+', '=', '?']) {
            Some(one) if notation.ends_with('?') => nullable(one),
            Some(one) if notation.ends_with('=') => list(one, 1, Some(1)),
            Some(one) => list(one, if notation.ends_with('+') { 1 } else { fewest }, None),
            None => element(notation),
        };
        object = object.property(*name, property);
        if required {
            object = object.required(*name);
        }
    }
    // FHIR has no empty object either; where an element is required, that says it.
    let empty = fewest > 0 && elements.iter().all(|(_, notation)| !notation.starts_with('!'));
    let mut object = object.build();
    object.min_properties = (empty && object.required.is_empty()).then_some(1);
    object.into()
}

/// A list, whose words and codes are there once each.
fn list(one: &str, fewest: usize, most: Option<usize>) -> RefOr<Schema> {
    let distinct = of_a_register(one).is_some() && one != "plain";
    let mut list = ArrayBuilder::new().items(element(one)).min_items(Some(fewest));
    if let Some(most) = most {
        list = list.max_items(Some(most));
    }
    RefOr::T(Schema::from(if distinct { list.unique_items(true) } else { list }.build()))
}

/// A text that may be null, which only the plain JSON has: FHIR has no null.
fn nullable(name: &str) -> RefOr<Schema> {
    match element(name) {
        RefOr::T(Schema::Object(mut object)) => {
            object.schema_type = utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]);
            RefOr::T(Schema::Object(object))
        }
        other => other,
    }
}

fn element(name: &str) -> RefOr<Schema> {
    if let Some(schema) = of_a_register(name) {
        return RefOr::T(schema);
    }
    let object = ObjectBuilder::new();
    let primitive = match name {
        "boolean" => object.schema_type(Type::Boolean),
        "decimal" => object.schema_type(Type::Number),
        "unsignedInt" => object.schema_type(Type::Integer).minimum(Some(0)),
        "uri" | "canonical" => formed("[^ \\t\\r\\n]+"),
        "code" => formed("[^ \\t\\r\\n]+( [^ \\t\\r\\n]+)*"),
        "string" => object.schema_type(Type::String),
        "id" => object.schema_type(Type::String).pattern(Some("^[A-Za-z0-9.-]{1,64}$")),
        // Partial dates are FHIR but not RFC 3339, so that no format is claimed for them.
        "date" => formed(&date()),
        "dateTime" => formed(&date_time()).description(Some("FHIR dateTime, partial or with a zone")),
        "instant" => object
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime))),
        "base64Binary" => object.schema_type(Type::String).content_encoding("base64"),
        other => return RefOr::Ref(Ref::from_schema_name(other)),
    };
    RefOr::T(primitive.build().into())
}
