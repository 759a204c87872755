//! The schemas of the OpenAPI document: the elements that are served, at the depth that a client's types need.
//!
//! Data, in a small notation: `Type` one, `Type*` many, a leading `!` required.

use serde_json::json;
use utoipa::openapi::{ArrayBuilder, ComponentsBuilder, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type};

type Elements = &'static [(&'static str, &'static str)];

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
    ("Attachment", &[("contentType", "code"), ("url", "uri"), ("title", "string")]),
    ("Dosage", &[("text", "string"), ("patientInstruction", "string")]),
    ("BundleLink", &[("relation", "!string"), ("url", "!uri")]),
    ("BundleEntry", &[("fullUrl", "uri"), ("resource", "Resource"), ("search", "BundleEntrySearch")]),
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
    ("ConsentProvision", &[("type", "code"), ("period", "Period"), ("actor", "ConsentActor*"), ("purpose", "Coding*")]),
    ("ConsentActor", &[("role", "!CodeableConcept"), ("reference", "!Reference")]),
    ("ConsentPolicy", &[("uri", "uri")]),
    (
        "AuditEventAgent",
        &[
            ("type", "CodeableConcept"),
            ("role", "CodeableConcept*"),
            ("who", "Reference"),
            ("requestor", "!boolean"),
            ("purposeOfUse", "CodeableConcept*"),
        ],
    ),
    ("AuditEventEntity", &[("what", "Reference"), ("type", "Coding"), ("role", "Coding"), ("query", "base64Binary")]),
    ("AuditEventSource", &[("observer", "!Reference"), ("type", "Coding*")]),
];

/// Resources; each has `resourceType`, `id` and `meta` besides.
const RESOURCES: &[(&str, Elements)] = &[
    ("Bundle", &[("type", "!code"), ("total", "unsignedInt"), ("link", "BundleLink*"), ("entry", "BundleEntry*")]),
    ("OperationOutcome", &[("issue", "!OperationOutcomeIssue*")]),
    (
        "CapabilityStatement",
        &[
            ("status", "!code"),
            ("date", "!dateTime"),
            ("kind", "!code"),
            ("fhirVersion", "!code"),
            ("format", "!code*"),
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
        &[("identifier", "Identifier*"), ("name", "string"), ("telecom", "ContactPoint*"), ("address", "Address*")],
    ),
    ("Location", &[("name", "string"), ("address", "Address"), ("managingOrganization", "Reference")]),
    (
        "Specimen",
        &[
            ("type", "CodeableConcept"),
            ("subject", "Reference"),
            ("receivedTime", "dateTime"),
            ("collection", "SpecimenCollection"),
        ],
    ),
    ("RelatedPerson", &[("patient", "!Reference"), ("relationship", "CodeableConcept*"), ("name", "HumanName*")]),
    (
        "Consent",
        &[
            ("contained", "Resource*"),
            ("extension", "Extension*"),
            ("status", "!code"),
            ("scope", "!CodeableConcept"),
            ("category", "!CodeableConcept*"),
            ("patient", "!Reference"),
            ("dateTime", "!dateTime"),
            ("performer", "!Reference*"),
            ("organization", "!Reference*"),
            ("sourceAttachment", "Attachment"),
            ("policy", "ConsentPolicy*"),
            ("provision", "!ConsentProvision"),
        ],
    ),
    (
        "EpisodeOfCare",
        &[
            ("identifier", "Identifier*"),
            ("status", "!code"),
            ("patient", "!Reference"),
            ("managingOrganization", "!Reference"),
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
        ],
    ),
    (
        "Task",
        &[
            ("status", "!code"),
            ("intent", "!code"),
            ("code", "CodeableConcept"),
            ("focus", "Reference"),
            ("for", "Reference"),
            ("authoredOn", "dateTime"),
            ("owner", "Reference"),
            ("note", "Annotation*"),
        ],
    ),
];

/// Adds every schema.
pub(super) fn add(mut components: ComponentsBuilder) -> ComponentsBuilder {
    let any = ObjectBuilder::new()
        .property("resourceType", Schema::from(ObjectBuilder::new().schema_type(Type::String).build()))
        .required("resourceType")
        .description(Some("Any resource; resourceType says which"))
        .build();
    components = components.schema("Resource", any);
    for (name, elements) in DATA_TYPES {
        components = components.schema(*name, object(ObjectBuilder::new(), elements));
    }
    for (name, elements) in RESOURCES {
        let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([json!(name)])).build();
        let head = ObjectBuilder::new()
            .property("resourceType", Schema::from(word))
            .required("resourceType")
            .property("id", element("id"))
            .property("meta", element("Meta"));
        components = components.schema(*name, object(head, elements));
    }
    components
}

fn object(mut object: ObjectBuilder, elements: Elements) -> Schema {
    for (name, notation) in elements {
        let (notation, required) = notation.strip_prefix('!').map_or((*notation, false), |rest| (rest, true));
        let property = match notation.strip_suffix('*') {
            Some(one) => RefOr::T(Schema::from(ArrayBuilder::new().items(element(one)).min_items(Some(1)).build())),
            None => element(notation),
        };
        object = object.property(*name, property);
        if required {
            object = object.required(*name);
        }
    }
    object.build().into()
}

fn element(name: &str) -> RefOr<Schema> {
    let object = ObjectBuilder::new();
    let primitive = match name {
        "boolean" => object.schema_type(Type::Boolean),
        "decimal" => object.schema_type(Type::Number),
        "unsignedInt" => object.schema_type(Type::Integer).minimum(Some(0)),
        "uri" | "canonical" | "string" | "code" => object.schema_type(Type::String),
        "id" => object.schema_type(Type::String).pattern(Some("^[A-Za-z0-9.-]{1,64}$")),
        // Partial dates are FHIR but not RFC 3339, so that no format is claimed for them.
        "date" => object.schema_type(Type::String).pattern(Some("^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")),
        "dateTime" => object.schema_type(Type::String).description(Some("FHIR dateTime, partial or with a zone")),
        "instant" => object
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime))),
        "base64Binary" => object.schema_type(Type::String).content_encoding("base64"),
        other => return RefOr::Ref(Ref::from_schema_name(other)),
    };
    RefOr::T(primitive.build().into())
}
