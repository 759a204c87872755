//! What screening takes, and what it must leave beside it. Long because each rule and each neighbour is its own case.

use super::*;
use crate::record::{Code, Encounter, Issue, LocalMixture, Medication, Patient, Problem, Value};
use crate::release::ExclusionEntry;
use std::sync::OnceLock;

const READ: &str = "2.16.840.1.113883.2.1.6.2";
const SNOMED: &str = "2.16.840.1.113883.2.1.3.2.4.15";

/// Made once: every test of a run asks for it.
fn list() -> Exclusions {
    static LIST: OnceLock<Exclusions> = OnceLock::new();
    LIST.get_or_init(|| Exclusions::builtin().expect("the list of this build")).clone()
}

fn code(system: &str, code: &str) -> Code {
    Code {
        code: Some(code.to_owned()),
        system: Some(system.to_owned()),
        display: Some("A term".to_owned()),
        ..Code::default()
    }
}

fn event(id: &str, kind: &str) -> Event {
    Event { id: id.to_owned(), kind: kind.to_owned(), code: Some(code(READ, "H33..")), ..Event::default() }
}

fn group(id: &str, children: &[&str]) -> Event {
    Event { children: children.iter().map(|id| (*id).to_owned()).collect(), ..event(id, "INV") }
}

fn excluded(id: &str, kind: &str) -> Event {
    Event { code: Some(code(READ, "A788.")), ..event(id, kind) }
}

fn issue(id: &str, plan: &str) -> Event {
    Event { issue: Some(Box::new(Issue { plan: Some(plan.to_owned()), ..Issue::default() })), ..event(id, "ISS") }
}

fn record(events: Vec<Event>) -> Record {
    let mut record = Record { events, patient: Some(Patient::default()), ..Record::default() };
    record.policies.insert("open".to_owned(), Policy { restricts: false });
    record.policies.insert("shut".to_owned(), Policy { restricts: true });
    record
}

fn marked(mut event: Event, marks: Marks) -> Event {
    event.marks = marks;
    event
}

fn under(policy: &str) -> Marks {
    Marks { policy: Some(policy.to_owned()), ..Marks::default() }
}

fn hidden() -> Marks {
    Marks { hidden: true, ..Marks::default() }
}

fn deleted() -> Marks {
    Marks { deleted: true, ..Marks::default() }
}

fn screened(record: Record) -> Screened {
    screen(record, &list(), "EMIS")
}

fn ids(screened: &Screened) -> Vec<&str> {
    screened.record().events.iter().map(|event| event.id.as_str()).collect()
}

fn omitted(screened: &Screened, id: &str) -> Option<Reason> {
    match screened.ledger().fate(id) {
        Some(Fate::Omitted(reason)) => Some(reason),
        _ => None,
    }
}

#[test]
fn every_code_of_the_list_is_removed_wherever_an_entry_carries_it() {
    let list = list();
    let oid = |entry: &ExclusionEntry| match entry.system.as_str() {
        "read-v2" | "emis" => READ,
        "ctv3" => "2.16.840.1.113883.2.1.3.2.4.14",
        _ => SNOMED,
    };
    for entry in list.entries().iter().filter(|entry| !entry.code.is_empty()) {
        let mut shapes = vec![entry.code.clone()];
        if matches!(entry.system.as_str(), "read-v2" | "ctv3") {
            let bare = entry.code.trim_end_matches('.').to_owned();
            shapes.extend([format!("{bare:.<5}00"), format!("{bare:.<5}11"), bare.clone()]);
            if entry.system == "read-v2" {
                shapes.extend([format!("{bare}-1"), format!("{bare:.<5}-99")]);
                if entry.include_descendants && bare.len() < 5 {
                    shapes.push(format!("{bare}z"));
                }
            }
        }
        for shape in &shapes {
            let found = code(oid(entry), shape);
            let plain = code(READ, "H33..");
            let in_translation = Code { translations: vec![plain.clone(), found.clone()], ..plain.clone() };
            let nested = Code {
                translations: vec![Code { translations: vec![found.clone()], ..plain.clone() }],
                ..plain.clone()
            };
            let in_name = Code { qualifiers: vec![(found.clone(), plain.clone())], ..plain.clone() };
            let in_value = Code { qualifiers: vec![(plain.clone(), found.clone())], ..plain.clone() };
            let with = |code: &Code, kind: &str| Event { code: Some(code.clone()), ..event("x", kind) };
            for code in [&found, &in_translation, &nested, &in_name, &in_value] {
                for kind in ["OBS", "VAL", "INV", "ALL", "IMM", "REF"] {
                    assert!(alone(&with(code, kind), &Record::default(), &list).is_some(), "{shape} in {kind}");
                }
            }
            for code in [&found, &in_translation, &nested] {
                for kind in ["MED", "ISS"] {
                    assert!(alone(&with(code, kind), &Record::default(), &list).is_some(), "{shape} in {kind}");
                }
            }
            for code in [in_name, in_value] {
                let result = screen(record(vec![with(&code, "MED")]), &list, "EMIS");
                let left = &result.record().events;
                assert_eq!(left.len(), 1, "a drug stays");
                assert!(left[0].code.as_ref().is_some_and(|code| code.qualifiers.is_empty()), "{shape} as a qualifier");
            }
        }
    }
}

