use super::*;
use crate::register::testing::{Kept, NOW, ods};
use time::Duration;
use time::macros::{date, datetime};

const FILE: &str = r#"
[[agreement]]
id = "north"
viewer = "VIEW1"
views = ["PatientDetails", "Problems", "Medication"]
from = 2026-01-01
until = 2027-12-31
override_reasons = ["Safeguarding"]
clinician_roles = ["R8000", "S8000:G8000:R8001"]
consent_minutes = 120
status = "active"

  [[agreement.sharer]]
  practice = "P1"
  joined = 2026-01-01

  [[agreement.sharer]]
  practice = "P2"
  joined = 2026-02-01
  left = 2026-06-30

  [[agreement.signatory]]
  organisation = "VIEW1"
  name = "A. Guardian"
  role = "Caldicott Guardian"
  date = 2025-12-01

  [[agreement.signatory]]
  organisation = "P2"
  name = "B. Partner"
  role = "GP partner"
  date = 2026-02-01
  approvals = [{ name = "A. Guardian", date = 2026-01-20 }, { name = "C. Lead", date = 2026-01-21 }]

  [[agreement.assurance]]
  organisation = "VIEW1"
  date = 2026-04-01

[[enrolment]]
user = "u1"
organisation = "VIEW1"
role = "R8000"
terms_accepted = 2026-01-02
trained = 2026-01-03
until = 2026-12-31

[[suspension]]
target = "sharer"
subject = "P9"
reason = "incident 7"
by = "u9"
since = 2026-11-01T09:00:00Z
until = 2026-12-01T09:00:00+01:00
"#;

fn problems(file: &str) -> Vec<String> {
    import(file).err().unwrap_or_default().into_iter().map(|problem| problem.at).collect()
}

#[test]
fn a_file_reads_to_registers_and_writes_back_to_the_same() {
    let registers = import(FILE).expect("a good file");
    assert_eq!(registers.agreements[0].terms.sharers[1].left, Some(date!(2026 - 06 - 30)));
    assert_eq!(registers.agreements[0].terms.clinician_roles.len(), 2);
    assert_eq!(registers.suspensions[0].until, Some(datetime!(2026-12-01 08:00 UTC)));
    let written = export(&registers);
    assert_eq!(import(&written).expect("our own notation"), registers);
    assert_eq!(export(&import(&written).expect("ours")), written);
    assert_eq!(import("").expect("an empty file says nothing"), Registers::default());
}

