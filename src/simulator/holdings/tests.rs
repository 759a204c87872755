//! Tests of the holdings as a whole. Longer than other files: one file shows all that WIRE section 6 and 9 demand.

use super::tree::{Node, read_fragment};
use super::*;
use crate::simulator::generate::{Mark, Options, Planted, generate};
use std::collections::{BTreeMap, BTreeSet};
use time::macros::date;

const TODAY: Date = date!(2026 - 11 - 24);
const ALWAYS: (Option<Date>, Option<Date>) = (None, None);
const SCENARIOS: [&str; 11] = [
    "rich",
    "opted-out",
    "not-sharing",
    "untraced",
    "emis",
    "systmone",
    "vision",
    "excluded",
    "slow",
    "faulting",
    "large",
];

fn of<'h>(holdings: &'h Holdings, scenario: &str) -> &'h Holding {
    holdings.iter().find(|holding| holding.scenario == scenario).expect("built in")
}

fn children<'n, 'a>(view: &'n Node<'a>, domain: &'n str, name: &'n str) -> Vec<&'n Node<'a>> {
    view.first(domain).map(|d| d.all(name).collect()).unwrap_or_default()
}

fn ids(view: &Node<'_>, domain: &str, name: &str) -> BTreeSet<String> {
    children(view, domain, name).into_iter().filter_map(|n| n.text_of("id")).map(|id| id.to_ascii_lowercase()).collect()
}

/// Everything that holds for any view of any record.
fn check(holding: &Holding, view: View, xml: &str, links: &[(String, String)]) {
    let at = format!("{} {view}", holding.scenario);
    let root = read_fragment(xml).unwrap_or_else(|_| panic!("{at}: well-formed"));
    assert!(
        root.is("openHealthRecord") && xml.starts_with("<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\""),
        "{at}"
    );
    let order: Vec<_> = root.elements().map(|n| n.name.to_string()).collect();
    let mut expected = vec!["id", "creationTime", "author", "contentSpecification", "adminDomain", "healthDomain"];
    expected.retain(|name| order.iter().any(|o| o == name));
    assert_eq!(order, expected, "{at}: children in schema order");
    assert!(!xml.contains("{{"), "{at}: a placeholder is left");

    let patients = children(&root, "adminDomain", "patient");
    assert_eq!(patients.len(), 1, "{at}");
    let person_id = patients[0].text_of("patientPerson").expect("person").to_ascii_lowercase();
    let persons = children(&root, "adminDomain", "person");
    let own = persons
        .iter()
        .find(|p| p.text_of("id").is_some_and(|id| id.to_ascii_lowercase() == person_id))
        .expect("own person");
    assert!(own.first("birthDate").is_some() && own.first("surname").is_some(), "{at}");
    if view == View::PatientDetails {
        assert!(root.first("healthDomain").is_none(), "{at}");
    } else {
        assert!(
            own.elements().all(|n| ["id", "birthDate", "surname"].contains(&n.name.as_ref())),
            "{at}: too much of the person"
        );
        let allowed = ["id", "patientIdentifier", "patientPerson", "confidentialityPolicy"];
        assert!(patients[0].elements().all(|n| allowed.contains(&n.name.as_ref())), "{at}: too much of the patient");
        assert!(
            patients[0].all("patientIdentifier").all(|i| i.text_of("identifierType").as_deref() == Some("NHS")),
            "{at}"
        );
        for other in persons.iter().filter(|p| p.text_of("id") != own.text_of("id")) {
            assert!(other.first("forenames").is_some(), "{at}: staff keep their names");
        }
    }

    let policies = ids(&root, "adminDomain", "confidentialityPolicy");
    let held = |kind: &str| ids(&root, "adminDomain", kind);
    let (staff, orgs, users, roles, all_persons) =
        (held("userInRole"), held("organisation"), held("user"), held("role"), held("person"));
    let must = |node: &Node<'_>, name: &str, set: &BTreeSet<String>| {
        for named in node.all(name).filter_map(Node::text) {
            assert!(set.contains(&named.to_ascii_lowercase()), "{at}: an absent {name} is named");
        }
    };
    for node in root.elements().filter(|n| n.is("adminDomain") || n.is("healthDomain")).flat_map(Node::elements) {
        must(node, "confidentialityPolicy", &policies);
        must(node, "authorisingUserInRole", &staff);
        must(node, "enteredByUserInRole", &staff);
        must(node, "registeredGPUserInRole", &staff);
        if node.is("event") || node.is("encounter") || node.is("role") {
            must(node, "organisation", &orgs);
        }
        must(node, "user", &users);
        must(node, "userPerson", &all_persons);
        if node.is("userInRole") {
            must(node, "role", &roles);
        }
        if node.is("encounter") {
            must(node, "location", &held("location"));
        }
        if let Some(medication) = node.first("medication") {
            must(medication, "localMixture", &held("localMixture"));
        }
    }
    let events = ids(&root, "healthDomain", "event");
    for problem in ids(&root, "healthDomain", "problem") {
        assert!(events.contains(&problem), "{at}: a problem without its event");
    }
    for (parent, member) in links {
        assert!(!events.contains(member) || events.contains(parent), "{at}: a member without its parent");
    }
}

