//! `adminDomain`: the patient, people, organisations, places and roles.

use super::model::{Code, Marks, PartialDate};

/// `patient`.
#[derive(Default, Clone)]
pub struct Patient {
    /// Its id.
    pub id: String,
    /// `patientIdentifier` of type NHS, digits as given.
    pub nhs_number: Option<String>,
    /// `patientPerson`.
    pub person: Option<String>,
    /// `registeredGPUserInRole`.
    pub registered_gp: Option<String>,
    /// `usualGPUserInRole`.
    pub usual_gp: Option<String>,
    /// `dateOfDeath`.
    pub date_of_death: Option<PartialDate>,
    /// `dead=true`.
    pub dead: bool,
    /// The organisation of the first `caseloadPatient`.
    pub caseload_organisation: Option<String>,
    /// `caseloadStatus` of the first `caseloadPatient`: REG, LEFT, DEAD.
    pub caseload_status: Option<String>,
    /// `patientType` of the first `caseloadPatient`: REG, TMP …
    pub patient_type: Option<String>,
    /// `patientType/@dummy`, or the type DUM: nobody, for practice or testing.
    pub dummy: bool,
    /// Whether the first `caseloadPatient` has a `dateEnded`.
    pub caseload_ended: bool,
    /// The policy on the whole record.
    pub marks: Marks,
}

/// `person`: the patient's, or a member of staff's.
#[derive(Default, Clone)]
pub struct Person {
    /// `birthDate`.
    pub birth_date: Option<time::Date>,
    /// `sex`: U, M, F, I.
    pub sex: Option<String>,
    /// `forenames`.
    pub forenames: Option<String>,
    /// `callingName`.
    pub calling_name: Option<String>,
    /// `surname`.
    pub surname: Option<String>,
    /// `title`.
    pub title: Option<String>,
    /// `address`.
    pub addresses: Vec<Address>,
}

/// `dt.Address`.
#[derive(Default, Clone)]
pub struct Address {
    /// `addressType`: H, W, TMP, L …
    pub kind: Option<String>,
    /// House or flat, street, village, in that order, blank ones left out.
    pub lines: Vec<String>,
    /// `town`.
    pub town: Option<String>,
    /// `county`.
    pub county: Option<String>,
    /// `postCode`.
    pub postcode: Option<String>,
    /// Deleted at the source.
    pub deleted: bool,
}

/// `organisation`.
#[derive(Default, Clone)]
pub struct Organisation {
    /// `name`.
    pub name: Option<String>,
    /// `nationalPracticeCode`: an ODS code.
    pub national_code: Option<String>,
    /// `organisationType`, text.
    pub kind: Option<String>,
    /// `mainLocation`.
    pub main_location: Option<String>,
}

/// `location`.
#[derive(Default, Clone)]
pub struct Location {
    /// `name`.
    pub name: Option<String>,
    /// `locationType`, text.
    pub kind: Option<String>,
    /// `address`.
    pub address: Option<Address>,
}

/// `user`.
#[derive(Default, Clone)]
pub struct User {
    /// `userPerson`.
    pub person: Option<String>,
}

/// `role`.
#[derive(Default, Clone)]
pub struct Role {
    /// `name`: the job title.
    pub name: Option<String>,
    /// `userCategory/@displayName`.
    pub category: Option<String>,
    /// `organisation`.
    pub organisation: Option<String>,
}

/// `userInRole`.
#[derive(Default, Clone)]
pub struct UserInRole {
    /// `user`.
    pub user: Option<String>,
    /// `role`.
    pub role: Option<String>,
    /// `userIdentifier`: type (GP, NAT, PRES, UKCC …) and value.
    pub identifiers: Vec<(String, String)>,
}

/// `localMixture`.
#[derive(Default, Clone)]
pub struct LocalMixture {
    /// `name`.
    pub name: Option<String>,
    /// `constituent`: preparation and strength.
    pub constituents: Vec<(Code, Option<String>)>,
}
