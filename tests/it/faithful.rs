//! What mapping must keep of any record: every link, every digit, the precision of every date, the same id and the same
//! place in the Detailed Care Record whatever route an entry came by. Records are arbitrary; they go through the real
//! stages as text, and what is expected of them is worked out here a second time, from the text alone.

use super::accounting::generated;
use super::pipeline::{NOW, Pipeline, cut, references};
use mig_fhir::catalogue;
use mig_fhir::ids::{NhsNumber, Suffix};
use mig_fhir::kinds::{Kind, View};
use mig_fhir::record::Fate;
use mig_fhir::release::Released;
use mig_fhir::search;
use mig_fhir::simulator::holdings::{Holding, Holdings};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

const READ: &str = "2.16.840.1.113883.2.1.6.2";

fn pipeline() -> &'static Pipeline {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    PIPELINE.get_or_init(Pipeline::new)
}

fn patient() -> NhsNumber {
    NhsNumber::parse("9990000018").expect("a number")
}

/// One arbitrary entry.
#[derive(Clone, Debug)]
struct Entry {
    kind: &'static str,
    code: &'static str,
    part: &'static str,
    value: String,
    number: Option<String>,
    operator: &'static str,
    /// Whether it is a member of the group before it.
    member: bool,
    problem: Option<&'static str>,
    linked: usize,
}

fn dates() -> impl Strategy<Value = String> {
    (1850_i32..2100, 1_u32..13, 1_u32..29, 0_u32..24, 0_u32..60, 0_u32..60)
        .prop_map(|(y, m, d, h, n, s)| format!("{y:04}-{m:02}-{d:02}T{h:02}:{n:02}:{s:02}"))
}

fn decimals() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (any::<bool>(), "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,9})?")
            .prop_map(|(negative, digits)| if negative { format!("-{digits}") } else { digits }),
        1 => prop::sample::select(vec![
            "0.10", "0", "-0", "-0.00", "0.000", "1e3", "1.50E-7", "100", "1.0", "9007199254740993", "0.1000000000000000055",
            "12345678901234567890123456789.0123456789", "340282346638528859811704183484516925440",
        ]).prop_map(str::to_owned),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let kinds = prop::sample::select(vec!["OBS", "VAL", "VAL", "INV", "MED", "ALL"]);
    let codes = prop::sample::select(vec![
        "246", "2469", "246A", "424", "423", "44P", "C10", "H33..", "14L1", "7J0", "R065.", "22A", "1371", "8H2",
        "EMISNQ12", "H06z0-1",
    ]);
    let parts = prop::sample::select(vec!["Y", "YM", "YMD", "YMD", "YMDT", "U"]);
    let operators = prop::sample::select(vec!["", "", "=", "<", "<=", ">", ">="]);
    let problems = prop::option::weighted(0.2, prop::sample::select(vec!["A", "I", "HP", "PP"]));
    (kinds, codes, parts, dates(), prop::option::of(decimals()), operators, any::<bool>(), problems, any::<usize>())
        .prop_map(|(kind, code, part, value, number, operator, member, problem, linked)| Entry {
            kind,
            code,
            part,
            value,
            number: number.filter(|_| kind == "VAL"),
            operator,
            // One parent each, so that what must be a member of what is plain.
            member: member && kind == "VAL",
            problem,
            linked,
        })
}

/// The members of each group: the entries between it and the next one that say so.
fn members(entries: &[Entry]) -> BTreeMap<usize, Vec<usize>> {
    let (mut group, mut all) = (None, BTreeMap::new());
    for (at, entry) in entries.iter().enumerate() {
        if entry.kind == "INV" {
            group = Some(at);
            all.insert(at, Vec::new());
        } else if let Some(members) = group.filter(|_| entry.member).and_then(|group| all.get_mut(&group)) {
            members.push(at);
        }
    }
    all
}

