//! Encounter: every consultation, empty or not, and stays in hospital whose dates are recorded.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | status | finished; unknown when not complete |
//! | class | telephone and video virtual, home visit at home, else ambulatory |
//! | type | locationType, its code only where it has one |
//! | period | effectiveTime, and the end where time and duration are recorded (0 means not recorded) |
//! | participant | authorising as primary performer; enteredBy and accompanying as participants |
//! | serviceProvider, location | organisation, location |
//!
//! A code of admission alone is a note that somebody was to be admitted, and a `ServiceRequest`. It is a stay where it has a
//! day and a length in days: class inpatient, type its code, period both days, recorded by whoever entered it.

use super::concept_map::{self, Map};
use super::maker::{Links, Maker};
use super::parts;
use super::rules::Meaning;
use super::{codes, dates, quantity, tags};
use crate::kinds::Kind;
use crate::record::{Encounter, Event, PartialDate, Value};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, EncounterLocation, EncounterParticipant};
use mig_fhir_model::types as fhir;

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

pub(super) fn make<'a>(maker: &mut Maker<'a>, encounter: &'a Encounter) {
    let mut links = Links::default();
    let place = tags::place_encounter();
    let (period, _) = parts::period(encounter.effective, end(encounter));
    let kind = encounter.location_type.as_ref();
    let kind = codes::concept(kind, None, false, &mut |what| maker.degrade(what));
    let id = maker.id(&encounter.id);
    let resource = resources::Encounter {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::Encounter), &place.tags)),
        status: if encounter.complete { "finished" } else { "unknown" }.into(),
        class: Box::new(class(encounter)),
        r#type: kind.into_iter().collect(),
        subject: Some(maker.subject(&mut links)),
        participant: participants(maker, &mut links, encounter),
        period,
        length: length(encounter).map(Box::new),
        location: maker
            .location(&mut links, encounter.location.as_deref())
            .map(|location| EncounterLocation { location, ..Default::default() })
            .into_iter()
            .collect(),
        service_provider: maker.organisation(&mut links, encounter.organisation.as_deref()),
        ..Default::default()
    };
    maker.add(Kind::Encounter, id, Resource::Encounter(Box::new(resource)), place, false, links);
}

/// How many days a stay took, where its entry says so: a day, and a plain number of days.
pub(super) fn days(event: &Event) -> Option<i64> {
    let Some(Value::Numeric { operator, value, units: Some(units), .. }) = &event.value else { return None };
    let plain = operator.as_deref().is_none_or(|operator| matches!(operator.trim(), "" | "="));
    let in_days = matches!(units.trim().to_ascii_lowercase().as_str(), "day" | "days" | "d");
    let dated = event.effective.is_some_and(dates::to_the_day);
    value.trim().parse().ok().filter(|days| plain && in_days && dated && (1..=3_650).contains(days))
}

/// A stay in hospital. Who treated is not recorded.
pub(super) fn make_stay<'a>(maker: &mut Maker<'a>, event: &'a Event) {
    let Some((days, first)) = days(event).zip(event.effective.and_then(dates::first_day)) else { return };
    let mut links = Links::default();
    let place = tags::place_stay();
    let last = dates::days_after(first, days);
    let (period, _) = parts::period(event.effective, Some(PartialDate::Day(last)));
    let id = maker.id(&event.id);
    let by = maker.staff(&mut links, event.entered_by.as_deref());
    let resource = resources::Encounter {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::Encounter), &place.tags)),
        // Planned days may lie ahead.
        status: if last <= maker.today { "finished" } else { "unknown" }.into(),
        class: Box::new(parts::coding(ACT_CODE, "IMP", Some("inpatient encounter"))),
        r#type: vec![maker.concept(event)],
        subject: Some(maker.subject(&mut links)),
        participant: by.map(|by| participant(by, "PART", "Participation", Some("Recorded by"))).into_iter().collect(),
        period,
        length: Some(Box::new(duration(days, "d", "days"))),
        reason_reference: maker.problems(&mut links, &event.id),
        ..Default::default()
    };
    let problem = super::classify::is_problem(maker.record, event);
    maker.add(Kind::Encounter, id, Resource::Encounter(Box::new(resource)), place, problem, links);
}

