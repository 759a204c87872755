//! `ServiceRequest`: referrals (REF), and codes that say that somebody was to be admitted. What became of one is not
//! recorded, so that its status is unknown unless it was rejected.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | identifier | UBRN, where it is a number |
//! | status | unknown; revoked where rejectedReason is present |
//! | intent | order |
//! | category | patient referral |
//! | priority | urgency: R and D routine, S asap, U and W urgent |
//! | code | code and term. No reasonCode: it says what was asked, not why, and the reason is not carried |
//! | occurrence | datedReferral |
//! | authoredOn | effectiveTime, else availabilityTimeStamp |
//! | requester | authorising; of an incoming one sourceOrganisation |
//! | performer, performerType | targetOrganisation, targetUserInRole; speciality |
//! | reasonReference | the problems that link to it |
//! | note | rejected, request type, mode, direction, two week wait, not NHS, community |

use super::classify::Shape;
use super::maker::{Links, Maker};
use super::parts::{self, note};
use super::rules::Meaning;
use super::{codes, condition, dates, tags};
use crate::kinds::Kind;
use crate::record::{Event, Referral};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, ServiceRequestOccurrence};
use mig_fhir_model::types as fhir;

pub(super) fn make<'a>(maker: &mut Maker<'a>, event: &'a Event, shape: &Shape) {
    let mut links = Links::default();
    let blank = Referral::default();
    let referral = event.referral.as_deref().filter(|_| event.kind == "REF");
    let said = referral.unwrap_or(&blank);
    let admission = shape.means(Meaning::Admission) || said.request_type.as_deref() == Some("ADM");
    let place = tags::place_referral(admission);
    let incoming = said.direction.as_deref() == Some("IN");
    let requester = if incoming {
        maker.organisation(&mut links, said.source_organisation.as_deref())
    } else {
        maker.staff(&mut links, event.authorising.as_deref())
    };
    let performer = [
        maker.organisation(&mut links, said.target_organisation.as_deref()),
        maker.staff(&mut links, said.target_user.as_deref()),
    ];
    let dated = said.dated.and_then(dates::date_time);
    let id = maker.id(&event.id);
    let resource = resources::ServiceRequest {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::ServiceRequest), &place.tags)),
        identifier: said.ubrn.as_deref().and_then(booking).into_iter().collect(),
        status: if said.rejected { "revoked" } else { "unknown" }.into(),
        intent: "order".into(),
        category: vec![parts::concept("http://snomed.info/sct", "3457005", Some("Patient referral"))],
        priority: said.urgency.as_deref().and_then(priority).map(Into::into),
        code: Some(Box::new(maker.concept(event))),
        subject: maker.subject(&mut links),
        encounter: maker.encounter(&mut links, &event.id),
        occurrence: dated.map(|date| ServiceRequestOccurrence::DateTime(date.into())),
        authored_on: event.effective.and_then(dates::date_time).or_else(|| Maker::recorded(event)).map(Into::into),
        requester,
        performer_type: said.speciality.as_deref().and_then(parts::text).map(|words| Box::new(parts::worded(words))),
        performer: performer.into_iter().flatten().map(|who| *who).collect(),
        reason_reference: maker.problems(&mut links, &event.id),
        note: notes(said).chain(codes::qualifiers(event.code.as_ref())).chain(condition::episodicity(event)).collect(),
        ..Default::default()
    };
    let problem = super::classify::is_problem(maker.record, event);
    maker.add(Kind::ServiceRequest, id, Resource::ServiceRequest(Box::new(resource)), place, problem, links);
}

/// The national booking number: digits alone, whatever else was typed there is text.
fn booking(ubrn: &str) -> Option<fhir::Identifier> {
    let digits: String = ubrn.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    (digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| fhir::Identifier {
        system: Some("https://fhir.nhs.uk/Id/UBRN".into()),
        value: Some(digits.into()),
        ..Default::default()
    })
}

fn priority(urgency: &str) -> Option<&'static str> {
    match urgency {
        "R" | "D" => Some("routine"),
        "S" => Some("asap"),
        "U" | "W" => Some("urgent"),
        _ => None,
    }
}

/// What was asked for, in words.
fn asked(said: &Referral) -> Option<&'static str> {
    match said.request_type.as_deref() {
        Some("INV") => Some("investigation"),
        Some("TRT") => Some("treatment"),
        Some("MA") => Some("management advice"),
        Some("PRC") => Some("procedure"),
        Some("PR") => Some("patient reassurance"),
        Some("SELF") => Some("self referral"),
        Some("OUT") => Some("outpatient"),
        Some("ADM") => Some("admission"),
        Some("DAY") => Some("day care"),
        Some("COM") => Some("community care"),
        Some("DOM") => Some("domiciliary visit"),
        Some("ASS") => Some("assessment"),
        Some("ASED") => Some("assessment and education"),
        _ => None,
    }
}

/// How it was sent, in words.
fn mode(said: &Referral) -> Option<&'static str> {
    match said.mode.as_deref() {
        Some("E") => Some("electronic"),
        Some("T") => Some("telephone"),
        Some("V") => Some("verbal"),
        Some("W") => Some("written"),
        Some("M") => Some("mediated"),
        _ => None,
    }
}

/// Counts what a referral says that FHIR is not told.
pub(super) fn count_unsaid(said: &Referral, count: &mut impl FnMut(&'static str, bool)) {
    count("referral-urgency", said.urgency.as_deref().is_some_and(|urgency| priority(urgency).is_none()));
    count("referral-type", said.request_type.as_deref().is_some_and(|kind| kind != "UNK") && asked(said).is_none());
    count("referral-mode", said.mode.is_some() && mode(said).is_none());
    let known = ["IN", "OUT", "NOTUSED"];
    count("referral-direction", said.direction.as_deref().is_some_and(|direction| !known.contains(&direction)));
    count("booking-number", said.ubrn.as_deref().is_some_and(|ubrn| booking(ubrn).is_none()));
}

fn notes(said: &Referral) -> impl Iterator<Item = fhir::Annotation> {
    [
        // That it was is said; why is text, and is not carried.
        said.rejected.then(|| "Referral rejected".to_owned()),
        asked(said).map(|asked| format!("Request type: {asked}")),
        (said.urgency.as_deref() == Some("W")).then(|| "Two week wait".to_owned()),
        (said.direction.as_deref() == Some("IN")).then(|| "Incoming referral".to_owned()),
        mode(said).map(|mode| format!("Mode: {mode}")),
        (said.nhs == Some(false)).then(|| "Not an NHS referral".to_owned()),
        (said.community == Some(true)).then(|| "Community referral".to_owned()),
    ]
    .into_iter()
    .flatten()
    .map(note)
}