#[test]
fn a_rubric_removes_an_entry_by_its_term_or_any_display_name_coded_or_not() {
    for entry in list().entries().iter().filter(|entry| entry.row > 0) {
        let shouted = format!("[X]{}", entry.rubric.to_uppercase().replace('Z', "S"));
        for text in [&entry.rubric, &shouted] {
            let by_term = Event { term: Some(text.clone()), ..event("a", "OBS") };
            let uncoded = Event { term: Some(text.clone()), code: None, ..event("b", "ALL") };
            let display = Code { display: Some(text.clone()), ..Code::default() };
            let by_display = Event {
                code: Some(Code { translations: vec![display.clone()], ..code(READ, "H33..") }),
                ..event("c", "VAL")
            };
            let text_only = Event { code: Some(display), ..event("d", "OBS") };
            assert!(ids(&screened(record(vec![by_term, uncoded, by_display, text_only]))).is_empty(), "{text}");
        }
    }
}

#[test]
fn neighbours_are_left_alone() {
    let keep = [
        (READ, "A54.."),
        (READ, "A542."),
        (READ, "A54z.11"),
        (READ, "e225."),
        (READ, "7E08800"),
        (READ, "A704."),
        (READ, "ZV02."),
        (READ, "65Q1."),
        (READ, "EMISNQA788"),
        (SNOMED, "38341003"),
        ("2.16.840.1.113883.2.1.3.2.4.14", "XE0vs"),
        ("EMISPREPARATION", "62479008"),
        ("UNKNOWN", "A788."),
    ];
    let events = keep.iter().enumerate().map(|(n, (system, text))| Event {
        code: Some(code(system, text)),
        term: Some("AIDS leaflet given".to_owned()),
        ..event(&n.to_string(), "OBS")
    });
    let result = screened(record(events.collect()));
    assert_eq!(ids(&result).len(), keep.len());
    assert_eq!(result.ledger().iter().count(), 0);
}

#[test]
fn a_drug_loses_an_excluded_dosage_and_its_link_to_an_excluded_problem_and_stays() {
    let mut drug = event("drug", "MED");
    let mut plan = Medication::default();
    plan.supply.dosage = Some("Gonorrhoea carrier".to_owned());
    drug.medication = Some(Box::new(plan));
    let mut kept = event("kept", "MED");
    let mut plan = Medication::default();
    plan.supply.dosage = Some("one for gonorrhoea".to_owned());
    kept.medication = Some(Box::new(plan));
    let mut record = record(vec![drug, excluded("problem", "OBS"), event("other", "OBS"), kept]);
    record.problems.insert("problem".to_owned(), Problem { links: vec!["drug".to_owned()], ..Problem::default() });
    let link = Problem {
        links: vec!["problem".to_owned(), "drug".to_owned(), "elsewhere".to_owned(), "drug".to_owned()],
        parents: vec![("problem".to_owned(), None), ("other".to_owned(), None)],
        ..Problem::default()
    };
    record.problems.insert("other".to_owned(), link);
    let result = screened(record);
    assert_eq!(ids(&result), ["drug", "other", "kept"]);
    let dosages: Vec<_> = result
        .record()
        .events
        .iter()
        .filter_map(|e| e.medication.as_ref())
        .map(|m| m.supply.dosage.as_deref())
        .collect();
    assert_eq!(dosages, [None, Some("one for gonorrhoea")]);
    assert_eq!(result.record().problems.keys().collect::<Vec<_>>(), ["other"]);
    assert_eq!(result.record().problems["other"].links, ["drug"]);
    assert!(result.record().problems["other"].parents.is_empty());
    assert_eq!(omitted(&result, "problem"), Some(Reason::Withheld));
}

