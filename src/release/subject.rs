//! The exclusion list put to one entry: every coding that it carries, and every term.

use super::exclusions::{ExclusionEntry, Exclusions, is_known};
use crate::record::{Code, Encounter, Event, LocalMixture, Supply, Value};
use std::collections::BTreeMap;

/// A plan or an issue: for these an excluded qualifier goes, and the drug stays.
pub(super) fn is_drug(event: &Event) -> bool {
    matches!(event.kind.as_str(), "MED" | "ISS") || event.medication.is_some() || event.issue.is_some()
}

/// What of an entry the list names.
#[derive(Clone, Copy)]
pub(super) enum Hit<'l> {
    /// A coding.
    Coding(&'l ExclusionEntry),
    /// A term.
    Term(&'l ExclusionEntry),
    /// The name or code of a medicine.
    Medicine(&'l ExclusionEntry),
}

impl<'l> Hit<'l> {
    /// The line of the list.
    pub(super) fn line(self) -> &'l ExclusionEntry {
        match self {
            Self::Coding(line) | Self::Term(line) | Self::Medicine(line) => line,
        }
    }
}

/// Whether no coding of an entry is of a known code system; never of what safety rests on, and what is filed as such.
pub(super) fn has_unknown_code(event: &Event) -> bool {
    let never = is_drug(event) || matches!(event.kind.as_str(), "ALL" | "IMM") || event.target_drug.is_some();
    !never && !event.code.as_ref().is_some_and(|code| has_known_code(code) || is_allergy(code))
}

fn has_known_code(code: &Code) -> bool {
    code.code.as_deref().is_some_and(|text| is_known(code.system.as_deref(), text))
        || code.translations.iter().any(has_known_code)
}

/// EMIS's own lists of allergies, which have no identifier: `EMISNONDRUGALLERGY` and their like.
fn is_allergy(code: &Code) -> bool {
    let named = |system: &str| system.to_ascii_uppercase().contains("ALLERG");
    code.system.as_deref().is_some_and(named) || code.translations.iter().any(is_allergy)
}

/// The line of the list that withholds the entry as a whole.
pub(super) fn entry_hit<'l>(
    event: &Event,
    mixtures: &BTreeMap<String, LocalMixture>,
    exclusions: &'l Exclusions,
) -> Option<Hit<'l>> {
    let qualifiers = if is_drug(event) { Qualifiers::Spared } else { Qualifiers::Tested };
    let of_text = |text: &str| exclusions.term(text).map(Hit::Term);
    let range = event.value.as_ref().and_then(|value| {
        let (Value::Text { range, .. } | Value::Numeric { range, .. }) = value;
        range.as_deref()
    });
    let value = event.value.as_ref().and_then(|value| match value {
        Value::Text { value, .. } => Some(value.as_str()),
        Value::Numeric { units, .. } => units.as_deref(),
    });
    let texts = [
        value,
        range.and_then(|range| range.text.as_deref()),
        range.and_then(|range| range.units.as_deref()),
        event.abnormal.as_ref().and_then(|(_, description)| description.as_deref()),
        event.referral.as_ref().and_then(|referral| referral.speciality.as_deref()),
    ];
    let specimens = event.report.iter().flat_map(|report| &report.specimens);
    let of_specimens = specimens.flat_map(|specimen| [&specimen.kind, &specimen.volume_units]).flatten();
    let mut texts = texts.into_iter().flatten().chain(of_specimens.map(String::as_str));
    let of_mixture = |mixture: &LocalMixture| {
        mixture.name.as_deref().and_then(of_text).or_else(|| {
            mixture.constituents.iter().find_map(|(code, _)| code_hit(code, Qualifiers::Tested, exclusions))
        })
    };
    let mut codes = event.code.iter().chain(event.target_drug.as_deref());
    codes
        .find_map(|code| code_hit(code, qualifiers, exclusions))
        .or_else(|| event.term.as_deref().and_then(of_text))
        .or_else(|| {
            let judged = exclusions.judges_medicines() && is_drug(event);
            judged.then(|| medicine_hit(event, mixtures, exclusions)).flatten()
        })
        .or_else(|| texts.find_map(of_text))
        .or_else(|| {
            // A drug loses the text and stays.
            let tested = if is_drug(event) { &[] } else { event.associated_texts.as_slice() };
            tested.iter().find_map(|text| of_text(text))
        })
        .or_else(|| supplies(event).filter_map(|supply| mixtures.get(supply.mixture.as_ref()?)).find_map(of_mixture))
}

