use super::*;
use crate::register::agreements::{self, Alteration, Declined, Registers, SignedAgreement};
use crate::register::consent;
use crate::register::testing::{Kept, NOW, caller, ods, patient, sealer, user};
use crate::store::Store;
use serde_json::json;
use std::collections::BTreeSet;
use time::{Date, Duration};

async fn overridden(kept: &Kept, after_refusal: bool, at: OffsetDateTime) -> String {
    let body = consent::override_example(patient(), &user("u1"), &ods("VIEW1"), "Emergency", "found unconscious", at);
    let draft = consent::parse(&body, at, &caller("u1"), &sealer()).unwrap_or_else(|found| panic!("{found:?}"));
    let admitted = draft.admit(&[], after_refusal, &[]).unwrap_or_else(|found| panic!("{found:?}"));
    kept.run(consent::store_job(admitted)).await.expect("kept").id.to_string()
}

async fn all(kept: &Kept) -> Vec<Letter> {
    listed(&kept.pool, &Wanted::default()).await.expect("read")
}

async fn claim(kept: &Kept, now: OffsetDateTime) -> Claim {
    kept.run(claim_job(now, now + Duration::minutes(1), 10)).await.expect("claimed")
}

#[tokio::test]
async fn an_alert_names_a_reference_an_organisation_and_a_time_and_nothing_else() {
    let kept = Kept::new().await;
    let consent = overridden(&kept, false, NOW).await;
    let letter = all(&kept).await.remove(0);
    assert_ne!(letter.id, consent);
    let body: Value = serde_json::from_str(&letter.body()).expect("JSON");
    let data = json!({ "reference": letter.id, "organisation": "VIEW1" });
    assert_eq!(body, json!({ "type": "override", "timestamp": "2026-11-24T10:00:00Z", "data": data }));
    overridden(&kept, true, NOW + Duration::minutes(1)).await;
    let marked: Value = serde_json::from_str(&all(&kept).await.remove(0).body()).expect("JSON");
    assert_eq!(marked["data"]["mark"], "override-after-refusal");
}

