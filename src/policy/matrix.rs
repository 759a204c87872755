//! The whole truth table of policy, written to `tests/fixtures/policy/matrix.txt` for an information-governance lead to
//! read. A change of policy is a visible difference of that file. `UPDATE=1 cargo test` writes it anew.

use super::*;
use crate::audit::{Audit, AuditConfig, Interaction, Keys, Origin, Target};
use crate::clock::Clock;
use crate::identity::{Caller, CallerClass, Permission, Role, Scopes, SelectedRole};
use crate::ids::{RequestId, RoleCode, UserId};
use crate::register::{AgreementStatus, Lack, Sharer, Speaker, Standing};
use crate::store::testing;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use time::macros::{date, datetime};

const NOW: OffsetDateTime = datetime!(2026-11-24 10:00 UTC);

/// One question with its possible answers, in the order in which the matrix varies them: the first lets pass.
const QUESTIONS: &[(&str, &[&str])] = &[
    ("scope", &["yes", "no"]),
    ("suspended", &["no", "yes"]),
    ("role", &["clinician", "other", "several", "weak-sign-in", "other-network"]),
    ("enrolled", &["yes", "no"]),
    ("agreement", &["live", "none", "suspended", "ended", "other-view"]),
    ("relationship", &["yes", "no"]),
    ("consent", &[
            "permit",
            "override",
            "none",
            "deny",
            "deny-withdrawn",
            "over",
            "withdrawn",
            "deny-over",
            "permit-that-lifts-no-deny",
            "override-after-deny",
        ]),
    ("registration", &["registered", "temporary", "left", "unknown", "untraced"]),
    ("sharer", &["yes", "no", "left", "not-yet", "suspended"]),
    ("opted-out", &["no", "yes"]),
];

type Case = BTreeMap<&'static str, &'static str>;

fn caller(case: &Case) -> Caller {
    let ods = OdsCode::parse("RX001").expect("code");
    let code = if case["role"] == "other" { "R8008" } else { "R8000" };
    let role = Role {
        profile: "555000000001".into(),
        code: RoleCode::parse(code).expect("role"),
        name: "role".into(),
        organisation: ods.clone(),
    };
    Caller {
        user: UserId::parse("555000000100").expect("user"),
        name: "A. Clinician".into(),
        class: CallerClass::User,
        role: if case["role"] == "several" { SelectedRole::Several } else { SelectedRole::One(role) },
        organisation: Some(ods),
        assurance: if case["role"] == "weak-sign-in" { 2 } else { 3 },
        scopes: Scopes::parse(if case["scope"] == "yes" { "user/Condition.rs" } else { "user/Patient.rs" }),
        token_id: None,
        client_id: None,
    }
}

fn agreement(case: &Case) -> Vec<Agreement> {
    let practice = OdsCode::parse("A99981").expect("code");
    let (joined, left) = match case["sharer"] {
        "left" => (date!(2020 - 01 - 01), Some(date!(2026 - 11 - 23))),
        "not-yet" => (date!(2026 - 11 - 25), None),
        _ => (date!(2020 - 01 - 01), None),
    };
    let sharers = if case["sharer"] == "no" { vec![] } else { vec![Sharer { practice, joined, left }] };
    if case["agreement"] == "none" {
        return Vec::new();
    }
    vec![Agreement {
        id: "locality".into(),
        version: 1,
        viewer: OdsCode::parse("RX001").expect("code"),
        views: if case["agreement"] == "other-view" { vec![View::Medication] } else { vec![View::Problems] },
        sharers,
        from: date!(2020 - 01 - 01),
        until: (case["agreement"] == "ended").then_some(date!(2026 - 11 - 23)),
        override_reasons: Vec::new(),
        clinician_roles: Vec::new(),
        assurance: None,
        client_networks: Vec::new(),
        consent_minutes: 60,
        status: if case["agreement"] == "suspended" { AgreementStatus::Suspended } else { AgreementStatus::Active },
    }]
}

fn occasion(case: &Case) -> Option<Occasion> {
    let (decision, minutes, withdrawn) = match case["consent"] {
        "none" => return None,
        "permit" | "permit-that-lifts-no-deny" => (ConsentDecision::Permit, 60, false),
        "over" => (ConsentDecision::Permit, 0, false),
        "withdrawn" => (ConsentDecision::Permit, 60, true),
        "deny" => (ConsentDecision::Deny, 60, false),
        "deny-withdrawn" => (ConsentDecision::Deny, 60, true),
        "deny-over" => (ConsentDecision::Deny, 0, false),
        _ => {
            let category = "Emergency".to_owned();
            (ConsentDecision::Override { category, reason: "reason".into(), after_refusal: false }, 60, false)
        }
    };
    let received = NOW - time::Duration::minutes(10);
    let until = if minutes == 0 { NOW } else { received + time::Duration::minutes(minutes) };
    Some(Occasion { consent: "consent-1".into(), received, until, decision, withdrawn })
}

fn location(case: &Case) -> Location {
    let status = match case["registration"] {
        "temporary" => Registration::Temporary,
        "left" => Registration::Left,
        "unknown" => Registration::Unknown,
        _ => Registration::Registered,
    };
    Location {
        practice: OdsCode::parse("A99981"),
        practice_name: None,
        supplier: Supplier::Emis,
        registration: status,
        traced: case["registration"] != "untraced",
        opted_out: case["opted-out"] == "yes",
    }
}

