//! What is gathered of a record while it is read, before names are resolved: of each item its id, what it names, and the
//! facts that the rest rests on.

use super::dates::{day, span};
use super::rules::RULES;
use super::tree::Node;
use std::collections::{HashMap, HashSet};
use time::{Date, Duration};

/// The facts of an entry before names are resolved.
pub(super) struct Raw {
    pub id: String,
    pub named: Vec<String>,
    pub members: Vec<String>,
    pub components: Vec<String>,
    pub policy: Option<String>,
    pub hidden: bool,
    pub patient: Option<String>,
}

/// `adminDomain` items before names are resolved.
pub(super) struct RawAdmin {
    pub kind: String,
    pub id: String,
    pub named: Vec<String>,
}
/// What is gathered while a record is read.
#[derive(Default)]
pub(super) struct Reading {
    pub head: String,
    pub head_named: Vec<String>,
    pub admin: Vec<RawAdmin>,
    pub patient: PatientFacts,
    pub patient_brief_named: Vec<String>,
    pub births: Vec<(String, Option<Date>)>,
    pub organisations: Vec<(String, Option<String>, Option<String>)>,
    pub policies: HashMap<String, bool>,
    pub policies_named: Vec<String>,
    pub absent: bool,
    pub events: Vec<Raw>,
    pub encounters: Vec<Raw>,
    pub problems: Vec<Raw>,
    pub others: Vec<Raw>,
}

impl Reading {
    pub(super) fn restricts(&self, policy: Option<&String>) -> bool {
        policy.is_some_and(|id| self.policies.get(id).copied().unwrap_or(true))
    }

    /// The other patients of this file, whose entries are not this one's.
    pub(super) fn strangers(&self) -> HashSet<&str> {
        let mut patients = self.admin.iter().filter(|item| item.kind == "patient").map(|item| item.id.as_str());
        let first = patients.next();
        patients.filter(|other| Some(*other) != first).collect()
    }
}

/// What the first patient element says.
#[derive(Default)]
pub(super) struct PatientFacts {
    pub nhs_number: Option<String>,
    pub person: Option<String>,
    pub organisation: Option<String>,
    pub policy: Option<String>,
    pub registration: &'static str,
}

pub(super) fn patient_facts(node: &Node<'_>) -> PatientFacts {
    let caseload = node.first("caseloadPatient");
    let status = caseload.and_then(|c| c.first("patientStatus")).and_then(|s| s.text_of("caseloadStatus"));
    let status = status.or_else(|| caseload.and_then(|c| c.text_of("caseloadStatus")));
    let number = node.all("patientIdentifier").find(|i| i.text_of("identifierType").as_deref() == Some("NHS"));
    let death = node.first("dateOfDeath");
    let deceased = death.is_some_and(|d| d.text().is_some() || d.attribute("value").is_some())
        || node.says("dead")
        || status.as_deref() == Some("DEAD");
    let left = status.as_deref() == Some("LEFT") || caseload.is_some_and(|c| c.text_of("dateEnded").is_some());
    let temporary = caseload.and_then(|c| c.text_of("patientType")).as_deref() == Some("TMP");
    let registration = match (deceased, left, temporary) {
        (true, ..) => "deceased",
        (_, true, _) => "left",
        (.., true) => "temporary",
        _ => "registered",
    };
    PatientFacts {
        nhs_number: number.and_then(|identifier| identifier.text_of("value")),
        person: node.text_of("patientPerson").map(|id| fold(&id)),
        organisation: caseload.and_then(|c| c.text_of("organisation")).map(|id| fold(&id)),
        policy: node.first("confidentialityPolicy").map(|p| p.text().map(|id| fold(&id)).unwrap_or_default()),
        registration,
    }
}
pub(super) fn fold(id: &str) -> String {
    id.to_ascii_lowercase()
}

pub(super) fn id_of(node: &Node<'_>) -> String {
    node.text_of("id").map(|id| fold(&id)).unwrap_or_default()
}

/// The type of an event; inferred from its payload where the source leaves it out.
pub(super) fn kind_of(node: &Node<'_>) -> String {
    node.text_of("eventType").unwrap_or_else(|| {
        let payloads = [
            ("observation", "OBS"),
            ("medication", "MED"),
            ("medicationIssue", "ISS"),
            ("referral", "REF"),
            ("diary", "DRY"),
            ("report", "REP"),
            ("alert", "ALT"),
            ("allergy", "ALL"),
            ("orderHeader", "OH"),
        ];
        payloads.iter().find(|(name, _)| node.first(name).is_some()).map_or("", |(_, kind)| kind).to_owned()
    })
}

pub(super) fn raw(node: &Node<'_>) -> Raw {
    let mut members = Vec::new();
    node.leaves(&mut |leaf| {
        if matches!(leaf.name.as_ref(), "childLink" | "battery" | "test")
            && let Some(id) = leaf.text()
        {
            members.push(fold(&id));
        }
    });
    let components =
        node.all("component").filter_map(|component| component.text_of("event")).map(|id| fold(&id)).collect();
    Raw {
        id: id_of(node),
        named: names_in(node),
        members,
        components,
        policy: node.first("confidentialityPolicy").map(|p| p.text().map(|id| fold(&id)).unwrap_or_default()),
        hidden: node.says("hidden"),
        patient: node.text_of("patient").map(|id| fold(&id)),
    }
}

/// Whatever in an item may be the id of another: texts in the form of a `dt.uid`, and the policy in any form.
pub(super) fn names_in(node: &Node<'_>) -> Vec<String> {
    let mut names = Vec::new();
    node.leaves(&mut |leaf| {
        if let Some(text) = leaf.text()
            && (is_uid(&text) || leaf.name.ends_with("onfidentialityPolicy"))
        {
            names.push(fold(&text));
        }
    });
    names
}

pub(super) fn is_uid(text: &str) -> bool {
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| if matches!(at, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_alphanumeric() })
}

/// Policies that an administrative item names, the filing policy of a user in role included.
pub(super) fn policies_named(node: &Node<'_>) -> Vec<String> {
    let mut named = Vec::new();
    for child in
        node.elements().filter(|child| child.is("confidentialityPolicy") || child.is("filingConfidentialityPolicy"))
    {
        if let Some(id) = child.text() {
            named.push(fold(&id));
        }
    }
    named
}

pub(super) fn names_blank_policy(node: &Node<'_>) -> bool {
    node.elements()
        .any(|c| (c.is("confidentialityPolicy") || c.is("filingConfidentialityPolicy")) && c.text().is_none())
}

/// Until when a medication is current: a repeat while it is active, an acute for its duration after the last issue.
pub(super) fn current_until(kind: &str, node: &Node<'_>) -> Option<Date> {
    let medication = node.first("medication").filter(|_| kind == "MED")?;
    match medication.text_of("drugStatus").as_deref() {
        Some("N") => return None,
        Some("C") => {}
        _ => return Some(Date::MAX),
    }
    if medication.first("cancellation").is_some()
        || medication.text_of("prescriptionType").as_deref().is_some_and(|t| t != "A")
    {
        return None;
    }
    let last = medication
        .text_of("mostRecentIssueDate")
        .as_deref()
        .and_then(day)
        .or_else(|| span(node).map(|(_, last)| last))?;
    let days =
        medication.text_of("durationOfIssue").and_then(|d| d.parse::<u16>().ok()).unwrap_or(0).max(RULES.acute_days());
    last.checked_add(Duration::days(i64::from(days)))
}
