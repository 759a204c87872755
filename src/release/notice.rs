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

/// The notice where the list is not applied to every supplier's records: which ones, the page says.
pub(super) const NOTICE_OF_SOME: Notice = Notice {
    text: "Exclusions apply. Items on the national list of sensitive codes are not shown, except in records from the GP \
        systems that /exclusions names; items that the practice marked private are never shown. Nothing shown here is \
        proof that something is absent. Please check with the patient.",
    issue: concat!(
        r#"{"severity":"information","code":"informational","details":{"text":""#,
        "Exclusions apply. Items on the national list of sensitive codes are not shown, except in records from the GP ",
        "systems that /exclusions names; items that the practice marked private are never shown. Nothing shown here is ",
        "proof that something is absent. Please check with the patient.",
        r#""}}"#
    ),
};

/// The notice in its two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Plain text.
    pub text: &'static str,
    /// One `OperationOutcome.issue` as JSON.
    pub issue: &'static str,
}

impl Default for Notice {
    fn default() -> Self {
        notice()
    }
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
        for notice in [notice(), NOTICE_OF_SOME] {
            let issue: serde_json::Value = serde_json::from_str(notice.issue).expect("JSON");
            assert_eq!(issue["details"]["text"], notice.text);
            assert_eq!(issue["severity"], "information");
        }
        assert_eq!(notice().text, NOTICE);
        assert!(NOTICE_OF_SOME.text.contains("/exclusions") && NOTICE_OF_SOME != notice());
    }
}
