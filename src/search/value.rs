//! The text of a parameter's values: commas and escapes, and letters as searches compare them.

use crate::ids::NhsNumber;
use std::fmt::Write as _;

/// Whether a text holds an NHS number, written together or in groups with spaces or hyphens between, whatever stands around
/// it: the service never puts one into a URL, and a self link repeats what it was given. Ten of more digits written together
/// are none: most codes of SNOMED CT are that long, and many would hold one.
#[must_use]
pub fn names_a_person(text: &str) -> bool {
    let divides = |c: char| c.is_whitespace() || c == '-' || ('\u{2010}'..='\u{2015}').contains(&c);
    let row = |row: &str| {
        let groups: Vec<&str> = row.split(divides).filter(|group| !group.is_empty()).collect();
        (0..groups.len()).any(|first| {
            let mut digits = String::new();
            for group in groups.iter().skip(first) {
                digits.push_str(group);
                if digits.len() >= 10 {
                    return NhsNumber::parse(&digits).is_some();
                }
            }
            false
        })
    };
    text.split(|c: char| !c.is_ascii_digit() && !divides(c)).any(row)
}

/// Splits at a separator that no backslash escapes; the escapes stay.
pub(super) fn split(raw: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    raw.split(move |c: char| {
        let at = c == separator && !escaped;
        escaped = c == '\\' && !escaped;
        at
    })
}

/// Takes the escapes out. A backslash before anything else is itself.
pub(super) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next) if c == '\\' && matches!(next, ',' | '|' | '$' | '\\') => {
                text.push(next);
                chars.next();
            }
            _ => text.push(c),
        }
    }
    text
}

/// As a part of a query string.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Lower case, without the accents of western European names.
pub(super) fn fold(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .map(|c| match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
            'ç' | 'ć' | 'č' => 'c',
            'ď' | 'đ' | 'ð' => 'd',
            'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
            'ğ' => 'g',
            'ì'..='ï' | 'ī' | 'į' | 'ı' => 'i',
            'ł' => 'l',
            'ñ' | 'ń' | 'ň' => 'n',
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
            'ř' => 'r',
            'ś' | 'š' | 'ş' | 'ș' => 's',
            'ť' | 'ţ' | 'ț' => 't',
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
            'ŵ' => 'w',
            'ý' | 'ÿ' | 'ŷ' => 'y',
            'ź' | 'ż' | 'ž' => 'z',
            '’' => '\'',
            other => other,
        })
        .collect()
}
