//! The wire profile as data (WIRE section 8): every key is obeyed at both ends, a profile in which everything is different
//! works with no change of code, and where the ends hold different profiles nothing is disclosed.

use super::forge::swap;
use super::{Bench, NUMBERS, PRACTICE, RICH, file, told, told_why, view_of};
use crate::gateway::profile::{DEFAULT_PROFILE, SignedPart};
use crate::gateway::testing::{Client, Told};
use crate::gateway::{GatewayConfig, GatewayError, WireProfile};
use crate::kinds::View;
use crate::simulator::holdings::Holdings;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use toml::{Table, Value};

/// One change of the built-in profile: keys with their new values.
type Change = &'static [(&'static str, &'static str)];

fn with(change: &[(&str, &str)]) -> String {
    let mut table: Table = DEFAULT_PROFILE.parse().expect("TOML");
    for (key, value) in change {
        let (section, key) = key.split_once('.').expect("section and key");
        let value = format!("v = {value}").parse::<Table>().expect("TOML").remove("v").expect("a value");
        let keys = table[section].as_table_mut().expect("a section");
        assert!(keys.insert(key.to_owned(), value).is_some(), "{key} is no key");
    }
    toml::to_string(&table).expect("TOML")
}

/// A client that holds a profile.
fn client_of(bench: &Bench, profile: &str) -> Client {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let path = file(&format!("agreement-{}.toml", COUNT.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&path, profile).expect("written");
    let config = GatewayConfig {
        wire_profile: Some(path),
        response_ca: Some(file("root.pem")),
        retries: 0,
        ..bench.config("viewer", "viewer")
    };
    Client::build(&config, bench.clock.clone())
}

async fn server_of(profile: &str) -> Bench {
    Bench::tweaked(profile, None, |_| {}).await
}

/// Whether a whole exchange succeeds: where the record is, and a view of it.
async fn exchanges(client: &str, server: &str) -> bool {
    let bench = server_of(server).await;
    let client = client_of(&bench, client);
    client.locate(&told(RICH)).await.is_ok() && client.fetch(&view_of(RICH)).await.is_ok()
}

/// A change; whether a client with it works with a server without, and a client without with a server with it. With it on
/// both sides all of them work.
const KEYS: &[(Change, bool, bool)] = &[
    (&[("addressing.service", "'urn:licensed:service'")], false, false),
    (&[("addressing.response_suffix", "'Answer'")], false, false),
    (&[("addressing.to", "'https://licensed.example/mig'")], false, true),
    (&[("addressing.address_prefix", "'urn:licensed:address:'")], false, false),
    (&[("addressing.identity_prefix", "'urn:licensed:identity:'")], false, false),
    (&[("addressing.mig_ods", "'YMG02'")], false, false),
    (&[("identity.user", "'1.2.3.1'")], false, false),
    (&[("identity.role_profile", "'1.2.3.2'")], false, false),
    (&[("identity.role", "'1.2.3.3'")], false, false),
    (&[("payload.namespace", "'urn:licensed:dcr'")], false, false),
    (&[("payload.locate_request", "'whereRequest'")], false, false),
    (&[("payload.locate_response", "'whereResponse'")], false, false),
    (&[("payload.view_request", "'viewRequest'")], false, false),
    (&[("payload.view_response", "'viewResponse'")], false, false),
    (&[("payload.interaction_key", "'urn:licensed:key'")], false, false),
    (&[("payload.interaction", "'urn:licensed:interaction:{root}'")], false, false),
    (&[("payload.profile", "'urn:licensed:profile:{root}'")], false, false),
    (&[("payload.record_namespace", "'urn:licensed:record'")], false, false),
    (&[("payload.record_root", "'healthRecord'")], false, false),
    (&[("views.Summary", "'S'")], false, false),
    (&[("outcomes.success", "'OK'")], false, false),
    (&[("security.signed_parts_sent", "['Timestamp', 'Body', 'MessageID', 'Action', 'To', 'From']")], true, true),
    (&[("security.signed_parts_required", "['Timestamp', 'Body', 'Addressing']")], true, true),
    (
        &[
            ("security.signed_parts_sent", "['Timestamp', 'Body']"),
            ("security.signed_parts_required", "['Timestamp', 'Body']"),
        ],
        false,
        true,
    ),
    (&[("security.signature", "'rsa-sha384'")], false, false),
    (&[("security.signature", "'rsa-sha512'")], false, false),
    (&[("security.digest", "'sha384'")], false, false),
    (&[("security.digest", "'sha512'")], false, false),
    (&[("security.legacy_itk", "true")], true, true),
    (&[("security.window_seconds", "60")], true, true),
    (&[("security.window_seconds", "900"), ("security.maximum_window_seconds", "900")], false, true),
    (&[("security.window_seconds", "60"), ("security.maximum_window_seconds", "60")], true, false),
    (&[("security.require_signed_response", "true")], false, true),
];

#[tokio::test]
async fn a_key_that_is_changed_is_obeyed_at_both_ends() {
    let mut wrong = Vec::new();
    for (change, new_client, new_server) in KEYS {
        let changed = with(change);
        let found = [
            exchanges(&changed, &changed).await,
            exchanges(&changed, DEFAULT_PROFILE).await,
            exchanges(DEFAULT_PROFILE, &changed).await,
        ];
        if found != [true, *new_client, *new_server] {
            wrong.push(format!("{change:?}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("wire profile: {} changes, each on both ends and on either alone", KEYS.len());
}

/// What a message gets that was changed after or before it was signed, from a server with a change.
async fn answered(change: Change, edit: fn(&str) -> String, again: bool) -> String {
    let bench = server_of(&with(change)).await;
    let client = client_of(&bench, DEFAULT_PROFILE);
    let edited = edit(&client.write(&view_of(RICH)));
    let message = if again { client.sign_again(&edited) } else { edited };
    told_why(&client.post(message).await.expect("an answer"))
}

#[tokio::test]
async fn the_switches_of_the_receiver_do_what_they_say() {
    let other = |message: &str| swap(message, "<wsse:Username>viewer", "<wsse:Username>other");
    assert_eq!(answered(&[("security.username_is_common_name", "false")], other, false).await, "MIG-0000");
    assert!(answered(&[], other, false).await.starts_with("3000"));
    let ahead = |message: &str| message.replace("10:00:00Z", "10:00:08Z");
    assert_eq!(answered(&[("security.skew_seconds", "8")], ahead, true).await, "MIG-0000");
    assert!(answered(&[("security.skew_seconds", "7")], ahead, true).await.starts_with("3000"));
    let same = str::to_owned;
    assert_eq!(answered(&[("limits.request_bytes", "500")], same, false).await, "1000: over the size limit");
    assert_eq!(answered(&[("outcomes.success", "'X-OK'")], same, false).await, "X-OK");

    for (switch, wanted) in [("true", "3000: TLS and signing certificate have different names"), ("false", "MIG-0000")]
    {
        let bench = server_of(&with(&[("security.same_common_name", switch)])).await;
        let lax = file("agreement-lax.toml");
        std::fs::write(&lax, with(&[("security.same_common_name", "false")])).expect("written");
        let config = GatewayConfig { wire_profile: Some(lax), ..bench.config("unlisted", "viewer") };
        let client = Client::build(&config, bench.clock.clone());
        assert_eq!(told_why(&client.post(client.write(&told(RICH))).await.expect("an answer")), wanted);
    }
    for (switch, wanted) in [("true", "3000: seen before"), ("false", "MIG-0000")] {
        let bench = server_of(&with(&[("security.replay", switch)])).await;
        let client = bench.client();
        let message = client.write(&view_of(RICH));
        let _ = client.post(message.clone()).await;
        assert_eq!(told_why(&client.post(message).await.expect("an answer")), wanted);
    }
}

#[tokio::test]
async fn faults_carry_the_actions_of_the_profile() {
    let change: Change = &[
        ("addressing.fault_action", "'urn:licensed:fault'"),
        ("addressing.addressing_fault_action", "'urn:licensed:not-understood'"),
    ];
    let bench = server_of(&with(change)).await;
    let client = client_of(&bench, DEFAULT_PROFILE);
    let strange = "<x:A xmlns:x=\"urn:x\" soap:mustUnderstand=\"1\"></x:A></soap:Header>";
    let edits: [(&str, super::Doctored); 2] = [
        ("urn:licensed:fault", |message| swap(message, "viewer.example</wsse", "other</wsse")),
        ("urn:licensed:not-understood", |message| swap(message, "</soap:Header>", "@")),
    ];
    for (action, edit) in edits {
        let message = edit(&client.write(&view_of(RICH))).replace('@', strange);
        let answer = client.post(message).await.expect("an answer");
        assert!(String::from_utf8_lossy(&answer).contains(&format!(">{action}</wsa:Action>")), "{action}");
    }
}

#[tokio::test]
async fn a_sender_keeps_to_the_sizes_of_the_profile() {
    let bench = server_of(DEFAULT_PROFILE).await;
    let small = client_of(&bench, &with(&[("limits.request_bytes", "500")]));
    assert!(matches!(small.locate(&told(RICH)).await, Err(GatewayError::Broken(_))));
    assert!(small.noted.lock().expect("lock").is_empty(), "nothing was sent");
    let short = client_of(&bench, &with(&[("limits.response_bytes", "500")]));
    assert!(matches!(short.locate(&told(RICH)).await, Err(GatewayError::Broken("answer too large"))));
}

/// The built-in patient with a bit of everything, on the bench's day.
async fn rich(profile: &str) -> (Bench, &'static str, &'static str) {
    let holdings = Holdings::builtin(super::NOW.date());
    let found = holdings.iter().find(|holding| holding.scenario == "rich").expect("a patient");
    let number: &'static str = found.nhs_number.clone().leak();
    let practice: &'static str = found.practice.clone().expect("a practice").leak();
    let bench = Bench::tweaked(profile, None, |config| config.holdings = Arc::new(holdings)).await;
    (bench, number, practice)
}

#[tokio::test]
async fn associated_text_is_kept_for_the_types_that_the_profile_lists_alone() {
    for (listed, wanted) in [("[]", 0), ("['OBS']", 0), ("['ALL']", 1)] {
        let profile = with(&[("text.associated_text_kept", listed)]);
        let (bench, number, practice) = rich(&profile).await;
        let asked = Told { view: Some((View::RisksAndWarnings, practice)), ..told(number) };
        let fetched = client_of(&bench, &profile).fetch(&asked).await.expect("a record");
        let allergies = fetched.record.events.iter().filter(|event| event.kind == "ALL");
        let texts: usize = allergies.map(|event| event.associated_texts.len()).sum();
        assert_eq!(texts.min(1), wanted, "{listed}");
        let others = fetched.record.events.iter().filter(|event| event.kind != "ALL" && event.kind != "OBS");
        assert!(others.clone().all(|event| event.associated_texts.is_empty()), "{listed}");
    }
}

#[tokio::test]
async fn the_months_of_recent_tests_are_the_profiles() {
    let mut counts = Vec::new();
    for months in ["1", "240"] {
        let profile = with(&[("limits.recent_tests_months", months)]);
        let (bench, number, practice) = rich(&profile).await;
        let asked = Told { view: Some((View::Summary, practice)), ..told(number) };
        counts.push(client_of(&bench, &profile).fetch(&asked).await.expect("a record").record.events.len());
    }
    assert!(counts[0] < counts[1], "{counts:?}");
}

/// Everything that can be changed, changed.
const SECOND: Change = &[
    ("addressing.service", "'urn:licensed:services:exchange'"),
    ("addressing.response_suffix", "'/answer'"),
    ("addressing.fault_action", "'urn:licensed:fault'"),
    ("addressing.addressing_fault_action", "'urn:licensed:not-understood'"),
    ("addressing.to", "'https://licensed.example/gateway'"),
    ("addressing.address_prefix", "'urn:licensed:address/'"),
    ("addressing.identity_prefix", "'urn:licensed:identity/'"),
    ("addressing.mig_ods", "'X26MIG'"),
    ("identity.user", "'1.2.3.4.1'"),
    ("identity.role_profile", "'1.2.3.4.2'"),
    ("identity.role", "'1.2.3.4.3'"),
    ("payload.namespace", "'urn:licensed:dcr'"),
    ("payload.locate_request", "'whereRequest'"),
    ("payload.locate_response", "'whereResponse'"),
    ("payload.view_request", "'tabRequest'"),
    ("payload.view_response", "'tabResponse'"),
    ("payload.interaction_key", "'urn:licensed:key'"),
    ("payload.interaction", "'urn:licensed:{root}/interaction'"),
    ("payload.profile", "'urn:licensed:{root}/profile'"),
    ("payload.record_namespace", "'urn:licensed:record'"),
    ("payload.record_root", "'healthRecord'"),
    ("views.PatientDetails", "'T01'"),
    ("views.Summary", "'T02'"),
    ("views.Problems", "'T03'"),
    ("views.Diagnosis", "'T04'"),
    ("views.Medication", "'T05'"),
    ("views.RisksAndWarnings", "'T06'"),
    ("views.Procedures", "'T07'"),
    ("views.Investigations", "'T08'"),
    ("views.Examination", "'T09'"),
    ("views.Events", "'T10'"),
    ("outcomes.system", "'urn:licensed:outcome'"),
    ("outcomes.success", "'R00'"),
    ("outcomes.invalid", "'R01'"),
    ("outcomes.unknown_patient", "'R02'"),
    ("outcomes.consent_refused", "'R03'"),
    ("outcomes.opted_out", "'R04'"),
    ("outcomes.outside_agreement", "'R05'"),
    ("outcomes.not_authorised", "'R06'"),
    ("outcomes.ambiguous", "'R07'"),
    ("outcomes.busy", "'R08'"),
    ("outcomes.partial", "'R09'"),
    ("outcomes.failure", "'R99'"),
    ("security.signed_parts_sent", "['Timestamp', 'Body', 'To', 'MessageID']"),
    ("security.signed_parts_required", "['Body', 'Timestamp', 'To']"),
    ("security.signature", "'rsa-sha512'"),
    ("security.digest", "'sha384'"),
    ("security.window_seconds", "120"),
    ("security.maximum_window_seconds", "240"),
    ("security.skew_seconds", "2"),
    ("security.username_is_common_name", "false"),
    ("security.same_common_name", "false"),
    ("security.replay", "false"),
    ("security.require_signed_response", "true"),
    ("text.associated_text_kept", "['ALL']"),
    ("limits.request_bytes", "65536"),
    ("limits.response_bytes", "1000000"),
    ("limits.recent_tests_months", "6"),
];

fn second() -> String {
    with(SECOND)
}

#[test]
fn the_second_profile_changes_every_value_that_has_another() {
    let (default, second): (Table, Table) = (DEFAULT_PROFILE.parse().expect("TOML"), second().parse().expect("TOML"));
    let same: Vec<_> = default
        .iter()
        .flat_map(|(section, keys)| {
            keys.as_table().into_iter().flatten().map(move |(key, value)| (section, key, value))
        })
        .filter(|(section, key, value)| second[*section][*key] == Value::clone(value))
        .map(|(section, key, _)| format!("{section}.{key}"))
        .collect();
    // One canonical form is known; `legacy_itk` would make `signed_parts_required` mean nothing, and has tests of its own.
    assert_eq!(same, ["security.c14n", "security.legacy_itk"]);
    let parsed = WireProfile::parse(&self::second()).expect("a profile");
    assert_eq!(parsed.security.required(), [SignedPart::Body, SignedPart::Timestamp, SignedPart::To]);
}

#[tokio::test]
async fn with_a_second_profile_on_both_ends_everything_works_with_no_change_of_code() {
    let bench = server_of(&second()).await;
    let client = client_of(&bench, &second());
    let located = client.locate(&told(RICH)).await.expect("located");
    assert_eq!(located.practice.as_ref().map(crate::ids::OdsCode::as_str), Some(PRACTICE));
    for view in View::ALL {
        let asked = Told { view: Some((*view, PRACTICE)), ..told(RICH) };
        assert!(client.fetch(&asked).await.is_ok(), "{view}");
    }
    let within = Duration::from_secs(20);
    let error = async |told: Told| client.enclosed(&told, within).await.err();
    assert!(matches!(error(view_of(NUMBERS[1])).await, Some(GatewayError::OptedOut)));
    assert!(matches!(error(view_of(NUMBERS[2])).await, Some(GatewayError::UnknownPatient)));
    assert!(matches!(error(view_of(NUMBERS[5])).await, Some(GatewayError::Unavailable { .. })), "busy");
    assert!(matches!(error(view_of(NUMBERS[7])).await, Some(GatewayError::OutsideAgreement)));
    assert!(matches!(error(view_of(NUMBERS[8])).await, Some(GatewayError::Unavailable { .. })), "fault 2100");
    assert!(matches!(error(view_of(NUMBERS[9])).await, Some(GatewayError::Broken("fault 2200"))));
    let other = Told { organisation: "V2", ..view_of(RICH) };
    assert!(matches!(error(other).await, Some(GatewayError::NotAuthorised)));
    let (_, complete) = client.enclosed(&view_of(NUMBERS[6]), within).await.expect("part of a record");
    assert!(!complete);
}

#[tokio::test]
async fn with_the_second_profile_on_one_end_alone_nothing_is_disclosed() {
    for (client, server) in [(second(), DEFAULT_PROFILE.to_owned()), (DEFAULT_PROFILE.to_owned(), second())] {
        let bench = server_of(&server).await;
        let client = client_of(&bench, &client);
        assert!(matches!(client.locate(&told(RICH)).await, Err(GatewayError::Broken(_))));
        assert!(matches!(client.fetch(&view_of(RICH)).await, Err(GatewayError::Broken(_))));
        assert!(bench.server.extracts().is_empty());
    }
}