#[test]
fn all_problems_of_a_file_are_told_at_once() {
    let file = FILE
        .replace("viewer = \"VIEW1\"", "viewer = \"view 1\"")
        .replace("\"Problems\"", "\"Problem\"")
        .replace("trained = 2026-01-03", "trained = \"2026-01-03\"")
        .replace("reason = \"incident 7\"", "colour = \"red\"");
    let found = problems(&file);
    for at in [
        "agreement[0].viewer",
        "agreement[0].views[1]",
        "enrolment[0].trained",
        "suspension[0].reason",
        "suspension[0].colour",
    ] {
        assert!(found.iter().any(|problem| problem == at), "{at} in {found:?}");
    }
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn each_defect_of_a_file_is_named_where_it_stands() {
    for (from, to, at) in [
        ("[[agreement]]", "[[agreement", "line 2"),
        ("[[enrolment]]", "[[enrollment]]", "enrollment"),
        ("id = \"north\"\n", "", "agreement[0].id"),
        ("[\"PatientDetails\", \"Problems\", \"Medication\"]", "[]", "agreement[0].views"),
        ("\"Medication\"]", "\"Problems\"]", "agreement[0].views[2]"),
        ("consent_minutes = 120", "consent_minutes = 481", "agreement[0].consent_minutes"),
        ("consent_minutes = 120", "consent_minutes = 0", "agreement[0].consent_minutes"),
        ("until = 2027-12-31", "until = 2025-12-31", "agreement[0].until"),
        ("status = \"active\"", "status = \"live\"", "agreement[0].status"),
        ("\"Safeguarding\"", "\"Curiosity\"", "agreement[0].override_reasons[0]"),
        ("\"R8000\", ", "\"8000\", ", "agreement[0].clinician_roles[0]"),
        ("left = 2026-06-30", "left = 2026-01-30", "agreement[0].sharer[1].left"),
        ("practice = \"P2\"", "practice = \"P1\"", "agreement[0].sharer[1].practice"),
        ("{ name = \"C. Lead\"", "{ name = \"A. Guardian\"", "agreement[0].signatory[1].approvals"),
        ("target = \"sharer\"", "target = \"practice\"", "suspension[0].target"),
        ("until = 2026-12-01T09:00:00+01:00", "until = 2026-12-01", "suspension[0].until"),
        ("until = 2026-12-01T09:00:00+01:00", "until = 2026-10-01T09:00:00Z", "suspension[0].until"),
        ("user = \"u1\"", "user = \"u 1\"", "enrolment[0].user"),
    ] {
        let file = FILE.replacen(from, to, 1);
        assert_ne!(file, FILE, "{from} is in the file");
        assert_eq!(problems(&file), [at], "{from} -> {to}");
    }
}

#[tokio::test]
async fn what_was_imported_is_exported_and_importing_it_again_changes_nothing() {
    let kept = Kept::new().await;
    let registers = import(FILE).expect("good");
    let done = kept.run(store_job(registers.clone(), "op".into(), NOW)).await.expect("kept").expect("no problems");
    assert_eq!(done, Imported { agreements: 1, enrolments: 1, suspensions: 1, unchanged: 0 });
    assert_eq!(kept.revision().await, 2);
    let back = super::registers(&kept.pool).await.expect("read");
    assert_eq!(import(&export(&back)).expect("ours"), registers);
    let again = kept.run(store_job(registers, "op".into(), NOW)).await.expect("kept").expect("no problems");
    assert_eq!(again, Imported { unchanged: 3, ..Imported::default() });
    assert_eq!(kept.revision().await, 2, "nothing changed, so no decision is disturbed");
}

#[tokio::test]
async fn a_change_is_a_new_version_and_the_old_one_can_still_be_asked_for() {
    let kept = Kept::new().await;
    kept.run(store_job(import(FILE).expect("good"), "op".into(), NOW)).await.expect("kept").expect("fine");
    let later = NOW + Duration::hours(1);
    let changed = import(&FILE.replace("\"Problems\", ", "")).expect("good");
    kept.run(store_job(changed, "op2".into(), later)).await.expect("kept").expect("fine");
    let history = history(&kept.pool, "north").await.expect("read");
    assert_eq!(history.iter().map(|change| change.agreement.terms.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(history[1].by, "op2");
    let then = in_force_on(&kept.pool, NOW).await.expect("read");
    assert_eq!(then[0].terms.views.len(), 3);
    assert_eq!(then[0].terms.sharers.len(), 1, "P2 has left");
    assert_eq!(in_force_on(&kept.pool, later).await.expect("read")[0].terms.views.len(), 2);
    assert!(in_force_on(&kept.pool, NOW - Duration::days(1)).await.expect("read").is_empty());
}

#[tokio::test]
async fn a_practice_cannot_share_with_a_viewer_under_two_agreements_at_once() {
    let kept = Kept::new().await;
    let first = SignedAgreement::new("one", ods("V"), &[View::Problems], &[ods("P")], date!(2026 - 01 - 01)).signed(
        ods("V"),
        "A",
        "Lead",
    );
    let mut second = first.clone();
    second.terms.id = "two".into();
    let of = |agreements: &[&SignedAgreement]| Registers {
        agreements: agreements.iter().map(|agreement| (*agreement).clone()).collect(),
        ..Registers::default()
    };
    kept.run(store_job(of(&[&first]), "op".into(), NOW)).await.expect("kept").expect("fine");
    let refused = kept.run(store_job(of(&[&second]), "op".into(), NOW)).await.expect("asked").expect_err("overlaps");
    assert_eq!(refused[0].at, "agreement[0].sharer[0].practice");
    assert_eq!(super::registers(&kept.pool).await.expect("read").agreements.len(), 1, "nothing half stored");
    // In one file the practice can move from one to the other.
    let mut ended = first.clone();
    ended.terms.status = AgreementStatus::Terminated;
    kept.run(store_job(of(&[&second, &ended]), "op".into(), NOW)).await.expect("kept").expect("fine");
    // The schema itself holds it, should the check above ever be lost.
    let sql = "INSERT INTO agreement_sharer VALUES ('two', 'V', 'P', '2026-09-09', NULL, NULL, 1)";
    assert!(kept.by_hand(sql).await.is_err());
    let sql = "INSERT INTO agreement_sharer VALUES ('two', 'W', 'Q', '2026-09-09', NULL, NULL, 1)";
    assert!(kept.by_hand(sql).await.is_err(), "a sharer of another viewer than the agreement's");
}

#[tokio::test]
async fn a_lifted_suspension_is_gone_from_the_export_and_can_be_placed_again() {
    let kept = Kept::new().await;
    let registers = import(FILE).expect("good");
    kept.run(store_job(registers.clone(), "op".into(), NOW)).await.expect("kept").expect("fine");
    assert!(kept.run(lift_job(Target::Sharer, "P9".into(), "op".into(), NOW)).await.expect("lifted"));
    assert!(!kept.run(lift_job(Target::Sharer, "P9".into(), "op".into(), NOW)).await.expect("none left"));
    assert!(super::registers(&kept.pool).await.expect("read").suspensions.is_empty());
    let again = kept.run(store_job(registers, "op".into(), NOW)).await.expect("kept").expect("fine");
    assert_eq!(again.suspensions, 1);
}
