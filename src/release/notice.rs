//! The neutral notice: the same words whether or not anything was withheld.

/// What every answer says about what it may not contain. It states the rule, never what the rule did.
pub const NOTICE: &str = "Exclusions apply to every record. Items on the national list of sensitive codes (see \
    /exclusions) and items that the practice marked private are not shown. Nothing shown here is proof that something \
    is absent. Please check with the patient.";

/// What a section without entries says.
pub const EMPTY_SECTION: &str = "No entries are shown. This does not mean that none exist.";

const ISSUE: &str = concat!(
    r#"{"severity":"information","code":"informational","details":{"text":""#,
    "Exclusions apply to every record. Items on the national list of sensitive codes (see ",
    "/exclusions) and items that the practice marked private are not shown. Nothing shown here is proof that something ",
    "is absent. Please check with the patient.",
    r#""}}"#
);

/// The notice in its two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Plain text.
    pub text: &'static str,
    /// One `OperationOutcome.issue` as JSON.
    pub issue: &'static str,
}

/// The notice. It takes nothing, so it can depend on nothing.
#[must_use]
pub const fn notice() -> Notice {
    Notice { text: NOTICE, issue: ISSUE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_notice_say_the_same() {
        let issue: serde_json::Value = serde_json::from_str(notice().issue).expect("JSON");
        assert_eq!(issue["details"]["text"], NOTICE);
        assert_eq!(issue["severity"], "information");
    }
}
