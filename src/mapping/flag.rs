//! Flag: contraindications, and alerts. Never an `AllergyIntolerance`. UK Core 2.0.2 has no profile of it, so none is
//! claimed.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | status | active: neither has an end |
//! | category | safety |
//! | code | code and term |
//! | period.start | effectiveTime at its precision |
//! | encounter, author | the encounter whose component it is, authorising |

use super::classify::Shape;
use super::maker::{Links, Maker};
use super::rules::Meaning;
use super::{parts, tags};
use crate::kinds::Kind;
use crate::record::Event;
use mig_fhir_model::Resource;
use mig_fhir_model::resources;

pub(super) fn make<'a>(maker: &mut Maker<'a>, event: &'a Event, shape: &Shape) {
    let mut links = Links::default();
    let place = tags::place_flag(shape.means(Meaning::Contraindication));
    if event.code.as_ref().is_some_and(|code| !code.qualifiers.is_empty()) {
        // A Flag has no note.
        maker.degrade("flag-qualifier");
    }
    let (period, _) = parts::period(event.effective, None);
    let category = "http://terminology.hl7.org/CodeSystem/flag-category";
    let id = maker.id(&event.id);
    let resource = resources::Flag {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(None, &place.tags)),
        status: "active".into(),
        category: vec![parts::concept(category, "safety", Some("Safety"))],
        code: Box::new(maker.concept(event)),
        subject: maker.subject(&mut links),
        period,
        encounter: maker.encounter(&mut links, &event.id),
        author: maker.staff(&mut links, event.authorising.as_deref()),
        ..Default::default()
    };
    let problem = super::classify::is_problem(maker.record, event);
    maker.add(Kind::Flag, id, Resource::Flag(Box::new(resource)), place, problem, links);
}
