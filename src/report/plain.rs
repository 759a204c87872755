//! Who viewed this patient's record, in words for the patient (3.6.7). It is the one report that is about a patient.
//!
//! Times are those of Great Britain. Every attempt that named the patient is told, refused ones too. Staff are named, or
//! where the deployment's policy says so only told by role and organisation.

use super::sheet::Sheet;
use crate::audit::{Audit, Ending, Entry, Interaction};
use crate::clock::to_london;
use crate::document::paragraphs;
use crate::kinds::Kind;
use serde_json::{Value, json};
use std::borrow::Cow;
use time::macros::format_description;

pub(super) const COLUMNS: &[&str] =
    &["date", "time", "who", "role", "organisation", "practice", "what", "why", "result", "in_words", "reference"];

/// Who it is where staff are not named.
const SOMEBODY: &str = "a member of staff";

pub(super) struct Plain {
    pub(super) staff_names: bool,
}

impl Plain {
    pub(super) fn page(&self, audit: &Audit, entries: &[Entry], sheet: &mut Sheet) {
        for entry in entries {
            let said = Said::of(entry, self.staff_names);
            if sheet.is_csv() {
                sheet.row([
                    said.date.as_str(),
                    &said.time,
                    said.who,
                    entry.role(),
                    entry.organisation(),
                    entry.practice(),
                    &said.what,
                    &said.why,
                    said.result,
                    &said.sentence(entry),
                    &entry.id(),
                ]);
                continue;
            }
            let mut event = audit.event(entry);
            without_query(&mut event, entry);
            if !self.staff_names {
                without_staff(&mut event);
            }
            if let Some(members) = event.as_object_mut() {
                let div = paragraphs(&[&said.sentence(entry)]);
                members.insert("text".to_owned(), json!({ "status": "generated", "div": div }));
            }
            sheet.event(&event);
        }
    }
}

struct Said<'e> {
    date: String,
    time: String,
    who: &'e str,
    /// Begins with a verb in the past.
    what: Cow<'static, str>,
    why: Cow<'static, str>,
    result: &'static str,
}

impl<'e> Said<'e> {
    fn of(entry: &'e Entry, staff_names: bool) -> Self {
        let at = to_london(entry.at());
        let date = at.format(format_description!("[day padding:none] [month repr:long] [year]")).unwrap_or_default();
        let time = at.format(format_description!("[hour]:[minute]")).unwrap_or_default();
        let who = match (staff_names, entry.name().trim()) {
            (false, _) => SOMEBODY,
            (true, "") => entry.user(),
            (true, name) => name,
        };
        Self { date, time, who, what: what(entry), why: why(entry), result: result(entry) }
    }

    fn sentence(&self, entry: &Entry) -> String {
        let Self { date, time, who, what, why, result } = self;
        let role = entry.role();
        let role = if role.is_empty() { String::new() } else { format!(" ({role})") };
        let organisation = match entry.organisation() {
            "" => String::new(),
            code => format!(" of the organisation {code}"),
        };
        let mut text = format!("On {date} at {time}, {who}{role}{organisation} {what}.");
        for more in [why.as_ref(), result] {
            if !more.is_empty() {
                text.push(' ');
                text.push_str(more);
                text.push('.');
            }
        }
        text
    }
}

fn what(entry: &Entry) -> Cow<'static, str> {
    if entry.starts_override() {
        return Cow::Borrowed("decided to look at your record without your agreement");
    }
    if let Some(kind) = Kind::parse(entry.resource_type()) {
        let of = if entry.interaction() == Interaction::Operation { "your whole shared record" } else { part(kind) };
        return Cow::Owned(format!("asked to see {of}"));
    }
    Cow::Borrowed(match (entry.resource_type(), entry.interaction()) {
        ("Consent", Interaction::Create) => "recorded what was decided about looking at your record",
        ("Consent", Interaction::Update) => "changed or ended what was recorded about looking at your record",
        ("Consent", _) => "looked up what was recorded about your agreement",
        ("EpisodeOfCare", Interaction::Create | Interaction::Update) => "recorded that you are in their care",
        ("EpisodeOfCare", _) => "looked up whether you are in their care",
        ("Task", _) => "reviewed a decision to look at your record without your agreement",
        ("AuditEvent", _) => "checked who had looked at your record",
        ("admin/explain", _) => "checked whether somebody would be allowed to look at your record",
        (kind, _) if kind.starts_with("admin/reports") => "made a report of who had looked at your record",
        _ => "dealt with something that concerns you",
    })
}