/// Parent and member of every child link of a whole record.
fn links(holding: &Holding) -> Vec<(String, String)> {
    let whole = whole(holding);
    let mut links = Vec::new();
    for parent in children(&whole, "healthDomain", "event") {
        let parent_id = parent.text_of("id").expect("id").to_ascii_lowercase();
        parent.leaves(&mut |leaf| {
            if leaf.is("childLink") {
                links.push((parent_id.clone(), leaf.text().unwrap_or_default().to_ascii_lowercase()));
            }
        });
    }
    links
}

fn whole(holding: &Holding) -> Node<'_> {
    read_fragment(holding.xml.split_once("?>").map_or(holding.xml.as_str(), |(_, rest)| rest)).expect("whole")
}

fn check_views(holding: &Holding, range: (Option<Date>, Option<Date>)) {
    let links = links(holding);
    for view in View::ALL {
        check(holding, *view, &holding.cut(*view, range, TODAY, 3), &links);
    }
}

#[test]
fn every_scenario_is_there_with_its_facts() {
    let holdings = Holdings::builtin(TODAY);
    let scenarios: Vec<_> = holdings.iter().map(|h| h.scenario.as_str()).collect();
    assert_eq!(scenarios, SCENARIOS);
    let numbers: BTreeSet<_> = holdings.iter().map(|h| h.nhs_number.as_str()).collect();
    assert_eq!(numbers.len(), SCENARIOS.len());
    for holding in holdings.iter() {
        assert!(NhsNumber::parse(&holding.nhs_number).is_some_and(|n| n.is_synthetic()));
        assert_eq!(holding.registration, "registered");
        assert!(holding.birth_date.is_some() && !holding.restricted && holding.practice_name.is_some());
        assert!(holdings.find(&holding.nhs_number).is_some_and(|found| found.scenario == holding.scenario));
    }
    let practice = |scenario| of(&holdings, scenario).practice.clone().expect("known");
    assert_eq!((practice("rich"), practice("systmone")), ("A99981".to_owned(), "A99982".to_owned()));
    assert_eq!((practice("vision"), practice("not-sharing")), ("A99983".to_owned(), "A99999".to_owned()));
    let supplier = |scenario| of(&holdings, scenario).supplier.clone();
    assert_eq!([supplier("rich"), supplier("systmone"), supplier("vision")], ["EMIS", "SystmOne", "Vision"]);
    assert!(of(&holdings, "opted-out").opted_out && !of(&holdings, "untraced").traced);
    assert!(of(&holdings, "slow").delay_ms > 3_000 && of(&holdings, "faulting").fault.as_deref() == Some("2200"));
    assert!(holdings.find("9999999999").is_none());
}

#[test]
fn every_view_of_every_patient_keeps_the_rules_of_the_wire() {
    let holdings = Holdings::builtin(TODAY);
    for holding in holdings.iter().filter(|h| h.scenario != "large") {
        check_views(holding, ALWAYS);
    }
    let made = generate(11, 400, &Options { restricted_every: 9, ..Options::default() });
    let holding = Holding::read(made.xml).expect("readable");
    check_views(&holding, ALWAYS);
    check_views(&holding, (Some(date!(2015 - 01 - 01)), Some(date!(2019 - 12 - 31))));
}

