//! The assurance table: each clause of the information sharing agreement that software can enforce or support, and the
//! tests that show it; clauses that are left to people are listed as such. A test that is renamed, ignored or taken
//! away breaks the table, and so does a table that was not made anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What the software's part in a clause is.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// Nothing is disclosed against it.
    Enforced,
    /// People decide; this service records, shows or reminds.
    Supported,
    /// No software can.
    People,
}

/// Clause, what it asks in our words, whose it is, tests (or what people do).
type Row = (&'static str, &'static str, Part, &'static [&'static str]);

use Part::{Enforced, People, Supported};

const TABLE: &[Row] = &[
    (
        "1.7",
        "No restricted entry, former name or private item is shown",
        Enforced,
        &[
            "no_excluded_or_private_entry_leaves_by_any_route_or_shows_in_a_total",
            "every_code_in_every_spelling_place_and_type_leaves_no_trace",
            "a_marked_entry_never_leaves_wherever_the_mark_falls",
        ],
    ),
    (
        "1.8",
        "What is withheld by law and what by agreement is known, with versions",
        Enforced,
        &[
            "every_loaded_part_and_every_decision_is_in_the_version",
            "the_list_the_views_and_the_refusals_are_read_in_fhir_without_a_token",
        ],
    ),
    (
        "2.1.4",
        "Direct care only; no system and no administrator sees a record",
        Enforced,
        &[
            "only_a_qualified_clinician_in_one_selected_role_sees_a_record",
            "what_is_kept_is_for_its_offices_alone",
            "a_system_registers_a_patient_for_care_and_sees_nothing_else",
        ],
    ),
    (
        "2.2.5",
        "Nothing is shown without an agreement that somebody signed",
        Enforced,
        &[
            "without_an_agreement_for_the_view_and_the_practice_there_is_one_answer",
            "an_agreement_is_changed_by_whoever_names_its_version_and_its_history_tells",
        ],
    ),
    (
        "3.6.2",
        "Anyone can read who may see and who shares",
        Supported,
        &["anyone_can_read_who_shares_with_whom_as_a_page_or_as_json"],
    ),
    (
        "3.6.7",
        "A patient can learn who looked",
        Supported,
        &[
            "the_patient_is_told_in_plain_english_and_no_more_about_staff_than_is_wanted",
            "an_unconscious_patient_is_looked_after_the_review_is_closed_and_the_patient_reads_who_looked_and_why",
        ],
    ),
    (
        "4.10",
        "Administrators see no record, consent or audit",
        Enforced,
        &[
            "nobody_but_an_administrator_keeps_the_registers_and_all_that_they_do_is_audited",
            "what_is_kept_is_for_its_offices_alone",
        ],
    ),
    (
        "4.11",
        "The record is viewed, not collected: nothing of it is kept, no instalments",
        Enforced,
        &["a_canary_is_in_the_answers_and_nowhere_else", "a_bad_query_is_told_by_its_parameter_and_never_by_its_value"],
    ),
    (
        "5.1",
        "Only patients who are fully registered and fully traced",
        Enforced,
        &["whoever_has_no_record_to_show_is_answered_alike", "the_whole_truth_table_is_as_written"],
    ),
    (
        "5.2",
        "Only the agreed views, the same for every sharer of a viewer",
        Enforced,
        &[
            "another_organisation_sees_what_its_agreement_covers_and_is_told_of_the_rest",
            "a_practice_cannot_share_with_a_viewer_under_two_agreements_at_once",
            "a_view_outside_the_agreement_says_so_and_nothing_of_it_is_asked_or_shown",
        ],
    ),
    (
        "5.2.1",
        "The ten views and their sub-sections",
        Enforced,
        &[
            "each_view_has_its_sub_sections_and_the_notice_stands_before_them",
            "a_document_holds_what_everything_holds_in_the_sections_of_its_tags_and_is_audited",
        ],
    ),
    (
        "5.3.1",
        "The exclusions of Appendix A",
        Enforced,
        &[
            "an_excluded_entry_in_any_shape_might_as_well_not_be_there",
            "no_route_tells_a_record_with_withheld_entries_from_one_without",
            "a_neighbour_of_the_list_is_never_taken_for_one_of_it",
        ],
    ),
    (
        "5.3.4",
        "The list can be read by anyone",
        Supported,
        &["the_page_of_exclusions_is_for_anyone_and_only_to_be_read"],
    ),
    (
        "5.4.1.2",
        "The clinician is told that what is shown may not be all",
        Enforced,
        &[
            "each_view_has_its_sub_sections_and_the_notice_stands_before_them",
            "a_part_of_a_record_says_that_it_is_a_part",
        ],
    ),
    (
        "6.1.3",
        "An opt-out at the practice is in force within its time",
        Enforced,
        &["a_patient_opts_out_at_the_practice_and_is_gone_within_one_life_of_the_memory"],
    ),
    (
        "6.1.4",
        "Neither consent nor override lifts an opt-out",
        Enforced,
        &[
            "an_opted_out_patient_is_refused_even_with_consent_and_by_override",
            "an_opted_out_patient_is_refused_even_with_consent_and_override",
        ],
    ),
    (
        "6.2",
        "Consent on every occasion, before anything is seen",
        Enforced,
        &[
            "consent_is_asked_for_and_a_refusal_is_told_from_an_occasion_that_is_over",
            "an_occasion_ends_after_an_hour_and_an_override_too",
            "a_withdrawal_is_in_force_on_the_next_request",
        ],
    ),
    (
        "6.3",
        "Parents and attorneys answer for those who cannot",
        Enforced,
        &[
            "a_parent_says_yes_for_a_child_and_what_the_child_then_refuses_no_parent_permits",
            "someone_with_authority_may_answer_and_nobody_else",
            "what_the_patient_refused_in_person_nobody_permits_for_them",
        ],
    ),
    (
        "6.4",
        "A patient can refuse any one clinician",
        Enforced,
        &[
            "a_no_closes_that_clinician_s_door_and_not_a_colleague_s",
            "a_deny_is_felt_by_the_organisation_and_only_a_new_permit_to_its_author_lifts_it",
        ],
    ),
    (
        "6.5",
        "Without consent only by override, with a reason, an alert and a review",
        Enforced,
        &[
            "an_override_is_a_consent_a_review_and_two_audit_events_and_four_eyes_close_it",
            "an_override_is_kept_with_its_alert_and_its_review_or_not_at_all",
            "the_alert_of_an_override_arrives_signed_and_names_neither_patient_nor_user",
            "a_receiver_that_is_down_for_a_day_loses_nothing_and_gets_each_alert_once",
            "after_a_refusal_only_an_emergency_overrides_and_it_heads_the_queue",
        ],
    ),
    (
        "7.2.2",
        "A legitimate relationship",
        Enforced,
        &[
            "a_patient_who_is_not_registered_for_care_here_is_refused_alike_whether_anyone_knows_them",
            "a_relationship_that_ends_closes_the_record",
        ],
    ),
    (
        "7.2.7",
        "View only: labels on every resource",
        Enforced,
        &["labels_and_tags_that_are_missing_are_added_and_the_rest_stays_as_it_was"],
    ),
    (
        "7.3.1",
        "Qualified clinicians, told apart by role and strength of sign-in",
        Enforced,
        &[
            "only_a_qualified_clinician_in_one_selected_role_sees_a_record",
            "an_agreement_widens_and_narrows_assurance_and_roles",
        ],
    ),
    (
        "7.3.3",
        "Terms accepted and training done",
        Enforced,
        &[
            "a_weak_sign_in_and_an_untrained_clinician_are_refused",
            "whoever_lacks_terms_or_training_is_told_what_to_do",
        ],
    ),
    (
        "7.3.5",
        "Ordinary views are reviewed by sample; a yearly return of access and relationships names no patient",
        Supported,
        &[
            "a_share_of_ordinary_views_is_reviewed_as_chance_has_it",
            "a_view_that_chance_picked_is_reviewed_like_an_override_and_a_refusal_never_is",
            "a_privacy_officer_has_all_six_of_the_own_organisation_and_a_practice_auditor_those_of_the_practice",
        ],
    ),
    (
        "7.3.6",
        "Overrides are reviewed, never by who overrode",
        Enforced,
        &[
            "whoever_overrode_cannot_close_the_review",
            "the_queue_begins_with_overrides_after_a_refusal",
            "open_reviews_that_are_older_than_they_may_be_are_counted",
        ],
    ),
    (
        "7.4.2",
        "The practice sees who viewed its patients",
        Supported,
        &[
            "the_practice_auditor_sees_who_viewed_that_practice_s_patients_and_nobody_else_s",
            "a_privacy_officer_has_all_six_of_the_own_organisation_and_a_practice_auditor_those_of_the_practice",
            "the_practice_s_log_names_who_looked_for_whom_on_what_consent_and_when",
        ],
    ),
    (
        "7.4.3",
        "The trail is whole",
        Enforced,
        &[
            "whatever_is_changed_deleted_moved_or_cut_is_found_by_verify_and_no_report_is_made_of_it",
            "every_kind_of_tampering_is_found_at_its_row",
            "rows_can_be_neither_changed_nor_deleted",
            "killed_at_any_moment_it_has_said_nothing_that_the_audit_does_not_tell",
        ],
    ),
    (
        "7.4.4",
        "Client networks",
        Enforced,
        &["networks_of_the_deployment_and_of_an_agreement_are_asked_before_anything_is_disclosed"],
    ),
    (
        "12.1",
        "A practice or a viewer withdraws",
        Enforced,
        &[
            "a_practice_withdraws_while_a_clinician_is_reading_and_the_next_page_is_already_closed",
            "a_practice_that_withdraws_and_a_viewer_that_does_are_out_on_the_next_request_and_stay_out_after_a_restart",
            "whatever_is_taken_away_on_one_instance_is_closed_on_the_other_for_every_later_request",
        ],
    ),
    (
        "12.2, 12.3",
        "A viewer or a sharer is suspended",
        Enforced,
        &["a_suspension_is_felt_by_the_next_request", "a_suspension_stops_what_it_names_while_it_lasts"],
    ),
    (
        "12.4",
        "Everything is stopped in one call",
        Enforced,
        &[
            "the_switch_stops_each_kind_in_one_call_from_the_next_request_and_lets_go_again",
            "a_user_who_is_stopped_in_the_middle_of_a_session_sees_nothing_more_until_let_go_on",
        ],
    ),
    (
        "14",
        "Whoever joins is approved twice, and the others may object",
        Enforced,
        &["whoever_joins_waits_out_the_objection_period_with_two_approvals"],
    ),
    (
        "12, 14, notices",
        "Those who signed are told when a party leaves, is suspended or joins",
        Supported,
        &[
            "those_who_signed_are_told_of_a_change_once_it_is_made_and_not_before",
            "the_other_parties_are_told_of_a_change_and_whoever_made_it_or_has_left_is_not",
        ],
    ),
    (
        "6.2, the question itself",
        "The clinician explains and asks",
        People,
        &["the wording shown and its version are kept with the Consent"],
    ),
    (
        "7.2, contracts and discipline",
        "Organisations bind and discipline their staff",
        People,
        &["the trail names user, role and organisation"],
    ),
    (
        "7.3.6, the judgement",
        "Whether an override was right",
        People,
        &["the review asks for an outcome code and takes a reference to the evidence"],
    ),
    (
        "1.6, 4.6, 8.4, 9.2",
        "Their wording is not in the sources of this project",
        People,
        &["no claim is made for them"],
    ),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|end| end == "rs") {
            found.push(entry);
        }
    }
}

