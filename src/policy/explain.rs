//! What each local gate says of a caller and a patient, for governance to read: rules 1 to 7, each asked by itself.
//!
//! It opens nothing: no proof is made here, and nothing is sent anywhere. Called by `http` for privacy officers.

use super::rules;
use super::{Facts, Refusal};
use crate::audit::Revision;
use crate::identity::{Caller, SelectedRole};
use crate::register::{Agreement, ConsentDecision, Lack, Occasion, Standing};
use std::net::IpAddr;

/// What one rule says.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Its number in CONTRACT section 4.
    pub rule: u8,
    /// What it asks.
    pub name: &'static str,
    /// Counts up when what the rule asks changes.
    pub version: u8,
    /// Why it refuses; it passes without one.
    pub refusal: Option<Refusal>,
    /// What it looked at: words, days and ids of registers, never anything clinical.
    pub facts: Vec<(&'static str, String)>,
}

/// What all of them say.
#[derive(Debug, Clone)]
pub struct Explained {
    /// In the order in which they are asked.
    pub verdicts: Vec<Verdict>,
    /// The register's revision that the facts were read at.
    pub revision: Option<Revision>,
}

impl Explained {
    /// The refusal that a request would have met: the first.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.verdicts.iter().find_map(|verdict| verdict.refusal)
    }
}

/// Asks each rule, also those after one that refuses.
#[must_use]
pub fn explain(caller: &Caller, address: Option<IpAddr>, facts: &Facts) -> Explained {
    let standing = facts.standing().ok();
    let settings = facts.settings();
    let mut verdicts = Vec::new();
    let mut say = |rule, name, version, refusal: Result<(), Refusal>, facts| {
        verdicts.push(Verdict { rule, name, version, refusal: refusal.err(), facts });
    };
    let asked = facts.asked();
    let types = asked.permissions.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(" ");
    say(1, "scope", 1, rules::scope::passes(caller, facts), vec![("types", types)]);
    say(2, "suspension", 1, rules::suspension::passes(facts), stopped(standing));
    let role = match &caller.role {
        SelectedRole::One(role) => role.code.to_string(),
        SelectedRole::Several => "several and none selected".to_owned(),
        SelectedRole::None => "none".to_owned(),
    };
    let mut who = vec![("role", role), ("assurance", caller.assurance.to_string())];
    who.push(("assurance wanted by setting", settings.assurance.to_string()));
    who.push(("purpose", asked.purpose.to_string()));
    say(3, "role, assurance and purpose", 2, rules::role::passes(caller, facts), who);
    let networks = settings.client_networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let networks = if networks.is_empty() { "any".to_owned() } else { networks };
    say(3, "client network", 1, rules::network::passes(address, settings), vec![("networks by setting", networks)]);
    say(4, "enrolment", 1, rules::enrolment::passes(facts), vec![("enrolment", enrolment(standing).to_owned())]);
    let agreements: Vec<_> = standing.map_or(&[][..], |standing| &standing.agreements).iter().map(agreement).collect();
    let covers = rules::agreement::passes(caller, address, facts).map(|_| ());
    say(5, "sharing agreement", 2, covers, agreements);
    let related = standing.is_some_and(|standing| standing.relationship);
    let related = vec![("active EpisodeOfCare", yes(related))];
    say(6, "legitimate relationship", 1, rules::relationship::passes(facts), related);
    say(7, "consent or override", 2, rules::consent::passes(facts).map(|_| ()), consent(standing, facts));
    Explained { verdicts, revision: standing.map(|standing| standing.revision) }
}

fn yes(fact: bool) -> String {
    if fact { "yes" } else { "no" }.to_owned()
}

fn stopped(standing: Option<&Standing>) -> Vec<(&'static str, String)> {
    let Some(standing) = standing else { return Vec::new() };
    let sharers = standing.suspended_sharers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let mut facts = vec![("everything, the viewer or the user stopped", yes(standing.suspended))];
    if !sharers.is_empty() {
        facts.push(("sharers stopped (rule 9)", sharers));
    }
    facts
}

fn enrolment(standing: Option<&Standing>) -> &'static str {
    match standing.map(|standing| standing.enrolled) {
        Some(Ok(())) => "in force",
        Some(Err(Lack::Terms)) => "terms not accepted",
        Some(Err(Lack::Training)) => "training not done",
        Some(Err(Lack::Ended)) => "ended",
        Some(Err(Lack::Enrolment)) | None => "none for this user, organisation and role",
    }
}

fn agreement(agreement: &Agreement) -> (&'static str, String) {
    let until = agreement.until.map_or_else(String::new, |day| format!(" until {day}"));
    let views: Vec<&str> = agreement.views.iter().map(|view| view.as_str()).collect();
    let (id, version, status) = (&agreement.id, agreement.version, agreement.status);
    ("agreement", format!("{id}/{version} {status} from {}{until}: {}", agreement.from, views.join(" ")))
}

fn consent(standing: Option<&Standing>, facts: &Facts) -> Vec<(&'static str, String)> {
    let Some(standing) = standing else { return Vec::new() };
    let mut told = match &standing.occasion {
        None => vec![("latest Consent", "none".to_owned())],
        Some(occasion) => vec![
            ("latest Consent", decision(occasion).to_owned()),
            ("received", crate::clock::rfc3339(occasion.received)),
            ("until", crate::clock::rfc3339(occasion.until)),
            ("withdrawn", yes(occasion.withdrawn)),
        ],
    };
    told.push(("decided at", crate::clock::rfc3339(facts.now())));
    let refused = standing.refused_by.iter().map(|speaker| speaker.as_str()).collect::<Vec<_>>().join(" ");
    if !refused.is_empty() {
        told.push(("live refusal of this user, by", refused));
    }
    told.push(("live refusal of anyone of the organisation", yes(standing.refused_in_organisation)));
    told
}

fn decision(occasion: &Occasion) -> &'static str {
    match &occasion.decision {
        ConsentDecision::Permit => "permit",
        ConsentDecision::Deny => "deny",
        ConsentDecision::Override { .. } => "override",
    }
}
