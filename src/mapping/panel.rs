//! Groups (batteries): the members of an Observation, as the child links order them, each once, parent to child only.

use super::maker::{Links, Maker};
use super::observation;
use crate::kinds::Kind;
use crate::record::Event;
use mig_fhir_model::types as fhir;

/// Members that are Observations of their own. Readings that are components of this very group are not members.
pub(super) fn members<'a>(
    maker: &mut Maker<'a>,
    links: &mut Links,
    at: usize,
    event: &'a Event,
) -> Vec<fhir::Reference> {
    let mut members: Vec<&'a str> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for child in &event.children {
        let Some(place) = maker.graph.event(child).filter(|place| *place != at) else { continue };
        if maker.shapes.get(place).is_some_and(|shape| shape.part_of == Some(at)) {
            continue;
        }
        if let Some(told) = observation::of(maker, child)
            && told != event.id
            && seen.insert(told)
        {
            members.push(told);
        }
    }
    members.into_iter().map(|member| *maker.refer(links, Kind::Observation, member)).collect()
}
