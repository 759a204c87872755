//! `MedicationRequest`: every authorisation (MED) as a plan, every issue (ISS) as an order.
//!
//! | FHIR | MED | ISS |
//! | --- | --- | --- |
//! | intent | plan | order |
//! | status | repeats by drugStatus, acutes by dates; stopped where cancelled; never active unknown | completed; cancelled, or entered-in-error where that is the reason |
//! | statusReason | the code of the cancellation | the same |
//! | category | community: a GP record's prescriptions, unless issued elsewhere | the same |
//! | medication | code as dm+d and EMIS drug code, term; else local mixture | the same |
//! | authoredOn, requester, recorder | effectiveTime, authorising, enteredBy | the same |
//! | reported | true where the method of the last issue says somebody else prescribed | issueMethod |
//! | basedOn | | the plan |
//! | priorPrescription | the plan that was changed into it | |
//! | courseOfTherapyType | prescriptionType | the plan's |
//! | dosageInstruction | dosage; "Not recorded" | the same |
//! | dispenseRequest | quantity and unit as text, durationOfIssue, first issue to cancellation or expiry | its date, and its duration from there |
//! | extension | number of issues, expiry of the authorisation | |
//! | substitution | false: UK Core demands an answer | the same |
//! | reasonReference | the problems that link to it | the same |

use super::maker::{Links, Maker};
use super::parts::{self, note};
use super::{codes, condition, dates, prescription, quantity, tags};
use crate::kinds::Kind;
use crate::record::{Event, Medication, PartialDate, Supply};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{
    self, MedicationRequestDispenseRequest, MedicationRequestMedication, MedicationRequestReported,
    MedicationRequestSubstitution, MedicationRequestSubstitutionAllowed,
};
use mig_fhir_model::types::{self as fhir, ExtensionValue};

const REPEATS: &str = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-MedicationRepeatInformation";

/// What a plan and an issue tell differently.
struct Told<'a, 't> {
    intent: &'static str,
    status: &'static str,
    stopped_for: Option<&'t str>,
    method: Option<&'t str>,
    plan: Option<&'a str>,
    replaces: Option<&'a str>,
    course: Option<&'t str>,
    start: Option<PartialDate>,
    end: Option<PartialDate>,
    extension: Option<fhir::Extension>,
    notes: Vec<String>,
    place: tags::Place,
}

pub(super) fn make<'a>(maker: &mut Maker<'a>, at: usize, event: &'a Event) {
    match &event.issue {
        Some(issue) if event.kind == "ISS" => {
            let plan = plan_of(maker, event);
            let planned = plan.and_then(|plan| plan.medication.as_ref()).map(|plan| &plan.supply);
            let own = prescription::type_name(&issue.supply);
            let differs = planned.and_then(prescription::type_name).is_some_and(|planned| Some(planned) != own);
            let days = issue.supply.duration_days.filter(|days| *days > 0);
            let until = event.effective.filter(|date| dates::to_the_day(*date)).and_then(dates::first_day).zip(days);
            let told = Told {
                intent: "order",
                status: match (issue.cancelled, issue.cancellation_reason.as_deref()) {
                    (true, Some("ERR")) => "entered-in-error",
                    (true, _) => "cancelled",
                    (false, _) => "completed",
                },
                stopped_for: issue.cancellation_reason.as_deref().filter(|_| issue.cancelled),
                method: issue.method.as_deref(),
                plan: plan.map(|plan| plan.id.as_str()),
                replaces: None,
                course: planned
                    .and_then(|planned| planned.prescription_type.as_deref())
                    .or(issue.supply.prescription_type.as_deref()),
                start: event.effective,
                end: until.map(|(day, days)| PartialDate::Day(dates::days_after(day, days))),
                extension: None,
                notes: own
                    .filter(|_| differs)
                    .map(|own| format!("Prescription type of this issue: {own}"))
                    .into_iter()
                    .collect(),
                place: tags::place_issue(),
            };
            request(maker, event, &issue.supply, told);
        }
        _ => {
            let blank = Medication::default();
            let plan = event.medication.as_deref().unwrap_or(&blank);
            let last = prescription::last_issue(maker, at, plan);
            let status = prescription::plan_status(maker, event, plan, last);
            let record = maker.record;
            let told = Told {
                intent: "plan",
                status,
                stopped_for: plan.cancellation_reason.as_deref().filter(|_| status == "stopped"),
                method: plan.last_issue_method.as_deref(),
                plan: None,
                replaces: maker.graph.replaced(at).and_then(|at| record.events.get(at)).map(|old| old.id.as_str()),
                course: plan.supply.prescription_type.as_deref(),
                start: plan.first_issue.or(event.effective),
                end: plan.cancelled.map(PartialDate::Time).or(plan.expiry),
                extension: repeats(plan),
                notes: prescription::plan_notes(plan),
                place: tags::place_plan(prescription::is_current(status, plan)),
            };
            request(maker, event, &plan.supply, told);
        }
    }
}

