//! Which terminology a coding belongs to, and its code in the form that is compared. Source spellings and FHIR
//! spellings alike, since the list is applied to both ends.

/// A code in comparable form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparable<'a> {
    /// Read version 2, padded with dots to five bytes. Case matters.
    Read([u8; 5]),
    /// Clinical Terms version 3, padded likewise.
    Ctv3([u8; 5]),
    /// SNOMED CT, dm+d included: both draw from one space of identifiers.
    Snomed(u64),
    /// A local code of EMIS, as written.
    Emis(&'a str),
    /// Nothing that the list speaks of.
    Foreign,
}

/// Before the name of a system that the source gave without an identifier (`mapping` writes it so).
const OPENHR_NAMED: &str = "urn:x-mig-fhir:CodeSystem:openhr-";

enum Scheme {
    Read,
    Ctv3,
    Snomed,
    /// Numeric codes are SNOMED's, the others EMIS's own.
    EmisNamespace,
    Emis,
    /// No system, or one that says it is not known.
    Absent,
    Foreign,
}

/// A coding in comparable form.
pub(super) fn comparable<'a>(system: Option<&str>, code: &'a str) -> Comparable<'a> {
    let code = code.trim();
    match scheme(system) {
        Scheme::Read => read(code),
        Scheme::Ctv3 => five_bytes(stem(code)).map_or(Comparable::Foreign, Comparable::Ctv3),
        Scheme::Snomed | Scheme::Absent => snomed(code).map_or(Comparable::Foreign, Comparable::Snomed),
        Scheme::EmisNamespace => snomed(code).map_or_else(|| local(code), Comparable::Snomed),
        Scheme::Emis => local(code),
        Scheme::Foreign => Comparable::Foreign,
    }
}

fn scheme(system: Option<&str>) -> Scheme {
    let whole = system.unwrap_or_default().trim();
    // The spellings of nearly every coding, before the thorough look.
    match whole {
        "2.16.840.1.113883.2.1.6.2" | "http://read.info/readv2" => return Scheme::Read,
        "2.16.840.1.113883.2.1.3.2.4.15" | "http://snomed.info/sct" | "https://dmd.nhs.uk" => return Scheme::Snomed,
        "http://unitsofmeasure.org" => return Scheme::Foreign,
        _ => {}
    }
    // A system of the source's own list, as the mapping spells it.
    let whole = strip_ignoring_case(whole, OPENHR_NAMED);
    let bare = whole.split('|').next().unwrap_or(whole).trim_end_matches('/');
    let bare = strip_ignoring_case(strip_ignoring_case(bare, "urn:"), "oid:");
    let bare = strip_ignoring_case(strip_ignoring_case(bare, "https://"), "http://");
    let is = |names: &[&str]| names.iter().any(|name| bare.eq_ignore_ascii_case(name));
    if bare.is_empty() || is(&["UNKNOWN"]) {
        Scheme::Absent
    } else if is(&["2.16.840.1.113883.2.1.3.2.4.15", "2.16.840.1.113883.6.96", "dmd.nhs.uk", "snomed.info/sct"])
        || bare.get(..16).is_some_and(|head| head.eq_ignore_ascii_case("snomed.info/sct/"))
    {
        Scheme::Snomed
    } else if is(&["2.16.840.1.113883.2.1.6.2", "read.info/readv2"]) {
        Scheme::Read
    } else if is(&["2.16.840.1.113883.2.1.3.2.4.14", "read.info/ctv3"]) {
        Scheme::Ctv3
    } else if is(&["2.16.840.1.113883.2.1.6.3"]) {
        Scheme::EmisNamespace
    } else if is(&["fhir.hl7.org.uk/Id/egton-codes", "EMISLOCAL", "EMISINTERNAL", "EMISCODEID"]) {
        Scheme::Emis
    } else {
        Scheme::Foreign
    }
}

fn strip_ignoring_case<'a>(text: &'a str, head: &str) -> &'a str {
    match text.get(..head.len()) {
        Some(start) if start.eq_ignore_ascii_case(head) => text.get(head.len()..).unwrap_or(text),
        _ => text,
    }
}

/// Local codes under the Read identifier are a scheme of their own; what Read itself would never write is one too.
fn read(code: &str) -> Comparable<'_> {
    if code.starts_with("EMIS") || code.starts_with('^') || code.starts_with("ALLERGY") {
        return Comparable::Emis(code);
    }
    five_bytes(stem(code)).map_or(Comparable::Emis(code), Comparable::Read)
}

/// A code of EMIS's own, unless it has the form of a Read code with a synonym's number: the mapping files those here.
fn local(code: &str) -> Comparable<'_> {
    let synonym = code.split_once('-').filter(|(stem, number)| {
        stem.len() <= 5 && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    synonym
        .map_or(Comparable::Emis(code), |(stem, _)| five_bytes(stem).map_or(Comparable::Emis(code), Comparable::Read))
}

/// `H06z0-1`: a synonym of the code before the hyphen.
fn stem(code: &str) -> &str {
    code.split_once('-').map_or(code, |(stem, _)| stem)
}

/// Up to five characters, padded; of seven (or a stray six) the term code is left out.
fn five_bytes(code: &str) -> Option<[u8; 5]> {
    let bytes = code.as_bytes();
    if bytes.is_empty() || bytes.len() > 7 || !bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'.') {
        return None;
    }
    let mut padded = [b'.'; 5];
    for (slot, byte) in padded.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    Some(padded)
}

