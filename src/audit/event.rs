//! A stored row as FHIR AuditEvent: the shapes of IHE Basic Audit (BALP), made when read and never stored.
//!
//! A profile is claimed only for what was answered; a refusal or a failure has the same shape, outcome 4 or 8 and no
//! profile, and so has an operation. The client is the source of what it sends and the destination of what it reads,
//! a search counting as sending its query.

use super::Interaction;
use super::row::{Kind, Payload};
use crate::clock::{from_millis, rfc3339};
use crate::ids::NhsNumber;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const BALP: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";
const ODS: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
const USER: &str = "https://fhir.nhs.uk/Id/sds-user-id";
const ROLE: &str = "https://fhir.hl7.org.uk/CodeSystem/UKCore-SDSJobRoleName";

/// Parameters whose values say nothing about who the patient is, so that the readable query may repeat them.
const PLAIN: [&str; 11] = [
    "_count",
    "_elements",
    "_summary",
    "_include",
    "_tag",
    "_type",
    "_sort",
    "category",
    "clinical-status",
    "date",
    "status",
];

/// The AuditEvent of a row. `server` names this service.
pub(super) fn event(payload: &Payload, server: &str) -> Value {
    let overriding = payload.kind == Kind::Override;
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": payload.kind.event_id(&payload.attempt),
        "type": kind_of_event(overriding),
        "subtype": [subtype(payload, overriding)],
        "action": action(payload, overriding),
        "recorded": rfc3339(from_millis(payload.at)),
        "outcome": payload.outcome.unwrap_or(8).to_string(),
        "agent": agents(payload, server),
        "source": { "observer": { "display": server } },
        "entity": entities(payload, overriding),
    });
    if let Some(profile) = profile(payload, overriding) {
        put(&mut event, "meta", json!({ "profile": [format!("{BALP}{profile}")] }));
    }
    if overriding {
        let mut why = json!({ "coding": [{ "system": ACT_REASON, "code": "BTG", "display": "break the glass" }] });
        if let Some(category) = &payload.basis.override_category {
            put(&mut why, "text", json!(category));
        }
        put(&mut event, "purposeOfEvent", json!([why]));
        put(&mut event, "outcomeDesc", json!("an alert and a review have been filed"));
    } else if let Some(reason) = &payload.reason {
        put(&mut event, "outcomeDesc", json!(reason));
    }
    event
}

/// The AuditEvent of a row without its patient: no number, no id of a resource, no query and, lacking those, no profile.
pub(super) fn unnamed(payload: &Payload, server: &str) -> Value {
    let mut payload = payload.clone();
    (payload.id, payload.query) = (None, String::new());
    let named = payload.patient.take();
    let mut event = event(&payload, server);
    let Some(members) = event.as_object_mut() else { return event };
    members.remove("meta");
    let Some(entities) = members.get_mut("entity").and_then(Value::as_array_mut) else { return event };
    for entity in entities.iter_mut().filter_map(Value::as_object_mut) {
        if entity.remove("query").is_some() {
            entity.insert("description".to_owned(), json!(payload.resource_type));
        }
    }
    if named.is_some() {
        let mut entity = json!({
            "type": { "system": ENTITY_TYPE, "code": "1", "display": "Person" },
            "role": { "system": ENTITY_ROLE, "code": "1", "display": "Patient" },
            "name": "a patient, whom this report does not name",
        });
        let mut details = details(&payload);
        details.retain(|detail| detail.get("type").and_then(Value::as_str) != Some("legacy-message"));
        if !details.is_empty() {
            put(&mut entity, "detail", Value::Array(details));
        }
        entities.insert(0, entity);
    }
    event
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(key.to_owned(), value);
    }
}

fn kind_of_event(overriding: bool) -> Value {
    if overriding {
        json!({ "system": DCM, "code": "110113", "display": "Security Alert" })
    } else {
        json!({ "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest" })
    }
}

fn subtype(payload: &Payload, overriding: bool) -> Value {
    if overriding {
        return json!({ "system": DCM, "code": "110127", "display": "Emergency Override Started" });
    }
    json!({ "system": "http://hl7.org/fhir/restful-interaction", "code": payload.interaction.code() })
}

