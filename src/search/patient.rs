//! The one patient that a search names.

use super::QueryError;
use super::parameter::Use;
use super::value::{names_a_person, split, unescape};
use crate::ids::{LogicalId, NhsNumber, Sealer};

/// The system of NHS numbers.
pub const NHS_NUMBER_SYSTEM: &str = "https://fhir.nhs.uk/Id/nhs-number";

/// Whom a query names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatientNamed {
    /// By a right NHS number, or by an id that opens to one.
    Known(NhsNumber),
    /// By an id that is none of ours, or by an identifier of another system: to be answered as an unknown patient.
    Unknown,
}

/// What the parameters have said so far; each must say the same.
#[derive(Default)]
pub(super) struct Naming {
    named: Option<(PatientNamed, Option<LogicalId>)>,
}

impl Naming {
    /// Takes one parameter's values.
    pub(super) fn take(&mut self, name: &str, usage: Use, raw: &str, sealer: &Sealer) -> Result<(), QueryError> {
        for value in split(raw, ',') {
            let value = unescape(value);
            let (patient, id) = match usage {
                Use::PatientIdentifier => by_identifier(&value).ok_or_else(|| QueryError::invalid(name))?,
                _ => by_id(&value, sealer).ok_or_else(|| QueryError::invalid(name))?,
            };
            match &self.named {
                None => self.named = Some((patient, id)),
                Some((known, known_id)) => {
                    let same = match (&patient, known) {
                        (PatientNamed::Known(one), PatientNamed::Known(other)) => one == other,
                        (PatientNamed::Unknown, PatientNamed::Unknown) => id == *known_id,
                        _ => false,
                    };
                    if !same {
                        return Err(QueryError::invalid(name));
                    }
                }
            }
        }
        Ok(())
    }

    /// The patient, and the id to say in a self link.
    pub(super) fn finish(self, sealer: &Sealer) -> Option<(PatientNamed, Option<LogicalId>)> {
        self.named.map(|(patient, id)| match patient {
            PatientNamed::Known(number) => (patient, Some(sealer.seal_patient(number))),
            PatientNamed::Unknown => (patient, id),
        })
    }
}

type Named = (PatientNamed, Option<LogicalId>);

/// `None` when the value is not even of the form of an id.
fn by_id(value: &str, sealer: &Sealer) -> Option<Named> {
    let id = match value.rsplit_once('/') {
        None => value,
        Some((before, id)) if before == "Patient" || before.ends_with("/Patient") => id,
        Some(_) => return None,
    };
    let id = LogicalId::parse(id)?;
    Some(match sealer.open(&id) {
        Some(opened) if opened.is_patient => (PatientNamed::Known(opened.patient), Some(id)),
        // An NHS number in the place of an id is not repeated: the service puts none into a URL.
        _ if names_a_person(id.as_str()) => (PatientNamed::Unknown, None),
        _ => (PatientNamed::Unknown, Some(id)),
    })
}

/// `None` when the NHS number is none: its form or its check digit is wrong.
fn by_identifier(value: &str) -> Option<Named> {
    match value.split_once('|') {
        None => Some((PatientNamed::Known(NhsNumber::parse(value)?), None)),
        Some((NHS_NUMBER_SYSTEM, number)) => Some((PatientNamed::Known(NhsNumber::parse(number)?), None)),
        Some((_, "")) => None,
        Some(_) => Some((PatientNamed::Unknown, None)),
    }
}