/// The line that names this medicine, where the settings withhold medicines that point to a topic.
fn medicine_hit<'l>(
    event: &Event,
    mixtures: &BTreeMap<String, LocalMixture>,
    exclusions: &'l Exclusions,
) -> Option<Hit<'l>> {
    let mixed = || supplies(event).filter_map(|supply| mixtures.get(supply.mixture.as_ref()?));
    let mut codes =
        event.code.iter().chain(mixed().flat_map(|mixture| mixture.constituents.iter().map(|(code, _)| code)));
    let mut names = event.term.iter().chain(mixed().filter_map(|mixture| mixture.name.as_ref()));
    let by_code = codes.find_map(|code| medicine_line(code, exclusions));
    by_code.or_else(|| names.find_map(|name| exclusions.medicine_name(name))).map(Hit::Medicine)
}

fn medicine_line<'l>(code: &Code, exclusions: &'l Exclusions) -> Option<&'l ExclusionEntry> {
    let own = code.code.as_deref().and_then(|text| exclusions.medicine_coding(code.system.as_deref(), text));
    own.or_else(|| code.display.as_deref().and_then(|name| exclusions.medicine_name(name)))
        .or_else(|| code.translations.iter().find_map(|code| medicine_line(code, exclusions)))
}

/// The line of the list that withholds the consultation itself.
pub(super) fn encounter_hit<'l>(encounter: &Encounter, exclusions: &'l Exclusions) -> Option<Hit<'l>> {
    let by_kind = encounter.consultation_type.as_deref().and_then(|term| exclusions.term(term).map(Hit::Term));
    let place = encounter.location_type.as_ref();
    by_kind.or_else(|| place.and_then(|code| code_hit(code, Qualifiers::Tested, exclusions)))
}

/// The lines of the list for which a drug that stays loses a qualifier or a text.
pub(super) fn drug_loses<'l>(event: &Event, exclusions: &'l Exclusions) -> Vec<Hit<'l>> {
    fn of_code<'l>(code: &Code, exclusions: &'l Exclusions, into: &mut Vec<Hit<'l>>) {
        let parts = |(name, value): &(Code, Code)| {
            [name, value].into_iter().find_map(|code| code_hit(code, Qualifiers::Tested, exclusions))
        };
        into.extend(code.qualifiers.iter().filter_map(parts));
        code.translations.iter().for_each(|code| of_code(code, exclusions, into));
    }
    let mut lost = Vec::new();
    event.code.iter().chain(event.target_drug.as_deref()).for_each(|code| of_code(code, exclusions, &mut lost));
    let texts = supplies(event).flat_map(|supply| [&supply.dosage, &supply.unit, &supply.quantity_text]);
    lost.extend(texts.flatten().chain(&event.associated_texts).filter_map(|text| exclusions.term(text).map(Hit::Term)));
    lost
}

/// Takes excluded qualifiers and texts off a drug that stays.
pub(super) fn strip_drug(event: &mut Event, exclusions: &Exclusions) {
    for code in event.code.iter_mut().chain(event.target_drug.as_deref_mut()) {
        strip_qualifiers(code, exclusions);
    }
    event.associated_texts.retain(|text| !exclusions.excludes_term(text));
    let medication = event.medication.as_mut().map(|medication| &mut medication.supply);
    let issue = event.issue.as_mut().map(|issue| &mut issue.supply);
    for supply in [medication, issue].into_iter().flatten() {
        for text in [&mut supply.dosage, &mut supply.unit, &mut supply.quantity_text] {
            if text.as_deref().is_some_and(|text| exclusions.excludes_term(text)) {
                *text = None;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Qualifiers {
    Tested,
    Spared,
}

/// Nests as deep as the reader allowed.
fn code_hit<'l>(code: &Code, qualifiers: Qualifiers, exclusions: &'l Exclusions) -> Option<Hit<'l>> {
    let own = code.code.as_deref().and_then(|text| exclusions.coding(code.system.as_deref(), text).map(Hit::Coding));
    own.or_else(|| code.display.as_deref().and_then(|text| exclusions.term(text).map(Hit::Term)))
        .or_else(|| code.translations.iter().find_map(|code| code_hit(code, qualifiers, exclusions)))
        .or_else(|| {
            let tested = (qualifiers == Qualifiers::Tested).then_some(&code.qualifiers);
            let mut parts = tested.into_iter().flatten().flat_map(|(name, value)| [name, value]);
            parts.find_map(|code| code_hit(code, qualifiers, exclusions))
        })
}

fn strip_qualifiers(code: &mut Code, exclusions: &Exclusions) {
    code.qualifiers.retain(|(name, value)| {
        ![name, value].into_iter().any(|code| code_hit(code, Qualifiers::Tested, exclusions).is_some())
    });
    for translation in &mut code.translations {
        strip_qualifiers(translation, exclusions);
    }
}

fn supplies(event: &Event) -> impl Iterator<Item = &Supply> {
    let plan = event.medication.as_ref().map(|medication| &medication.supply);
    plan.into_iter().chain(event.issue.as_ref().map(|issue| &issue.supply))
}
