//! The simulator's reading and judging of requests without a socket, for the fuzz targets of `tests/fuzz` alone:
//! `--cfg fuzzing` compiles it, nothing that ships does.

use super::answer::Answer;
use super::checks::{Arrival, Rules};
use super::holdings::Holding;
use super::replay::Replay;
use super::request::{Request, agree, envelope, payload};
use super::sealing::seal;
use crate::gateway::WireProfile;
use crate::gateway::fuzzing::{NOW, VIEW, VIEWER};
use crate::gateway::security::{Current, Signer, Verifier};
use crate::gateway::xml::{Message, SOAP};
use std::collections::BTreeMap;

/// The endpoint that requests are addressed to.
pub const ENDPOINT: &str = "https://mig.example/";

/// What a request says, each part by its name on the wire.
pub type Said = Vec<(&'static str, String)>;

/// Reads a request's envelope and payload, whoever signed it.
#[must_use]
pub fn unsigned(bytes: &[u8], profile: &WireProfile) -> Option<Said> {
    let message = Message::parse(bytes).ok()?;
    let body = message.root.only(SOAP, "Body")?;
    let found = envelope(body, profile).ok()?;
    let request = payload(found.payload, profile).ok()?;
    agree(&request, &found, None, profile).ok()?;
    Some(said(&request, &found.address))
}

/// The simulator's checks, in their order.
pub struct Gate(Rules);

impl Gate {
    /// Trusts these roots; the common name may speak for the viewer. Every message counts as new, so that the same bytes
    /// get the same answer.
    #[must_use]
    pub fn new(verifier: Verifier, common_name: &str, mut profile: WireProfile) -> Self {
        profile.security.replay = false;
        let speakers = BTreeMap::from([(common_name.to_owned(), vec![VIEWER.to_owned()])]);
        let verifier = Current::new(verifier);
        Self(Rules { profile, verifier, speakers, own_urls: vec![ENDPOINT.to_owned()], replay: Replay::default() })
    }

    /// What an admitted request says; nothing where it is refused.
    #[must_use]
    pub fn admitted(&self, bytes: &[u8]) -> Option<Said> {
        let accepted = self.accepted(bytes)?;
        Some(said(&accepted.request, &accepted.address))
    }

    /// The answer to an admitted request: a view of this practice's record, or where it is.
    #[must_use]
    pub fn answer(&self, request: &[u8], holding: &Holding) -> Option<String> {
        let accepted = self.accepted(request)?;
        let answer = if accepted.request.wanted.is_some() {
            let xml = holding.cut(VIEW, (None, None), NOW.date(), 3);
            Answer::Record { holding, view: VIEW, xml, complete: true }
        } else {
            Answer::Location(holding)
        };
        Some(answer.write(&accepted, NOW, &self.0.profile))
    }

    /// An answer, signed.
    #[must_use]
    pub fn sealed(&self, answer: &str, signer: &Signer) -> Option<String> {
        seal(answer, signer, NOW, &self.0.profile)
    }

    fn accepted(&self, body: &[u8]) -> Option<super::checks::Accepted> {
        let name = self.0.speakers.keys().next().map(String::as_str);
        let action = self.0.profile.addressing.service.as_bytes();
        let arrival = Arrival { body, oversized: false, soap_action: Some(action), tls_name: name, now: NOW };
        self.0.check(&arrival).ok()
    }
}

fn said(request: &Request, address: &str) -> Said {
    let mut said = vec![
        ("requestId", request.request_id.clone()),
        ("created", request.created.to_string()),
        ("sourceOrganisation", request.source.clone()),
        ("targetOrganisation", request.target.clone().unwrap_or_default()),
        ("user", request.user.clone()),
        ("name", request.name.clone()),
        ("roleCode", request.role.clone()),
        ("nhsNumber", request.nhs_number.clone()),
        ("dateOfBirth", request.birth_date.map(|date| date.to_string()).unwrap_or_default()),
        ("address", address.to_owned()),
    ];
    if let Some(wanted) = &request.wanted {
        said.extend([
            ("view", wanted.view.clone()),
            ("dateRange", format!("{:?}", wanted.range)),
            ("status", wanted.consent.status.clone()),
            ("reference", wanted.consent.reference.clone()),
            ("category", wanted.consent.category.clone().unwrap_or_default()),
        ]);
    }
    said
}
