//! Practitioner and `PractitionerRole`, read only by reference: who, in which role, where. Nothing private of theirs.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | `PractitionerRole` | userInRole: its user, role name and category, organisation |
//! | Practitioner | the user's person: name; userIdentifier of the professional registers |

use super::concept_map::{self, Map};
use super::maker::{Links, Maker};
use super::parts::{self, text};
use super::patient::name;
use super::tags::Place;
use crate::kinds::Kind;
use mig_fhir_model::Resource;
use mig_fhir_model::{resources, types as fhir};

pub(super) fn make(maker: &mut Maker<'_>) {
    for id in std::mem::take(&mut maker.referred.roles) {
        role(maker, id);
    }
    let record = maker.record;
    for (id, roles) in std::mem::take(&mut maker.referred.practitioners) {
        let person = record.users.get(id).and_then(|user| user.person.as_ref()).and_then(|id| record.persons.get(id));
        let mut identifiers: Vec<fhir::Identifier> = Vec::new();
        for (kind, value) in roles.iter().filter_map(|id| record.users_in_role.get(*id)).flat_map(|r| &r.identifiers) {
            let said = register(kind).zip(text(value)).map(|(system, value)| fhir::Identifier {
                system: Some(system.into()),
                value: Some(value.into()),
                ..Default::default()
            });
            identifiers.extend(said.filter(|said| !identifiers.contains(said)));
        }
        let logical = maker.id(id);
        let resource = resources::Practitioner {
            id: Some(logical.as_str().into()),
            meta: Some(parts::meta(Some(Kind::Practitioner), &[])),
            identifier: identifiers,
            name: person.and_then(|person| name(person, "official")).into_iter().collect(),
            ..Default::default()
        };
        let resource = Resource::Practitioner(Box::new(resource));
        maker.add(Kind::Practitioner, logical, resource, Place::default(), false, Links::default());
    }
}

fn role<'a>(maker: &mut Maker<'a>, id: &'a str) {
    let record = maker.record;
    let Some(user_in_role) = record.users_in_role.get(id) else { return };
    let mut links = Links::default();
    let user =
        user_in_role.user.as_ref().and_then(|user| record.users.get_key_value(user)).map_or(id, |(user, _)| user);
    maker.referred.practitioners.entry(user).or_default().insert(id);
    let practitioner = maker.refer(&mut links, Kind::Practitioner, user);
    let role = user_in_role.role.as_ref().and_then(|role| record.roles.get(role));
    let mut titles: Vec<String> =
        role.iter().flat_map(|role| [&role.name, &role.category]).filter_map(|t| text(t.as_deref()?)).collect();
    titles.dedup();
    let logical = maker.id(id);
    let resource = resources::PractitionerRole {
        id: Some(logical.as_str().into()),
        meta: Some(parts::meta(Some(Kind::PractitionerRole), &[])),
        practitioner: Some(practitioner),
        organization: maker.organisation(&mut links, role.and_then(|role| role.organisation.as_deref())),
        code: titles.into_iter().map(parts::worded).collect(),
        ..Default::default()
    };
    let resource = Resource::PractitionerRole(Box::new(resource));
    maker.add(Kind::PractitionerRole, logical, resource, Place::default(), false, links);
}

/// The identifier system of a professional register; other kinds of user identifier are not carried.
fn register(kind: &str) -> Option<&'static str> {
    concept_map::target(Map::UserIdentifier, kind).map(|register| register.code.as_str())
}
