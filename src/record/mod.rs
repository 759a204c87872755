//! The legacy record in legacy words (OpenHR 2.1.1 to 2.1.10), as data.
//!
//! [`read`] is pure, bounded and streaming: it takes the bytes of one `openHealthRecord` and gives a [`Record`] or one
//! [`ReadError`], and keeps every entry it can: an odd value degrades that entry, never the record, and is counted in
//! [`Record::oddities`]. Nothing here decides what may leave; nothing here prints a value (`Record` and its parts have
//! no `Debug`).

mod admin;
mod drugs;
mod ledger;
mod model;
mod read;

pub use admin::{Address, LocalMixture, Location, Organisation, Patient, Person, Role, User, UserInRole};
pub use drugs::{Issue, Medication, Supply};
pub use ledger::{Fate, Ledger, Reason};
pub use model::{
    Code, Encounter, Event, Marks, PartialDate, Policy, Problem, Range, Record, Referral, Report, Specimen, Value,
};
pub use read::{Limits, ReadError, Reading, read, read_as};
