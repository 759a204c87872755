//! The patients that the simulated MIG holds: whole OpenHR records, and how each view is cut out of one.
//!
//! Never answers a request: who may ask, and what goes before the record, is the simulator's. Only the simulator, the
//! demo and tests call it.

mod builtin;
mod cut;
mod dates;
mod folder;
mod reading;
mod resolve;
mod rules;
#[cfg(test)]
mod tests;
mod tree;
mod whole;

use super::switches::Switch;
use crate::ids::{NhsNumber, OdsCode};
use crate::kinds::View;
use std::collections::HashMap;
use time::Date;
use whole::{Facts, Whole};

/// Supplier names of the wire (WIRE section 5).
pub const SUPPLIERS: [&str; 5] = ["EMIS", "SystmOne", "Vision", "Microtest", "Other"];

/// Every patient of a simulator.
#[derive(Default)]
pub struct Holdings {
    list: Vec<Holding>,
    places: HashMap<String, usize>,
}

/// One patient.
pub struct Holding {
    /// Ten digits.
    pub nhs_number: String,
    /// The scenario's name; `record` for a file of `--records`.
    pub scenario: String,
    /// One line for people.
    pub description: String,
    /// The practice's ODS code; none known means registration unknown.
    pub practice: Option<String>,
    /// Its name.
    pub practice_name: Option<String>,
    /// EMIS, `SystmOne`, Vision, Microtest or Other.
    pub supplier: String,
    /// The system's version, if known.
    pub supplier_version: Option<String>,
    /// registered, temporary, left, deceased or unknown.
    pub registration: String,
    /// Whether the number is traced.
    pub traced: bool,
    /// Whether the patient opted out.
    pub opted_out: bool,
    /// The birth date that the record holds.
    pub birth_date: Option<Date>,
    /// A restricted policy on the patient: answers as an unknown number does.
    pub restricted: bool,
    /// For views only: the outcome code to give in its rule's place.
    pub outcome: Option<String>,
    /// For views only: the ITK fault code to give.
    pub fault: Option<String>,
    /// For views only: how long to wait after the schema check.
    pub delay_ms: u64,
    /// What else goes wrong for this patient.
    pub switches: Vec<Switch>,
    /// The whole record's XML.
    pub xml: String,
    whole: Whole,
}

/// Why a record cannot be held. Never says more of the record than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not the XML that it should be.
    #[error("{0}")]
    NotOpenHr(&'static str),
    /// More elements in one item than any record has.
    #[error("too many elements in one item")]
    Crowded,
    /// The patient has no identifier of type NHS.
    #[error("no NHS number")]
    NoNumber,
    /// Not ten digits, or another check digit.
    #[error("wrong check digit: the NHS number is not ten digits with the right last one")]
    CheckDigit,
    /// A policy is named that is not in the file.
    #[error("names a confidentiality policy that it does not hold")]
    AbsentPolicy,
}

impl Holdings {
    /// The built-in patients of the demo (CONTRACT section 12), their dates counted back from `today`.
    #[must_use]
    pub fn builtin(today: Date) -> Self {
        let mut holdings = Self::default();
        for holding in builtin::patients(today) {
            holdings.add(holding);
        }
        holdings
    }

    /// Reads a folder of OpenHR files (WIRE section 9). A number outside the 999 range is allowed only if told so, and
    /// then logged as a warning by the name of its file.
    ///
    /// # Errors
    /// Every problem, by file name and reason.
    pub fn from_folder(folder: &std::path::Path, allow_any_number: bool) -> Result<Self, Vec<String>> {
        folder::read(folder, allow_any_number)
    }

    /// Holds one more patient; of two with one number the first stays.
    ///
    /// Returns whether it was held.
    pub fn add(&mut self, holding: Holding) -> bool {
        if self.places.contains_key(&holding.nhs_number) {
            return false;
        }
        self.places.insert(holding.nhs_number.clone(), self.list.len());
        self.list.push(holding);
        true
    }

    /// Every patient.
    pub fn iter(&self) -> impl Iterator<Item = &Holding> {
        self.list.iter()
    }

    /// The patient with this number.
    #[must_use]
    pub fn find(&self, nhs_number: &str) -> Option<&Holding> {
        self.list.get(*self.places.get(nhs_number)?)
    }

    fn find_mut(&mut self, nhs_number: &str) -> Option<&mut Holding> {
        self.list.get_mut(*self.places.get(nhs_number)?)
    }
}

impl Holding {
    /// Reads one whole record, with what its own elements say of practice, supplier and registration (WIRE section 9).
    ///
    /// # Errors
    /// When it cannot be held.
    pub fn read(xml: String) -> Result<Self, RecordError> {
        let whole = Whole::read(&xml).map_err(|error| {
            RecordError::NotOpenHr(match error {
                tree::TreeError::Malformed => "not OpenHR: not well-formed XML",
                tree::TreeError::Doctype => "not OpenHR: holds a document type declaration",
                tree::TreeError::Root => "not OpenHR: another root element",
                tree::TreeError::Crowded => return RecordError::Crowded,
            })
        })?;
        let facts = whole.facts.clone();
        let nhs_number = facts.nhs_number.clone().ok_or(RecordError::NoNumber)?;
        NhsNumber::parse(&nhs_number).ok_or(RecordError::CheckDigit)?;
        if facts.names_absent_policy {
            return Err(RecordError::AbsentPolicy);
        }
        let practice = facts.practice.clone().filter(|code| OdsCode::parse(code).is_some());
        let mut holding = Self {
            nhs_number,
            scenario: "record".to_owned(),
            description: "A record from a file".to_owned(),
            practice_name: practice.as_ref().and(facts.practice_name.clone()),
            practice,
            supplier: supplier(&facts).to_owned(),
            supplier_version: facts.system_version.clone(),
            registration: facts.registration.to_owned(),
            traced: true,
            opted_out: false,
            birth_date: facts.birth_date,
            restricted: facts.restricted,
            outcome: None,
            fault: None,
            delay_ms: 0,
            switches: Vec::new(),
            xml,
            whole,
        };
        holding.without_practice();
        Ok(holding)
    }

    /// No practice code known: registration unknown, whatever else says so (WIRE section 5).
    fn without_practice(&mut self) {
        if self.practice.is_none() {
            "unknown".clone_into(&mut self.registration);
        }
    }

    /// The name that the record itself has for a practice.
    fn name_of_practice(&self, code: &str) -> Option<String> {
        self.whole.facts.practice_names.iter().find(|(known, _)| known == code).map(|(_, name)| name.clone())
    }

    /// Cuts one view out of the whole record: an `openHealthRecord` element as XML text (no declaration).
    ///
    /// `range` is the request's `dateRange`; `today` and `recent_months` bound Summary's tests.
    #[must_use]
    pub fn cut(&self, view: View, range: (Option<Date>, Option<Date>), today: Date, recent_months: u8) -> String {
        let range = if view == View::PatientDetails { (None, None) } else { range };
        cut::cut(&self.whole, view, range, today, recent_months)
    }
}

fn supplier(facts: &Facts) -> &'static str {
    match facts.system_type.as_deref() {
        Some("EMISWEB" | "LV" | "GV" | "PCS") => "EMIS",
        Some("EXT") => {
            let name = facts.system_name.as_deref().unwrap_or("");
            SUPPLIERS.into_iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or("Other")
        }
        _ => "Other",
    }
}