#[test]
fn a_drug_of_an_excluded_mixture_is_withheld() {
    let mut drug = event("drug", "MED");
    let mut plan = Medication::default();
    plan.supply.mixture = Some("mix".to_owned());
    drug.medication = Some(Box::new(plan));
    let mut record = record(vec![drug]);
    record.mixtures.insert(
        "mix".to_owned(),
        LocalMixture { constituents: vec![(code(SNOMED, "62479008"), None)], ..LocalMixture::default() },
    );
    assert!(ids(&screened(record)).is_empty());
}

#[test]
fn a_withheld_entry_takes_its_members_and_a_plan_its_issues_and_no_one_else() {
    let mut top = group("top", &["middle", "absent"]);
    top.code = Some(code(READ, "A788."));
    let events = vec![
        issue("i1", "plan"),
        top,
        group("middle", &["leaf"]),
        event("leaf", "VAL"),
        excluded("plan", "MED"),
        issue("i2", "plan"),
        issue("i3", "other"),
        event("other", "MED"),
        event("beside", "VAL"),
    ];
    let result = screened(record(events));
    assert_eq!(ids(&result), ["i3", "other", "beside"]);
    for id in ["top", "middle", "leaf", "plan", "i1", "i2"] {
        assert_eq!(omitted(&result, id), Some(Reason::Withheld), "{id}");
    }
    assert_eq!(result.record().events[0].issue.as_ref().and_then(|i| i.plan.as_deref()), Some("other"));
}

#[test]
fn a_withheld_member_leaves_its_group_and_an_empty_group_goes_whatever_the_cause() {
    let mut with_value = group("valued", &["gone"]);
    with_value.value =
        Some(Value::Numeric { operator: None, value: "1".to_owned(), units: None, ucum: None, range: None });
    let mut defining = group("problem", &[]);
    defining.term = Some("Anaemia".to_owned());
    let mut report = group("report", &["only"]);
    report.kind = "REP".to_owned();
    let events = vec![
        report,
        group("only", &["gone"]),
        group("both", &["gone", "stays", "stays", "both", "elsewhere"]),
        group("empty", &[]),
        group("ring1", &["ring2"]),
        group("ring2", &["ring1"]),
        with_value,
        defining,
        excluded("gone", "VAL"),
        event("stays", "VAL"),
    ];
    let mut record = record(events);
    record.problems.insert("problem".to_owned(), Problem::default());
    let result = screened(record);
    assert_eq!(ids(&result), ["both", "valued", "problem", "stays"]);
    assert_eq!(result.record().events[0].children, ["stays"]);
    for id in ["report", "only", "empty", "ring1", "ring2"] {
        assert_eq!(omitted(&result, id), Some(Reason::Empty), "{id}");
    }
}

#[test]
fn restricted_and_hidden_items_go_and_a_policy_that_restricts_nothing_does_nothing() {
    let events = vec![
        marked(event("open", "OBS"), under("open")),
        marked(event("shut", "ALL"), under("shut")),
        marked(event("hidden", "MED"), hidden()),
        marked(event("unknown", "OBS"), under("nowhere")),
        marked(event("gone", "OBS"), deleted()),
    ];
    let result = screened(record(events));
    assert_eq!(ids(&result), ["open"]);
    for id in ["shut", "hidden", "unknown"] {
        assert_eq!(omitted(&result, id), Some(Reason::Withheld), "{id}");
    }
    assert_eq!(omitted(&result, "gone"), Some(Reason::Deleted));
}

#[test]
fn an_encounter_hands_its_restriction_to_its_entries_and_their_members() {
    let encounter = |id: &str, marks: Marks, components: &[&str]| Encounter {
        id: id.to_owned(),
        marks,
        components: components.iter().map(|id| (*id).to_owned()).collect(),
        ..Encounter::default()
    };
    let events = vec![
        group("a", &["a1"]),
        event("a1", "VAL"),
        event("b", "OBS"),
        event("c", "OBS"),
        event("d", "OBS"),
        event("e", "OBS"),
    ];
    let mut record = record(events);
    let mut excluded = encounter("e5", Marks::default(), &["e"]);
    excluded.location_type = Some(code(SNOMED, "62479008"));
    record.encounters = vec![
        encounter("e1", under("shut"), &["a"]),
        encounter("e2", hidden(), &["b"]),
        encounter("e3", deleted(), &["c"]),
        encounter("e4", under("open"), &["a", "c", "d", "elsewhere"]),
        excluded,
    ];
    let result = screened(record);
    assert_eq!(ids(&result), ["c", "d"]);
    assert_eq!(result.record().encounters.len(), 1);
    assert_eq!(result.record().encounters[0].components, ["c", "d"]);
    for id in ["a", "a1", "b", "e", "e1", "e2", "e5"] {
        assert_eq!(omitted(&result, id), Some(Reason::Withheld), "{id}");
    }
    assert_eq!(omitted(&result, "e3"), Some(Reason::Deleted));
}