#[test]
fn all_ten_views_of_the_rich_patient_hold_something() {
    let holdings = Holdings::builtin(TODAY);
    for scenario in ["rich", "systmone", "vision", "emis"] {
        let holding = of(&holdings, scenario);
        for view in View::ALL.iter().filter(|view| **view != View::PatientDetails) {
            let xml = holding.cut(*view, ALWAYS, TODAY, 3);
            let root = read_fragment(&xml).expect("well-formed");
            assert!(!children(&root, "healthDomain", "event").is_empty(), "{scenario} {view}");
        }
    }
    let holding = of(&holdings, "rich");
    let details = holding.cut(View::PatientDetails, ALWAYS, TODAY, 3);
    assert!(details.contains("<forenames>Philippa Anne</forenames>") && details.contains("PatientContact"));
    assert!(!holding.cut(View::Events, ALWAYS, TODAY, 3).contains("Philippa"));
    assert!(holding.cut(View::Events, ALWAYS, TODAY, 3).contains("<encounter"));
}

#[test]
fn every_event_of_the_types_of_clause_5_2_1_is_in_some_view() {
    let mut unplaced: BTreeMap<String, usize> = BTreeMap::new();
    let holdings = Holdings::builtin(TODAY);
    let generated: Vec<Holding> =
        (0..20).map(|seed| Holding::read(generate(seed, 200, &Options::default()).xml).expect("readable")).collect();
    for holding in holdings.iter().chain(&generated) {
        let mut seen = BTreeSet::new();
        for view in View::ALL {
            let xml = holding.cut(*view, ALWAYS, TODAY, 3);
            seen.extend(ids(&read_fragment(&xml).expect("well-formed"), "healthDomain", "event"));
        }
        let whole = whole(holding);
        for event in children(&whole, "healthDomain", "event") {
            let id = event.text_of("id").expect("id").to_ascii_lowercase();
            let kind = event.text_of("eventType").unwrap_or_default();
            let outside = ["DRY", "ATT", "FH", "TR", "OH"].contains(&kind.as_str());
            let coded = event.first("code").is_some();
            if !seen.contains(&id) && !outside && (coded || !["OBS", "REF"].contains(&kind.as_str())) {
                let code = event.first("code").and_then(|c| c.attribute("code")).unwrap_or("-").to_owned();
                assert_eq!(kind, "OBS", "{code}: only findings outside the clause may be in no view");
                *unplaced.entry(code).or_default() += 1;
            }
        }
    }
    // Lifestyle, administration and symptoms: in no view unless a problem makes them one.
    for code in unplaced.keys() {
        assert!(code.starts_with(['1', '2', '6', '8', '9']), "{code}");
    }
}

#[test]
fn a_restricted_encounter_lends_its_policy_to_its_entries_and_their_members_in_every_view() {
    let holdings = Holdings::builtin(TODAY);
    let holding = of(&holdings, "rich");
    let restricted = |xml: &str, term: &str| {
        let root = read_fragment(xml).expect("well-formed");
        let policies: BTreeMap<String, bool> = children(&root, "adminDomain", "confidentialityPolicy")
            .iter()
            .map(|p| {
                (
                    p.text_of("id").unwrap_or_default().to_ascii_lowercase(),
                    p.says("restrictToOrganisation") || p.first("userCategory").is_some(),
                )
            })
            .collect();
        let found: Vec<bool> = children(&root, "healthDomain", "event")
            .iter()
            .filter(|e| e.text_of("displayTerm").as_deref() == Some(term))
            .map(|e| policies[&e.text_of("confidentialityPolicy").expect("a policy").to_ascii_lowercase()])
            .collect();
        assert!(!found.is_empty(), "{term}");
        found.into_iter().all(|restricts| restricts)
    };
    let tests = holding.cut(View::Investigations, ALWAYS, TODAY, 3);
    assert!(
        restricted(&tests, "Assessment scales") && restricted(&tests, "Patient health questionnaire (PHQ-9) score")
    );
    assert!(!restricted(&tests, "Serum sodium"));
    let diagnoses = holding.cut(View::Diagnosis, ALWAYS, TODAY, 3);
    assert!(restricted(&diagnoses, "Depressive disorder NEC") && !restricted(&diagnoses, "Asthma"));
    let excluded = of(&holdings, "excluded").cut(View::Procedures, ALWAYS, TODAY, 3);
    assert!(excluded.contains("<hidden>true</hidden><observation/>"), "a hidden encounter hides its entries");
}

