//! How the generator writes events, problems, encounters and planted entries.

use super::catalogue::{HEADINGS, Term};
use super::entries::Maker;
use super::{Mark, Planted};
use std::fmt::Write as _;
use time::Date;

/// The OID of Read v2.
pub(super) const READ: &str = "2.16.840.1.113883.2.1.6.2";
const SNOMED: &str = "2.16.840.1.113883.2.1.3.2.4.15";

/// What an event needs beside its payload.
pub(super) struct Event<'a> {
    pub kind: &'static str,
    pub date: Option<(&'static str, Date)>,
    pub code: String,
    pub term: &'a str,
    pub payload: String,
}

impl Maker<'_> {
    /// Writes one event and returns its id.
    pub(super) fn event(&mut self, event: &Event<'_>, mark: Mark) -> String {
        let id = self.chance.guid();
        self.event_as(&id, event, mark);
        id
    }

    pub(super) fn event_as(&mut self, id: &str, event: &Event<'_>, mark: Mark) {
        self.made += 1;
        let every = |n: usize, made: usize| n > 0 && made.is_multiple_of(n);
        let mark = match mark {
            Mark::None if every(self.options.restricted_every, self.made) => Mark::Restricted,
            Mark::None if every(self.options.hidden_every, self.made) => Mark::Hidden,
            mark => mark,
        };
        if mark != Mark::None {
            self.marked.push(id.to_owned());
        }
        let policy = if mark == Mark::Restricted { &self.ids.restricted_policy } else { &self.ids.open_policy };
        let minute = self.chance.below(60);
        let staff = self.chance.of(&[0usize, 0, 1, 2]);
        let staff = self.ids.staff.get(staff).map_or("", String::as_str);
        let out = &mut self.events;
        out.push_str(if mark == Mark::Deleted { "<event updateMode=\"delete\">" } else { "<event>" });
        let _ =
            write!(out, "<id>{id}</id><patient>{}</patient><eventType>{}</eventType>", self.ids.patient, event.kind);
        match event.date {
            Some(("U", _)) => out.push_str("<effectiveTime datepart=\"U\"/>"),
            Some((part, date)) => {
                let day = day_of(part, date);
                let _ = write!(
                    out,
                    "<effectiveTime datepart=\"{part}\" value=\"{day}T{}:{minute:02}:00\"/>",
                    if part == "YMD" { "14" } else { "00" }
                );
                let _ = write!(
                    out,
                    "<availabilityTimeStamp>{}T16:{minute:02}:30</availabilityTimeStamp>",
                    day_of("YMD", date)
                );
            }
            None => {}
        }
        let _ = write!(
            out,
            "<authorisingUserInRole>{staff}</authorisingUserInRole><enteredByUserInRole>{staff}</enteredByUserInRole>{}<displayTerm>{}</displayTerm><organisation>{}</organisation><confidentialityPolicy>{policy}</confidentialityPolicy>",
            event.code,
            escaped(event.term),
            self.ids.practice
        );
        if mark == Mark::Hidden {
            out.push_str("<hidden>true</hidden>");
        }
        out.push_str(&event.payload);
        out.push_str("</event>");
        self.recent.push((id.to_owned(), event.kind));
        if self.recent.len() > 12 {
            self.recent.remove(0);
        }
    }

    pub(super) fn problem(&mut self, id: &str) {
        let active = self.chance.once_in(4);
        let _ = write!(
            self.problems,
            "<problem><id>{id}</id><status>{}</status><significance>{}</significance>",
            if active { "A" } else { "I" },
            self.chance.of(&["S", "M", "M"])
        );
        if !active && !self.chance.once_in(15) {
            let date = self.date();
            let _ = write!(self.problems, "<endTime datepart=\"YMD\" value=\"{}T00:00:00\"/>", day_of("YMD", date));
        }
        for (linked, kind) in self.recent.iter().rev().filter(|(linked, _)| linked != id).take(3) {
            let _ = write!(self.problems, "<eventLink><id>{linked}</id><eventType>{kind}</eventType></eventLink>");
        }
        self.problems.push_str("</problem>");
    }

    pub(super) fn close_encounter(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let id = self.chance.guid();
        let date = self.date();
        let staff = self.ids.staff.first().map_or("", String::as_str);
        let _ = write!(
            self.encounters,
            "<encounter><id>{id}</id><patient>{}</patient><effectiveTime datepart=\"YMD\" value=\"{}T10:20:00\"/><authorisingUserInRole>{staff}</authorisingUserInRole><enteredByUserInRole>{staff}</enteredByUserInRole><organisation>{}</organisation><confidentialityPolicy>{}</confidentialityPolicy><consultationType>GP</consultationType><location>{}</location><locationType codeSystem=\"{SNOMED}\" code=\"\" displayName=\"General Practice Surgery\"/><duration unit=\"N\" value=\"0\"/>",
            self.ids.patient,
            day_of("YMD", date),
            self.ids.practice,
            self.ids.open_policy,
            self.ids.location
        );
        for event in std::mem::take(&mut self.open) {
            let (code, name) = self.chance.of(HEADINGS);
            let _ = write!(
                self.encounters,
                "<component><event>{event}</event><problemPage>1</problemPage><heading codeSystem=\"{SNOMED}\" code=\"{code}\" displayName=\"{name}\"/></component>"
            );
        }
        self.encounters.push_str("</encounter>");
    }

    pub(super) fn plant(&mut self, plant: &Planted) {
        let inner = format!(
            "codeSystem=\"{}\" code=\"{}\" displayName=\"{}\"",
            escaped(&plant.system),
            escaped(&plant.code),
            escaped(&plant.term)
        );
        let ordinary = format!("codeSystem=\"{READ}\" code=\"EMISNQPL1\" displayName=\"Planted entry\"");
        let code = if plant.system.is_empty() {
            String::new()
        } else if plant.as_translation {
            format!("<code {ordinary}><translation {inner}/></code>")
        } else if plant.as_qualifier {
            format!("<code {ordinary}><qualifier><name {ordinary}/><value {inner}/></qualifier></code>")
        } else {
            format!("<code {inner}/>")
        };
        let kind = known(&plant.event_type);
        let term = if plant.as_translation || plant.as_qualifier { "Planted entry" } else { plant.term.as_str() };
        let payload = match kind {
            "MED" => {
                "<medication><dosage>One daily</dosage><quantity>28</quantity><quantityUnit>tablet</quantityUnit><durationOfIssue>28</durationOfIssue><prescriptionType>R</prescriptionType><drugStatus>A</drugStatus><private>false</private></medication>"
            }
            "ISS" => {
                "<medicationIssue><dosage>One daily</dosage><quantity>28</quantity><quantityUnit>tablet</quantityUnit><durationOfIssue>28</durationOfIssue><prescriptionType>R</prescriptionType><estimatedNHSCost>1</estimatedNHSCost><issueMethod>P</issueMethod><private>false</private><cancelled>false</cancelled></medicationIssue>"
            }
            "REF" => "<referral><urgency>R</urgency></referral>",
            "DRY" => "<diary/>",
            _ => "<observation/>",
        };
        let date = self.date();
        let id =
            self.event(&Event { kind, date: Some(("YMD", date)), code, term, payload: payload.to_owned() }, plant.mark);
        self.made -= 1;
        if plant.as_problem {
            self.problem(&id);
        }
        if matches!(kind, "OBS" | "VAL" | "INV" | "IMM" | "ALL") {
            self.open.push(id.clone());
        }
        self.planted.push(id);
    }
}

pub(super) fn known(kind: &str) -> &'static str {
    let all = ["MED", "ISS", "VAL", "INV", "IMM", "ALL", "REF", "FH", "DRY", "ATT", "TR", "ALT", "REP", "OH"];
    all.into_iter().find(|known| *known == kind).unwrap_or("OBS")
}

pub(super) fn code(system: &str, (code, term, snomed): Term) -> String {
    let term = escaped(term);
    if snomed.is_empty() {
        return format!("<code codeSystem=\"{system}\" code=\"{code}\" displayName=\"{term}\"/>");
    }
    format!(
        "<code codeSystem=\"{system}\" code=\"{code}\" displayName=\"{term}\"><translation codeSystem=\"{SNOMED}\" code=\"{snomed}\" displayName=\"{term}\"/></code>"
    )
}

pub(super) fn day_of(part: &str, date: Date) -> String {
    let (month, day) = match part {
        "Y" => (1, 1),
        "YM" => (u8::from(date.month()), 1),
        _ => (u8::from(date.month()), date.day()),
    };
    format!("{:04}-{month:02}-{day:02}", date.year())
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
