//! A kept Consent as FHIR JSON, with the patient's references and the times that hold put back in.

use super::{BASIC_PROFILE, ConsentStatus, INFORMATION_ACCESS, LOINC, OVERRIDE_PROFILE, SCOPE, StoredConsent};
use crate::clock::rfc3339;
use crate::ids::Sealer;
use crate::register::ConsentDecision;
use crate::register::shape::{patient_reference, put};
use crate::register::version::etag;
use serde_json::{Map, Value, json};

impl StoredConsent {
    /// The resource.
    #[must_use]
    pub fn resource(&self, sealer: &Sealer) -> Value {
        let coding = |(system, code): (&str, &str)| json!({ "coding": [{ "system": system, "code": code }] });
        let patient = patient_reference(self.patient, sealer);
        let mut resource = Map::new();
        resource.insert("resourceType".into(), "Consent".into());
        resource.insert("id".into(), self.id.as_str().into());
        resource.insert("meta".into(), self.meta());
        resource.insert("status".into(), self.status.as_str().into());
        resource.insert("scope".into(), coding(SCOPE));
        resource.insert("category".into(), json!([coding(LOINC), coding(INFORMATION_ACCESS)]));
        resource.insert("patient".into(), patient.clone());
        resource.extend(self.body.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Some(person) = resource.get_mut("contained").and_then(|contained| contained.get_mut(0)) {
            put(person, "patient", patient.clone());
        }
        resource.entry("performer").or_insert_with(|| json!([patient]));
        if let Some(provision) = resource.get_mut("provision") {
            let over = self.status != ConsentStatus::Active && self.decision != ConsentDecision::Deny;
            let end = if over { self.until.min(self.updated) } else { self.until };
            put(provision, "period", json!({ "start": rfc3339(self.received), "end": rfc3339(end) }));
        }
        Value::Object(resource)
    }

    /// Its `ETag`.
    #[must_use]
    pub fn etag(&self) -> String {
        etag(self.version)
    }

    fn meta(&self) -> Value {
        let mut meta = json!({
            "versionId": self.version.to_string(),
            "lastUpdated": rfc3339(self.updated),
            "profile": [match self.decision {
                ConsentDecision::Override { .. } => OVERRIDE_PROFILE,
                ConsentDecision::Permit | ConsentDecision::Deny => BASIC_PROFILE,
            }],
        });
        if matches!(self.decision, ConsentDecision::Override { after_refusal: true, .. }) {
            put(&mut meta, "tag", json!([crate::register::review::after_refusal_tag()]));
        }
        meta
    }
}
