//! Prescriptions: the plan (`medication`) and its issues (`medicationIssue`).

use super::model::PartialDate;

/// What a plan and an issue have in common.
#[derive(Default, Clone)]
pub struct Supply {
    /// `localMixture`, an id.
    pub mixture: Option<String>,
    /// `dosage`.
    pub dosage: Option<String>,
    /// `quantity`, decimal as written.
    pub quantity: Option<String>,
    /// `quantityUnit`.
    pub unit: Option<String>,
    /// `quantityRepresentation`.
    pub quantity_text: Option<String>,
    /// `durationOfIssue`, days.
    pub duration_days: Option<i64>,
    /// `prescriptionType`: A, R, D, U.
    pub prescription_type: Option<String>,
    /// `private`: a private prescription, never a mark of confidence.
    pub private_prescription: bool,
}

/// `medication`.
#[derive(Default, Clone)]
pub struct Medication {
    /// Drug supply.
    pub supply: Supply,
    /// `drugStatus`: A, C, N.
    pub status: Option<String>,
    /// `reviewDate`.
    pub review: Option<PartialDate>,
    /// `expiryDate`.
    pub expiry: Option<PartialDate>,
    /// `firstIssueDate`.
    pub first_issue: Option<PartialDate>,
    /// `mostRecentIssueDate`.
    pub last_issue: Option<PartialDate>,
    /// `numberOfIssues`.
    pub issues: Option<i64>,
    /// The sum of `authorisedIssues/authorisedIssues`.
    pub authorised_issues: Option<i64>,
    /// `mostRecentIssueMethod`.
    pub last_issue_method: Option<String>,
    /// `cancellation/cancellationDateTime`.
    pub cancelled: Option<time::OffsetDateTime>,
    /// Whether a `cancellation` is present at all.
    pub has_cancellation: bool,
    /// `cancellation/cancellationReason`: ERR, CON, CHG …
    pub cancellation_reason: Option<String>,
    /// `cancellation/linkedEvent`.
    pub cancellation_link: Option<String>,
}

/// `medicationIssue`.
#[derive(Default, Clone)]
pub struct Issue {
    /// Drug supply.
    pub supply: Supply,
    /// `medication`: the plan's event.
    pub plan: Option<String>,
    /// `issueMethod`.
    pub method: Option<String>,
    /// `cancelled`.
    pub cancelled: bool,
    /// `cancellation/cancellationReason`.
    pub cancellation_reason: Option<String>,
}