fn action(payload: &Payload, overriding: bool) -> &'static str {
    match payload.interaction {
        _ if overriding => "E",
        Interaction::Search | Interaction::Operation => "E",
        Interaction::Read => "R",
        Interaction::Create => "C",
        Interaction::Update => "U",
    }
}

fn profile(payload: &Payload, overriding: bool) -> Option<&'static str> {
    // A register is not a FHIR resource, whose reading the profiles are about.
    if overriding || payload.outcome != Some(0) || payload.resource_type.starts_with("admin/") {
        return None;
    }
    match (payload.interaction, payload.patient.is_some()) {
        (Interaction::Operation, _) => None,
        (Interaction::Search, true) => Some("PatientQuery"),
        (Interaction::Search, false) => Some("Query"),
        (Interaction::Read, true) => Some("PatientRead"),
        (Interaction::Read, false) => Some("Read"),
        (Interaction::Create, true) => Some("PatientCreate"),
        (Interaction::Create, false) => Some("Create"),
        (Interaction::Update, true) => Some("PatientUpdate"),
        (Interaction::Update, false) => Some("Update"),
    }
}

fn agents(payload: &Payload, server: &str) -> Value {
    let source = json!({ "coding": [{ "system": DCM, "code": "110153", "display": "Source Role ID" }] });
    let destination = json!({ "coding": [{ "system": DCM, "code": "110152", "display": "Destination Role ID" }] });
    let (client_role, server_role) = match payload.interaction {
        Interaction::Read => (destination, source),
        _ => (source, destination),
    };
    let client = match &payload.client_id {
        Some(id) if !id.trim().is_empty() => json!({ "identifier": { "value": id } }),
        _ => json!({ "display": "client application" }),
    };
    let (address, address_type) = network(&payload.address);
    let mut agents = vec![
        json!({
            "type": client_role,
            "who": client,
            "requestor": false,
            "network": { "address": address, "type": address_type },
        }),
        json!({
            "type": server_role,
            "who": { "display": server },
            "requestor": false,
            "network": { "address": server, "type": "1" },
        }),
        user(payload),
    ];
    if let Some(organisation) = &payload.organisation {
        agents.push(json!({
            "type": { "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/v3-RoleClass",
                "code": "PROV",
                "display": "healthcare provider",
            }] },
            "who": { "type": "Organization", "identifier": { "system": ODS, "value": organisation } },
            "requestor": false,
        }));
    }
    Value::Array(agents)
}

fn user(payload: &Payload) -> Value {
    let mut user = json!({
        "type": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
            "code": "IRCP",
            "display": "information recipient",
        }] },
        "who": { "identifier": { "system": USER, "value": payload.user } },
        "requestor": true,
    });
    if !payload.name.trim().is_empty() {
        put(&mut user, "name", json!(payload.name));
    }
    if let Some(role) = &payload.role {
        let mut coded = json!({ "coding": [{ "system": ROLE, "code": role.code }] });
        if !role.name.trim().is_empty() {
            put(&mut coded, "text", json!(role.name));
        }
        put(&mut user, "role", json!([coded]));
        if !role.profile.trim().is_empty() {
            put(&mut user, "altId", json!(role.profile));
        }
    }
    // The policy is a URI; an id that would not make one is kept in the trail only.
    if let Some(token) = &payload.token_id
        && !token.is_empty()
        && token.chars().all(|c| c.is_ascii_graphic())
    {
        put(&mut user, "policy", json!([format!("urn:ietf:params:oauth:jti:{token}")]));
    }
    if let Some(purpose) = &payload.purpose {
        put(&mut user, "purposeOfUse", json!([{ "coding": [{ "system": ACT_REASON, "code": purpose }] }]));
    }
    user
}

/// The address without its port, and whether it is one of the Internet (2) or a machine's name (1).
fn network(address: &str) -> (String, &'static str) {
    if let Ok(socket) = address.parse::<std::net::SocketAddr>() {
        return (socket.ip().to_string(), "2");
    }
    let kind = if address.parse::<std::net::IpAddr>().is_ok() { "2" } else { "1" };
    let address = if address.is_empty() { "unknown" } else { address };
    (address.to_owned(), kind)
}