/// A real audit trail, so that attempts are real ones.
async fn trail(folder: &std::path::Path) -> Audit {
    let store = testing::store(folder).await;
    let config = AuditConfig {
        key_file: folder.join("audit.key"),
        anchor_file: folder.join("anchors"),
        server: "test".to_owned(),
    };
    Keys::create(&config.key_file, "k1").expect("a key");
    Audit::start(store, &config, Clock::fixed(NOW)).await.expect("a trail")
}

/// The verdict of the real functions on one case.
fn verdict(case: &Case, audit: &Audit) -> String {
    let patient = NhsNumber::parse("9990000018").expect("number");
    let target = Target {
        interaction: Interaction::Search,
        resource_type: "Condition".into(),
        id: None,
        patient: Some(patient),
        query: String::new(),
    };
    let address = if case["role"] == "other-network" { "203.0.113.7" } else { "192.0.2.7" };
    let origin = Origin { request_id: RequestId::parse("matrix").expect("id"), address: address.into() };
    let attempt = audit.open(caller(case), target, origin);
    let practice = OdsCode::parse("A99981").expect("code");
    let standing = Standing {
        revision: Revision(1),
        suspended: case["suspended"] == "yes",
        suspended_sharers: if case["sharer"] == "suspended" { vec![practice] } else { vec![] },
        enrolled: if case["enrolled"] == "yes" { Ok(()) } else { Err(Lack::Training) },
        agreements: agreement(case),
        relationship: case["relationship"] == "yes",
        occasion: occasion(case),
        refused_in_organisation: false,
        refused_by: match case["consent"] {
            "deny" | "deny-withdrawn" | "permit-that-lifts-no-deny" | "override-after-deny" => vec![Speaker::Patient],
            _ => Vec::new(),
        },
    };
    let asked = Asked {
        patient: Some(patient),
        birth_date: None,
        permissions: vec![("Condition", Permission::Search)],
        wanted: vec![View::Problems],
        required: vec![View::Problems],
        purpose: Purpose::Treatment,
    };
    let standing = (case["role"] != "several").then_some(standing);
    let facts = Facts::for_the_matrix(asked, standing, NOW);
    let decided = clear(&attempt, &facts).and_then(|clearance| decide(clearance, &location(case)));
    match decided {
        Ok(permit) => format!("PERMIT {} for {}", permit.views()[0], permit.purpose()),
        Err(refusal) => {
            let (general, particular) = refusal.reasons();
            format!("refuse {general}{}", particular.map_or(String::new(), |word| format!("/{word}")))
        }
    }
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = vec![Case::new()];
    for (question, answers) in QUESTIONS {
        cases = cases
            .into_iter()
            .flat_map(|case| {
                answers.iter().map(move |answer| {
                    let mut case = case.clone();
                    case.insert(*question, *answer);
                    case
                })
            })
            .collect();
    }
    cases
}

/// Folds the cases: once a rule has refused, whatever follows does not matter, and one line says so for all of them.
#[tokio::test]
async fn the_whole_truth_table_is_as_written() {
    let folder = tempfile::tempdir().expect("folder");
    let audit = trail(folder.path()).await;
    let mut verdicts: BTreeMap<Vec<usize>, String> = BTreeMap::new();
    let cases = cases();
    for case in &cases {
        let index = |(question, answers): &(&str, &[&str])| {
            answers.iter().position(|answer| *answer == case[question]).expect("an answer")
        };
        verdicts.insert(QUESTIONS.iter().map(index).collect(), verdict(case, &audit));
    }
    let mut text = String::from(
        "Who may see what: every combination of the ten rules, first refusal wins.\n\
         `*`: whatever the answer, the verdict is the same. A view of Problems is asked for.\n\n",
    );
    write_folded(&mut text, &verdicts, &mut Vec::new());
    let _ = write!(text, "\n{} combinations\n", cases.len());
    crate::golden::compare("tests/fixtures/policy/matrix.txt", &text);
}

fn write_folded(text: &mut String, verdicts: &BTreeMap<Vec<usize>, String>, prefix: &mut Vec<usize>) {
    let of_prefix: Vec<&String> =
        verdicts.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(_, verdict)| verdict).collect();
    let same = of_prefix.windows(2).all(|pair| pair[0] == pair[1]);
    if same {
        let words: Vec<String> = QUESTIONS
            .iter()
            .enumerate()
            .map(|(at, (question, answers))| {
                let answer = prefix.get(at).map_or("*", |chosen| answers[*chosen]);
                format!("{question}={answer}")
            })
            .collect();
        let _ = writeln!(text, "{:<60} {}", of_prefix[0], words.join(" "));
        return;
    }
    for chosen in 0..QUESTIONS[prefix.len()].1.len() {
        prefix.push(chosen);
        write_folded(text, verdicts, prefix);
        prefix.pop();
    }
}

#[tokio::test]
async fn an_opted_out_patient_is_refused_even_with_consent_and_override() {
    let folder = tempfile::tempdir().expect("folder");
    let audit = trail(folder.path()).await;
    let mut case: Case = QUESTIONS.iter().map(|(question, answers)| (*question, answers[0])).collect();
    assert!(verdict(&case, &audit).starts_with("PERMIT"));
    case.insert("opted-out", "yes");
    for consent in ["permit", "override"] {
        case.insert("consent", consent);
        assert_eq!(verdict(&case, &audit), "refuse NO_PATIENT_CONSENT/OPTED_OUT");
    }
}