#[test]
fn an_encounter_without_entries_stays() {
    let mut record = record(vec![excluded("x", "OBS")]);
    record.encounters =
        vec![Encounter { id: "e".to_owned(), components: vec!["x".to_owned()], ..Encounter::default() }];
    let result = screened(record);
    assert_eq!(result.record().encounters.len(), 1);
    assert!(result.record().encounters[0].components.is_empty());
}

#[test]
fn a_deleted_problem_leaves_its_event() {
    let mut record =
        record(vec![event("a", "OBS"), Event { code: None, term: Some("text".to_owned()), ..event("b", "OBS") }]);
    for id in ["a", "b"] {
        record.problems.insert(id.to_owned(), Problem { deleted: true, ..Problem::default() });
    }
    let result = screened(record);
    assert_eq!(ids(&result), ["a"]);
    assert!(result.record().problems.is_empty());
    assert_eq!(omitted(&result, "b"), Some(Reason::Uncoded));
}

#[test]
fn members_of_a_deleted_group_and_issues_of_a_deleted_plan_are_deleted_with_it() {
    let events = vec![
        marked(group("g", &["m"]), deleted()),
        event("m", "VAL"),
        marked(event("p", "MED"), deleted()),
        issue("i", "p"),
        event("x", "VAL"),
    ];
    let result = screened(record(events));
    assert_eq!(ids(&result), ["x"]);
    assert!(["g", "m", "p", "i"].iter().all(|id| omitted(&result, id) == Some(Reason::Deleted)));
}

#[test]
fn what_is_withheld_for_itself_stays_so_in_a_deleted_group_and_a_deleted_ring_ends() {
    let events = vec![
        marked(group("g", &["secret", "plain", "h"]), deleted()),
        excluded("secret", "VAL"),
        event("plain", "VAL"),
        group("h", &["g", "h"]),
    ];
    let result = screened(record(events));
    assert!(ids(&result).is_empty());
    assert_eq!(omitted(&result, "secret"), Some(Reason::Withheld));
    assert!(["g", "plain", "h"].iter().all(|id| omitted(&result, id) == Some(Reason::Deleted)));
}

#[test]
fn whatever_holds_a_plan_or_an_issue_is_a_drug_and_stays_without_its_excluded_qualifier() {
    let coded = Code { qualifiers: vec![(code(READ, "A788."), Code::default())], ..code(READ, "bxd1.") };
    let odd = |id: &str| Event { code: Some(coded.clone()), ..event(id, "NEW") };
    let events = vec![
        Event { medication: Some(Box::default()), ..odd("plan") },
        Event { issue: Some(Box::default()), ..odd("issue") },
        odd("neither"),
    ];
    let result = screened(record(events));
    assert_eq!(ids(&result), ["plan", "issue"]);
    let left = |event: &Event| event.code.as_ref().map(|code| code.qualifiers.len());
    assert!(result.record().events.iter().all(|event| left(event) == Some(0)));
}

#[test]
fn uncoded_text_goes_unless_it_defines_a_problem_and_text_only_codes_stay() {
    let uncoded =
        |id: &str, kind: &str, term: &str| Event { code: None, term: Some(term.to_owned()), ..event(id, kind) };
    let text_only =
        Event { code: Some(Code { display: Some("Cough".to_owned()), ..Code::default() }), ..event("text", "OBS") };
    let events = vec![
        uncoded("note", "OBS", "saw patient"),
        uncoded("letter", "REF", "dear doctor"),
        uncoded("problem", "OBS", "Sore knee"),
        uncoded("secret", "OBS", "H/O: venereal disease"),
        uncoded("allergy", "ALL", "Peanuts"),
        uncoded("drug", "MED", "A special"),
        text_only,
    ];
    let mut record = record(events);
    for id in ["problem", "secret"] {
        record.problems.insert(id.to_owned(), Problem::default());
    }
    let result = screened(record);
    assert_eq!(ids(&result), ["problem", "allergy", "drug", "text"]);
    assert_eq!(omitted(&result, "note"), Some(Reason::Uncoded));
    assert_eq!(omitted(&result, "letter"), Some(Reason::Uncoded));
    assert_eq!(omitted(&result, "secret"), Some(Reason::Withheld));
}

