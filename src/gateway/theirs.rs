//! Whether a record that arrived is the one that was asked for (WIRE section 6). In doubt nothing is shown.

use super::GatewayError;
use crate::ids::NhsNumber;
use crate::record::Record;
use time::Date;

/// The record is this patient's, whole in what it refers to, and not under a restricted policy (WIRE section 6).
pub(super) fn is_theirs(record: &Record, patient: NhsNumber, birth_date: Option<Date>) -> Result<(), GatewayError> {
    let found = record.patient.as_ref().ok_or(GatewayError::Broken("record without patient"))?;
    if found.nhs_number.as_deref().and_then(NhsNumber::parse) != Some(patient) {
        return Err(GatewayError::Broken("record of another patient"));
    }
    let held = found.person.as_ref().and_then(|id| record.persons.get(id)).and_then(|person| person.birth_date);
    if let (Some(held), Some(asked)) = (held, birth_date)
        && held != asked
    {
        return Err(GatewayError::Broken("record of another birth date"));
    }
    if record.names_absent_policy {
        return Err(GatewayError::Broken("record names an absent policy"));
    }
    let policy = found.marks.policy.as_ref().and_then(|id| record.policies.get(id));
    if found.marks.hidden || found.marks.deleted || policy.is_some_and(|policy| policy.restricts) {
        return Err(GatewayError::UnknownPatient);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Patient, Person, Policy};
    use time::macros::date;

    fn asked() -> NhsNumber {
        NhsNumber::parse("9990000018").expect("a number")
    }

    fn record() -> Record {
        let patient =
            Patient { nhs_number: Some("9990000018".to_owned()), person: Some("p".to_owned()), ..Patient::default() };
        let person = Person { birth_date: Some(date!(1970 - 01 - 02)), ..Person::default() };
        Record { patient: Some(patient), persons: [("p".to_owned(), person)].into(), ..Record::default() }
    }

    fn with_policy(restricts: bool) -> Record {
        let mut record = record();
        record.policies.insert("c".to_owned(), Policy { restricts });
        record.patient.as_mut().expect("a patient").marks.policy = Some("c".to_owned());
        record
    }

    #[test]
    fn the_right_record_passes_with_a_birth_date_that_agrees_or_is_not_known() {
        assert!(is_theirs(&record(), asked(), None).is_ok());
        assert!(is_theirs(&record(), asked(), Some(date!(1970 - 01 - 02))).is_ok());
        assert!(is_theirs(&with_policy(false), asked(), None).is_ok());
        let mut undated = record();
        undated.persons.clear();
        assert!(is_theirs(&undated, asked(), Some(date!(1970 - 01 - 03))).is_ok());
    }

    #[test]
    fn a_record_of_another_patient_is_never_shown() {
        let mut other = record();
        other.patient.as_mut().expect("a patient").nhs_number = Some("9990000026".to_owned());
        let mut none = record();
        none.patient.as_mut().expect("a patient").nhs_number = None;
        for wrong in [other, none, Record::default()] {
            assert!(matches!(is_theirs(&wrong, asked(), None), Err(GatewayError::Broken(_))));
        }
        assert!(matches!(is_theirs(&record(), asked(), Some(date!(1970 - 01 - 03))), Err(GatewayError::Broken(_))));
    }

    #[test]
    fn an_absent_policy_breaks_the_contract_and_a_restricted_patient_is_unknown() {
        let absent = Record { names_absent_policy: true, ..record() };
        assert!(matches!(is_theirs(&absent, asked(), None), Err(GatewayError::Broken(_))));
        assert!(matches!(is_theirs(&with_policy(true), asked(), None), Err(GatewayError::UnknownPatient)));
    }
}
