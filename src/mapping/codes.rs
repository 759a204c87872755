//! Codes: the scheme that a code truly belongs to, its URI, Read codes padded, original text kept, never an error.

use super::concept_map::{self, Map};
use super::parts::text;
use super::rules::{Known, Meaning, Meanings, rules};
use crate::record::{Code, Event};
use mig_fhir_model::types as fhir;
use std::borrow::Cow;

/// A code of one known scheme, or one that is kept as given.
pub(super) enum Scheme {
    Snomed,
    /// dm+d: SNOMED CT ids in the context of a medicine.
    Dmd,
    Read2,
    Ctv3,
    /// EMIS local and allergy codes, wherever they turn up.
    Egton,
    /// Another scheme that the ConceptMap has a URI for.
    Mapped(&'static str),
    /// Another OID, as it is.
    Oid(String),
    /// A name of the source's own list that has no public URI.
    Named(String),
    /// No system, or one that says it is unknown: text only.
    Unknown,
}

const SNOMED: &str = "2.16.840.1.113883.2.1.3.2.4.15";
const READ2: &str = "2.16.840.1.113883.2.1.6.2";
const CTV3: &str = "2.16.840.1.113883.2.1.3.2.4.14";
const EGTON: &str = "2.16.840.1.113883.2.1.6.3";
/// The attribute and its values by which SNOMED CT says how severe something is.
const SEVERITY: &str = "246112005";

impl Scheme {
    /// The URI; absent when there is none to give.
    fn uri(&self) -> Option<Cow<'static, str>> {
        let known = |word| concept_map::target(Map::CodeSystem, word).map(|uri| Cow::Borrowed(uri.code.as_str()));
        match self {
            Self::Snomed => known(SNOMED),
            Self::Dmd => {
                let row = concept_map::row(Map::CodeSystem, SNOMED)?;
                row.target_in("medicine").map(|uri| Cow::Borrowed(uri.code.as_str()))
            }
            Self::Read2 => known(READ2),
            Self::Ctv3 => known(CTV3),
            Self::Egton => known(EGTON),
            Self::Mapped(uri) => Some(Cow::Borrowed(uri)),
            Self::Oid(oid) => Some(Cow::Owned(format!("urn:oid:{oid}"))),
            Self::Named(name) => Some(Cow::Owned(format!("urn:x-mig-fhir:CodeSystem:openhr-{name}"))),
            Self::Unknown => None,
        }
    }
}

/// The scheme of a code, and the code as that scheme writes it. Absent when there is no code.
pub(super) fn scheme(code: &Code, drug: bool) -> Option<(Scheme, Cow<'_, str>)> {
    let value = code.code.as_deref().map(str::trim).filter(|value| !value.is_empty())?;
    let system = code.system.as_deref().map_or("", str::trim);
    let system = system.strip_prefix("urn:oid:").unwrap_or(system);
    let scheme = match system {
        SNOMED => snomed(value, drug),
        READ2 => return Some(read(value)),
        CTV3 => {
            let padded = if value.len() < 5 { Cow::Owned(format!("{value:.<5}")) } else { Cow::Borrowed(value) };
            return Some((Scheme::Ctv3, padded));
        }
        EGTON => match snomed(value, drug) {
            Scheme::Oid(_) => Scheme::Egton,
            numeric => numeric,
        },
        other => named(other),
    };
    Some((scheme, Cow::Borrowed(value)))
}

fn named(system: &str) -> Scheme {
    if let Some(row) = concept_map::row(Map::CodeSystem, system) {
        return row.target().map_or(Scheme::Unknown, |uri| Scheme::Mapped(&uri.code));
    }
    match system {
        "" => Scheme::Unknown,
        _ if system.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            let arcs = system.split('.');
            let sound = |arc: &str| arc == "0" || (!arc.is_empty() && !arc.starts_with('0'));
            let oid = system.starts_with(['0', '1', '2']) && arcs.clone().count() > 1 && arcs.clone().all(sound);
            if oid { Scheme::Oid(system.to_owned()) } else { Scheme::Unknown }
        }
        _ if system.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) => {
            Scheme::Named(system.to_owned())
        }
        _ => Scheme::Unknown,
    }
}

/// SNOMED CT, or dm+d where a medicine is meant; a number that is no SNOMED CT id stays under its OID.
fn snomed(value: &str, drug: bool) -> Scheme {
    if !is_sctid(value) {
        return Scheme::Oid(SNOMED.to_owned());
    }
    let long = value.len() > 2 && value.as_bytes().get(value.len() - 3) == Some(&b'1');
    let namespace = value.len().checked_sub(10).and_then(|start| value.get(start..start + 7));
    // dm+d ids have the short form or the namespace 1000001; 1000006 is EMIS's own, 1000000 the UK clinical extension.
    if drug && (!long || namespace == Some("1000001")) { Scheme::Dmd } else { Scheme::Snomed }
}

