//! A trail of its own for a test, at a fixed time, with whatever somebody who holds the store could do to it.

#![allow(clippy::missing_panics_doc, clippy::missing_errors_doc, reason = "test code")]

use super::{
    Attempt, Audit, AuditConfig, AuditError, Interaction, Keys, Origin, Outcome, Span, Target, Verdict, verify,
};
use crate::clock::Clock;
use crate::identity::{Caller, CallerClass, Role, Scopes, SelectedRole};
use crate::ids::{NhsNumber, OdsCode, RequestId, RoleCode, UserId};
use crate::store::{Engine, Store, testing};
use std::path::PathBuf;
use std::time::Duration;
use time::macros::datetime;

/// The user of [`caller`].
pub const USER: &str = "555000000001";

/// The trail, its store and its keys.
pub struct Trail {
    pub folder: tempfile::TempDir,
    pub store: Store,
    pub audit: Audit,
    pub clock: Clock,
}

impl Trail {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Keys::create(&folder.path().join("key"), "k1").expect("a key");
        let clock = Clock::fixed(datetime!(2026-11-24 10:00 UTC));
        let (store, audit) = start(&folder, &clock).await.expect("starts");
        Self { folder, store, audit, clock }
    }

    /// After the service has stopped and started.
    pub async fn restarted(self) -> Result<Self, AuditError> {
        self.store.close().await;
        // Where instances share the store, only what is older than any request can be counts as left open.
        if self.store.engine() == Engine::Postgres {
            self.clock.advance(Duration::from_mins(6));
        }
        let (store, audit) = start(&self.folder, &self.clock).await?;
        Ok(Self { store, audit, ..self })
    }

    pub fn anchors(&self) -> PathBuf {
        self.folder.path().join("anchors")
    }

    pub async fn verdict(&self) -> Verdict {
        self.verdict_of(Span::default()).await
    }

    pub async fn verdict_of(&self, span: Span) -> Verdict {
        let keys = Keys::load(&self.folder.path().join("key")).expect("keys");
        verify(&self.store, &keys, span, Some(&self.anchors())).await.expect("readable")
    }

    /// What somebody with the file could do: the triggers go first.
    pub async fn tamper(&self, sql: &'static str) {
        let unguard = match self.store.engine() {
            Engine::Sqlite => "DROP TRIGGER audit_never_updated; DROP TRIGGER audit_never_deleted;",
            Engine::Postgres => "DROP TRIGGER audit_never_changed ON audit;",
        };
        testing::by_hand(&self.store, unguard).await.expect("unguarded");
        testing::by_hand(&self.store, sql).await.expect("tampered");
    }

    /// An attempt of `caller` upon a patient, about whom nothing has become known yet.
    pub fn begun(&self, caller: Caller, interaction: Interaction, resource_type: &str, patient: &str) -> Attempt {
        let target = Target {
            interaction,
            resource_type: resource_type.into(),
            id: (interaction == Interaction::Read).then(|| "abc-1".into()),
            patient: NhsNumber::parse(patient),
            query: format!("{resource_type}?patient.identifier={patient}&_count=5"),
        };
        let origin =
            Origin { request_id: RequestId::parse("request-1").expect("valid"), address: "192.0.2.7:5123".into() };
        self.audit.open(caller, target, origin)
    }

    pub async fn closed(&self, attempt: Attempt, outcome: Outcome) {
        assert!(self.audit.close(attempt, outcome, None, ()).await.is_ok());
    }

    pub async fn answered(&self, attempt: Attempt) {
        self.closed(attempt, Outcome::Answered).await;
    }
}

async fn start(folder: &tempfile::TempDir, clock: &Clock) -> Result<(Store, Audit), AuditError> {
    let store = testing::store(folder.path()).await;
    let config = AuditConfig {
        key_file: folder.path().join("key"),
        anchor_file: folder.path().join("anchors"),
        server: "facade.example.nhs.uk".into(),
    };
    let audit = Audit::start(store.clone(), &config, clock.clone()).await?;
    Ok((store, audit))
}

pub fn ods(code: &str) -> OdsCode {
    OdsCode::parse(code).expect("valid")
}

/// A clinician of an organisation.
pub fn caller(name: &str, organisation: &str) -> Caller {
    Caller {
        user: UserId::parse(USER).expect("valid"),
        name: name.into(),
        class: CallerClass::User,
        role: SelectedRole::One(Role {
            profile: "555000000002".into(),
            code: RoleCode::parse("R8000").expect("valid"),
            name: "Clinical Practitioner".into(),
            organisation: ods(organisation),
        }),
        organisation: Some(ods(organisation)),
        assurance: 3,
        scopes: Scopes::default(),
        token_id: Some("token-1".into()),
        client_id: Some("client-1".into()),
    }
}
