//! `adminDomain`: the patient, people, organisations, places, roles, policies. Of two with one id the first is kept.

use super::cursor::{Cursor, Tag};
use super::{Building, ReadError, scalars};
use crate::record::{
    Address, LocalMixture, Location, Marks, Organisation, Patient, Person, Policy, Role, User, UserInRole,
};
use std::collections::BTreeMap;

pub(super) fn domain(cursor: &mut Cursor<'_>, building: &mut Building) -> Result<(), ReadError> {
    while let Some(tag) = cursor.child()? {
        let record = &mut building.record;
        match tag.name() {
            "person" => keep(cursor, &mut record.persons, person)?,
            "patient" => patient(cursor, &tag, building)?,
            "organisation" => keep(cursor, &mut record.organisations, organisation)?,
            "location" => keep(cursor, &mut record.locations, location)?,
            "user" => keep(cursor, &mut record.users, user)?,
            "role" => keep(cursor, &mut record.roles, role)?,
            "userInRole" => keep(cursor, &mut record.users_in_role, user_in_role)?,
            "localMixture" => keep(cursor, &mut record.mixtures, mixture)?,
            "confidentialityPolicy" => {
                if let (Some(id), read) = policy(cursor)? {
                    // Of two policies with one id the stricter stands.
                    record.policies.entry(id).or_default().restricts |= read.restricts;
                }
            }
            "auditTrail" => cursor.skip()?,
            _ => cursor.skip_unknown()?,
        }
    }
    Ok(())
}

type Identified<T> = (Option<String>, T);

fn keep<T>(
    cursor: &mut Cursor<'_>,
    into: &mut BTreeMap<String, T>,
    read: fn(&mut Cursor<'_>) -> Result<Identified<T>, ReadError>,
) -> Result<(), ReadError> {
    let (id, value) = read(cursor)?;
    match id {
        None => cursor.odd("admin-without-id"),
        Some(id) if into.contains_key(&id) => cursor.odd("admin-duplicate"),
        Some(id) => {
            into.insert(id, value);
        }
    }
    Ok(())
}

/// Notes the policy that an item names. An element that names none counts as one that is absent from the record.
pub(super) fn named_policy(
    cursor: &mut Cursor<'_>,
    marks: &mut Marks,
    named: &mut std::collections::HashSet<String>,
) -> Result<(), ReadError> {
    let id = cursor.id()?.unwrap_or_default();
    if !named.contains(&id) {
        named.insert(id.clone());
    }
    match &marks.policy {
        None => marks.policy = Some(id),
        Some(first) if *first == id => {}
        // The schema allows one. Which of two holds cannot be told, so the item is treated as marked.
        Some(_) => {
            cursor.odd("second-policy");
            marks.hidden = true;
        }
    }
    Ok(())
}

/// `updateMode` and `auditDeleteDate`.
pub(super) fn is_deleted(tag: &Tag<'_>) -> Result<bool, ReadError> {
    let mut deleted = false;
    tag.attributes(|key, value| {
        deleted |= match key {
            "updateMode" => value.eq_ignore_ascii_case("delete"),
            "auditDeleteDate" => !value.is_empty(),
            _ => false,
        };
    })?;
    Ok(deleted)
}

fn patient(cursor: &mut Cursor<'_>, tag: &Tag<'_>, building: &mut Building) -> Result<(), ReadError> {
    let mut patient = Patient::default();
    patient.marks.deleted = is_deleted(tag)?;
    let mut caseloads = 0_u32;
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => patient.id = cursor.id()?.unwrap_or_default(),
            "patientIdentifier" => {
                let (kind, value) = identifier(cursor, &tag)?;
                if patient.nhs_number.is_none() && kind.as_deref() == Some("NHS") {
                    patient.nhs_number = value.map(|text| text.chars().filter(|c| *c != ' ').collect());
                }
            }
            "patientPerson" => patient.person = cursor.id()?,
            "registeredGPUserInRole" => patient.registered_gp = cursor.id()?,
            "usualGPUserInRole" => patient.usual_gp = cursor.id()?,
            "dateOfDeath" => patient.date_of_death = cursor.partial(&tag)?,
            "dead" => patient.dead = cursor.boolean()?.unwrap_or(false),
            "confidentialityPolicy" => named_policy(cursor, &mut patient.marks, &mut building.named_policies)?,
            "caseloadPatient" if caseloads == 0 => {
                caseloads += 1;
                caseload(cursor, &mut patient)?;
            }
            _ => cursor.skip()?,
        }
    }
    if building.record.patient.is_some() {
        cursor.odd("second-patient");
    } else {
        building.record.patient = Some(patient);
    }
    Ok(())
}

fn caseload(cursor: &mut Cursor<'_>, patient: &mut Patient) -> Result<(), ReadError> {
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "organisation" => patient.caseload_organisation = cursor.id()?,
            "dateEnded" => {
                let marked = tag.attribute("value")?.is_some();
                patient.caseload_ended = cursor.text()?.is_some() || marked;
            }
            "patientStatus" => {
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "caseloadStatus" => patient.caseload_status = cursor.token()?,
                        _ => cursor.skip()?,
                    }
                }
            }
            "patientType" => {
                let said = tag.attribute("dummy")?;
                let marked = cursor.kept(said, "boolean", scalars::boolean).unwrap_or(false);
                patient.patient_type = cursor.token()?;
                patient.dummy = marked || patient.patient_type.as_deref() == Some("DUM");
            }
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