#[test]
fn summary_holds_what_is_current_and_recent() {
    let holdings = Holdings::builtin(TODAY);
    let xml = of(&holdings, "rich").cut(View::Summary, ALWAYS, TODAY, 3);
    let root = read_fragment(&xml).expect("well-formed");
    let terms: BTreeSet<String> =
        children(&root, "healthDomain", "event").iter().filter_map(|e| e.text_of("displayTerm")).collect();
    for term in [
        "Asthma",
        "Type 2 diabetes mellitus",
        "Metformin 500mg tablets",
        "Amoxicillin 500mg capsules",
        "H/O: penicillin allergy",
        "Serum sodium",
        "Urine protein test negative",
    ] {
        assert!(terms.contains(term), "{term}");
    }
    for term in [
        "Paracetamol 500mg tablets",
        "Bendroflumethiazide 2.5mg tablets",
        "Liver function test",
        "Osteoarthritis and allied disorders",
        "Cervical smear: negative",
    ] {
        assert!(!terms.contains(term), "{term}");
    }
    assert!(children(&root, "healthDomain", "encounter").is_empty());
    let wider = of(&holdings, "rich").cut(View::Summary, ALWAYS, TODAY, 240);
    assert!(wider.contains("Liver function test"));
}

#[test]
fn a_date_range_keeps_what_is_undated_and_what_overlaps() {
    let holdings = Holdings::builtin(TODAY);
    let holding = of(&holdings, "rich");
    let range = (Some(date!(2003 - 06 - 01)), Some(date!(2012 - 12 - 31)));
    let xml = holding.cut(View::Problems, range, TODAY, 3);
    check(holding, View::Problems, &xml, &links(holding));
    assert!(xml.contains("Osteoarthritis and allied disorders"), "a year overlaps the range");
    assert!(xml.contains("Migraine - classical"), "undated");
    assert!(xml.contains("Type 2 diabetes mellitus") && !xml.contains("Chest infection"));
    let tests = holding.cut(View::Investigations, (Some(date!(2022 - 03 - 14)), Some(date!(2022 - 03 - 14))), TODAY, 3);
    assert!(tests.contains("Liver function test") && !tests.contains("Urea and electrolytes"));
    let details =
        holding.cut(View::PatientDetails, (Some(date!(2020 - 01 - 01)), Some(date!(2019 - 01 - 01))), TODAY, 3);
    assert_eq!(details, holding.cut(View::PatientDetails, ALWAYS, TODAY, 3));
}

#[test]
fn an_empty_record_gives_empty_views() {
    let holding = Holding::read(generate(1, 0, &Options::default()).xml).expect("readable");
    for view in View::ALL {
        let xml = holding.cut(*view, ALWAYS, TODAY, 3);
        check(&holding, *view, &xml, &[]);
        assert!(!xml.contains("healthDomain"), "{view}");
    }
}

#[test]
fn an_event_is_the_same_in_every_view_and_what_was_planted_arrives() {
    let planted = |mark, as_problem| Planted {
        event_type: "OBS".into(),
        system: "2.16.840.1.113883.2.1.6.2".into(),
        code: "A788".into(),
        term: "Acquired immune deficiency syndrome".into(),
        as_problem,
        mark,
        ..Planted::default()
    };
    let options =
        Options { planted: vec![planted(Mark::None, true), planted(Mark::Deleted, false)], ..Options::default() };
    let made = generate(21, 100, &options);
    let holding = Holding::read(made.xml).expect("readable");
    let (problems, diagnoses) =
        (holding.cut(View::Problems, ALWAYS, TODAY, 3), holding.cut(View::Diagnosis, ALWAYS, TODAY, 3));
    let (first, second) = (format!("<id>{}</id>", made.planted[0]), format!("<id>{}</id>", made.planted[1]));
    assert!(problems.contains(&first) && diagnoses.contains(&first) && diagnoses.contains(&second));
    assert!(diagnoses.contains("updateMode=\"delete\""));
}

