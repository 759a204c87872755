//! The wire's readers without a wire, for the fuzz targets of `tests/fuzz` alone: `--cfg fuzzing` compiles it, nothing
//! that ships does. The ids of a question are fixed, so that a stored answer stays one to it.

use super::answer::{self, Opened};
use super::envelope::{Ask, Asker, Consent, Question as Asked, Stamp};
use super::profile::WireProfile;
use super::sealed;
use super::security::{Signer, TimeRules, Verifier};
use super::theirs::is_theirs;
use crate::ids::NhsNumber;
use crate::kinds::View;
use crate::policy::Location;
use crate::record::{Limits, Record, read};
use bytes::Bytes;
use time::OffsetDateTime;
use time::macros::{date, datetime};

/// When everything here happens.
pub const NOW: OffsetDateTime = datetime!(2026-11-24 10:00:00 UTC);
/// Whose record is asked for.
pub const PATIENT: &str = "9990000018";
/// The practice that is asked.
pub const PRACTICE: &str = "A99981";
/// The organisation that asks.
pub const VIEWER: &str = "A99982";
/// `requestId`.
pub const REQUEST: &str = "00000000-0000-4000-8000-000000000001";
/// `wsa:MessageID`.
pub const MESSAGE: &str = "00000000-0000-4000-8000-000000000002";
/// The view that is asked for.
pub const VIEW: View = View::Medication;

/// One question.
pub struct Question {
    ask: Ask,
    stamp: Stamp,
    profile: WireProfile,
    patient: NhsNumber,
}

/// A successful answer, read to its end.
pub enum Told {
    /// Where the record is.
    Located(Location),
    /// A view: the record, when, and whether it is complete.
    Fetched(Box<Record>, OffsetDateTime, bool),
}

impl Question {
    /// A question for a view, or where the record is. Nothing where the constants above are wrong.
    #[must_use]
    pub fn new(for_a_view: bool, profile: WireProfile) -> Option<Self> {
        let consent = Consent { reference: "consent-1".to_owned(), recorded: NOW, override_reason: None };
        let view = Asked::View { view: VIEW, practice: PRACTICE.to_owned(), consent };
        let asker = Asker {
            user: "999000000001".to_owned(),
            name: "Dr <A> & B".to_owned(),
            role: "R8000".to_owned(),
            role_profile: Some("999000000002".to_owned()),
            sds_user: Some("999000000001".to_owned()),
            organisation: VIEWER.to_owned(),
        };
        let ask = Ask {
            request_id: REQUEST.to_owned(),
            nhs_number: PATIENT.to_owned(),
            birth_date: Some(date!(1970 - 01 - 02)),
            asker,
            question: if for_a_view { view } else { Asked::Where },
        };
        let stamp = Stamp {
            message_id: MESSAGE.to_owned(),
            tracking_id: "00000000-0000-4000-8000-000000000003".to_owned(),
            payload_id: "uuid_00000000-0000-4000-8000-000000000004".to_owned(),
            timestamp_id: "TS-00000000-0000-4000-8000-000000000005".to_owned(),
            created: NOW,
        };
        Some(Self { ask, stamp, profile, patient: NhsNumber::parse(PATIENT)? })
    }

    /// The request, signed.
    #[must_use]
    pub fn write(&self, to: &str, signer: &Signer) -> Option<String> {
        self.ask.write(&self.stamp, to, &self.profile, signer)
    }

    /// What the gateway makes of these bytes as the answer, where it need not be signed; nothing where it refuses them.
    #[must_use]
    pub fn answered(&self, bytes: &[u8]) -> Option<Told> {
        self.told(Opened::of(&Bytes::copy_from_slice(bytes), self.record()).ok()?)
    }

    /// The same where it has to be signed. Whether it is, and what is made of it.
    #[must_use]
    pub fn signed(&self, verifier: &Verifier, bytes: &[u8]) -> (bool, Option<Told>) {
        match sealed::open(verifier, bytes, NOW, TimeRules::from(&self.profile.security), self.record()) {
            Ok(opened) => (true, self.told(opened)),
            Err(_) => (false, None),
        }
    }

    fn record(&self) -> (&str, &str) {
        (&self.profile.payload.record_namespace, &self.profile.payload.record_root)
    }

    fn told(&self, opened: Opened) -> Option<Told> {
        match answer::read(opened, &self.ask, &self.stamp, &self.profile).ok()? {
            answer::Reply::Located(location) => Some(Told::Located(location)),
            answer::Reply::Enclosed(enclosed) => {
                let record = read(&enclosed.xml, Limits::default()).ok()?;
                is_theirs(&record, self.patient, self.ask.birth_date).ok()?;
                Some(Told::Fetched(Box::new(record), enclosed.recorded_as_at, enclosed.complete))
            }
        }
    }
}