#[test]
fn kinds_outside_the_record_go_and_kinds_not_served_stay_for_the_mapping_to_count() {
    let outside = ["DRY", "ATT", "FH", "TR", "OH"];
    let inside = ["IMM", "REF", "ALT", "ISS", "NEW"];
    let events = outside.iter().chain(&inside).map(|kind| event(kind, kind)).collect();
    let result = screened(record(events));
    assert_eq!(ids(&result), inside);
    assert!(outside.iter().all(|kind| omitted(&result, kind) == Some(Reason::OutsideRecord)));
}

#[test]
fn a_restricted_patient_has_nothing_and_everything_is_counted() {
    let mut record = record(vec![event("a", "OBS")]);
    record.encounters.push(Encounter { id: "e".to_owned(), ..Encounter::default() });
    record.patient = Some(Patient { marks: under("shut"), ..Patient::default() });
    let result = screened(record);
    assert!(
        result.record().events.is_empty() && result.record().encounters.is_empty() && result.record().patient.is_none()
    );
    assert_eq!((omitted(&result, "a"), omitted(&result, "e")), (Some(Reason::Withheld), Some(Reason::Withheld)));
}

#[test]
fn entries_without_identity_are_counted_beside_the_one_that_has_it() {
    let mut record = record(vec![event("a", "OBS")]);
    record.unidentified =
        vec![("a".to_owned(), "OBS".to_owned()), (String::new(), "MED".to_owned()), ("a".to_owned(), "OBS".to_owned())];
    let result = screened(record);
    let omissions = result.ledger().omissions();
    assert_eq!(omissions.get(&(Reason::NoIdentity, "OBS".to_owned())), Some(&2));
    assert_eq!(omissions.get(&(Reason::NoIdentity, "MED".to_owned())), Some(&1));
    assert_eq!(omitted(&result, "a"), None);
}

#[test]
fn the_order_of_entries_makes_no_difference() {
    let events = || {
        vec![
            excluded("top", "INV"),
            group("mid", &["leaf"]),
            event("leaf", "VAL"),
            excluded("p", "MED"),
            issue("i", "p"),
        ]
    };
    let mut forward = events();
    forward[0].children = vec!["mid".to_owned()];
    let mut backward = forward.clone();
    backward.reverse();
    assert!(ids(&screened(record(forward))).is_empty());
    assert!(ids(&screened(record(backward))).is_empty());
}

#[test]
fn fifty_thousand_events_are_screened_quickly() {
    let translated = |n: u32| Code { translations: vec![code(SNOMED, &format!("3834{n:05}"))], ..code(READ, "H33..") };
    let events = (0..50_000_u32).map(|n| Event {
        term: Some("A clinical term of ordinary length".to_owned()),
        code: Some(translated(n)),
        ..event(&n.to_string(), "VAL")
    });
    let (record, list) = (record(events.collect()), list());
    let started = std::time::Instant::now();
    let result = screen(record, &list, "EMIS");
    let took = started.elapsed();
    assert_eq!(ids(&result).len(), 50_000);
    eprintln!("50,000 events screened in {took:?}");
    // Unoptimised and on a busy machine; optimised it is tens of milliseconds.
    assert!(took < std::time::Duration::from_secs(20));
}

#[test]
fn a_chain_of_fifty_thousand_groups_is_followed_to_its_end() {
    let chain = |n: u32| group(&n.to_string(), &[&(n + 1).to_string()]);
    let mut events: Vec<Event> = (0..50_000).map(chain).collect();
    events.push(excluded("50000", "VAL"));
    let result = screened(record(events));
    assert!(ids(&result).is_empty());
    assert_eq!(omitted(&result, "0"), Some(Reason::Empty));
}

fn made(rules: &crate::release::Rules, sources: &crate::release::Sources) -> Exclusions {
    crate::release::Lists::load(sources, rules).expect("lists").on(time::Date::MIN)
}

fn exempting() -> Exclusions {
    let exempt = vec![crate::policy::Supplier::SystmOne];
    made(&crate::release::Rules { exempt, ..Default::default() }, &crate::release::Sources::default())
}

