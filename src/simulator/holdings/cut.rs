//! Cuts one view out of a whole record (WIRE section 6).

use super::dates::{months_before, within};
use super::rules::RULES;
use super::whole::Whole;
use crate::kinds::View;
use time::Date;

/// A request's `dateRange`.
pub(super) type Range = (Option<Date>, Option<Date>);

/// The view as an `openHealthRecord` element.
pub(super) fn cut(whole: &Whole, view: View, range: Range, today: Date, recent_months: u8) -> String {
    let details = view == View::PatientDetails;
    let since = months_before(today, recent_months);
    let events = if details { Vec::new() } else { events(whole, view, range, today, since) };
    let holds = |place: u32| events.get(place as usize).copied().unwrap_or(false);
    let problems: Vec<_> = whole
        .problems
        .iter()
        .filter(|problem| holds(problem.event) && RULES.holds_problem(view, problem.status.as_deref()))
        .collect();
    let encounters: Vec<_> = whole
        .encounters
        .iter()
        .filter(|encounter| RULES.holds_encounters(view) && within(encounter.date, range) && !encounter.stranger)
        .collect();
    let chosen = || whole.events.iter().zip(&events).filter_map(|(event, held)| held.then_some(event));

    let mut named = Vec::new();
    named.extend(&whole.head_names);
    for entry in encounters.iter().copied().chain(chosen()) {
        named.extend(&entry.names);
    }
    for problem in &problems {
        named.extend(&problem.names);
    }

    let mut out = whole.head.clone();
    admin(whole, details, named, &mut out);
    if !encounters.is_empty() || chosen().next().is_some() || !problems.is_empty() {
        out.push_str("<healthDomain>");
        for fragment in encounters.iter().map(|e| &e.fragment).chain(chosen().map(|e| &e.fragment)) {
            out.push_str(whole.fragment(fragment));
        }
        for problem in &problems {
            out.push_str(whole.fragment(&problem.fragment));
        }
        out.push_str("</healthDomain>");
    }
    out.push_str("</openHealthRecord>");
    out
}

/// Which events the view holds.
fn events(whole: &Whole, view: View, range: Range, today: Date, since: Date) -> Vec<bool> {
    // Groups: an event brings its members and its parents, since half a battery would be another battery.
    let mut groups = vec![false; whole.groups];
    for event in &whole.events {
        let placing = event.placing;
        let taken = placing.always.has(view)
            || (placing.recent.has(view) && within(event.date, (Some(since), None)))
            || (placing.current.has(view) && event.current_until.is_some_and(|until| until >= today));
        if taken && let Some(group) = groups.get_mut(event.group) {
            *group = true;
        }
    }
    for problem in &whole.problems {
        if RULES.holds_problem(view, problem.status.as_deref())
            && let Some(group) = whole.events.get(problem.event as usize).and_then(|event| groups.get_mut(event.group))
        {
            *group = true;
        }
    }
    let mut held: Vec<bool> = whole
        .events
        .iter()
        .map(|event| groups.get(event.group).copied().unwrap_or(false) && within(event.date, range) && !event.stranger)
        .collect();
    // A member never comes without its parent, whatever the parent's date.
    let mut open: Vec<usize> = (0..held.len()).filter(|place| held.get(*place).copied().unwrap_or(false)).collect();
    while let Some(place) = open.pop() {
        for parent in whole.events.get(place).map(|event| event.parents.as_slice()).unwrap_or_default() {
            let parent = *parent as usize;
            if let Some(slot) = held.get_mut(parent).filter(|slot| !**slot) {
                *slot = true;
                open.push(parent);
            }
        }
    }
    held
}

/// Writes `adminDomain`: the patient, and what is named, and what that names.
fn admin(whole: &Whole, details: bool, mut open: Vec<u32>, out: &mut String) {
    let mut shown = vec![false; whole.admin.len()];
    if let Some(slot) = whole.patient.and_then(|patient| shown.get_mut(patient)) {
        *slot = true;
        let own = whole.patient.and_then(|patient| whole.admin.get(patient));
        match own {
            Some(patient) if details => open.extend(&patient.names),
            _ => open.extend(&whole.patient_brief_names),
        }
    }
    while let Some(place) = open.pop() {
        let Some(item) = whole.admin.get(place as usize).filter(|item| !item.is_patient) else { continue };
        if let Some(slot) = shown.get_mut(place as usize).filter(|slot| !**slot) {
            *slot = true;
            open.extend(&item.names);
        }
    }
    if !shown.contains(&true) {
        return;
    }
    out.push_str("<adminDomain>");
    for (place, item) in whole.admin.iter().enumerate().filter(|(place, _)| shown.get(*place).copied().unwrap_or(false))
    {
        let fragment = match &item.brief {
            _ if details => &item.fragment,
            _ if whole.patient == Some(place) => &whole.patient_brief,
            Some(brief) => brief,
            None => &item.fragment,
        };
        out.push_str(whole.fragment(fragment));
    }
    out.push_str("</adminDomain>");
}
