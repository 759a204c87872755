//! Identifiers of the field: parsed, or absent.
//!
//! A value of these types is valid by construction. [`NhsNumber`] never prints itself: its `Debug` is redacted, it
//! has no `Display`, and [`NhsNumber::reveal`] is the one accessor, so that a search for that word finds every use.

mod network;
mod seal;
mod verhoeff;

pub use network::Network;
pub use seal::{SealedId, Sealer, Suffix};
pub use verhoeff::has_verhoeff_check_digit;

use std::fmt;

/// An NHS number with a right check digit (Modulus 11, weights 10 to 2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NhsNumber([u8; 10]);

impl NhsNumber {
    /// Parses ten digits, spaces not allowed; `None` when the form or the check digit is wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 10] = text.as_bytes().try_into().ok()?;
        if !bytes.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let sum: u32 = (2..=10u32).rev().zip(bytes).map(|(w, d)| w * u32::from(d - b'0')).sum();
        let check = match 11 - sum % 11 {
            11 => 0,
            10 => return None,
            other => other,
        };
        (check == u32::from(bytes[9] - b'0')).then_some(Self(bytes))
    }

    /// The ten digits. Say this word only where the number has to leave: the legacy wire, the Patient resource, the store.
    #[must_use]
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }

    /// Whether it lies in the range reserved for synthetic people.
    #[must_use]
    pub fn is_synthetic(&self) -> bool {
        self.0.starts_with(b"999")
    }
}

impl fmt::Debug for NhsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NhsNumber(redacted)")
    }
}

/// An ODS code: an organisation, upper case letters, digits and hyphens, at most 20.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OdsCode(String);

/// A job role code, the R part only (`R8000`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleCode(String);

/// A user of the viewing organisation (CIS2 `nhsid_useruid`), visible ASCII without spaces, at most 64.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(String);

/// A logical id as FHIR spells it: `A-Z a-z 0-9 - .`, 1 to 64.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogicalId(String);

macro_rules! text_id {
    ($name:ident, $max:literal, $allowed:expr) => {
        impl $name {
            /// Parses; `None` when the form is wrong.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let allowed: fn(char) -> bool = $allowed;
                (!text.is_empty() && text.len() <= $max && text.chars().all(allowed)).then(|| Self(text.to_owned()))
            }

            /// The text as parsed.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(OdsCode, 20, |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
text_id!(UserId, 64, |c| c.is_ascii_graphic());
text_id!(LogicalId, 64, |c| c.is_ascii_alphanumeric() || c == '-' || c == '.');

impl LogicalId {
    /// A new random id, for what this service keeps.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// An id that no resource has: what a text that is not an id at all is read as.
    #[must_use]
    pub fn impossible() -> Self {
        Self("-".to_owned())
    }
}

impl RoleCode {
    /// Parses `R` and four digits, or the CIS2 form `S8000:G8000:R8000`, of which the R part is kept.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let part = text.rsplit(':').next()?;
        let digits = part.strip_prefix('R')?;
        (digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| Self(part.to_owned()))
    }

    /// The R part.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of one request, echoed or made: 1 to 64 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

text_id!(RequestId, 64, |c| c.is_ascii_alphanumeric() || "-._:".contains(c));

impl RequestId {
    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_nhs_number_is_valid_or_absent() {
        assert!(NhsNumber::parse("9990000018").is_some());
        for wrong in ["9990000019", "999000001", "99900000180", "999000001x", "", "999 000 0018", "9990000０18"] {
            assert!(NhsNumber::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_nhs_number_does_not_print_itself() {
        let number = NhsNumber::parse("9990000018").expect("valid");
        assert_eq!(format!("{number:?}"), "NhsNumber(redacted)");
        assert_eq!(number.reveal(), "9990000018");
    }

    #[test]
    fn a_role_code_keeps_only_its_r_part() {
        assert_eq!(RoleCode::parse("S8000:G8000:R8000").expect("valid").as_str(), "R8000");
        assert!(RoleCode::parse("R800").is_none());
    }
}
