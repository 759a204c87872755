//! Procedure: operations that were done (Read chapter 7 and the like), and what the Procedures view says is one.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | status | completed |
//! | code | code and term |
//! | performed | effectiveTime at its precision |
//! | recorder, asserter | enteredBy, authorising: who operated is not recorded |
//! | reasonReference | the problems that link to it |

use super::classify::Shape;
use super::maker::{Links, Maker};
use super::rules::Meaning;
use super::{codes, condition, dates, parts, tags};
use crate::kinds::Kind;
use crate::record::Event;
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, ProcedurePerformed};

pub(super) fn make<'a>(maker: &mut Maker<'a>, event: &'a Event, shape: &Shape) {
    let mut links = Links::default();
    let place = tags::place_procedure(shape.means(Meaning::Operation), maker.context.view);
    let id = maker.id(&event.id);
    let resource = resources::Procedure {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::Procedure), &place.tags)),
        status: "completed".into(),
        code: Some(Box::new(maker.concept(event))),
        subject: maker.subject(&mut links),
        encounter: maker.encounter(&mut links, &event.id),
        performed: event.effective.and_then(dates::date_time).map(|date| ProcedurePerformed::DateTime(date.into())),
        recorder: maker.staff(&mut links, event.entered_by.as_deref()),
        asserter: maker.staff(&mut links, event.authorising.as_deref()),
        reason_reference: maker.problems(&mut links, &event.id),
        note: codes::qualifiers(event.code.as_ref()).chain(condition::episodicity(event)).collect(),
        ..Default::default()
    };
    let problem = super::classify::is_problem(maker.record, event);
    maker.add(Kind::Procedure, id, Resource::Procedure(Box::new(resource)), place, problem, links);
}
