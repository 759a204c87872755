//! Location, read only by reference: name, kind and address of where an encounter took place.

use super::maker::{Links, Maker};
use super::parts::{self, joined, text};
use super::tags::Place;
use crate::kinds::Kind;
use crate::record::Address;
use mig_fhir_model::Resource;
use mig_fhir_model::{resources, types as fhir};

pub(super) fn make(maker: &mut Maker<'_>) {
    let record = maker.record;
    for id in std::mem::take(&mut maker.referred.locations) {
        let Some(location) = record.locations.get(id) else { continue };
        let logical = maker.id(id);
        let resource = resources::Location {
            id: Some(logical.as_str().into()),
            meta: Some(parts::meta(Some(Kind::Location), &[])),
            name: location.name.as_deref().and_then(text).map(Into::into),
            r#type: location.kind.as_deref().and_then(text).map(parts::worded).into_iter().collect(),
            address: location.address.as_ref().and_then(|found| address(found, None)).map(Box::new),
            ..Default::default()
        };
        let resource = Resource::Location(Box::new(resource));
        maker.add(Kind::Location, logical, resource, Place::default(), false, Links::default());
    }
}

/// An address; absent when nothing of it is recorded.
pub(super) fn address(address: &Address, purpose: Option<&str>) -> Option<fhir::Address> {
    let part = |part: &Option<String>| part.as_deref().and_then(text);
    let said = fhir::Address {
        r#use: purpose.map(Into::into),
        line: address.lines.iter().filter_map(|line| text(line)).map(Into::into).collect(),
        city: part(&address.town).map(Into::into),
        district: part(&address.county).map(Into::into),
        postal_code: part(&address.postcode).map(Into::into),
        ..Default::default()
    };
    let all = [&address.town, &address.county, &address.postcode].map(Option::as_deref);
    let some = !said.line.is_empty() || joined(all).is_some();
    some.then_some(said)
}