/// `dt.PatientIdentifier` and `dt.UserIdentifier`, with its parts as elements or as attributes.
fn identifier(cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<(Option<String>, Option<String>), ReadError> {
    let (mut kind, mut value) = (tag.token("identifierType")?, tag.token("value")?);
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "identifierType" => kind = cursor.token()?,
            "value" => value = cursor.token()?,
            _ => cursor.skip()?,
        }
    }
    Ok((kind, value))
}

fn person(cursor: &mut Cursor<'_>) -> Result<Identified<Person>, ReadError> {
    let (mut id, mut person) = (None, Person::default());
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => id = cursor.id()?,
            "birthDate" => person.birth_date = cursor.date()?,
            "sex" => person.sex = cursor.token()?,
            "forenames" => person.forenames = cursor.token()?,
            "callingName" => person.calling_name = cursor.token()?,
            "surname" => person.surname = cursor.token()?,
            "title" => person.title = cursor.token()?,
            "address" => person.addresses.push(address(cursor, &tag)?),
            _ => cursor.skip()?,
        }
    }
    Ok((id, person))
}

fn address(cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<Address, ReadError> {
    let mut address = Address { deleted: is_deleted(tag)?, ..Address::default() };
    let mut lines = [None, None, None];
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "addressType" => address.kind = cursor.token()?,
            "postCode" => address.postcode = cursor.token()?,
            "houseNameFlat" => lines[0] = cursor.token()?,
            "street" => lines[1] = cursor.token()?,
            "village" => lines[2] = cursor.token()?,
            "town" => address.town = cursor.token()?,
            "county" => address.county = cursor.token()?,
            _ => cursor.skip()?,
        }
    }
    address.lines = lines.into_iter().flatten().collect();
    Ok(address)
}

fn organisation(cursor: &mut Cursor<'_>) -> Result<Identified<Organisation>, ReadError> {
    let (mut id, mut organisation) = (None, Organisation::default());
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => id = cursor.id()?,
            "name" => organisation.name = cursor.token()?,
            "nationalPracticeCode" => organisation.national_code = cursor.token()?,
            "organisationType" => organisation.kind = label(cursor, &tag)?,
            "mainLocation" => organisation.main_location = cursor.id()?,
            _ => cursor.skip()?,
        }
    }
    Ok((id, organisation))
}

/// A code used as a word: its display name, or its text where the source writes text.
fn label(cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<Option<String>, ReadError> {
    let display = tag.token("displayName")?;
    Ok(cursor.token()?.or(display))
}

fn location(cursor: &mut Cursor<'_>) -> Result<Identified<Location>, ReadError> {
    let (mut id, mut location) = (None, Location::default());
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => id = cursor.id()?,
            "name" => location.name = cursor.token()?,
            "locationType" => location.kind = label(cursor, &tag)?,
            "address" => location.address = Some(address(cursor, &tag)?),
            _ => cursor.skip()?,
        }
    }
    Ok((id, location))
}

fn user(cursor: &mut Cursor<'_>) -> Result<Identified<User>, ReadError> {
    let (mut id, mut user) = (None, User::default());
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => id = cursor.id()?,
            "userPerson" => user.person = cursor.id()?,
            _ => cursor.skip()?,
        }
    }
    Ok((id, user))
}

fn role(cursor: &mut Cursor<'_>) -> Result<Identified<Role>, ReadError> {
    let (mut id, mut role) = (None, Role::default());
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => id = cursor.id()?,
            "name" => role.name = cursor.token()?,
            "userCategory" => role.category = label(cursor, &tag)?,
            "organisation" => role.organisation = cursor.id()?,
            _ => cursor.skip()?,
        }
    }
    Ok((id, role))
}

fn user_in_role(cursor: &mut Cursor<'_>) -> Result<Identified<UserInRole>, ReadError> {
    let (mut id, mut user) = (None, UserInRole::default());
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => id = cursor.id()?,
            "user" => user.user = cursor.id()?,
            "role" => user.role = cursor.id()?,
            "userIdentifier" => {
                if let (Some(kind), Some(value)) = identifier(cursor, &tag)? {
                    user.identifiers.push((kind, value));
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok((id, user))
}

fn mixture(cursor: &mut Cursor<'_>) -> Result<Identified<LocalMixture>, ReadError> {
    let (mut id, mut mixture) = (None, LocalMixture::default());
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => id = cursor.id()?,
            "name" => mixture.name = cursor.token()?,
            "constituent" => {
                let (mut preparation, mut strength) = (None, None);
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "preparation" => preparation = super::values::code(cursor, &tag)?,
                        "strength" => strength = cursor.token()?,
                        _ => cursor.skip()?,
                    }
                }
                if let Some(preparation) = preparation {
                    mixture.constituents.push((preparation, strength));
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok((id, mixture))
}

fn policy(cursor: &mut Cursor<'_>) -> Result<Identified<Policy>, ReadError> {
    let (mut id, mut policy) = (None, Policy::default());
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "id" => id = cursor.id()?,
            "restrictToOrganisation" => policy.restricts |= cursor.guard()?,
            "userCategory" => {
                policy.restricts = true;
                cursor.skip()?;
            }
            _ => cursor.skip()?,
        }
    }
    Ok((id, policy))
}
