//! Versions: of a resource, as its `ETag`, and of the whole register, as its revision.

use crate::ids::NhsNumber;
use crate::store::{self, Connection, StoreError};

/// The `ETag` of a version.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The version that an `If-Match` names; `None` when it is not an `ETag` of ours.
#[must_use]
pub fn version_of_etag(value: &str) -> Option<i64> {
    let value = value.trim();
    let digits = value.strip_prefix("W/").unwrap_or(value).strip_prefix('"')?.strip_suffix('"')?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Moves the register's revision by one for a patient, or without one for everybody, and says which it is now.
pub(super) async fn advance(connection: &mut Connection, patient: Option<NhsNumber>) -> Result<i64, StoreError> {
    store::advance_revision(connection, patient.as_ref().map(NhsNumber::reveal)).await
}

/// The version that an update must find: the one the client named, where it named one.
pub(super) fn expected(if_match: Option<i64>, read: i64) -> Result<i64, StoreError> {
    match if_match {
        Some(named) if named != read => Err(StoreError::Conflict),
        _ => Ok(read),
    }
}

/// Turns "no row was changed" into the conflict that it is.
pub(super) fn changed(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_reads_back_as_its_version_and_nothing_else_does() {
        assert_eq!(version_of_etag(&etag(7)), Some(7));
        assert_eq!(version_of_etag("\"7\""), Some(7));
        for wrong in ["7", "W/7", "W/\"\"", "W/\"-7\"", "*", "W/\"99999999999999999999\""] {
            assert_eq!(version_of_etag(wrong), None, "{wrong}");
        }
    }
}
