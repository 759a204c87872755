//! `AllergyIntolerance`: every allergy entry, and entries filed elsewhere whose code is an allergy.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | clinicalStatus | active: OpenHR has no end of an allergy, and a problem's end does not end it |
//! | verificationStatus | unconfirmed |
//! | category | medication where the code, its scheme or targetDrug make it certain |
//! | code | code and term; where only targetDrug is recorded, that |
//! | recordedDate | effectiveTime, the date asserted; else availabilityTimeStamp. Never onset |
//! | recorder, asserter | enteredBy, authorising |
//! | note | on "none known" that allergies are recorded, where they are; associatedText of the types that the wire profile lists, of none by default |
//! | reaction | substance targetDrug, severity a coded qualifier; manifestation "no information" |

use super::classify::Shape;
use super::maker::{Links, Maker};
use super::rules::Meaning;
use super::{codes, condition, dates, parts, tags};
use crate::kinds::Kind;
use crate::record::{Code, Event};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, AllergyIntoleranceReaction};
use mig_fhir_model::types as fhir;

pub(super) fn make<'a>(maker: &mut Maker<'a>, event: &'a Event, shape: &Shape) {
    let mut links = Links::default();
    let place = tags::place_allergy();
    let none_known = shape.means(Meaning::NoKnownAllergy);
    let named = event.code.is_some() || event.term.as_deref().and_then(parts::text).is_some();
    let code = match event.target_drug.as_ref().filter(|_| !named).and_then(|drug| substance(maker, drug)) {
        Some(drug) => drug,
        None => maker.concept(event),
    };
    let target = event.target_drug.as_ref().filter(|_| named && !none_known);
    let substance = target.and_then(|drug| substance(maker, drug));
    let severity = codes::severity(event.code.as_ref()).filter(|_| !none_known).map(|(_, severity)| &severity.code);
    let reaction = (substance.is_some() || severity.is_some()).then(|| AllergyIntoleranceReaction {
        substance: substance.map(Box::new),
        severity: severity.map(|code| code.as_str().into()),
        manifestation: vec![parts::concept("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "NI", None)],
        ..Default::default()
    });
    let drug = !none_known && (shape.means(Meaning::DrugAllergy) || event.target_drug.is_some());
    let id = maker.id(&event.id);
    let resource = resources::AllergyIntolerance {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::AllergyIntolerance), &place.tags)),
        clinical_status: Some(status("allergyintolerance-clinical", "active")),
        verification_status: Some(status("allergyintolerance-verification", "unconfirmed")),
        category: drug.then(|| "medication".into()).into_iter().collect(),
        code: Some(Box::new(code)),
        patient: maker.subject(&mut links),
        encounter: maker.encounter(&mut links, &event.id),
        recorded_date: event.effective.and_then(dates::date_time).or_else(|| Maker::recorded(event)).map(Into::into),
        recorder: maker.staff(&mut links, event.entered_by.as_deref()),
        asserter: maker.staff(&mut links, event.authorising.as_deref()),
        note: codes::qualifiers(event.code.as_ref())
            .chain(condition::episodicity(event))
            // Both are shown, as both are recorded; a reader of this one alone must not be reassured.
            .chain((none_known && maker.allergic).then(|| parts::note("Allergies are recorded beside this".to_owned())))
            .chain(event.associated_texts.iter().filter_map(|text| parts::text(text)).map(parts::note))
            .collect(),
        reaction: reaction.into_iter().collect(),
        ..Default::default()
    };
    let resource = Resource::AllergyIntolerance(Box::new(resource));
    let problem = super::classify::is_problem(maker.record, event);
    maker.add(Kind::AllergyIntolerance, id, resource, place, problem, links);
}

fn substance(maker: &mut Maker<'_>, drug: &Code) -> Option<fhir::CodeableConcept> {
    codes::concept(Some(drug), None, true, &mut |what| maker.degrade(what))
}

fn status(system: &str, code: &str) -> Box<fhir::CodeableConcept> {
    Box::new(parts::concept(&format!("http://terminology.hl7.org/CodeSystem/{system}"), code, None))
}
