//! The notation in: a TOML file to registers, or every problem it has.

use super::fields::{Fields, Problems};
use super::{
    Approval, CONSENT_MINUTES, Enrolment, MOST_CONSENT_MINUTES, OVERRIDE_REASONS, Problem, Registers, Signatory,
    SignedAgreement, Suspension, Target, overlap,
};
use crate::ids::{Network, OdsCode, RoleCode, UserId};
use crate::kinds::View;
use crate::register::{Agreement, AgreementStatus, Sharer};
use std::collections::HashSet;
use time::Date;
use toml::Table;

const ODS: &str = "an ODS code";
const ROLE: &str = "a role code (R8000)";

/// Reads a file of agreements, enrolments and suspensions.
///
/// # Errors
/// Every problem of the file at once: wrong notation, unknown and missing fields, values out of bounds, contradictions.
pub fn import(toml_text: &str) -> Result<Registers, Vec<Problem>> {
    let mut problems = Problems::default();
    let table: Table = toml_text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(1, |span| toml_text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1);
        vec![Problem { at: format!("line {line}"), what: "is not TOML".to_owned() }]
    })?;
    let mut file = Fields::new(&table, "");
    let agreements = file.tables(&mut problems, "agreement");
    let enrolments = file.tables(&mut problems, "enrolment");
    let suspensions = file.tables(&mut problems, "suspension");
    file.finish(&mut problems);
    let registers = Registers {
        agreements: agreements.into_iter().filter_map(|fields| agreement(fields, &mut problems)).collect(),
        enrolments: enrolments.into_iter().filter_map(|fields| enrolment(fields, &mut problems)).collect(),
        suspensions: suspensions.into_iter().filter_map(|fields| suspension(fields, &mut problems)).collect(),
    };
    check(&registers, &mut problems);
    if problems.0.is_empty() { Ok(registers) } else { Err(problems.0) }
}

/// What must hold between and within entries, however they were made.
pub(super) fn check(registers: &Registers, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (index, agreement) in registers.agreements.iter().enumerate() {
        let at = format!("agreement[{index}]");
        if !seen.insert(&agreement.terms.id) {
            problems.add(format!("{at}.id"), "is there twice");
        }
        agreement_holds(agreement, &at, problems);
    }
    let mut seen = HashSet::new();
    for (index, enrolment) in registers.enrolments.iter().enumerate() {
        if !seen.insert((&enrolment.user, &enrolment.organisation, enrolment.role.as_str())) {
            problems.add(format!("enrolment[{index}]"), "is there twice");
        }
    }
    let mut seen = HashSet::new();
    for (index, suspension) in registers.suspensions.iter().enumerate() {
        if !seen.insert((suspension.target, &suspension.subject)) {
            problems.add(format!("suspension[{index}]"), "is there twice");
        }
        if let (Some(since), Some(until)) = (suspension.since, suspension.until)
            && until <= since
        {
            problems.add(format!("suspension[{index}].until"), "is not after its start");
        }
    }
    overlap::within(registers, problems);
}

fn agreement_holds(agreement: &SignedAgreement, at: &str, problems: &mut Problems) {
    let terms = &agreement.terms;
    if terms.views.is_empty() {
        problems.add(format!("{at}.views"), "names no view");
    }
    if !(1..=MOST_CONSENT_MINUTES).contains(&terms.consent_minutes) {
        problems.add(format!("{at}.consent_minutes"), "is not between 1 and 480");
    }
    if terms.assurance.is_some_and(|level| !(1..=3).contains(&level)) {
        problems.add(format!("{at}.assurance"), "is not 1, 2 or 3");
    }
    if terms.until.is_some_and(|until| until < terms.from) {
        problems.add(format!("{at}.until"), "is before its start");
    }
    for (index, sharer) in terms.sharers.iter().enumerate() {
        if sharer.left.is_some_and(|left| left < sharer.joined) {
            problems.add(format!("{at}.sharer[{index}].left"), "is before its start");
        }
    }
    if agreement.signatories.is_empty() && terms.status == AgreementStatus::Active {
        problems.add(format!("{at}.signatory"), "is missing: an agreement in force has been signed");
    }
    for (index, signatory) in agreement.signatories.iter().enumerate() {
        let approvers: HashSet<&str> = signatory.approvals.iter().map(|approval| approval.name.as_str()).collect();
        if signatory.date > terms.from && approvers.len() < 2 {
            problems.add(
                format!("{at}.signatory[{index}].approvals"),
                "needs two people: whoever signs after the start is a new signatory",
            );
        }
    }
}