#[test]
fn an_exempt_supplier_is_spared_the_list_and_nothing_else() {
    let events = || {
        vec![
            excluded("listed", "OBS"),
            Event { term: Some("H/O: venereal disease".to_owned()), ..event("term", "OBS") },
            marked(event("hidden", "OBS"), hidden()),
            marked(event("shut", "OBS"), under("shut")),
            marked(event("gone", "OBS"), deleted()),
            Event { code: None, term: Some("note".to_owned()), ..event("note", "OBS") },
            group("empty", &[]),
            event("plain", "OBS"),
        ]
    };
    let left = |supplier: &str| {
        let screened = screen(record(events()), &exempting(), supplier);
        ids(&screened).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(left("SystmOne"), ["listed", "term", "plain"]);
    for supplier in ["EMIS", "Vision", "Microtest", "Other", "TPP", "systmone", ""] {
        assert_eq!(left(supplier), ["plain"], "{supplier}");
    }
    let mut patient = record(events());
    patient.patient = Some(Patient { marks: under("shut"), ..Patient::default() });
    assert!(ids(&screen(patient, &exempting(), "SystmOne")).is_empty());
}

fn unknown(view: crate::kinds::View) -> Exclusions {
    let withhold_unknown = vec![crate::kinds::View::Investigations];
    made(&crate::release::Rules { withhold_unknown, ..Default::default() }, &crate::release::Sources::default())
        .for_view(view)
}

#[test]
fn a_view_may_withhold_what_has_no_known_code_but_never_what_safety_rests_on() {
    let strange = |id: &str, kind: &str| Event { code: Some(code("http://example.org", "X1")), ..event(id, kind) };
    let text_only = |id: &str, kind: &str| Event {
        code: Some(Code { display: Some("Words".to_owned()), ..Code::default() }),
        ..event(id, kind)
    };
    let translated = Code { translations: vec![code(SNOMED, "38341003")], ..code("http://example.org", "X1") };
    let filed = Code { translations: vec![code("EMISNONDRUGALLERGY", "1")], ..code("http://example.org", "X1") };
    let events = || {
        vec![
            strange("obs", "OBS"),
            text_only("text", "VAL"),
            Event { children: vec!["kept".to_owned(), "jab".to_owned(), "obs".to_owned()], ..strange("group", "INV") },
            event("kept", "VAL"),
            strange("jab", "IMM"),
            text_only("allergy", "ALL"),
            Event { code: None, ..event("uncoded-allergy", "ALL") },
            strange("plan", "MED"),
            text_only("issue", "ISS"),
            Event { medication: Some(Box::default()), ..strange("odd-plan", "NEW") },
            Event { issue: Some(Box::default()), ..strange("odd-issue", "NEW") },
            Event { target_drug: Some(Box::new(code("http://example.org", "X1"))), ..strange("target", "OBS") },
            Event { code: Some(filed.clone()), ..event("filed", "OBS") },
            Event { code: Some(translated.clone()), ..event("translated", "OBS") },
        ]
    };
    let on = screen(record(events()), &unknown(crate::kinds::View::Investigations), "EMIS");
    let stay = [
        "kept",
        "jab",
        "allergy",
        "uncoded-allergy",
        "plan",
        "issue",
        "odd-plan",
        "odd-issue",
        "target",
        "filed",
        "translated",
    ];
    assert_eq!(ids(&on), stay);
    for id in ["obs", "text", "group"] {
        assert_eq!(omitted(&on, id), Some(Reason::Withheld), "{id}");
    }
    let off = screen(record(events()), &unknown(crate::kinds::View::Diagnosis), "EMIS");
    assert_eq!(ids(&off).len(), events().len());
}

#[test]
fn a_medicine_that_points_to_a_topic_goes_with_its_issues_and_nothing_of_that_name_that_is_no_medicine() {
    let named = |id: &str, kind: &str| Event { term: Some("Mifepristone 200mg tablets".to_owned()), ..event(id, kind) };
    let displayed = Code { display: Some("Nevirapine 200mg tablets".to_owned()), ..code("EMISPREPARATION", "1") };
    let inner = Code { translations: vec![displayed.clone()], ..code(READ, "bxd1.") };
    let mut mixed = event("mixed", "MED");
    let mut plan = Medication::default();
    plan.supply.mixture = Some("mix".to_owned());
    mixed.medication = Some(Box::new(plan));
    let build = || {
        let events = vec![
            named("plan", "MED"),
            issue("of-plan", "plan"),
            named("allergy", "ALL"),
            named("note", "OBS"),
            Event { code: Some(displayed.clone()), ..event("shown", "MED") },
            Event { code: Some(inner.clone()), ..event("inner", "ISS") },
            mixed.clone(),
            event("aspirin", "MED"),
        ];
        let mut record = record(events);
        let mixture = LocalMixture { name: Some("Ritonavir mixture".to_owned()), ..LocalMixture::default() };
        record.mixtures.insert("mix".to_owned(), mixture);
        record
    };
    let rules = crate::release::Rules { medicines_approved: Some("x".to_owned()), ..Default::default() };
    let sources = crate::release::Sources { revealing_medicines: true, ..Default::default() };
    let on = made(&rules, &sources);
    assert_eq!(ids(&screen(build(), &on, "EMIS")), ["allergy", "note", "aspirin"]);
    assert_eq!(ids(&screened(build())).len(), 8, "off by default");
}

#[test]
fn a_rubric_in_a_text_beside_the_code_withholds_the_entry() {
    let text = "Gonorrhoea carrier".to_owned();
    let range = |text: &str| Some(crate::record::Range { text: Some(text.to_owned()), ..Default::default() });
    let numeric = |text: &str| {
        let value = "1".to_owned();
        Some(Value::Numeric { operator: None, value, units: None, ucum: None, range: range(text).map(Box::new) })
    };
    let measured = |units: Option<&str>, of_range: Option<&str>| {
        let range = Some(Box::new(crate::record::Range { units: of_range.map(str::to_owned), ..Default::default() }));
        let units = units.map(str::to_owned);
        Some(Value::Numeric { operator: None, value: "1".to_owned(), units, ucum: None, range })
    };
    let report = |id: &str, kinds: &[&str], tests: &[&str]| {
        let specimen = |kind: &&str| crate::record::Specimen { kind: Some((*kind).to_owned()), ..Default::default() };
        let specimens = kinds.iter().map(specimen).collect();
        let report = crate::record::Report { specimens, ..Default::default() };
        Event { kind: "REP".to_owned(), report: Some(report), ..group(id, tests) }
    };
    let referral = crate::record::Referral { speciality: Some(text.clone()), ..Default::default() };
    let events = vec![
        Event { value: Some(Value::Text { value: text.clone(), range: None }), ..event("value", "VAL") },
        Event {
            value: Some(Value::Text { value: "x".to_owned(), range: range(&text).map(Box::new) }),
            ..event("text-range", "VAL")
        },
        Event { value: numeric(&text), ..event("range", "VAL") },
        Event { abnormal: Some((true, Some(text.clone()))), ..event("abnormal", "VAL") },
        Event { referral: Some(Box::new(referral)), ..event("referral", "REF") },
        Event { associated_texts: vec!["x".to_owned(), "Gonorrhoea carrier".to_owned()], ..event("beside", "OBS") },
        Event { value: measured(Some(&text), None), ..event("units", "VAL") },
        Event { value: measured(None, Some(&text)), ..event("range-units", "VAL") },
        report("report", &["g/L", &text], &["test"]),
        event("test", "VAL"),
        Event { value: numeric("other"), abnormal: Some((true, None)), ..event("kept", "VAL") },
        report("kept-report", &["Blood", "Urine"], &["kept"]),
    ];
    let result = screened(record(events));
    assert_eq!(ids(&result), ["kept", "kept-report"]);
    assert_eq!(
        omitted(&result, "test"),
        Some(Reason::Withheld),
        "what was tested goes with the report that says of what"
    );
    let mut typed = record(vec![event("a", "OBS")]);
    typed.encounters = vec![
        Encounter {
            id: "e1".to_owned(),
            consultation_type: Some("Gonorrhoea carrier".to_owned()),
            ..Encounter::default()
        },
        Encounter { id: "e2".to_owned(), consultation_type: Some("GP".to_owned()), ..Encounter::default() },
    ];
    let result = screened(typed);
    assert_eq!(result.record().encounters.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["e2"]);
}

#[test]
fn a_drug_that_stays_loses_each_text_and_qualifier_that_names_the_list_and_keeps_the_others() {
    let mut plan = Medication::default();
    plan.supply.dosage = Some("One daily".to_owned());
    plan.supply.unit = Some("Gonorrhoea carrier".to_owned());
    plan.supply.quantity_text = Some("AIDS carrier".to_owned());
    let qualifiers = vec![(code(READ, "H33.."), code(READ, "A788.")), (code(READ, "H33.."), code(READ, "H34.."))];
    let inner = Code { qualifiers: vec![(code(READ, "A788."), Code::default())], ..code(READ, "bxd1.") };
    let coded = Code { qualifiers: qualifiers.clone(), translations: vec![inner], ..code(READ, "bxd1.") };
    let associated_texts = vec!["AIDS carrier".to_owned(), "Take with food".to_owned()];
    let drug = Event { code: Some(coded), medication: Some(Box::new(plan)), associated_texts, ..event("drug", "MED") };
    let mut made = issue("issue", "drug");
    made.issue.get_or_insert_default().supply.dosage = Some("AIDS carrier".to_owned());
    let (record, list) = (record(vec![drug, made]), list());
    let parted: Vec<(String, usize, usize)> = crate::release::losses(&record, &list)
        .into_iter()
        .map(|loss| (loss.id.to_owned(), loss.links, loss.parts.len()))
        .collect();
    assert_eq!(parted, [("drug".to_owned(), 0, 5), ("issue".to_owned(), 0, 1)]);
    let result = screened(record);
    let [drug, made] = result.record().events.as_slice() else { panic!("both stay") };
    let supply = &drug.medication.as_ref().expect("a plan").supply;
    assert_eq!((supply.dosage.as_deref(), &supply.unit, &supply.quantity_text), (Some("One daily"), &None, &None));
    let coded = drug.code.as_ref().expect("a code");
    assert_eq!(coded.qualifiers.len(), 1);
    assert_eq!(drug.associated_texts, ["Take with food"]);
    assert!(coded.translations[0].qualifiers.is_empty());
    assert!(made.issue.as_ref().expect("an issue").supply.dosage.is_none());
}

#[test]
fn what_stays_and_loses_a_link_is_told() {
    let mut record = record(vec![
        excluded("gone", "OBS"),
        group("group", &["gone", "stays"]),
        event("stays", "VAL"),
        excluded("plan", "MED"),
    ]);
    record.problems.insert(
        "stays".to_owned(),
        Problem {
            links: vec!["gone".to_owned(), "group".to_owned()],
            parents: vec![("gone".to_owned(), None)],
            ..Problem::default()
        },
    );
    record.problems.insert("gone".to_owned(), Problem { links: vec!["plan".to_owned()], ..Problem::default() });
    record.encounters = vec![
        Encounter {
            id: "e".to_owned(),
            components: vec!["gone".to_owned(), "stays".to_owned()],
            ..Encounter::default()
        },
        Encounter { id: "untouched".to_owned(), components: vec!["stays".to_owned()], ..Encounter::default() },
    ];
    let list = list();
    let parted: Vec<(&str, &str, usize)> =
        crate::release::losses(&record, &list).iter().map(|loss| (loss.id, loss.kind, loss.links)).collect();
    assert_eq!(parted, [("e", "ENC", 1), ("group", "INV", 1), ("stays", "PRB", 2)]);
}

#[test]
fn each_rule_is_told_in_words_with_row_layer_and_version() {
    let mut record = record(vec![
        excluded("code", "OBS"),
        Event { term: Some("Gonorrhoea carrier".to_owned()), ..event("term", "OBS") },
        marked(event("hidden", "OBS"), hidden()),
        group("empty", &[]),
        Event { code: None, ..event("note", "OBS") },
        event("diary", "DRY"),
        group("parent", &["member"]),
        event("member", "VAL"),
        event("component", "OBS"),
    ]);
    record.events[6].code = Some(code(READ, "A7040"));
    record.encounters = vec![Encounter {
        marks: under("shut"),
        id: "e".to_owned(),
        components: vec!["component".to_owned()],
        ..Encounter::default()
    }];
    let list = list();
    let told: Vec<String> = crate::release::explain(&record, &list)
        .iter()
        .map(|one| format!("{} {} {}", one.id, one.reason, one.rule))
        .collect();
    assert_eq!(
        told,
        [
            "e withheld private: under a confidentiality policy that restricts",
            "code withheld list row 24 (hiv-aids), layer agreement 1.0.0, by code: read-v2 A788. and below, verified",
            "term withheld list row 10 (sexually-transmitted-infection), layer statutory 1.0.0, by term, inferred",
            "hidden withheld marked hidden",
            "empty empty a report or group without value or member left",
            "note uncoded uncoded: consultation text",
            "diary outside-record its kind is outside the Detailed Care Record",
            "parent withheld list row 19 (sexually-transmitted-infection), layer statutory 1.0.0, by code: read-v2 A7040, verified",
            "member withheld belongs to parent, which goes",
            "component withheld component of the withheld encounter e",
        ]
    );
}