fn request<'a>(maker: &mut Maker<'a>, event: &'a Event, supply: &Supply, told: Told<'a, '_>) {
    let mut links = Links::default();
    let id = maker.id(&event.id);
    let (validity, inverted) = parts::period(told.start, told.end);
    if inverted {
        maker.degrade("period-inverted");
    }
    let elsewhere = prescription::elsewhere(told.method);
    let mut refer = |maker: &mut Maker<'a>, to: &'a str| maker.refer(&mut links, Kind::MedicationRequest, to);
    let based_on = told.plan.map(|plan| *refer(maker, plan)).into_iter().collect();
    let prior_prescription = told.replaces.map(|old| refer(maker, old));
    let resource = resources::MedicationRequest {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::MedicationRequest), &told.place.tags)),
        extension: told.extension.into_iter().collect(),
        status: told.status.into(),
        status_reason: told
            .stopped_for
            .and_then(prescription::reason)
            .map(|words| Box::new(parts::worded(words.to_owned()))),
        intent: told.intent.into(),
        category: elsewhere.is_none().then(category).into_iter().collect(),
        reported: elsewhere.map(|_| MedicationRequestReported::Boolean(true.into())),
        medication: MedicationRequestMedication::CodeableConcept(Box::new(prescription::drug(maker, event, supply))),
        subject: maker.subject(&mut links),
        encounter: maker.encounter(&mut links, &event.id),
        authored_on: event.effective.and_then(dates::date_time).or_else(|| Maker::recorded(event)).map(Into::into),
        requester: maker.staff(&mut links, event.authorising.as_deref()),
        recorder: maker.staff(&mut links, event.entered_by.as_deref()),
        reason_reference: maker.problems(&mut links, &event.id),
        based_on,
        course_of_therapy_type: told.course.and_then(course).map(Box::new),
        note: notes(maker, supply, elsewhere)
            .into_iter()
            .chain(told.notes)
            .map(note)
            .chain(condition::episodicity(event))
            .chain(codes::qualifiers(event.code.as_ref()))
            .collect(),
        dosage_instruction: vec![fhir::Dosage { text: Some(dosage(supply).into()), ..Default::default() }],
        dispense_request: dispense(supply, validity),
        substitution: Some(MedicationRequestSubstitution {
            allowed: MedicationRequestSubstitutionAllowed::Boolean(false.into()),
            ..Default::default()
        }),
        prior_prescription,
        ..Default::default()
    };
    let problem = super::classify::is_problem(maker.record, event);
    let resource = Resource::MedicationRequest(Box::new(resource));
    maker.add(Kind::MedicationRequest, id, resource, told.place, problem, links);
}

/// The plan that an issue names, whatever its drug.
fn plan_of<'a>(maker: &Maker<'a>, issue: &Event) -> Option<&'a Event> {
    let at = maker.graph.event(issue.issue.as_ref()?.plan.as_deref()?)?;
    maker.record.events.get(at).filter(|plan| plan.kind == "MED")
}

fn category() -> fhir::CodeableConcept {
    let system = "http://terminology.hl7.org/CodeSystem/medicationrequest-category";
    parts::concept(system, "community", Some("Community"))
}

fn course(kind: &str) -> Option<fhir::CodeableConcept> {
    let base = "http://terminology.hl7.org/CodeSystem/medicationrequest-course-of-therapy";
    let (system, code, display) = match kind {
        "A" => (base, "acute", "Short course (acute) therapy"),
        "R" => (base, "continuous", "Continuous long term therapy"),
        "D" => (
            "https://fhir.hl7.org.uk/CodeSystem/UKCore-MedicationRequestCourseOfTherapy",
            "continuous-repeating-dispensing",
            "Continuous long term (repeat dispensing)",
        ),
        "U" => return Some(parts::worded("Automatic".to_owned())),
        _ => return None,
    };
    Some(parts::concept(system, code, Some(display)))
}

/// A dosage that was left out reads like one that was never recorded.
fn dosage(supply: &Supply) -> String {
    supply.dosage.as_deref().and_then(parts::text).unwrap_or_else(|| "Not recorded".to_owned())
}

fn dispense(supply: &Supply, validity: Option<Box<fhir::Period>>) -> Option<MedicationRequestDispenseRequest> {
    let quantity = supply.quantity.as_deref().and_then(quantity::decimal).map(|number| {
        // Units of supply are the practice's own words, never measures.
        let unit = supply.unit.as_deref().and_then(parts::text).map(Into::into);
        Box::new(fhir::Quantity { value: Some(number.into()), unit, ..Default::default() })
    });
    let duration = supply.duration_days.filter(|days| *days > 0).map(|days| {
        Box::new(fhir::Duration {
            value: Some(days.to_string().into()),
            unit: Some("days".into()),
            system: Some(quantity::UCUM.into()),
            code: Some("d".into()),
            ..Default::default()
        })
    });
    let says = validity.is_some() || quantity.is_some() || duration.is_some();
    says.then(|| MedicationRequestDispenseRequest {
        validity_period: validity,
        quantity,
        expected_supply_duration: duration,
        ..Default::default()
    })
}

/// Counts of the whole authorisation: FHIR's own element counts refills after the first, and is left out.
fn repeats(plan: &Medication) -> Option<fhir::Extension> {
    let issued = plan.issues.filter(|count| *count > 0).and_then(|count| u32::try_from(count).ok());
    let issued = issued.filter(|count| i32::try_from(*count).is_ok());
    let expires = plan.expiry.and_then(dates::date_time);
    let parts: Vec<fhir::Extension> = [
        issued.map(|count| parts::extension("numberOfPrescriptionsIssued", ExtensionValue::UnsignedInt(count.into()))),
        expires.map(|date| parts::extension("authorisationExpiryDate", ExtensionValue::DateTime(date.into()))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| fhir::Extension { url: REPEATS.to_owned(), extension: parts, ..Default::default() })
}

fn notes(maker: &Maker<'_>, supply: &Supply, elsewhere: Option<&str>) -> Vec<String> {
    let words = supply.quantity_text.as_deref().and_then(parts::text);
    let made_of = prescription::constituents(maker, supply);
    [
        words.map(|words| format!("Quantity as written: {words}")),
        made_of.map(|parts| format!("Constituents: {parts}")),
        supply.private_prescription.then(|| "Private prescription".to_owned()),
        elsewhere.map(str::to_owned),
    ]
    .into_iter()
    .flatten()
    .collect()
}
