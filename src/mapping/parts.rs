//! The small parts that every resource is put together from.

use super::dates;
use crate::ids::LogicalId;
use crate::kinds::Kind;
use crate::record::PartialDate;
use mig_fhir_model::types as fhir;

/// The code system of view and sub-section tags (CONTRACT section 2).
pub(super) const VIEW: &str = "urn:x-mig-fhir:CodeSystem:view";

/// Text fit for a FHIR string: trimmed, line breaks kept, control characters gone; absent when nothing is left.
pub(super) fn text(raw: &str) -> Option<String> {
    let trimmed = raw.trim();
    let unfit = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if trimmed.is_empty() {
        return None;
    }
    if !trimmed.contains(unfit) {
        return Some(trimmed.to_owned());
    }
    let kept: String = trimmed.chars().filter(|c| !unfit(*c)).collect();
    Some(kept.trim().to_owned()).filter(|kept| !kept.is_empty())
}

/// `meta`: the profile that is met, the labels that say "view only", the view tags. Never `lastUpdated`.
pub(super) fn meta(profile: Option<Kind>, tags: &[&'static str]) -> Box<fhir::Meta> {
    let label = |code: &str| coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", code, None);
    Box::new(fhir::Meta {
        profile: profile
            .map(|kind| format!("https://fhir.hl7.org.uk/StructureDefinition/UKCore-{kind}").into())
            .into_iter()
            .collect(),
        security: vec![label("NOINTEGRATE"), label("DELAU")],
        tag: tags.iter().map(|tag| coding(VIEW, tag, None)).collect(),
        ..Default::default()
    })
}

/// One coding.
pub(super) fn coding(system: &str, code: &str, display: Option<&str>) -> fhir::Coding {
    fhir::Coding {
        system: Some(system.into()),
        code: Some(code.into()),
        display: display.map(Into::into),
        ..Default::default()
    }
}

/// A concept of one coding.
pub(super) fn concept(system: &str, code: &str, display: Option<&str>) -> fhir::CodeableConcept {
    fhir::CodeableConcept { coding: vec![coding(system, code, display)], ..Default::default() }
}

/// A concept of text alone.
pub(super) fn worded(words: String) -> fhir::CodeableConcept {
    fhir::CodeableConcept { text: Some(words.into()), ..Default::default() }
}

/// A literal reference.
pub(super) fn reference(kind: Kind, id: &LogicalId) -> fhir::Reference {
    fhir::Reference { reference: Some(format!("{kind}/{id}").into()), ..Default::default() }
}

/// One note.
pub(super) fn note(words: String) -> fhir::Annotation {
    fhir::Annotation { text: words.into(), ..Default::default() }
}

/// One extension.
pub(super) fn extension(url: &str, value: fhir::ExtensionValue) -> fhir::Extension {
    fhir::Extension { url: url.to_owned(), value: Some(value), ..Default::default() }
}

/// A period; an end before the start is dropped, never swapped (per-1). Says whether it was.
pub(super) fn period(start: Option<PartialDate>, end: Option<PartialDate>) -> (Option<Box<fhir::Period>>, bool) {
    let inverted = match (start, end) {
        // A start and an end on one day are told apart by their times, where both have one.
        (Some(PartialDate::Time(start)), Some(PartialDate::Time(end))) => end < start,
        (Some(start), Some(end)) => match (dates::first_day(start), dates::first_day(end)) {
            // Validators compare partial dates by what they share; a doubtful end is no end.
            (Some(first), Some(last)) => last < first && !same_part(start, end),
            _ => false,
        },
        _ => false,
    };
    let said = |date: Option<PartialDate>| date.and_then(dates::date_time).map(Into::into);
    let period = fhir::Period { start: said(start), end: said(end.filter(|_| !inverted)), ..Default::default() };
    let empty = period.start.is_none() && period.end.is_none();
    ((!empty).then(|| Box::new(period)), inverted)
}

fn same_part(start: PartialDate, end: PartialDate) -> bool {
    match end {
        PartialDate::Year(year) => dates::first_day(start).is_some_and(|day| day.year() == year),
        PartialDate::Month(year, month) => {
            dates::first_day(start).is_some_and(|day| day.year() == year && u8::from(day.month()) == month)
        }
        PartialDate::Day(_) | PartialDate::Time(_) => false,
    }
}

/// Words joined by one space, blank ones left out.
pub(super) fn joined<'t>(words: impl IntoIterator<Item = Option<&'t str>>) -> Option<String> {
    let words: Vec<&str> = words.into_iter().flatten().map(str::trim).filter(|word| !word.is_empty()).collect();
    text(&words.join(" "))
}