/// What of the record a type is, for people.
fn part(kind: Kind) -> &'static str {
    match kind {
        Kind::Patient => "your name, address and date of birth",
        Kind::Condition => "your problems and diagnoses",
        Kind::MedicationStatement => "your medicines",
        Kind::MedicationRequest => "your prescriptions",
        Kind::AllergyIntolerance => "your allergies",
        Kind::Flag => "warnings about your care",
        Kind::Observation => "your measurements and test values",
        Kind::DiagnosticReport => "your test reports",
        Kind::Procedure => "your operations and procedures",
        Kind::Immunization => "your vaccinations",
        Kind::Encounter => "your appointments and visits",
        Kind::ServiceRequest => "your referrals",
        Kind::Practitioner | Kind::PractitionerRole => "who has cared for you",
        Kind::Organization => "which organisations have cared for you",
        Kind::Location => "where you have been cared for",
        Kind::Specimen => "samples taken from you",
    }
}

fn why(entry: &Entry) -> Cow<'static, str> {
    match (entry.override_category(), entry.consent()) {
        (Some(category), _) => {
            let reason = match category {
                "Emergency" => "there was danger to life".to_owned(),
                "UnableToConsent" => "you could not be asked".to_owned(),
                "Safeguarding" => "somebody had to be kept safe".to_owned(),
                "DutyOfCare" => "their duty of care required it".to_owned(),
                "CourtOrder" => "a court had ordered it".to_owned(),
                other => format!("the reason they gave was {other}"),
            };
            let refused = if entry.after_refusal() { ", although you had said no" } else { "" };
            Cow::Owned(format!("They did so without your agreement because {reason}{refused}; this is reviewed"))
        }
        (None, Some(_)) if Kind::parse(entry.resource_type()).is_some() => {
            Cow::Borrowed("You, or somebody who speaks for you, had been asked about it")
        }
        _ => Cow::Borrowed(""),
    }
}

fn result(entry: &Entry) -> &'static str {
    let of_record = Kind::parse(entry.resource_type()).is_some();
    match entry.ending() {
        Ending::Answered if of_record => "It was shown",
        Ending::Answered => "",
        Ending::Refused(reason) => match reason {
            "CONSENT_REQUIRED" => "It was refused, because you had not been asked; nothing was shown",
            "CONSENT_REFUSED" => "It was refused, because you had said no; nothing was shown",
            "CONSENT_EXPIRED" => "It was refused, because your agreement had run out; nothing was shown",
            "OPTED_OUT" => "It was refused, because you have opted out of sharing; nothing was shown",
            "RELATIONSHIP" => "It was refused, because you were not in their care; nothing was shown",
            _ => "It was refused; nothing was shown",
        },
        Ending::Failed => "It did not work; nothing was shown",
        Ending::Interrupted => "The service stopped in the middle; some of your record may have been fetched",
    }
}

/// An AuditEvent without what was asked word for word: a search of the trail or a report names staff and other patients
/// there. Lacking it, the event is none of a profile that needs it.
fn without_query(event: &mut Value, entry: &Entry) {
    let mut held = false;
    let entities = event.get_mut("entity").and_then(Value::as_array_mut);
    for entity in entities.into_iter().flatten().filter_map(Value::as_object_mut) {
        if entity.remove("query").is_some() {
            entity.insert("description".to_owned(), json!(entry.resource_type()));
            held = true;
        }
    }
    if let (true, Some(members)) = (held, event.as_object_mut()) {
        members.remove("meta");
    }
}

/// An AuditEvent whose user is told by role alone.
fn without_staff(event: &mut Value) {
    let agents = event.get_mut("agent").and_then(Value::as_array_mut);
    for agent in agents.into_iter().flatten().filter_map(Value::as_object_mut) {
        if agent.get("requestor") == Some(&Value::Bool(true)) {
            for name in ["name", "altId", "policy"] {
                agent.remove(name);
            }
            agent.insert("who".to_owned(), json!({ "display": SOMEBODY }));
        }
    }
}