#[test]
fn prefixes_foreign_elements_comments_and_order_do_not_matter() {
    let xml = "\u{feff}<?xml version='1.0'?><!-- x --><h:openHealthRecord xmlns:h='http://www.e-mis.com/emisopen' xmlns:f='urn:other' schemaVersion='2.1.10'>\
        <h:healthDomain><h:event><h:id>e-1</h:id><h:eventType>O<!-- cut -->BS</h:eventType><f:note f:a='1' b='2'>x</f:note>\
        <h:code codeSystem='2.16.840.1.113883.2.1.6.2' code='H33' displayName='A &amp; &#60;B'/>\
        <h:confidentialityPolicy>p-1</h:confidentialityPolicy></h:event></h:healthDomain>\
        <h:adminDomain><h:confidentialityPolicy><h:id>P-1</h:id></h:confidentialityPolicy>\
        <h:patient><h:id>x</h:id><h:patientIdentifier><h:identifierType>NHS</h:identifierType><h:value> 9990000018 </h:value></h:patientIdentifier></h:patient></h:adminDomain>\
        </h:openHealthRecord>";
    let holding = Holding::read(xml.to_owned()).expect("readable");
    assert_eq!(holding.registration, "unknown", "no practice code is known");
    let out = holding.cut(View::Diagnosis, ALWAYS, TODAY, 3);
    assert!(out.starts_with("<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\" schemaVersion=\"2.1.10\">"));
    assert!(out.contains("<eventType>OBS</eventType><note xmlns=\"urn:other\" b=\"2\">x</note>"), "{out}");
    assert!(out.contains("displayName=\"A &amp; &lt;B\"") && out.contains("<id>P-1</id>"));
}

// --- folders ------------------------------------------------------------------------------------------------------

fn record(number: &str, extra: &str) -> String {
    format!(
        "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"><author><system><systemType>EXT</systemType><displayName>Microtest</displayName></system></author><adminDomain>\
        <patient><id>a</id><patientIdentifier><identifierType>NHS</identifierType><value>{number}</value></patientIdentifier>\
        <caseloadPatient><organisation>o</organisation></caseloadPatient></patient>\
        <organisation><id>O</id><name>Folder Surgery</name><nationalPracticeCode>B81001</nationalPracticeCode></organisation>{extra}</adminDomain></openHealthRecord>"
    )
}

fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

