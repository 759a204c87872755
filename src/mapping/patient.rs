//! Patient: NHS number, current name and address, birth date, gender, deceased, GPs, practice (5.2.1.2), and no more.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | identifier | the NHS number asked for, which the MIG traced |
//! | name | surname, forenames, title; never calling, previous or birth names (1.7) |
//! | address | the home address, else where the patient stays |
//! | birthDate, gender | birthDate, sex |
//! | deceased | dateOfDeath at its precision, else dead |
//! | generalPractitioner | registeredGPUserInRole, usualGPUserInRole |
//! | managingOrganization | the practice as located |
//! | meta.tag | test data where the source calls the patient a dummy |

use super::concept_map::{self, Map};
use super::maker::{Links, Maker};
use super::parts::{self, joined, text};
use super::tags::Place;
use super::{dates, location};
use crate::kinds::{Kind, View};
use crate::record::{Address, Patient, Person};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, PatientDeceased};
use mig_fhir_model::types as fhir;

const VERIFICATION: &str = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus";
/// Where what nobody is treated for is told apart.
const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const VERIFIED: &str = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland";

pub(super) fn make(maker: &mut Maker<'_>) {
    let record = maker.record;
    let Some(patient) = &record.patient else { return };
    let person = patient.person.as_ref().and_then(|id| record.persons.get(id));
    let mut links = Links::default();
    let mut gps = Vec::new();
    for gp in [&patient.registered_gp, &patient.usual_gp] {
        if let Some(gp) = maker.staff(&mut links, gp.as_deref()).filter(|gp| !gps.contains(&**gp)) {
            gps.push(*gp);
        }
    }
    let place = Place::default().with(View::PatientDetails, None);
    let mut meta = parts::meta(Some(Kind::Patient), &place.tags);
    meta.tag.extend(patient.dummy.then(|| parts::coding(REASON, "HTEST", Some("test health data"))));
    let resource = resources::Patient {
        id: Some(maker.patient_id().as_str().into()),
        meta: Some(meta),
        identifier: vec![nhs_number(maker)],
        name: person.and_then(|person| name(person, "official")).into_iter().collect(),
        gender: person.and_then(gender).map(Into::into),
        birth_date: person.and_then(|person| person.birth_date).and_then(dates::day).map(Into::into),
        deceased: deceased(patient),
        address: person.and_then(current_address).into_iter().collect(),
        general_practitioner: gps,
        managing_organization: super::organization::practice(
            maker,
            &mut links,
            patient.caseload_organisation.as_deref(),
        ),
        ..Default::default()
    };
    let id = maker.patient_id().clone();
    maker.add(Kind::Patient, id, Resource::Patient(Box::new(resource)), place, false, links);
}

fn nhs_number(maker: &Maker<'_>) -> fhir::Identifier {
    let traced = parts::concept(VERIFIED, "01", Some("Number present and verified"));
    fhir::Identifier {
        extension: vec![parts::extension(VERIFICATION, fhir::ExtensionValue::CodeableConcept(Box::new(traced)))],
        system: Some("https://fhir.nhs.uk/Id/nhs-number".into()),
        value: Some(maker.context.patient.reveal().into()),
        ..Default::default()
    }
}

/// The name of a person, patient or staff; absent when nothing of it is recorded.
pub(super) fn name(person: &Person, purpose: &str) -> Option<fhir::HumanName> {
    let part = |part: &Option<String>| part.as_deref().and_then(text);
    let given = person.forenames.iter().flat_map(|names| names.split_whitespace()).map(Into::into).collect();
    Some(fhir::HumanName {
        r#use: Some(purpose.into()),
        text: Some(joined([person.title.as_deref(), person.forenames.as_deref(), person.surname.as_deref()])?.into()),
        family: part(&person.surname).map(Into::into),
        given,
        prefix: part(&person.title).map(Into::into).into_iter().collect(),
        ..Default::default()
    })
}

fn gender(person: &Person) -> Option<&'static str> {
    concept_map::target(Map::Sex, person.sex.as_deref()?).map(|gender| gender.code.as_str())
}

fn deceased(patient: &Patient) -> Option<PatientDeceased> {
    let date = patient.date_of_death.and_then(dates::date_time).map(|date| PatientDeceased::DateTime(date.into()));
    let dead = patient.dead || patient.caseload_status.as_deref() == Some("DEAD");
    date.or_else(|| dead.then(|| PatientDeceased::Boolean(true.into())))
}

/// Home before temporary before lived-at; work, carer and school addresses are not where the patient lives.
fn current_address(person: &Person) -> Option<fhir::Address> {
    let purpose = |address: &Address| {
        concept_map::target(Map::AddressType, address.kind.as_deref().unwrap_or("H")).map(|to| to.code.as_str())
    };
    let rank = |address: &&Address| {
        let kind = address.kind.as_deref().unwrap_or("H");
        purpose(address).map(|_| ["H", "TMP"].iter().position(|known| *known == kind).unwrap_or(2))
    };
    let addresses = person.addresses.iter().filter(|address| !address.deleted && rank(address).is_some());
    let address = addresses.min_by_key(rank)?;
    location::address(address, purpose(address))
}
