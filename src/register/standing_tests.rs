use super::*;
use crate::register::agreements::{self, Enrolment, Registers, SignedAgreement, Suspension, Target};
use crate::register::consent;
use crate::register::episode::{self, EpisodeDraft};
use crate::register::testing::{Kept, NOW, caller, ods, other_patient, patient, role, sealer, user};
use crate::store::Job;
use time::Duration;
use time::macros::date;

struct World {
    kept: Kept,
    memory: Memory,
}

impl World {
    async fn new() -> Self {
        Self { kept: Kept::new().await, memory: Memory::default() }
    }

    /// Moves the revision and nothing else.
    async fn moved(&self, patient: Option<NhsNumber>) {
        let job: Job<i64> = Box::new(move |connection| {
            Box::pin(async move { store::advance_revision(connection, patient.as_ref().map(NhsNumber::reveal)).await })
        });
        self.kept.run(job).await.expect("moved");
    }

    async fn standing(&self, who: &str, now: OffsetDateTime) -> Standing {
        self.standing_for(who, patient(), now).await
    }

    async fn standing_for(&self, who: &str, patient: NhsNumber, now: OffsetDateTime) -> Standing {
        let (user, organisation, role) = (user(who), ods("VIEW1"), role());
        let asked = Asked { user: &user, organisation: &organisation, role: &role, patient: Some(patient) };
        read(&self.kept.pool, &self.memory, asked, now).await.expect("read")
    }

    async fn import(&self, registers: Registers) {
        self.kept.run(agreements::store_job(registers, "op".into(), NOW)).await.expect("kept").expect("no problems");
    }

    async fn consent(&self, who: &str, permit: bool, now: OffsetDateTime) -> consent::StoredConsent {
        let body = consent::example(patient(), &user(who), &ods("VIEW1"), permit, now);
        let draft = consent::parse(&body, now, &caller(who), &sealer()).unwrap_or_else(|found| panic!("{found:?}"));
        let admitted = draft.admit(&[], false, &[]).unwrap_or_else(|found| panic!("{found:?}"));
        self.kept.run(consent::store_job(admitted)).await.expect("kept")
    }

    async fn withdraw(&self, stored: &consent::StoredConsent, who: &str, status: &str, now: OffsetDateTime) {
        let mut put = stored.resource(&sealer());
        put["status"] = status.into();
        let withdrawal = consent::parse_withdrawal(&put, stored, &caller(who), &sealer());
        let withdrawal = withdrawal.unwrap_or_else(|found| panic!("{found:?}"));
        self.kept.run(consent::withdraw_job(withdrawal, None, now)).await.expect("kept");
    }
}

#[tokio::test]
async fn an_empty_register_knows_nothing_in_anyones_favour() {
    let standing = World::new().await.standing("u1", NOW).await;
    assert!(!standing.suspended && standing.enrolled.is_err() && !standing.relationship && !standing.refused_in_organisation);
    assert!(standing.agreements.is_empty() && standing.occasion.is_none() && standing.suspended_sharers.is_empty());
}

#[tokio::test]
async fn an_enrolment_holds_from_the_later_of_terms_and_training_to_its_last_day() {
    let world = World::new().await;
    let mut enrolment = Enrolment::complete(user("u1"), ods("VIEW1"), role(), date!(2026 - 11 - 24));
    enrolment.until = Some(date!(2026 - 11 - 30));
    world.import(Registers { enrolments: vec![enrolment.clone()], ..Registers::default() }).await;
    for (days, enrolled) in [(-1, false), (0, true), (6, true), (7, false)] {
        assert_eq!(world.standing("u1", NOW + Duration::days(days)).await.enrolled.is_ok(), enrolled, "{days}");
    }
    assert_eq!(world.standing("u2", NOW).await.enrolled, Err(Lack::Enrolment));
    enrolment.trained = None;
    world.import(Registers { enrolments: vec![enrolment], ..Registers::default() }).await;
    assert_eq!(world.standing("u1", NOW).await.enrolled, Err(Lack::Training), "felt at once, whatever was remembered");
}

#[tokio::test]
async fn an_agreement_stands_as_it_was_imported_in_whatever_state() {
    let world = World::new().await;
    let mut agreement =
        SignedAgreement::new("a", ods("VIEW1"), &[View::Problems, View::Events], &[ods("P1")], date!(2026 - 01 - 01))
            .signed(ods("VIEW1"), "A", "Lead");
    agreement.terms.clinician_roles = vec![role()];
    agreement.terms.override_reasons = vec!["CourtOrder".into(), "DutyOfCare".into()];
    agreement.terms.status = AgreementStatus::Suspended;
    let other = SignedAgreement::new("b", ods("VIEW2"), &[View::Events], &[ods("P1")], date!(2026 - 01 - 01)).signed(
        ods("VIEW2"),
        "B",
        "Lead",
    );
    world.import(Registers { agreements: vec![agreement.clone(), other], ..Registers::default() }).await;
    agreement.terms.version = 1;
    assert_eq!(world.standing("u1", NOW).await.agreements, [agreement.terms]);
}