#[test]
fn a_folder_tells_every_problem_at_once() {
    let entry = |policy: &str| {
        record("9990000026", "").replace(
            "</adminDomain>",
            &format!("</adminDomain><healthDomain><event><id>e</id>{policy}</event></healthDomain>"),
        )
    };
    let files = [
        ("a.xml", "<other/>".to_owned()),
        ("b.xml", "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"><id>".to_owned()),
        ("c.xml", "<!DOCTYPE x><openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"/>".to_owned()),
        ("d.xml", "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"/>".to_owned()),
        ("e.xml", record("9990000019", "")),
        ("f.xml", record("9990000018", "")),
        ("g.xml", record("9990000018", "")),
        ("h.xml", record("9434765919", "")),
        ("i.xml", entry("<confidentialityPolicy/>")),
        ("j.xml", entry("<confidentialityPolicy>nowhere</confidentialityPolicy>")),
        ("k.xml", "<openHealthRecord xmlns=\"urn:other\"/>".to_owned()),
        ("l.xml", record("9990000018", "&undeclared;")),
        ("notes.txt", "not a record".to_owned()),
        (
            "overrides.toml",
            "[9990000018]\nopted_out = \"yes\"\ntrace = \"lost\"\nregistration = \"gone\"\nsupplier = \"Acme\"\npractice = \"no code\"\noutcome = \"MIG-1234\"\nfault = 9\ndelay_ms = -1\nswitch = { tampr = 1 }\nnoise = 1\n[9990001111]\nopted_out = true\n".to_owned(),
        ),
    ];
    let made = folder(&files);
    let problems = Holdings::from_folder(made.path(), false).err().expect("refused");
    let expect = [
        ("a.xml", "not OpenHR"),
        ("b.xml", "not OpenHR"),
        ("c.xml", "not OpenHR"),
        ("d.xml", "no NHS number"),
        ("e.xml", "check digit"),
        ("g.xml", "same NHS number as f.xml"),
        ("h.xml", "outside the 999 range"),
        ("i.xml", "confidentiality policy"),
        ("j.xml", "confidentiality policy"),
        ("k.xml", "not OpenHR"),
        ("l.xml", "not OpenHR"),
    ];
    for (name, reason) in expect {
        assert!(
            problems.iter().any(|p| p.starts_with(&format!("{name}: ")) && p.contains(reason)),
            "{name}: {problems:?}"
        );
    }
    for key in [
        "opted_out",
        "trace",
        "registration",
        "supplier",
        "practice",
        "outcome",
        "fault",
        "delay_ms",
        "switch",
        "noise",
    ] {
        assert!(
            problems.iter().any(|p| p.starts_with("overrides.toml: ") && p.contains(&format!("{key}: unknown"))),
            "{key}: {problems:?}"
        );
    }
    assert!(problems.iter().any(|p| p.contains("line 12: a number that no file")), "{problems:?}");
    assert_eq!(problems.len(), expect.len() + 11, "{problems:?}");
    assert!(problems.iter().all(|p| !p.contains("999000")), "no number is told");
}

#[test]
fn overrides_change_what_a_record_says_of_itself() {
    let made = folder(&[
        ("one.xml", record("9990000018", "")),
        ("two.xml", record("9434765919", "")),
        ("overrides.toml", "[9990000018]\nopted_out = true\ntrace = \"untraced\"\nregistration = \"left\"\nsupplier = \"Vision\"\npractice = \"C82002\"\noutcome = \"MIG-0008\"\nfault = 2100\ndelay_ms = 40\nswitch = [{ tamper = [\"no-trace\"] }]\n[9434765919]\noutcome = \"MIG-0000\"\n".to_owned()),
    ]);
    let holdings = Holdings::from_folder(made.path(), true).expect("readable");
    let one = holdings.find("9990000018").expect("held");
    assert!(one.opted_out && !one.traced && one.scenario == "record");
    assert_eq!(
        (one.registration.as_str(), one.supplier.as_str(), one.practice.as_deref()),
        ("left", "Vision", Some("C82002"))
    );
    assert_eq!((one.outcome.as_deref(), one.fault.as_deref(), one.delay_ms), (Some("MIG-0008"), Some("2100"), 40));
    assert_eq!(one.switches.len(), 1);
    let two = holdings.find("9434765919").expect("held");
    assert_eq!((two.practice.as_deref(), two.practice_name.as_deref()), (Some("B81001"), Some("Folder Surgery")));
    assert_eq!(
        (two.supplier.as_str(), two.registration.as_str(), two.outcome.as_deref()),
        ("Microtest", "registered", None)
    );
    assert!(two.traced && !two.opted_out);
}

#[test]
fn registration_is_read_from_the_record() {
    let with = |from: &str, to: &str| {
        Holding::read(record("9990000018", "").replace(from, to)).expect("readable").registration
    };
    let (caseload, patient) = ("</caseloadPatient>", "<caseloadPatient>");
    assert_eq!(with("x", "x"), "registered");
    assert_eq!(with(patient, "<dateOfDeath>2020-01-01</dateOfDeath><caseloadPatient>"), "deceased");
    assert_eq!(with(patient, "<dead>true</dead><caseloadPatient>"), "deceased");
    assert_eq!(with(patient, "<dead>false</dead><caseloadPatient>"), "registered");
    assert_eq!(with(caseload, "<dateEnded>2019-01-01</dateEnded></caseloadPatient>"), "left");
    assert_eq!(
        with(caseload, "<patientStatus><caseloadStatus>LEFT</caseloadStatus></patientStatus></caseloadPatient>"),
        "left"
    );
    assert_eq!(with(caseload, "<patientType>TMP</patientType></caseloadPatient>"), "temporary");
    assert_eq!(with("B81001", "not an ods code"), "unknown");
}

#[test]
fn a_restricted_policy_on_the_patient_restricts_the_holding() {
    let policy = |inner: &str| {
        let text = record("9990000018", &format!("<confidentialityPolicy><id>p</id>{inner}</confidentialityPolicy>"))
            .replace("<caseloadPatient>", "<confidentialityPolicy>P</confidentialityPolicy><caseloadPatient>");
        Holding::read(text).expect("readable").restricted
    };
    assert!(
        policy("<restrictToOrganisation>true</restrictToOrganisation>") && policy("<userCategory displayName=\"GP\"/>")
    );
    assert!(!policy("<restrictToOrganisation>false</restrictToOrganisation>"));
}

#[test]
fn a_folder_that_holds_nothing_is_refused() {
    let made = folder(&[]);
    assert!(Holdings::from_folder(made.path(), false).is_err());
    assert!(Holdings::from_folder(&made.path().join("absent"), false).is_err());
}