fn xml(entries: &[Entry], order: impl Iterator<Item = usize>) -> String {
    let members = members(entries);
    let (mut events, mut problems) = (String::new(), String::new());
    for at in order {
        let entry = &entries[at];
        let Entry { kind, code, part, value, operator, .. } = entry;
        let links = members.get(&at).into_iter().flatten();
        let links = links.fold(String::new(), |links, member| links + &format!("<childLink>e{member}</childLink>"));
        let numeric = entry.number.as_ref().map_or_else(String::new, |number| {
            let operator = operator.replace('<', "&lt;").replace('>', "&gt;");
            let operator = if operator.is_empty() { operator } else { format!("<operator>{operator}</operator>") };
            format!("<value><numeric>{operator}<value>{number}</value><units>mm Hg</units></numeric></value>")
        });
        let payload = if *kind == "MED" {
            "<medication><dosage>One daily</dosage><prescriptionType>R</prescriptionType><drugStatus>A</drugStatus>\
             <private>false</private></medication>"
                .to_owned()
        } else {
            format!("<observation>{numeric}<complexObservation>{links}</complexObservation></observation>")
        };
        write!(
            events,
            "<event><id>e{at}</id><patient>p</patient><eventType>{kind}</eventType><effectiveTime datepart=\"{part}\" \
             value=\"{value}\"/><code code=\"{code}\" codeSystem=\"{READ}\" displayName=\"A term\"/><displayTerm>A term\
             </displayTerm>{payload}</event>"
        )
        .expect("text");
        if let Some(status) = entry.problem {
            let linked = entry.linked % (entries.len() + 2);
            write!(
                problems,
                "<problem><id>e{at}</id><status>{status}</status><eventLink><id>e{linked}</id></eventLink><parentProblem><id>\
                 e{linked}</id></parentProblem></problem>"
            )
            .expect("text");
        }
    }
    format!(
        "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"><id>r</id><creationTime>2026-11-24T10:00:00Z</creationTime>\
         <author><system><systemType>EMISWEB</systemType></system></author><adminDomain><patient><id>p</id>\
         <patientIdentifier><value>9990000018</value><identifierType>NHS</identifierType></patientIdentifier></patient>\
         </adminDomain><healthDomain>{events}{problems}</healthDomain></openHealthRecord>"
    )
}

fn json(released: &Released) -> Value {
    serde_json::from_slice(released.json()).expect("JSON")
}

fn sealed(at: usize) -> String {
    pipeline().sealer.seal(patient(), &format!("e{at}"), Suffix(0)).as_str().to_owned()
}

/// What a date must read as: its parts, and no more.
fn expected(part: &str, value: &str) -> Option<String> {
    match part {
        "Y" => value.get(..4).map(Into::into),
        "YM" => value.get(..7).map(Into::into),
        "YMD" => value.get(..10).map(Into::into),
        _ => None,
    }
}

/// The date that the entry's own effectiveTime becomes, by FHIR type.
fn told(kind: Kind, resource: &Value) -> Option<&str> {
    let member = match kind {
        Kind::Condition => "onsetDateTime",
        Kind::Observation => "effectiveDateTime",
        Kind::Procedure => "performedDateTime",
        Kind::AllergyIntolerance => "recordedDate",
        Kind::MedicationStatement => "dateAsserted",
        _ => return None,
    };
    resource[member].as_str()
}

fn dated(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Condition | Kind::Observation | Kind::Procedure | Kind::AllergyIntolerance | Kind::MedicationStatement
    )
}

/// A number as it must be written: as it was, but for the plus sign of an exponent.
fn written(number: &str) -> String {
    let (digits, power) = number.split_once(['e', 'E']).map_or((number, None), |(digits, power)| (digits, Some(power)));
    power.map_or_else(
        || digits.to_owned(),
        |power| format!("{digits}e{}{}", if power.starts_with('-') { "" } else { "+" }, power.trim_start_matches('+')),
    )
}