fn class(encounter: &Encounter) -> fhir::Coding {
    let known = encounter.location_type.as_ref().map(|code| codes::known(code, false)).unwrap_or_default();
    let consultation = encounter.consultation_type.as_deref().unwrap_or("");
    let said = concept_map::target(Map::ConsultationType, consultation).map_or("", |class| class.code.as_str());
    let words = encounter.location_type.as_ref().and_then(codes::display).unwrap_or_default().to_ascii_lowercase();
    let remote = known.meanings.has(Meaning::Remote)
        || said == "VR"
        || (said.is_empty() && consultation.starts_with('T'))
        || ["telephone", "video"].iter().any(|word| words.contains(word));
    let home = known.meanings.has(Meaning::HomeVisit)
        || said == "HH"
        || ["home visit", "visit to home"].iter().any(|word| words.contains(word));
    let (code, display) = match (home, remote) {
        (true, _) => ("HH", "home health"),
        (_, true) => ("VR", "virtual"),
        _ => ("AMB", "ambulatory"),
    };
    parts::coding(ACT_CODE, code, Some(display))
}

fn participants(maker: &mut Maker<'_>, links: &mut Links, encounter: &Encounter) -> Vec<EncounterParticipant> {
    let mut all = Vec::new();
    let mut add = |who: Option<Box<fhir::Reference>>, code: &str, display: &str, text: Option<&str>| {
        all.extend(who.map(|who| participant(who, code, display, text)));
    };
    add(maker.staff(links, encounter.authorising.as_deref()), "PPRF", "primary performer", None);
    add(maker.staff(links, encounter.entered_by.as_deref()), "PART", "Participation", Some("Recorded by"));
    for accompanying in &encounter.accompanying {
        add(maker.staff(links, Some(accompanying)), "PART", "Participation", Some("Accompanying"));
    }
    all
}

fn participant(who: Box<fhir::Reference>, code: &str, display: &str, text: Option<&str>) -> EncounterParticipant {
    let mut part = parts::concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", code, Some(display));
    part.text = text.map(Into::into);
    EncounterParticipant { r#type: vec![part], individual: Some(who), ..Default::default() }
}

/// Unit of a duration in UCUM and seconds, where it has a fixed length.
fn unit(encounter: &Encounter) -> Option<(i64, &'static str, &'static str, i64)> {
    let (unit, value) = encounter.duration.as_ref().filter(|(_, value)| *value > 0)?;
    let (code, name, seconds) = match unit.as_str() {
        "N" => ("min", "minutes", 60),
        "H" => ("h", "hours", 3_600),
        "D" => ("d", "days", 86_400),
        _ => return None,
    };
    Some((*value, code, name, seconds))
}

fn length(encounter: &Encounter) -> Option<fhir::Duration> {
    let (value, code, name, _) = unit(encounter)?;
    Some(duration(value, code, name))
}

fn duration(value: i64, code: &str, name: &str) -> fhir::Duration {
    fhir::Duration {
        value: Some(value.to_string().into()),
        unit: Some(name.into()),
        system: Some(quantity::UCUM.into()),
        code: Some(code.into()),
        ..Default::default()
    }
}

fn end(encounter: &Encounter) -> Option<PartialDate> {
    let (value, _, _, seconds) = unit(encounter)?;
    match encounter.effective? {
        PartialDate::Time(start) => {
            let length = time::Duration::seconds(value.checked_mul(seconds)?);
            start.checked_add(length).filter(|end| (1..=9999).contains(&end.year())).map(PartialDate::Time)
        }
        PartialDate::Day(start) if seconds == 86_400 => Some(PartialDate::Day(dates::days_after(start, value))),
        _ => None,
    }
}
