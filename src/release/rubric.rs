//! Terms in comparable form: case, punctuation, spacing, the bracketed chapter marks of Read terms and the spellings
//! of one word are folded away. Terms are compared for equality, never searched for inside other text.

/// A term in comparable form.
pub(super) fn folded(term: &str) -> String {
    // `&` and `+` stand for the word in some dictionaries and not in others.
    let spelt = unmarked(term).chars().flat_map(|c| {
        let (c, word) = if matches!(c, '&' | '+') { (' ', "and") } else { (c, "") };
        c.to_lowercase().chain(word.chars())
    });
    let mut chars = spelt.peekable();
    let mut out = String::with_capacity(term.len());
    while let Some(c) = chars.next() {
        match c {
            'z' => out.push('s'),
            // "gonorrhoea" and "gonorrhea" are one word.
            'o' | 'a' if chars.peek() == Some(&'e') => {}
            c if c.is_alphanumeric() => out.push(c),
            _ => {}
        }
    }
    out
}

/// The term without the marks `[X]`, `[V]`, `[D]` and their like at its head.
fn unmarked(term: &str) -> &str {
    let mut rest = term.trim_start();
    while let Some(inner) = rest.strip_prefix('[') {
        match inner.find(']') {
            Some(end) if end <= 2 => rest = inner.get(end + 1..).unwrap_or("").trim_start(),
            _ => break,
        }
    }
    rest
}

/// The term without a semantic tag or remark in brackets at its end.
pub(super) fn untagged(term: &str) -> &str {
    let term = term.trim_end();
    match term.strip_suffix(')').and_then(|inner| inner.rfind('(')) {
        Some(at) if at > 0 => term.get(..at).unwrap_or(term).trim_end(),
        _ => term,
    }
}

/// A number that equal terms share (FNV-1a of the comparable form): the quick test before the exact one.
pub(super) fn fingerprint(term: &str) -> u64 {
    let term = unmarked(term);
    if term.is_ascii() {
        return fingerprint_of_ascii(term.as_bytes());
    }
    folded(term).chars().fold(BASIS, |hash, c| mixed(hash, u32::from(c)))
}

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

const fn mixed(hash: u64, c: u32) -> u64 {
    (hash ^ c as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// The same number, byte by byte: nearly every term is ASCII, and each of a large record is looked at.
fn fingerprint_of_ascii(term: &[u8]) -> u64 {
    let mut hash = BASIS;
    let mut bytes = term.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte.to_ascii_lowercase() {
            b'z' => hash = mixed(hash, u32::from(b's')),
            b'o' | b'a' if bytes.peek().is_some_and(|next| next.eq_ignore_ascii_case(&b'e')) => {}
            b'&' | b'+' => hash = b"and".iter().fold(hash, |hash, byte| mixed(hash, u32::from(*byte))),
            byte if byte.is_ascii_alphanumeric() => hash = mixed(hash, u32::from(byte)),
            _ => {}
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_term_in_many_spellings_folds_alike() {
        for pair in [
            ("h/o venereal disease", " H/O: Venereal  disease."),
            ("In vitro fertilization", "[V]In vitro fertilisation"),
            ("[Gender identity disorder, unspecified", "[X]Gender identity disorder unspecified"),
            ("Cystitis in gonorrhoea", "CYSTITIS IN GONORRHEA"),
            ("curettage & dilation", "Curettage and dilation"),
        ] {
            assert_eq!(folded(pair.0), folded(pair.1));
            assert_eq!(fingerprint(pair.0), fingerprint(pair.1));
        }
        assert_ne!(folded("discussed chlamydial infection leaflet"), folded("chlamydial infection"));
        assert_eq!(folded("[X][V] HIV"), "hiv", "one mark behind another");
        assert_eq!(folded("[abc] x"), "abcx", "no mark, but words");
    }

    #[test]
    fn the_quick_number_is_that_of_the_comparable_form() {
        for term in ["A&E+o&e", "Foetal ZOE [X] oe", "[V] a-e/AE", "plain", "", "[X]", "caf\u{e9} & Zoë"] {
            let slow = folded(term).chars().fold(BASIS, |hash, c| mixed(hash, u32::from(c)));
            assert_eq!(fingerprint(term), slow, "{term}");
        }
        // As FNV-1a is published.
        assert_eq!((fingerprint("a"), fingerprint("foobar")), (0xaf63_dc4c_8601_ec8c, 0x8594_4171_f739_67e8));
    }

    #[test]
    fn a_tag_at_the_end_is_taken_off() {
        assert_eq!(untagged("Syphilis (disorder)"), "Syphilis");
        assert_eq!(untagged("(Venereal)"), "(Venereal)");
        assert_eq!(untagged("Viral (serum) hepatitis B"), "Viral (serum) hepatitis B");
    }
}