/// Names of the tests that run with the suite.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests/it"), &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        let (mut is_test, mut ignored) = (false, false);
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                (is_test, ignored) = (true, false);
            } else if line.starts_with("#[ignore") {
                ignored = true;
            } else if let Some((_, rest)) =
                line.split_once("fn ").filter(|(before, _)| matches!(*before, "" | "async "))
            {
                if is_test && !ignored {
                    names.extend(rest.split_once('(').map(|(name, _)| name.to_owned()));
                }
                is_test = false;
            }
        }
    }
    names
}

#[test]
fn each_clause_that_software_can_enforce_or_support_names_tests_that_run() {
    let tests = tests();
    let mut page = String::from(
        "# Assurance\n\nEach clause of the information sharing agreement that software can enforce or support, and the tests that show it. Made\nby a test run (`UPDATE=1 cargo test --test it assurance`), which fails when a test named here is gone or does not run.\n\n",
    );
    for (part, title) in [
        (Enforced, "Enforced: nothing is disclosed against it"),
        (Supported, "Supported: people decide, this service records and shows"),
        (People, "Left to people"),
    ] {
        let last = if part == People { "what the service does for it" } else { "tests" };
        let _ = writeln!(page, "## {title}\n\n| clause | in our words | {last} |\n| --- | --- | --- |");
        for (clause, words, _, shown) in TABLE.iter().filter(|row| row.2 == part) {
            assert!(!shown.is_empty(), "{clause} is shown by nothing");
            for name in shown.iter().filter(|_| part != People) {
                assert!(tests.contains(*name), "{clause}: no test {name} runs");
            }
            let shown: Vec<String> = shown
                .iter()
                .map(|name| if part == People { (*name).to_owned() } else { format!("`{name}`") })
                .collect();
            let _ = writeln!(page, "| {clause} | {words} | {} |", shown.join("<br>"));
        }
        page.push('\n');
    }
    let page = format!("{}\n", page.trim_end());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy/assurance.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &page).expect("written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == page, "the table is not what is made now: run this test with UPDATE=1 and look at the difference");
}
