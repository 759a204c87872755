//! The legacy exchange by itself, for the difference: the same questions to the same simulated MIG over a second gateway
//! built from the same settings. It is asked as the facade asks, on real facts and a real permit, and audited likewise;
//! the clock runs only while the gateway is at work.

use futures_util::future::try_join_all;
use mig_fhir::audit::{Interaction, Origin, Outcome, Target};
use mig_fhir::catalogue;
use mig_fhir::clock::Clock;
use mig_fhir::config::Config;
use mig_fhir::disclose::Service;
use mig_fhir::gateway::Gateway;
use mig_fhir::identity::{Caller, Identity, Permission};
use mig_fhir::ids::{NhsNumber, RequestId};
use mig_fhir::kinds::{Kind, Purpose, View};
use mig_fhir::policy::{self, Asked};
use mig_fhir::telemetry::chain;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A second gateway, and who asks through it.
pub struct Legacy {
    gateway: Gateway,
    caller: Caller,
    service: Arc<Service>,
}

impl Legacy {
    /// From the settings of a running demo, as the bearer of a token.
    pub async fn of(folder: &Path, service: Arc<Service>, token: &str) -> Result<Self, String> {
        let config = Config::load(&folder.join("config.toml")).map_err(|problems| problems.join("; "))?;
        let gateway = Gateway::build(&config.gateway, Clock::system()).map_err(|problems| problems.join("; "))?;
        let identity = Identity::new(&config.identity, Clock::system()).map_err(|error| chain(&error))?;
        let caller = identity.identify(Some(&format!("Bearer {token}"))).await.map_err(|error| chain(&error))?;
        Ok(Self { gateway, caller, service })
    }

    /// The caller, for attempts of the measurements.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Locates the record and fetches the views that a search of this type takes, side by side. How long it took, and
    /// which views they were.
    pub async fn exchange(&self, kind: Kind, patient: NhsNumber) -> Result<(Duration, Vec<View>), String> {
        let service = &self.service;
        let attempt = service.audit.open(self.caller.clone(), target(kind, patient), origin());
        attempt.opened().await.map_err(|error| chain(&error))?;
        let done = async {
            let asked = Asked {
                patient: Some(patient),
                birth_date: None,
                permissions: vec![(kind.as_str(), Permission::Search)],
                wanted: catalogue::wanted(&[kind]),
                required: catalogue::required(&[kind]),
                purpose: Purpose::Treatment,
            };
            let now = service.clock.now();
            let facts = policy::facts(&service.register, &service.settings, attempt.caller(), asked, now).await;
            let facts = facts.map_err(|error| chain(&error))?;
            let clearance = policy::clear(&attempt, &facts).map_err(|refusal| refusal.word().to_owned())?;
            let start = Instant::now();
            let deadline = tokio::time::Instant::from_std(start + Duration::from_secs(10));
            let located = self.gateway.locate(&clearance, deadline).await.map_err(|error| chain(&error))?;
            let permit = policy::decide(clearance, &located).map_err(|refusal| refusal.word().to_owned())?;
            let plan = catalogue::plan(kind, permit.views()).ok_or("no agreed view")?;
            let fetches = plan.fetch.iter().map(|view| self.gateway.fetch(&permit, *view, deadline));
            try_join_all(fetches).await.map_err(|error| chain(&error))?;
            Ok::<_, String>((start.elapsed(), plan.fetch))
        }
        .await;
        let outcome = if done.is_ok() { Outcome::Answered } else { Outcome::Failed("INTERNAL") };
        let closed = service.audit.close(attempt, outcome, None, done).await;
        closed.map_err(|not| chain(&not.error))?.into_inner()
    }
}

/// What an attempt of the measurements says that it was for.
pub fn target(kind: Kind, patient: NhsNumber) -> Target {
    Target {
        interaction: Interaction::Search,
        resource_type: kind.to_string(),
        id: None,
        patient: Some(patient),
        query: "bench".to_owned(),
    }
}

/// And where it came from.
pub fn origin() -> Origin {
    Origin { request_id: RequestId::random(), address: "127.0.0.1".to_owned() }
}
