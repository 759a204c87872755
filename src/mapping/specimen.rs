//! Specimen, read only by reference: what was tested, of a report. One whose tests are all absent is absent with them, since
//! its kind alone would tell what they were.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | type | specimenType, as text |
//! | subject | the patient |
//! | collection | sampleDateTime, or collectionStartDate to collectionEndDate; volume |
//! | receivedTime | dateTimeReceivedByLab |

use super::maker::{Links, Maker};
use super::tags::Place;
use super::{dates, observation, parts, quantity};
use crate::ids::LogicalId;
use crate::kinds::Kind;
use crate::record::{Event, PartialDate, Specimen};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, SpecimenCollection, SpecimenCollectionCollected};

/// The specimens of a report that have a test which is made.
pub(super) fn of_report<'a>(maker: &mut Maker<'a>, event: &'a Event) -> Vec<(LogicalId, &'a Specimen)> {
    let mut made = Vec::new();
    let specimens = event.report.iter().flat_map(|report| &report.specimens);
    for (number, specimen) in (0..=u8::MAX).zip(specimens) {
        if specimen.members.iter().any(|member| observation::of(maker, member).is_some()) {
            made.extend(maker.specimen_id(&event.id, number).map(|id| (id, specimen)));
        }
    }
    made
}

/// When it was taken.
pub(super) fn taken(specimen: &Specimen) -> Option<PartialDate> {
    specimen.sampled.or(specimen.collection_start)
}

pub(super) fn make(maker: &mut Maker<'_>, id: LogicalId, specimen: &Specimen) {
    let mut links = Links::default();
    let collected = if let Some(date) = specimen.sampled.and_then(dates::date_time) {
        Some(SpecimenCollectionCollected::DateTime(date.into()))
    } else {
        let (period, inverted) = parts::period(specimen.collection_start, specimen.collection_end);
        if inverted {
            maker.degrade("period-inverted");
        }
        period.map(SpecimenCollectionCollected::Period)
    };
    let volume = specimen.volume.as_deref().and_then(quantity::decimal);
    let volume = volume.map(|volume| Box::new(quantity::quantity(volume, specimen.volume_units.as_deref(), None)));
    let collection = (collected.is_some() || volume.is_some()).then(|| SpecimenCollection {
        collected,
        quantity: volume,
        ..Default::default()
    });
    let resource = resources::Specimen {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::Specimen), &[])),
        r#type: specimen.kind.as_deref().and_then(parts::text).map(|words| Box::new(parts::worded(words))),
        subject: Some(maker.subject(&mut links)),
        received_time: specimen.received.and_then(dates::date_time).map(Into::into),
        collection,
        ..Default::default()
    };
    maker.add(Kind::Specimen, id, Resource::Specimen(Box::new(resource)), Place::default(), false, links);
}
