//! Why a query was not understood, without a word of what was asked.

/// A query that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {parameter}: {code}")]
pub struct QueryError {
    /// The parameter's name; `?` for a name that may itself be an identifier.
    pub parameter: String,
    /// `invalid`, `not-supported` or `required`.
    pub code: &'static str,
}

impl QueryError {
    /// A parameter whose value is not understood.
    #[must_use]
    pub fn invalid(name: &str) -> Self {
        Self { parameter: printable(name), code: "invalid" }
    }

    /// A parameter that is not known.
    #[must_use]
    pub fn not_supported(name: &str) -> Self {
        Self { parameter: printable(name), code: "not-supported" }
    }
}

/// A name that came from outside may be anything, even a number that somebody put on the wrong side of the `=`.
pub(super) fn printable(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphabetic() || "_-.:".contains(c);
    if !name.is_empty() && name.len() <= 64 && name.chars().all(plain) { name.to_owned() } else { "?".to_owned() }
}
