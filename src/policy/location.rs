//! Where the record is, as `locatePatient` says it. Anything missing or outside its list fails closed.

use crate::ids::OdsCode;
use crate::kinds::words;

/// The answer of `locatePatient`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The practice, where registered.
    pub practice: Option<OdsCode>,
    /// Its name.
    pub practice_name: Option<String>,
    /// The system that keeps the record.
    pub supplier: Supplier,
    /// How the patient is registered.
    pub registration: Registration,
    /// Whether the NHS number is traced.
    pub traced: bool,
    /// Whether the patient opted out at the practice.
    pub opted_out: bool,
}

words! {
    /// The GP system's supplier (WIRE section 5).
    Supplier {
        Emis = "EMIS",
        SystmOne = "SystmOne",
        Vision = "Vision",
        Microtest = "Microtest",
        Other = "Other",
    }
}

words! {
    /// How the patient is registered there.
    Registration {
        Registered = "registered",
        Temporary = "temporary",
        Left = "left",
        Deceased = "deceased",
        Unknown = "unknown",
    }
}