/// An identifier, without a term that some sources write behind it.
fn snomed(code: &str) -> Option<u64> {
    let code = code.split_once('|').map_or(code, |(code, _)| code.trim_end());
    ((6..=18).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())).then(|| code.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Option<&str> = Some("2.16.840.1.113883.2.1.6.2");

    #[test]
    fn every_shape_of_a_read_code_is_one_code() {
        for shape in ["A541", "A541.", "A541.00", "A541.11", "A541-1", "A541.-12", " A541. "] {
            assert_eq!(comparable(READ, shape), Comparable::Read(*b"A541."), "{shape}");
        }
        assert_eq!(comparable(READ, "a541"), Comparable::Read(*b"a541."));
    }

    #[test]
    fn a_local_code_under_the_read_identifier_is_never_cut() {
        for code in ["EMISNQ12", "^ESCTHS799053", "EMISATTACHMENT", "EMIS", "ALLERGY"] {
            assert_eq!(comparable(READ, code), Comparable::Emis(code));
        }
    }

    #[test]
    fn a_named_system_is_the_same_in_the_source_and_as_the_mapping_spells_it() {
        for system in ["EMISLOCAL", "urn:x-mig-fhir:CodeSystem:openhr-EMISLOCAL", "EMISCODEID", "emisinternal"] {
            assert_eq!(comparable(Some(system), "^ESCTHS799053"), Comparable::Emis("^ESCTHS799053"), "{system}");
        }
        let named = Some("urn:x-mig-fhir:CodeSystem:openhr-2.16.840.1.113883.2.1.6.2");
        assert_eq!(comparable(named, "A541"), Comparable::Read(*b"A541."));
        assert_eq!(comparable(Some("urn:x-mig-fhir:CodeSystem:openhr-OLTR"), "A541"), Comparable::Foreign);
        assert_eq!(comparable(Some("urn:x-mig-fhir:CodeSystem:view"), "62479008"), Comparable::Foreign);
    }

    #[test]
    fn a_read_synonym_among_the_local_codes_is_the_read_code() {
        let egton = Some("https://fhir.hl7.org.uk/Id/egton-codes");
        assert_eq!(comparable(egton, "A541-12"), Comparable::Read(*b"A541."));
        for code in ["A541-", "A541-x", "A541", "LONGER-1", "A5 1-1"] {
            assert_eq!(comparable(egton, code), Comparable::Emis(code), "{code}");
        }
        assert_eq!(
            comparable(Some("2.16.840.1.113883.2.1.6.3"), "925451000006109"),
            Comparable::Snomed(925_451_000_006_109)
        );
        assert_eq!(comparable(Some("2.16.840.1.113883.2.1.6.3"), "^ESCT1"), Comparable::Emis("^ESCT1"));
    }

    #[test]
    fn the_length_of_an_identifier_and_of_a_code_is_bounded() {
        let sct = Some("http://snomed.info/sct");
        assert_eq!(comparable(sct, "62479008 |AIDS|"), Comparable::Snomed(62_479_008));
        assert_eq!(comparable(sct, "123456"), Comparable::Snomed(123_456));
        assert_eq!(comparable(sct, "123456789012345678"), Comparable::Snomed(123_456_789_012_345_678));
        for code in ["12345", "1234567890123456789", "62479008x", ""] {
            assert_eq!(comparable(sct, code), Comparable::Foreign, "{code}");
        }
        let ctv3 = Some("http://read.info/ctv3");
        for code in ["XE0xc", "XE0xc11", "XE0xc-1", "XE0xc1"] {
            assert_eq!(comparable(ctv3, code), Comparable::Ctv3(*b"XE0xc"), "{code}");
        }
        for code in ["XE0xc111", "", "XE0 c", "XE0_c"] {
            assert_eq!(comparable(ctv3, code), Comparable::Foreign, "{code}");
        }
        assert_eq!(comparable(READ, "A5411111"), Comparable::Emis("A5411111"));
    }

    #[test]
    fn a_system_is_known_in_each_of_its_spellings() {
        for system in [
            "urn:oid:2.16.840.1.113883.2.1.6.2",
            "http://read.info/readv2",
            "URN:OID:2.16.840.1.113883.2.1.6.2",
            "https://read.info/readv2/",
        ] {
            assert_eq!(comparable(Some(system), "A541"), Comparable::Read(*b"A541."), "{system}");
        }
        for system in [
            "http://snomed.info/sct",
            "http://snomed.info/sct|x",
            "http://snomed.info/sct/83821000000107",
            "2.16.840.1.113883.2.1.3.2.4.15",
        ] {
            assert_eq!(comparable(Some(system), "62479008"), Comparable::Snomed(62_479_008), "{system}");
        }
        assert_eq!(comparable(Some("http://loinc.org"), "62479008"), Comparable::Foreign);
    }
}
