//! What an entry says in a word that FHIR is not told: one that no row of its table has. Counted by a fixed word, since what
//! stands in place of an enumeration may be anything and stays behind. Called once for each entry of which a resource is made.

use super::concept_map::{self, Map};
use super::maker::Maker;
use super::{condition, diagnostic_report, prescription, quantity, service_request};
use crate::record::{Event, Supply};

pub(super) fn count(maker: &mut Maker<'_>, event: &Event) {
    let problem = maker.record.problems.get(&event.id).filter(|problem| !problem.deleted);
    let mut count = |what, unsaid| {
        if unsaid {
            maker.degrade(what);
        }
    };
    let unknown = |map, word: Option<&str>| word.is_some_and(|word| concept_map::row(map, word).is_none());
    count("episodicity", unknown(Map::Episodicity, event.episodicity.as_deref()));
    count("result-status", unknown(Map::ResultStatus, event.result_status.as_deref()));
    let range = event.value.as_ref().and_then(quantity::range_of);
    count("range-qualifier", unknown(Map::RangeQualifier, range.and_then(|range| range.qualifier.as_deref())));
    let supply = |supply: &Supply| supply.prescription_type.is_some() && prescription::type_name(supply).is_none();
    let reason = |reason: Option<&str>| reason.is_some_and(|reason| prescription::reason(reason).is_none());
    if let Some(plan) = event.medication.as_deref() {
        count("prescription-type", supply(&plan.supply));
        count("drug-status", unknown(Map::DrugStatus, plan.status.as_deref()));
        count("cancellation-reason", reason(plan.cancellation_reason.as_deref()));
    }
    if let Some(issue) = event.issue.as_deref() {
        count("prescription-type", supply(&issue.supply));
        count("cancellation-reason", reason(issue.cancellation_reason.as_deref()));
    }
    if let Some(report) = &event.report {
        count("report-type", report.data_type.is_some() && !diagnostic_report::says_type(report));
    }
    if let Some(referral) = event.referral.as_deref() {
        service_request::count_unsaid(referral, &mut count);
    }
    if let Some(problem) = problem {
        condition::count_unsaid(problem, &mut count);
    }
}