fn entities(payload: &Payload, overriding: bool) -> Value {
    let mut entities = Vec::with_capacity(3);
    if let Some(patient) = &payload.patient {
        let mut entity = json!({
            "what": { "type": "Patient", "identifier": { "system": NHS_NUMBER, "value": patient } },
            "type": { "system": ENTITY_TYPE, "code": "1", "display": "Person" },
            "role": { "system": ENTITY_ROLE, "code": "1", "display": "Patient" },
        });
        let details = details(payload);
        if !details.is_empty() {
            put(&mut entity, "detail", Value::Array(details));
        }
        entities.push(entity);
    }
    let object = json!({ "system": ENTITY_TYPE, "code": "2", "display": "System Object" });
    match payload.interaction {
        Interaction::Search | Interaction::Operation if !overriding => entities.push(json!({
            "type": object,
            "role": { "system": ENTITY_ROLE, "code": "24", "display": "Query" },
            "description": cleaned(&payload.query),
            "query": STANDARD.encode(if payload.query.is_empty() { &payload.resource_type } else { &payload.query }),
        })),
        _ => {
            let what = match &payload.id {
                // What a client took for an id may be a number.
                Some(id) if NhsNumber::parse(id).is_none() => {
                    json!({ "reference": format!("{}/{id}", payload.resource_type) })
                }
                _ => json!({ "type": payload.resource_type, "display": payload.resource_type }),
            };
            entities.push(json!({
                "what": what,
                "type": object,
                "role": { "system": ENTITY_ROLE, "code": "4", "display": "Domain Resource" },
            }));
        }
    }
    entities.push(json!({
        "what": { "identifier": { "value": payload.request_id } },
        "type": { "system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "code": "XrequestId" },
    }));
    Value::Array(entities)
}

/// What the disclosure rested on, with the patient, since the query entity may carry no detail.
fn details(payload: &Payload) -> Vec<Value> {
    let basis = &payload.basis;
    let after_refusal = basis.after_refusal.then(|| "true".to_owned());
    [
        ("consent", &basis.consent),
        ("override", &basis.override_category),
        ("override-after-refusal", &after_refusal),
        ("agreement", &basis.agreement),
        ("exclusions", &basis.exclusions),
        ("practice", &basis.practice),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    .chain(basis.views.iter().map(|view| ("view", view)))
    .chain(basis.messages.iter().map(|message| ("legacy-message", message)))
    .filter(|(_, value)| !value.trim().is_empty())
    .map(|(name, value)| json!({ "type": name, "valueString": value }))
    .collect()
}

/// The request for a person to read: its path and which parameters, with values only where they cannot name a patient.
fn cleaned(query: &str) -> String {
    let (path, parameters) = query.split_once(['?', '\n', ' ']).unwrap_or((query, ""));
    let shown: Vec<String> = parameters
        .split(['&', '\n', ' '])
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let name = parameter.split('=').next().unwrap_or_default();
            if PLAIN.contains(&name) { parameter.to_owned() } else { format!("{}=(not shown)", nameless(name)) }
        })
        .collect();
    let path: String = path.chars().filter(|c| !c.is_control()).collect();
    let path = path.split('/').map(nameless).collect::<Vec<_>>().join("/");
    match (path.trim().is_empty(), shown.is_empty()) {
        (true, true) => "(none)".to_owned(),
        (false, true) => path,
        _ => format!("{path}?{}", shown.join("&")),
    }
}

/// A word of a path or the name of a parameter, unless it is one that holds a number as a patient's does.
fn nameless(word: &str) -> &str {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits == 10 && word.len() == 10 || word.contains('%') { "(not shown)" } else { word }
}

#[cfg(test)]
mod tests {
    use super::cleaned;

    #[test]
    fn a_readable_query_names_no_patient() {
        assert_eq!(
            cleaned("Condition/_search?patient.identifier=a%7C9990000018&_count=5&patient.birthdate=1970-01-01"),
            "Condition/_search?patient.identifier=(not shown)&_count=5&patient.birthdate=(not shown)"
        );
        assert_eq!(cleaned("Condition"), "Condition");
        assert_eq!(cleaned("Patient/9990000018/$everything"), "Patient/(not shown)/$everything");
        assert_eq!(
            cleaned("Condition?9990000018=1&%39990000018=1"),
            "Condition?(not shown)=(not shown)&(not shown)=(not shown)"
        );
        assert_eq!(cleaned(""), "(none)");
    }
}