/// Read v2 padded to five with dots; the synonym suffix `-n` becomes the term code `1n`; EMIS local codes told apart.
fn read(value: &str) -> (Scheme, Cow<'_, str>) {
    let plain =
        |part: &str| (1..=5).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    if value.starts_with("EMIS") || value.starts_with("ALLERGY") || value.starts_with('^') {
        return (Scheme::Egton, Cow::Borrowed(value));
    }
    if plain(value) {
        let whole = value.len() == 5;
        return (Scheme::Read2, if whole { Cow::Borrowed(value) } else { Cow::Owned(format!("{value:.<5}")) });
    }
    if let Some((stem, synonym)) = value.split_once('-')
        && plain(stem)
        && synonym.len() == 1
        && synonym.bytes().all(|b| b.is_ascii_digit())
    {
        return (Scheme::Read2, Cow::Owned(format!("{stem:.<5}1{synonym}")));
    }
    // Seven characters are a five-byte code with its term code.
    let (stem, term) = (value.get(..5), value.get(5..));
    if stem.is_some_and(plain) && term.is_some_and(|t| t.len() == 2 && t.bytes().all(|b| b.is_ascii_alphanumeric())) {
        return (Scheme::Read2, Cow::Borrowed(value));
    }
    (Scheme::Egton, Cow::Borrowed(value))
}

/// Whether a number is the id of a SNOMED CT concept: length, no leading zero, partition 00 or 10, Verhoeff check digit.
/// The id of a description or a relationship is no code.
pub(super) fn is_sctid(text: &str) -> bool {
    if !(6..=18).contains(&text.len()) || text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    if !matches!(text.len().checked_sub(3).and_then(|at| text.get(at..text.len() - 1)), Some("00" | "10")) {
        return false;
    }
    crate::ids::has_verhoeff_check_digit(text)
}

/// The concept of an entry: its codings, the original first and marked as the user's choice, and the term as entered.
pub(super) fn concept(
    code: Option<&Code>,
    term: Option<&str>,
    drug: bool,
    degraded: &mut impl FnMut(&'static str),
) -> Option<fhir::CodeableConcept> {
    let mut codings: Vec<fhir::Coding> = Vec::new();
    for (at, code) in code.iter().flat_map(|code| std::iter::once(*code).chain(&code.translations)).enumerate() {
        let Some((scheme, value)) = scheme(code, drug) else { continue };
        if matches!(scheme, Scheme::Oid(_) | Scheme::Named(_) | Scheme::Unknown) {
            degraded("code-system");
        }
        let Some(uri) = scheme.uri() else { continue };
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let known = |c: &fhir::Coding| {
            c.code.as_ref().and_then(|c| c.value.as_deref()) == Some(&value)
                && c.system.as_ref().and_then(|s| s.value.as_deref()) == Some(&*uri)
        };
        if codings.iter().any(known) {
            continue;
        }
        codings.push(fhir::Coding {
            system: Some(uri.into_owned().into()),
            code: Some(value.into()),
            display: code.display.as_deref().and_then(text).map(Into::into),
            user_selected: Some((at == 0).into()),
            ..Default::default()
        });
    }
    let words = term
        .and_then(text)
        .or_else(|| code.and_then(display))
        .or_else(|| code.and_then(|code| code.code.as_deref()).and_then(text));
    (words.is_some() || !codings.is_empty()).then(|| fhir::CodeableConcept {
        coding: codings,
        text: words.map(Into::into),
        ..Default::default()
    })
}

/// The display of a code, or of the first translation that has one.
pub(super) fn display(code: &Code) -> Option<String> {
    std::iter::once(code).chain(&code.translations).find_map(|code| code.display.as_deref().and_then(text))
}

/// What a code and its translations are certain to mean; the group comes from the first that has one.
pub(super) fn known(code: &Code, drug: bool) -> Known {
    let mut known = Known::default();
    for code in std::iter::once(code).chain(&code.translations) {
        known.meanings.join(words(code.display.as_deref(), code.code.is_some()));
        let Some((scheme, value)) = scheme(code, drug) else { continue };
        let more = match scheme {
            Scheme::Read2 => rules().read(value.get(..5).unwrap_or(&value)),
            Scheme::Ctv3 => rules().ctv3(value.get(..5).unwrap_or(&value)),
            Scheme::Snomed => rules().snomed(&value, code.display.as_deref()),
            Scheme::Egton if value.starts_with("ALLERGY") || value.starts_with("EMISALLERGY") => allergy(false),
            Scheme::Named(name) if name.starts_with("EMIS") && name.ends_with("ALLERGY") => {
                allergy(concept_map::target(Map::AllergyCategory, &name).is_some())
            }
            _ => continue,
        };
        known.meanings.join(more.meanings);
        known.group = known.group.or(more.group);
        known.is_read |= more.is_read;
    }
    known
}

/// What a term says by itself. That no allergy is known is said by a code or not at all.
pub(super) fn words(term: Option<&str>, coded: bool) -> Meanings {
    let meanings = term.map(|term| rules().words(term.trim())).unwrap_or_default();
    if coded { meanings } else { meanings.without(Meaning::NoKnownAllergy) }
}

fn allergy(drug: bool) -> Known {
    let mut meanings = Meanings::default();
    meanings.add(Meaning::Allergy);
    if drug {
        meanings.add(Meaning::DrugAllergy);
    }
    Known { meanings, ..Known::default() }
}

/// How severe a qualifier says that it is: a coded SNOMED CT severity, and nothing else.
pub(super) fn severity(code: Option<&Code>) -> Option<(fhir::CodeableConcept, &'static concept_map::Target)> {
    code?.qualifiers.iter().find_map(|(name, value)| {
        let id = |code: &Code| {
            let codes = std::iter::once(code).chain(&code.translations).filter_map(|code| scheme(code, false));
            codes.filter(|(scheme, _)| matches!(scheme, Scheme::Snomed)).map(|(_, id)| id.into_owned()).next()
        };
        let severity =
            concept_map::target(Map::Severity, &id(value)?).filter(|_| id(name).as_deref() == Some(SEVERITY));
        Some((concept(Some(value), None, false, &mut |_| ())?, severity?))
    })
}

/// Qualifiers as notes, from coded names alone.
pub(super) fn qualifiers(code: Option<&Code>) -> impl Iterator<Item = fhir::Annotation> + '_ {
    code.into_iter().flat_map(|code| &code.qualifiers).filter_map(|(name, value)| {
        let value = display(value)?;
        let words = display(name).map_or_else(|| value.clone(), |name| format!("{name}: {value}"));
        Some(super::parts::note(words))
    })
}