pub(super) fn agreement(mut fields: Fields<'_>, problems: &mut Problems) -> Option<SignedAgreement> {
    let id = fields.needed_parsed(problems, "id", "1 to 64 letters, digits, - or .", |text| {
        crate::ids::LogicalId::parse(text).map(|_| text.to_owned())
    });
    let viewer = fields.needed_parsed(problems, "viewer", ODS, OdsCode::parse);
    let views = fields.texts(problems, "views", "a view", View::parse);
    let from = fields.needed_day(problems, "from");
    let until = fields.day(problems, "until");
    let override_reasons = fields.texts(problems, "override_reasons", "an override reason", |text| {
        OVERRIDE_REASONS.contains(&text).then(|| text.to_owned())
    });
    let clinician_roles = fields.texts(problems, "clinician_roles", ROLE, RoleCode::parse);
    let assurance = fields.number(problems, "assurance").map(|level| u8::try_from(level).unwrap_or(0));
    let client_networks = fields.texts(problems, "client_networks", "a network (192.0.2.0/24)", Network::parse);
    let consent_minutes = fields.number(problems, "consent_minutes").unwrap_or(CONSENT_MINUTES);
    let status = fields.needed_parsed(problems, "status", "active, suspended or terminated", AgreementStatus::parse);
    let sharers = each(&mut fields, problems, "sharer", sharer);
    let signatories = each(&mut fields, problems, "signatory", signatory);
    let assurances = each(&mut fields, problems, "assurance", |fields, problems| {
        let organisation = fields.needed_parsed(problems, "organisation", ODS, OdsCode::parse);
        let date = fields.needed_day(problems, "date");
        Some((organisation?, date?))
    });
    fields.finish(problems);
    let terms = Agreement {
        id: id?,
        version: 0,
        viewer: viewer?,
        views,
        sharers,
        from: from?,
        until,
        override_reasons,
        clinician_roles,
        assurance,
        client_networks,
        consent_minutes,
        status: status?,
    };
    Some(SignedAgreement { terms, signatories, assurances })
}

fn each<T>(
    fields: &mut Fields<'_>,
    problems: &mut Problems,
    name: &'static str,
    read: impl Fn(&mut Fields<'_>, &mut Problems) -> Option<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    for mut entry in fields.tables(problems, name) {
        all.extend(read(&mut entry, problems));
        entry.finish(problems);
    }
    all
}

fn sharer(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Sharer> {
    let practice = fields.needed_parsed(problems, "practice", ODS, OdsCode::parse);
    let joined = fields.needed_day(problems, "joined");
    let left: Option<Date> = fields.day(problems, "left");
    Some(Sharer { practice: practice?, joined: joined?, left })
}

pub(super) fn signatory(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Signatory> {
    let organisation = fields.needed_parsed(problems, "organisation", ODS, OdsCode::parse);
    let name = fields.text(problems, "name");
    let role = fields.text(problems, "role");
    let date = fields.needed_day(problems, "date");
    let approvals = each(fields, problems, "approvals", |fields, problems| {
        let name = fields.text(problems, "name");
        let date = fields.needed_day(problems, "date");
        Some(Approval { name: name?, date: date? })
    });
    Some(Signatory { organisation: organisation?, name: name?, role: role?, date: date?, approvals })
}

pub(super) fn enrolment(mut fields: Fields<'_>, problems: &mut Problems) -> Option<Enrolment> {
    let user = fields.needed_parsed(problems, "user", "a user id", UserId::parse);
    let organisation = fields.needed_parsed(problems, "organisation", ODS, OdsCode::parse);
    let role = fields.needed_parsed(problems, "role", ROLE, RoleCode::parse);
    let terms_accepted = fields.day(problems, "terms_accepted");
    let trained = fields.day(problems, "trained");
    let until = fields.day(problems, "until");
    fields.finish(problems);
    Some(Enrolment { user: user?, organisation: organisation?, role: role?, terms_accepted, trained, until })
}

pub(super) fn suspension(mut fields: Fields<'_>, problems: &mut Problems) -> Option<Suspension> {
    let target = fields.needed_parsed(problems, "target", "everything, viewer, sharer or user", Target::parse);
    let subject = match target {
        Some(Target::Viewer | Target::Sharer) => {
            fields.needed_parsed(problems, "subject", ODS, OdsCode::parse).map(|code| code.to_string())
        }
        Some(Target::User) => {
            fields.needed_parsed(problems, "subject", "a user id", UserId::parse).map(|user| user.to_string())
        }
        Some(Target::Everything) => Some(String::new()),
        None => fields.parsed(problems, "subject", "a text", |text| Some(text.to_owned())),
    };
    let reason = fields.text(problems, "reason");
    let by = fields.text(problems, "by");
    let since = fields.instant(problems, "since");
    let until = fields.instant(problems, "until");
    fields.finish(problems);
    Some(Suspension { target: target?, subject: subject?, reason: reason?, by: by?, since, until })
}