#[tokio::test]
async fn a_suspension_stops_what_it_names_while_it_lasts() {
    for (target, subject, suspends) in [
        (Target::Everything, "", true),
        (Target::Viewer, "VIEW1", true),
        (Target::Viewer, "VIEW2", false),
        (Target::User, "u1", true),
        (Target::User, "u2", false),
        (Target::Sharer, "P1", false),
    ] {
        let world = World::new().await;
        let suspension = Suspension {
            target,
            subject: subject.into(),
            reason: "r".into(),
            by: "b".into(),
            since: None,
            until: Some(NOW + Duration::hours(1)),
        };
        world.import(Registers { suspensions: vec![suspension], ..Registers::default() }).await;
        let standing = world.standing("u1", NOW).await;
        assert_eq!(standing.suspended, suspends, "{target} {subject}");
        assert_eq!(standing.suspended_sharers.len(), usize::from(target == Target::Sharer));
        let after = world.standing("u1", NOW + Duration::hours(1)).await;
        assert!(!after.suspended && after.suspended_sharers.is_empty());
        world.kept.run(agreements::lift_job(target, subject.into(), "op".into(), NOW)).await.expect("lifted");
        assert!(!world.standing("u1", NOW).await.suspended, "lifted at once");
    }
}

#[tokio::test]
async fn a_relationship_needs_an_active_episode_whose_period_includes_now() {
    let world = World::new().await;
    let draft = EpisodeDraft::active(patient(), ods("VIEW1"), NOW);
    let stored = world.kept.run(episode::create_job(draft, NOW)).await.expect("kept");
    assert!(world.standing("u1", NOW).await.relationship);
    assert!(!world.standing("u1", NOW - Duration::seconds(1)).await.relationship);
    assert!(!world.standing_for("u1", other_patient(), NOW).await.relationship);
    let mut put = stored.resource(&sealer());
    put["period"]["end"] = "2026-11-24".into();
    let update = |put: &serde_json::Value, stored: &episode::StoredEpisode| {
        episode::parse(put, &ods("VIEW1"), Some(stored), &sealer()).unwrap_or_else(|found| panic!("{found:?}"))
    };
    let job = episode::update_job(stored.clone(), update(&put, &stored), None, NOW);
    let stored = world.kept.run(job).await.expect("kept");
    assert!(world.standing("u1", NOW + Duration::hours(13)).await.relationship, "the last day counts");
    assert!(!world.standing("u1", NOW + Duration::hours(14)).await.relationship);
    put["status"] = "finished".into();
    let job = episode::update_job(stored.clone(), update(&put, &stored), None, NOW);
    world.kept.run(job).await.expect("kept");
    assert!(!world.standing("u1", NOW).await.relationship);
}

#[tokio::test]
async fn the_occasion_is_the_latest_consent_by_receipt_even_if_the_clock_went_back() {
    let world = World::new().await;
    world.consent("u1", true, NOW).await;
    let deny = world.consent("u1", false, NOW - Duration::seconds(30)).await;
    let occasion = world.standing("u1", NOW).await.occasion.expect("one");
    assert_eq!((occasion.consent.as_str(), occasion.decision), (deny.id.as_str(), ConsentDecision::Deny));
    assert!(world.standing("u2", NOW).await.occasion.is_none(), "a colleague has their own");
    assert!(world.standing_for("u1", other_patient(), NOW).await.occasion.is_none());
}

#[tokio::test]
async fn a_deny_is_felt_by_the_organisation_and_only_a_new_permit_to_its_author_lifts_it() {
    let world = World::new().await;
    let deny = world.consent("u1", false, NOW).await;
    assert!(world.standing("u2", NOW).await.refused_in_organisation);
    assert!(!world.standing("u2", NOW + Duration::minutes(60)).await.refused_in_organisation, "it has run out");
    let soon = NOW + Duration::minutes(1);
    world.withdraw(&deny, "u1", "entered-in-error", soon).await;
    let standing = world.standing("u1", soon).await;
    assert!(standing.refused_in_organisation, "its author cannot lift it");
    assert!(standing.occasion.expect("one").withdrawn);
    world.consent("u2", true, soon).await;
    assert!(world.standing("u2", soon).await.refused_in_organisation, "a permit to a colleague does not lift it");
    let permit = world.consent("u1", true, soon).await;
    assert!(!world.standing("u2", soon).await.refused_in_organisation);
    world.withdraw(&permit, "u1", "inactive", soon).await;
    assert!(!world.standing("u2", soon).await.refused_in_organisation);
    assert!(world.standing("u1", soon).await.occasion.expect("one").withdrawn);
}

#[tokio::test]
async fn a_permit_entered_in_error_lifts_no_deny() {
    let world = World::new().await;
    world.consent("u1", false, NOW).await;
    let permit = world.consent("u1", true, NOW).await;
    assert!(!world.standing("u1", NOW).await.refused_in_organisation);
    world.withdraw(&permit, "u1", "entered-in-error", NOW).await;
    assert!(world.standing("u1", NOW).await.refused_in_organisation);
}

#[tokio::test]
async fn a_memory_is_used_only_while_the_revision_stands() {
    let world = World::new().await;
    world.consent("u1", true, NOW).await;
    let first = world.standing("u1", NOW).await;
    // A change that does not move the revision is not seen: so it was the memory that answered.
    world.kept.by_hand("UPDATE consent SET status = 'inactive'").await.expect("changed");
    assert!(!world.standing("u1", NOW).await.occasion.expect("one").withdrawn);
    world.moved(Some(other_patient())).await;
    assert!(!world.standing("u1", NOW).await.occasion.expect("one").withdrawn, "another patient's affair");
    world.moved(None).await;
    let second = world.standing("u1", NOW).await;
    assert!(second.occasion.expect("one").withdrawn);
    assert!(second.revision.0 > first.revision.0);
}