#[tokio::test]
async fn a_letter_is_held_by_one_until_its_lease_is_over() {
    let kept = Kept::new().await;
    overridden(&kept, false, NOW).await;
    overridden(&kept, true, NOW + Duration::seconds(1)).await;
    assert!(!any_due(&kept.pool, NOW - Duration::seconds(1)).await.expect("read"));
    let now = NOW + Duration::minutes(1);
    let first = claim(&kept, now).await;
    assert_eq!(first.letters.iter().map(|letter| letter.after_refusal).collect::<Vec<_>>(), [true, false]);
    assert!(claim(&kept, now + Duration::seconds(59)).await.letters.is_empty());
    assert!(!any_due(&kept.pool, now + Duration::seconds(59)).await.expect("read"));
    let later = now + Duration::minutes(1);
    let second = claim(&kept, later).await;
    assert_eq!(second.letters.len(), 2);
    // Who held it before has nothing to say any more of an attempt that failed, and is heard of one that did not.
    let [one, two] = [&second.letters[0].id, &second.letters[1].id].map(Clone::clone);
    let again = After::Again(later + Duration::hours(1));
    kept.run(settled_job(one.clone(), first.lease.clone(), again, "timeout".into())).await.expect("heard");
    assert_eq!(all(&kept).await.iter().map(|letter| letter.attempts).sum::<i64>(), 0);
    kept.run(delivered_job(one.clone(), later)).await.expect("noted");
    kept.run(settled_job(one.clone(), second.lease.clone(), again, "timeout".into())).await.expect("heard");
    kept.run(settled_job(two.clone(), second.lease, again, "http-503".into())).await.expect("noted");
    let all = all(&kept).await;
    let find = |id: &str| all.iter().find(|letter| letter.id == id).expect("there");
    assert_eq!((find(&one).state, find(&one).settled), (LetterState::Delivered, Some(later)));
    assert_eq!((find(&two).state, find(&two).reason.as_deref()), (LetterState::Waiting, Some("http-503")));
    assert!(claim(&kept, later + Duration::minutes(59)).await.letters.is_empty());
    assert_eq!(claim(&kept, later + Duration::hours(1)).await.letters.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_on_one_store_never_claim_the_same_letter() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = crate::store::testing::config(folder.path()).await;
    let [one, two] = [Store::open(&config).await.expect("opens"), Store::open(&config).await.expect("opens")];
    let codes: BTreeSet<OdsCode> = (0..60).map(|number| ods(&format!("P{number}"))).collect();
    let practices: Vec<OdsCode> = codes.iter().cloned().collect();
    let agreement = SignedAgreement::new("a", ods("VIEW1"), crate::kinds::View::ALL, &practices, NOW.date()).signed(
        ods("VIEW1"),
        "Jo",
        "Guardian",
    );
    let registers = Registers { agreements: vec![agreement], ..Registers::default() };
    one.write(agreements::store_job(registers, "op".into(), NOW)).await.expect("kept").expect("fine");
    assert!(changes_waiting(two.reader()).await.expect("read"));
    let (first, second) =
        tokio::join!(one.write(address_job(codes.clone(), NOW, 9)), two.write(address_job(codes.clone(), NOW, 9)));
    assert_eq!(first.expect("addressed") + second.expect("addressed"), 1);
    let claims = |store: Store| async move {
        let mut claimed = Vec::new();
        for _ in 0..10 {
            let claim = store.write(claim_job(NOW, NOW + Duration::minutes(1), 6)).await.expect("claimed");
            claimed.extend(claim.letters.into_iter().map(|letter| letter.id));
        }
        claimed
    };
    let (first, second) = tokio::join!(tokio::spawn(claims(one)), tokio::spawn(claims(two)));
    let claimed = [first.expect("ran"), second.expect("ran")].concat();
    assert_eq!((claimed.len(), claimed.iter().collect::<BTreeSet<_>>().len()), (60, 60));
}

#[tokio::test]
async fn a_dead_letter_is_tried_again_when_its_own_organisation_asks() {
    let kept = Kept::new().await;
    overridden(&kept, false, NOW).await;
    let held = claim(&kept, NOW).await;
    let id = held.letters[0].id.clone();
    kept.run(settled_job(id.clone(), held.lease, After::Dead(NOW), "unreachable".into())).await.expect("noted");
    let dead = standing(&kept.pool).await.expect("read");
    assert_eq!((dead.len(), dead[0].state, dead[0].count, dead[0].oldest), (1, LetterState::Dead, 1, NOW));
    assert!(claim(&kept, NOW + Duration::days(9)).await.letters.is_empty());
    let later = NOW + Duration::days(10);
    let other = kept.run(retry_job(id.clone(), Some(ods("VIEW2")), later)).await.expect("asked");
    assert_eq!(other, Err(Declined::Unknown));
    let again = kept.run(retry_job(id.clone(), Some(ods("VIEW1")), later)).await.expect("asked").expect("again");
    assert_eq!((again.state, again.attempts, again.since, again.settled), (LetterState::Waiting, 0, later, None));
    assert_eq!(claim(&kept, later).await.letters.len(), 1);
    kept.run(delivered_job(id.clone(), later)).await.expect("noted");
    assert!(matches!(kept.run(retry_job(id, None, later)).await.expect("asked"), Err(Declined::Problems(_))));
    assert!(standing(&kept.pool).await.expect("read").is_empty());
}

#[tokio::test]
async fn what_had_no_receiver_is_looked_at_again_unless_it_is_old() {
    let kept = Kept::new().await;
    overridden(&kept, false, NOW).await;
    let held = claim(&kept, NOW).await;
    let id = held.letters[0].id.clone();
    kept.run(settled_job(id, held.lease, After::Unaddressed, "no-receiver".into())).await.expect("noted");
    assert_eq!((all(&kept).await[0].state, all(&kept).await[0].attempts), (LetterState::Unaddressed, 0));
    let later = NOW + Duration::days(4);
    assert_eq!(kept.run(readdress_job(NOW + Duration::days(1), later)).await.expect("asked"), 0);
    assert_eq!(kept.run(readdress_job(NOW - Duration::days(1), later)).await.expect("asked"), 1);
    assert_eq!(claim(&kept, later).await.letters.len(), 1);
}

async fn told(kept: &Kept, reachable: &[&str]) -> Vec<(String, Value)> {
    let reachable = reachable.iter().map(|code| ods(code)).collect();
    kept.run(address_job(reachable, NOW, 100)).await.expect("addressed");
    let held = claim(kept, NOW).await;
    let mut told = Vec::new();
    for letter in held.letters {
        let body: Value = serde_json::from_str(&letter.body()).expect("JSON");
        told.push((letter.organisation.to_string(), body["data"].clone()));
        kept.run(delivered_job(letter.id, NOW)).await.expect("noted");
    }
    told.sort_by(|one, two| one.0.cmp(&two.0));
    told
}

fn signed(practices: &[&str]) -> SignedAgreement {
    let practices: Vec<OdsCode> = practices.iter().map(|code| ods(code)).collect();
    let first = Date::from_calendar_date(2026, time::Month::January, 1).expect("a day");
    SignedAgreement::new("a", ods("VIEW1"), crate::kinds::View::ALL, &practices, first).signed(
        ods("VIEW1"),
        "Jo Signatory",
        "Guardian",
    )
}

#[tokio::test]
async fn the_other_parties_are_told_of_a_change_and_whoever_made_it_or_has_left_is_not() {
    let kept = Kept::new().await;
    let registers = Registers { agreements: vec![signed(&["P1", "P2", "P3"])], ..Registers::default() };
    kept.run(agreements::store_job(registers, "op".into(), NOW)).await.expect("kept").expect("fine");
    let reachable = ["VIEW1", "P1", "P2", "OTHER"];
    let made = told(&kept, &reachable).await;
    assert_eq!(made.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["P1", "P2", "VIEW1"]);
    let said = json!({
        "agreement": "a", "version": 1, "viewer": "VIEW1", "change": "made", "status": "active", "to": "P1",
    });
    assert_eq!(made[0].1, said);
    let change = |alteration, reason: &str| {
        agreements::change_job("a".into(), None, alteration, "Ina Field".into(), Some(reason.into()), 28, NOW)
    };
    let leaves = Alteration::Withdraw { organisation: ods("P1"), on: None };
    kept.run(change(leaves, "told in confidence")).await.expect("kept").expect("fine");
    let left = told(&kept, &reachable).await;
    assert_eq!(left.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["P2", "VIEW1"]);
    assert_eq!((&left[0].1["change"], &left[0].1["organisation"]), (&json!("withdrawal"), &json!("P1")));
    kept.run(change(Alteration::Suspend, "told in confidence")).await.expect("kept").expect("fine");
    let stopped = told(&kept, &reachable).await;
    assert_eq!(stopped.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["P2", "VIEW1"]);
    assert_eq!((&stopped[0].1["change"], &stopped[0].1["status"]), (&json!("suspension"), &json!("suspended")));
    for (_, said) in left.iter().chain(&stopped) {
        let text = said.to_string();
        assert!(!text.contains("confidence") && !text.contains("Ina") && !text.contains("Jo"), "{text}");
    }
    // Said twice, it has changed once; told once, it is not told again.
    kept.run(change(Alteration::Suspend, "again")).await.expect("kept").expect("fine");
    assert!(told(&kept, &reachable).await.is_empty());
}

#[tokio::test]
async fn a_change_that_is_not_kept_is_not_told() {
    let kept = Kept::new().await;
    kept.by_hand("DROP TABLE agreement_change").await.expect("broken on purpose");
    let registers = Registers { agreements: vec![signed(&["P1"])], ..Registers::default() };
    assert!(kept.run(agreements::store_job(registers, "op".into(), NOW)).await.is_err());
    assert!(agreements::latest(&kept.pool, "a").await.expect("read").is_none());
}
