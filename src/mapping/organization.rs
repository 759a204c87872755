//! Organization, read only by reference: name, ODS code, kind.

use super::maker::{Links, Maker};
use super::parts::{self, text};
use super::tags::Place;
use crate::ids::OdsCode;
use crate::kinds::Kind;
use crate::record::Organisation;
use mig_fhir_model::Resource;
use mig_fhir_model::{resources, types as fhir};

/// The legacy "id" of the practice as located, where the record does not hold it.
const PRACTICE: &str = "practice as located";

/// Whether it has a name or a code: an Organization needs one (org-1).
pub(super) fn is_sayable(organisation: &Organisation) -> bool {
    organisation.name.as_deref().and_then(text).is_some() || ods(organisation).is_some()
}

fn ods(organisation: &Organisation) -> Option<OdsCode> {
    OdsCode::parse(&organisation.national_code.as_deref()?.trim().to_ascii_uppercase())
}

/// The practice that keeps the record: the organisation of that code, else the practice as located.
pub(super) fn practice(
    maker: &mut Maker<'_>,
    links: &mut Links,
    caseload: Option<&str>,
) -> Option<Box<fhir::Reference>> {
    let record = maker.record;
    let located = OdsCode::parse(maker.context.practice.0);
    let is_located = |organisation: &Organisation| ods(organisation) == located;
    let known = caseload
        .and_then(|id| record.organisations.get_key_value(id))
        .filter(|(_, organisation)| is_located(organisation))
        .or_else(|| record.organisations.iter().find(|(_, organisation)| is_located(organisation)));
    if let (Some(_), Some((id, _))) = (&located, known) {
        return maker.organisation(links, Some(id));
    }
    located?;
    maker.referred.practice = true;
    Some(maker.refer(links, Kind::Organization, PRACTICE))
}

pub(super) fn make(maker: &mut Maker<'_>) {
    let record = maker.record;
    for id in std::mem::take(&mut maker.referred.organisations) {
        if let Some(organisation) = record.organisations.get(id) {
            one(maker, id, organisation);
        }
    }
    if maker.referred.practice {
        let (code, name) = maker.context.practice;
        let located =
            Organisation { name: name.map(str::to_owned), national_code: Some(code.to_owned()), ..Default::default() };
        one(maker, PRACTICE, &located);
    }
}

fn one<'a>(maker: &mut Maker<'a>, id: &'a str, organisation: &Organisation) {
    let logical = maker.id(id);
    let identifier = ods(organisation).map(|code| fhir::Identifier {
        system: Some("https://fhir.nhs.uk/Id/ods-organization-code".into()),
        value: Some(code.as_str().into()),
        ..Default::default()
    });
    let resource = resources::Organization {
        id: Some(logical.as_str().into()),
        meta: Some(parts::meta(Some(Kind::Organization), &[])),
        identifier: identifier.into_iter().collect(),
        r#type: organisation.kind.as_deref().and_then(text).map(parts::worded).into_iter().collect(),
        name: organisation.name.as_deref().and_then(text).map(Into::into),
        ..Default::default()
    };
    let resource = Resource::Organization(Box::new(resource));
    maker.add(Kind::Organization, logical, resource, Place::default(), false, Links::default());
}
