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
        Scheme::Ctv3 => five_bytes(code).map_or(Comparable::Foreign, Comparable::Ctv3),
        Scheme::Snomed | Scheme::Absent => snomed(code).map_or(Comparable::Foreign, Comparable::Snomed),
        Scheme::EmisNamespace => snomed(code).map_or(Comparable::Emis(code), Comparable::Snomed),
        Scheme::Emis => Comparable::Emis(code),
        Scheme::Foreign => Comparable::Foreign,
    }
}

fn scheme(system: Option<&str>) -> Scheme {
    let whole = system.unwrap_or_default().trim();
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
    let local = code.starts_with("EMIS") || code.starts_with('^') || code.starts_with("ALLERGY");
    // `H06z0-1`: a synonym of the code before the hyphen.
    let whole = code.split_once('-').map_or(code, |(whole, _)| whole);
    if local {
        return Comparable::Emis(code);
    }
    five_bytes(whole).map_or(Comparable::Emis(code), Comparable::Read)
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

fn snomed(code: &str) -> Option<u64> {
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
        for code in ["EMISNQ12", "^ESCTHS799053", "EMISATTACHMENT", "EMIS"] {
            assert_eq!(comparable(READ, code), Comparable::Emis(code));
        }
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