/// A number as JSON has it, character by character.
fn number_of(text: &str, member: &str) -> Option<String> {
    let rest = text.split_once(&format!("\"{member}\":{{\"value\":"))?.1;
    Some(rest.split([',', '}']).next().unwrap_or_default().to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_a_record_is_lost_or_bent(entries in prop::collection::vec(entry(), 1..40)) {
        let text = xml(&entries, 0..entries.len());
        let seen = pipeline().run(&text, patient(), View::Investigations, View::ALL);
        let fates: BTreeMap<&str, Fate> = seen.ledger.iter().map(|(id, _, fate)| (id, fate)).collect();
        let by_name: BTreeMap<(Kind, &str), &Released> =
            seen.released.iter().map(|released| ((released.kind(), released.id().as_str()), released)).collect();
        prop_assert_eq!(by_name.len(), seen.released.len(), "an id comes twice");

        // No dangling reference.
        let own = format!("Patient/{}", pipeline().sealer.seal_patient(patient()));
        for released in &seen.released {
            let mut to = BTreeSet::new();
            references(&json(released), &mut to);
            for to in to {
                let (kind, id) = to.split_once('/').expect("a literal reference");
                let there = Kind::parse(kind).is_some_and(|kind| by_name.contains_key(&(kind, id)));
                prop_assert!(to == own || there, "{} leads nowhere", to);
            }
        }

        // Precision equals datepart, in every resource that the entry became.
        for (at, entry) in entries.iter().enumerate() {
            let id = sealed(at);
            for ((kind, _), released) in by_name.iter().filter(|((kind, other), _)| *other == id && dated(*kind)) {
                let resource = json(released);
                match (entry.part, told(*kind, &resource)) {
                    ("YMDT", Some(date)) => {
                        let at = time::OffsetDateTime::parse(date, &time::format_description::well_known::Rfc3339);
                        prop_assert!(at.is_ok(), "{}", date);
                        // Clocks that were put forward show a skipped time an hour later; before 1847 it is UTC.
                        let shown = date.get(..19).unwrap_or_default();
                        let same = shown == entry.value || shown.get(..10) == entry.value.get(..10);
                        prop_assert!(same, "{} is {}", entry.value, date);
                    }
                    (part, said) => prop_assert_eq!(said.map(str::to_owned), expected(part, &entry.value), "{}", kind),
                }
            }
        }

        // Numbers equal to the digit, as values and as components.
        for (at, entry) in entries.iter().enumerate() {
            let Some(number) = entry.number.as_deref().map(written) else { continue };
            let id = sealed(at);
            let lone = by_name.get(&(Kind::Observation, id.as_str()));
            if let Some(released) = lone {
                let text = std::str::from_utf8(released.json()).expect("text");
                prop_assert_eq!(number_of(text, "valueQuantity"), Some(number.clone()), "{}", text);
                let comparator = Some(entry.operator).filter(|operator| !matches!(*operator, "" | "="));
                let resource = json(released);
                prop_assert_eq!(resource["valueQuantity"]["comparator"].as_str(), comparator);
                // And in XML.
                let xml = mig_fhir_model::json_to_xml(text.as_bytes()).expect("XML");
                let xml = String::from_utf8(xml).expect("text");
                prop_assert!(xml.contains(&format!("<value value=\"{number}\"/>")), "{} in {}", number, xml);
            } else {
                // A component; one that defines a problem is a Condition beside it.
                let fate = fates.get(format!("e{at}").as_str());
                prop_assert!(matches!(fate, Some(Fate::Component | Fate::Source)), "e{} is nowhere: {:?}", at, fate);
                let held = by_name.values().filter(|released| released.kind() == Kind::Observation);
                let texts: Vec<&str> = held.map(|released| std::str::from_utf8(released.json()).expect("text")).collect();
                let there = texts.iter().any(|text| text.contains(&format!("\"valueQuantity\":{{\"value\":{number},")));
                prop_assert!(there, "{} is in no component", number);
            }
        }

        // Components and members equal the child links that have anything at their other end.
        for (group, members) in members(&entries) {
            let id = sealed(group);
            let Some(released) = by_name.get(&(Kind::Observation, id.as_str())) else {
                prop_assert!(members.is_empty(), "a group with members is not there");
                continue;
            };
            let resource = json(released);
            let mut lone = BTreeSet::new();
            references(&resource["hasMember"], &mut lone);
            // A reading that is a component has no Observation of its own, though its problem may be a Condition.
            let (beside, inside): (Vec<usize>, Vec<usize>) =
                members.iter().partition(|at| by_name.contains_key(&(Kind::Observation, sealed(**at).as_str())));
            let beside: BTreeSet<String> = beside.into_iter().map(|at| format!("Observation/{}", sealed(at))).collect();
            prop_assert_eq!(lone, beside);
            let components = resource["component"].as_array().map_or(&[][..], Vec::as_slice);
            // A side that the group lacks is said to be absent, and has no source code.
            let from_source = components.iter().filter(|component| component["code"].to_string().contains("read.info"));
            prop_assert_eq!(from_source.count(), inside.len());
        }
    }

    #[test]
    fn the_same_record_becomes_the_same_resources_in_whatever_order_it_is_written(
        entries in prop::collection::vec(entry(), 1..30)
    ) {
        let resources = |text: &str| -> BTreeMap<(Kind, String), Vec<u8>> {
            let seen = pipeline().run(text, patient(), View::Investigations, View::ALL);
            let all = seen.released.iter();
            all.map(|one| ((one.kind(), one.id().as_str().to_owned()), one.json().to_vec())).collect()
        };
        let text = xml(&entries, 0..entries.len());
        let first = resources(&text);
        prop_assert_eq!(&first, &resources(&text));
        let backwards = resources(&xml(&entries, (0..entries.len()).rev()));
        prop_assert_eq!(first.keys().collect::<Vec<_>>(), backwards.keys().collect::<Vec<_>>());
    }
}

type Tags = BTreeSet<String>;

fn tags(released: &Released) -> Tags {
    let resource = json(released);
    let tags = resource["meta"]["tag"].as_array().into_iter().flatten();
    tags.filter_map(|tag| tag["code"].as_str().map(Into::into)).collect()
}

/// What a route of these views shows, as the service would choose among what several views brought.
fn route(seen: &BTreeMap<View, Vec<Arc<Released>>>, views: &[View]) -> BTreeMap<(Kind, String), Tags> {
    let pool: Vec<Arc<Released>> = views.iter().flat_map(|view| seen[view].iter().cloned()).collect();
    let shown = search::everything(&pool, Kind::ALL);
    shown.iter().map(|one| ((one.kind(), one.id().as_str().to_owned()), tags(one))).collect()
}

fn same_on_every_route(what: &str, holding: &Holding) -> usize {
    let patient = NhsNumber::parse(&holding.nhs_number).expect("a number");
    let views: BTreeMap<View, Vec<Arc<Released>>> = View::ALL
        .iter()
        .map(|view| {
            let seen = pipeline().run(&cut(holding, *view), patient, *view, View::ALL);
            (*view, seen.released.into_iter().map(Arc::new).collect())
        })
        .collect();
    let plan = catalogue::plan_all(Kind::ALL, View::ALL).expect("all views");
    let everything = route(&views, &plan.fetch);
    let summary = route(&views, &[View::Summary]);
    let mut compared = 0;
    for kind in Kind::ALL.iter().copied().filter(|kind| !kind.is_referred_to()) {
        let own = route(&views, &catalogue::plan(kind, View::ALL).expect("agreed").fetch);
        for ((_, id), tags) in own.iter().filter(|((of, _), _)| *of == kind) {
            assert!(!tags.is_empty(), "{what}: a {kind} without a tag");
            assert_eq!(everything.get(&(kind, id.clone())), Some(tags), "{what}: {kind} in $everything");
            let short = summary.get(&(kind, id.clone()));
            // What no rule places has the tag of the view that brought it, and of that alone.
            let unplaced = tags.len() == 1 && short.is_some_and(|short| short.iter().eq(["Summary"]));
            assert!(
                short.is_none_or(|short| short == tags) || unplaced,
                "{what}: {kind} {tags:?} in Summary {short:?}"
            );
            compared += usize::from(short.is_some());
        }
    }
    compared
}

/// The ten tabs: what an app collects by tag from `$everything` is what the views brought.
fn tabs_can_be_rebuilt(what: &str, holding: &Holding) -> usize {
    let mut strict = 0;
    let patient = NhsNumber::parse(&holding.nhs_number).expect("a number");
    let run = |view: View| pipeline().run(&cut(holding, view), patient, view, View::ALL).released;
    let views: BTreeMap<View, Vec<Arc<Released>>> =
        View::ALL.iter().map(|view| (*view, run(*view).into_iter().map(Arc::new).collect())).collect();
    let everything = route(&views, &catalogue::plan_all(Kind::ALL, View::ALL).expect("all views").fetch);
    for (view, brought) in &views {
        let word = view.as_str();
        for released in brought.iter().filter(|one| !one.kind().is_referred_to()) {
            let key = (released.kind(), released.id().as_str().to_owned());
            let tags = &everything[&key];
            let (kind, judged) = (released.kind(), json(released)["code"].to_string().contains("read.info"));
            // An entry stands in the tab of the view that is its own, but for what comes along with another: the event of a
            // deleted problem, older members of a recent battery, and their report; a plan of no known status; and a problem whose code no
            // rule can judge, which may be a diagnosis too.
            let along = match view {
                View::Problems => !released.with_problem(),
                View::Diagnosis => tags.contains("Problems") && !judged,
                View::Summary => {
                    matches!(kind, Kind::Observation | Kind::DiagnosticReport)
                        || (kind == Kind::Condition && !released.with_problem())
                        || tags.len() == 1
                }
                _ => false,
            };
            let own = catalogue::plan(kind, &[*view]).is_some();
            assert!(!own || along || tags.contains(word), "{what}: {kind} of {word} has {tags:?}");
            strict += usize::from(own && !along);
        }
    }
    for ((kind, _), tags) in &everything {
        for tag in tags {
            let view = tag.split('.').next().unwrap_or_default();
            assert!(kind.is_referred_to() || tags.contains(view), "{what}: {tag} without {view}");
        }
        // Only blood pressures stand under Examination, unless no rule knows what it is.
        if tags.contains("Examination") {
            assert!(tags.contains("Examination.bloodPressures") || tags.len() == 1, "{what}: {kind} {tags:?}");
        }
    }
    strict
}

#[test]
fn an_entry_has_the_same_tags_by_its_own_view_by_summary_and_in_everything() {
    let (mut compared, mut strict) = (0, 0);
    for holding in Holdings::builtin(NOW.date()).iter() {
        compared += same_on_every_route(&holding.scenario, holding);
        strict += tabs_can_be_rebuilt(&holding.scenario, holding);
    }
    for seed in 0..40 {
        let holding = generated(seed);
        compared += same_on_every_route(&format!("seed {seed}"), &holding);
        strict += tabs_can_be_rebuilt(&format!("seed {seed}"), &holding);
    }
    assert!(compared > 500 && strict > 2_000, "{compared}, {strict}");
}
