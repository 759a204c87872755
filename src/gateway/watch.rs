//! Takes changed certificates, keys and lists into force while requests go on.

use super::Gateway;
use super::credentials::Credentials;
use super::security::Watched;
use std::time::Duration;

/// How often the files are looked at. A change is taken at the second look that finds it.
const EVERY: Duration = Duration::from_secs(1);

impl Gateway {
    /// Looks at every certificate, key and list, takes what has changed, and measures how long certificates last. Never
    /// returns; what is under way when files change ends with what it began with.
    pub async fn watch(&self) {
        let mut watched = Watched::new(self.inner.config.replaceable());
        loop {
            self.inner.exchange.credentials.held().measure(&self.inner.exchange.clock);
            tokio::time::sleep(EVERY).await;
            let gateway = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                if watched.have_changed() {
                    gateway.renew();
                }
                watched
            });
            match looked.await {
                Ok(back) => watched = back,
                Err(_) => watched = Watched::new(self.inner.config.replaceable()),
            }
        }
    }

    /// Reads the files again. What cannot be used changes nothing.
    pub(super) fn renew(&self) {
        let inner = &self.inner;
        let loaded = Credentials::load(&inner.config, &inner.exchange.profile, &inner.url);
        let now = inner.exchange.clock.now();
        let loaded = loaded.and_then(|fresh| match fresh.ended(now) {
            None => Ok(fresh),
            Some(problem) => Err(vec![problem.to_owned()]),
        });
        let outcome = match loaded {
            Ok(fresh) => {
                inner.exchange.credentials.replace(fresh);
                tracing::info!("changed certificates are in force");
                "taken"
            }
            Err(problems) => {
                for problem in problems {
                    tracing::error!(error = %problem, "a changed certificate, key or list is not taken");
                }
                "refused"
            }
        };
        metrics::counter!("mig_fhir_certificate_changes_total", "side" => "gateway", "outcome" => outcome).increment(1);
    }
}