/// The concept of an event that is not a medicine.
pub(super) fn of_event(event: &Event, degraded: &mut impl FnMut(&'static str)) -> Option<fhir::CodeableConcept> {
    concept(event.code.as_ref(), event.term.as_deref(), false, degraded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(system: &str, value: &str) -> Code {
        Code { code: Some(value.into()), system: Some(system.into()), ..Default::default() }
    }

    fn said(system: &str, value: &str, drug: bool) -> (String, String) {
        let code = code(system, value);
        let (scheme, value) = scheme(&code, drug).expect("a code");
        (scheme.uri().map(Cow::into_owned).unwrap_or_default(), value.into_owned())
    }

    const READ: &str = super::READ2;

    #[test]
    fn a_read_code_is_padded_and_its_synonym_becomes_a_term_code() {
        let read = "http://read.info/readv2".to_owned();
        for (raw, padded) in
            [("H43", "H43.."), ("246", "246.."), ("H06z0-1", "H06z011"), ("662-2", "662..12"), ("246..11", "246..11")]
        {
            assert_eq!(said(READ, raw, false), (read.clone(), padded.to_owned()));
        }
    }

    #[test]
    fn a_local_code_under_the_read_oid_is_told_apart_and_kept_whole() {
        let egton = "https://fhir.hl7.org.uk/Id/egton-codes";
        for raw in ["EMISNQAB12", "EMISHGT1", "^ESCTDI123456", "ALLERGY123"] {
            assert_eq!(said(READ, raw, false), (egton.to_owned(), raw.to_owned()));
        }
    }

    #[test]
    fn a_medicine_under_the_snomed_oid_is_dmd_and_an_emis_one_is_not() {
        assert_eq!(said(SNOMED, "322236009", true).0, "https://dmd.nhs.uk");
        assert_eq!(said(SNOMED, "322236009", false).0, "http://snomed.info/sct");
        assert_eq!(said(SNOMED, "196421000000109", true).0, "http://snomed.info/sct");
    }

    #[test]
    fn a_number_without_its_check_digit_is_not_called_snomed() {
        assert_eq!(said(SNOMED, "322236008", false).0, format!("urn:oid:{SNOMED}"));
        // A description's id is no concept.
        assert_eq!(said(SNOMED, "751689013", false).0, format!("urn:oid:{SNOMED}"));
        assert_eq!(said("2.16.840.1.113883.2.1.6.3", "1503371000006105", false).0, "http://snomed.info/sct");
        assert_eq!(said("2.16.840.1.113883.2.1.6.3", "EMISX", false).0, "https://fhir.hl7.org.uk/Id/egton-codes");
    }

    #[test]
    fn an_unknown_system_keeps_its_code_and_text() {
        assert_eq!(said("1.2.826.0.1", "X1", false), ("urn:oid:1.2.826.0.1".into(), "X1".into()));
        assert_eq!(said("OLTR", "X1", false).0, "urn:x-mig-fhir:CodeSystem:openhr-OLTR");
        let mut counted = Vec::new();
        let concept = concept(Some(&code("UNKNOWN", "X1")), Some("A term"), false, &mut |what| counted.push(what));
        let concept = concept.expect("a concept");
        assert!(concept.coding.is_empty());
        assert_eq!(concept.text, Some("A term".into()));
        assert_eq!(counted, ["code-system"]);
    }
}
