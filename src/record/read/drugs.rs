//! `medication` and `medicationIssue`: the plan and its issues.

use super::ReadError;
use super::cursor::{Cursor, Tag};
use crate::record::{Issue, Medication, Supply};
use time::OffsetDateTime;

pub(super) fn medication(cursor: &mut Cursor<'_>) -> Result<Medication, ReadError> {
    let mut read = Medication::default();
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "drugStatus" => read.status = cursor.token()?,
            "reviewDate" => read.review = cursor.partial(&tag)?,
            "expiryDate" => read.expiry = cursor.partial(&tag)?,
            "firstIssueDate" => read.first_issue = cursor.partial(&tag)?,
            "mostRecentIssueDate" => read.last_issue = cursor.partial(&tag)?,
            "numberOfIssues" => read.issues = cursor.integer()?,
            "authorisedIssues" => {
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "authorisedIssues" => {
                            if let Some(number) = cursor.integer()? {
                                read.authorised_issues =
                                    Some(read.authorised_issues.unwrap_or(0).saturating_add(number));
                            }
                        }
                        _ => cursor.skip()?,
                    }
                }
            }
            "mostRecentIssueMethod" => read.last_issue_method = cursor.token()?,
            "cancellation" => {
                read.has_cancellation = true;
                let said = cancellation(cursor)?;
                (read.cancelled, read.cancellation_reason, read.cancellation_link) = (said.at, said.reason, said.link);
            }
            _ => supply(cursor, &tag, &mut read.supply)?,
        }
    }
    Ok(read)
}

pub(super) fn issue(cursor: &mut Cursor<'_>) -> Result<Issue, ReadError> {
    let mut read = Issue::default();
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "medication" => read.plan = cursor.id()?,
            "issueMethod" => read.method = cursor.token()?,
            "cancelled" => read.cancelled = cursor.boolean()?.unwrap_or(false),
            "cancellation" => read.cancellation_reason = cancellation(cursor)?.reason,
            _ => supply(cursor, &tag, &mut read.supply)?,
        }
    }
    Ok(read)
}

/// `cancellation`, without its text.
#[derive(Default)]
struct Cancellation {
    at: Option<OffsetDateTime>,
    reason: Option<String>,
    link: Option<String>,
}

fn cancellation(cursor: &mut Cursor<'_>) -> Result<Cancellation, ReadError> {
    let mut read = Cancellation::default();
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "cancellationDateTime" => read.at = cursor.instant()?,
            "cancellationReason" => read.reason = cursor.token()?,
            "linkedEvent" => read.link = cursor.id()?,
            "cancellationText" => {
                cursor.odd("dropped-text");
                cursor.skip()?;
            }
            _ => cursor.skip()?,
        }
    }
    Ok(read)
}

fn supply(cursor: &mut Cursor<'_>, tag: &Tag<'_>, supply: &mut Supply) -> Result<(), ReadError> {
    match tag.name() {
        "localMixture" => supply.mixture = cursor.id()?,
        "dosage" => supply.dosage = cursor.token()?,
        "quantity" => supply.quantity = cursor.decimal()?,
        "quantityUnit" => supply.unit = cursor.token()?,
        "quantityRepresentation" => supply.quantity_text = cursor.token()?,
        "durationOfIssue" => supply.duration_days = cursor.integer()?,
        "prescriptionType" => supply.prescription_type = cursor.token()?,
        "private" => supply.private_prescription = cursor.boolean()?.unwrap_or(false),
        "pharmacyText" | "patientText" | "pharmacyMessage" | "patientMessage" => {
            cursor.odd("dropped-text");
            cursor.skip()?;
        }
        _ => cursor.skip()?,
    }
    Ok(())
}
