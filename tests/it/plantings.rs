//! Every code and term of the list, in every spelling, planted in every field that can hold it, on entries of every type of
//! a generated record: what leaves is, byte for byte, what leaves of the same record without them. And the other side: a
//! neighbour of the list in the same places is never taken for one of it.
//!
//! Spellings, places and types multiply to some hundred thousand plantings. `MIG_FHIR_PROOFS_PLANTINGS` says how many of
//! them are tried, spread evenly; 0 tries all.

use super::pipeline::{Pipeline, name};
use super::wire::number;
use mig_fhir::ids::{NhsNumber, Suffix};
use mig_fhir::kinds::View;
use mig_fhir::record::{Limits, read};
use mig_fhir::release::{ExclusionEntry, Exclusions};
use mig_fhir::simulator::generate::{Generated, Options, generate};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

const READ: &str = "2.16.840.1.113883.2.1.6.2";
const CTV3: &str = "2.16.840.1.113883.2.1.3.2.4.14";
const SNOMED: &str = "2.16.840.1.113883.2.1.3.2.4.15";
const EMIS: &str = "2.16.840.1.113883.2.1.6.3";
/// Stands in every planted entry that the list does not name by its term.
const MARKER: &str = "Planted secret";
/// A local code that nothing is known of.
const INNOCENT: &str = "codeSystem=\"2.16.840.1.113883.2.1.6.2\" code=\"EMISNQPL2\" displayName=\"Planted secret\"";
const TYPES: [&str; 16] =
    ["OBS", "VAL", "INV", "REP", "IMM", "ALL", "REF", "MED", "ISS", "FH", "ALT", "TR", "DRY", "ATT", "OH", "problem"];
/// Views by which the mapping tells entries apart.
const VIEWS: [View; 5] =
    [View::Diagnosis, View::Medication, View::RisksAndWarnings, View::Procedures, View::Investigations];
/// Plantings in one record.
const BATCH: usize = 150;

/// Where a coding stands.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Place {
    Code,
    SecondCode,
    Translation,
    Nested,
    QualifierName,
    QualifierValue,
    QualifierOfTranslation,
    TargetDrug,
    Constituent,
    /// Of the consultation that holds the entry.
    LocationType,
}

const PLACES: [Place; 10] = [
    Place::Code,
    Place::SecondCode,
    Place::Translation,
    Place::Nested,
    Place::QualifierName,
    Place::QualifierValue,
    Place::QualifierOfTranslation,
    Place::TargetDrug,
    Place::Constituent,
    Place::LocationType,
];

/// Where a text stands by itself.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Field {
    DisplayTerm,
    Uncoded,
    Value,
    Units,
    Range,
    RangeUnits,
    Abnormal,
    Speciality,
    /// Where the wire profile keeps it.
    AssociatedText,
    Dosage,
    Unit,
    Quantity,
    Mixture,
    SpecimenType,
    ConsultationType,
}

const FIELDS: [Field; 15] = [
    Field::DisplayTerm,
    Field::Uncoded,
    Field::Value,
    Field::Units,
    Field::Range,
    Field::RangeUnits,
    Field::Abnormal,
    Field::Speciality,
    Field::AssociatedText,
    Field::Dosage,
    Field::Unit,
    Field::Quantity,
    Field::Mixture,
    Field::SpecimenType,
    Field::ConsultationType,
];

/// What is planted: a coding in a place, or a text in a field.
#[derive(Clone)]
enum Plant {
    Coding { system: &'static str, code: String, display: String, place: Place },
    Text(Field, String),
}

/// A planting on an entry of one type.
#[derive(Clone)]
struct Planting {
    plant: Plant,
    event_type: &'static str,
}

/// The spellings in which a source may write a code of the list (reference, section 5b and 7).
fn spellings(entry: &ExclusionEntry) -> Vec<String> {
    let code = entry.code.as_str();
    match entry.system.as_str() {
        "read-v2" | "ctv3" => {}
        "snomed" => return vec![code.to_owned(), format!(" {code} "), format!("{code} |a term|")],
        _ => return vec![code.to_owned()],
    }
    let bare = code.trim_end_matches('.');
    let five = format!("{bare:.<5}");
    let mut all = vec![five.clone(), format!("{five}00"), format!("{five}11"), format!("{five}1A"), format!(" {five}")];
    all.extend([bare.to_owned(), format!("{five}-1"), format!("{bare}-1"), format!("{bare}-99")]);
    if entry.system == "read-v2" && entry.include_descendants && bare.len() < 5 {
        all.extend([
            format!("{bare}z"),
            format!("{:.<5}", format!("{bare}0")),
            format!("{:.<5}00", format!("{bare}y")),
        ]);
        all.push(format!("{bare}a-2"));
    }
    all.sort();
    all.dedup();
    all
}

fn systems(system: &str) -> &'static [&'static str] {
    match system {
        "read-v2" => &[READ, "urn:oid:2.16.840.1.113883.2.1.6.2", "http://read.info/readv2"],
        "ctv3" => &[CTV3, "URN:OID:2.16.840.1.113883.2.1.3.2.4.14", "http://read.info/ctv3"],
        "emis" => &[READ, EMIS, "EMISLOCAL"],
        _ => &[SNOMED, EMIS, "http://snomed.info/sct", "", "UNKNOWN"],
    }
}

/// Terms that stand for a line: its rubric, its own term, and how a source may spell them.
fn terms(entry: &ExclusionEntry) -> Vec<String> {
    let mut all = Vec::new();
    for term in [&entry.rubric, &entry.display].into_iter().filter(|term| !term.is_empty()) {
        let spelt = term.replace("sation", "zation").replace("oea", "ea");
        all.extend([
            term.clone(),
            format!("[X]{}", term.to_uppercase()),
            format!("  [V]{spelt}. "),
            term.replace(' ', "  "),
        ]);
    }
    all
}

/// Every planting there is.
fn plantings(entries: &[ExclusionEntry]) -> Vec<Plant> {
    let mut all = Vec::new();
    for entry in entries.iter().filter(|entry| entry.system != "refset") {
        let coding = |system, code: &str, display: &str, place| Plant::Coding {
            system,
            code: code.to_owned(),
            display: display.to_owned(),
            place,
        };
        if !entry.code.is_empty() {
            for code in spellings(entry) {
                for system in systems(&entry.system) {
                    all.extend(PLACES.iter().map(|place| coding(*system, &code, MARKER, *place)));
                }
            }
        }
        for term in terms(entry) {
            all.extend(PLACES.iter().map(|place| coding(READ, "EMISNQPL2", &term, *place)));
            all.extend(PLACES.iter().map(|place| coding("", "", &term, *place)));
            all.extend(FIELDS.iter().map(|field| Plant::Text(*field, term.clone())));
        }
    }
    all
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What a record gains by a planting, and what the same record has without it.
#[derive(Default)]
struct Fragments {
    events: String,
    kept_events: String,
    problems: String,
    encounters: String,
    mixtures: String,
    /// Ids that lead to it.
    linked: Vec<String>,
    ids: Vec<String>,
    secrets: Vec<String>,
}

impl Fragments {
    fn add(&mut self, planting: &Planting, nth: usize, patient: &str) {
        let id = format!("5EC2E700-0000-4000-8000-{nth:012}");
        let (mut code, mut term) = (format!("<code {INNOCENT}/>"), MARKER.to_owned());
        let (mut observation, mut supply, mut outer) = (String::new(), String::new(), String::new());
        let (mut speciality, mut allergy, mut report) = (String::new(), String::new(), String::new());
        let mut beside = String::new();
        // A drug loses an excluded qualifier or a text of its supply, and stays.
        let is_drug = matches!(planting.event_type, "MED" | "ISS");
        let mut lost = None;
        match &planting.plant {
            Plant::Coding { system, code: value, display, place } => {
                let inner =
                    format!("codeSystem=\"{system}\" code=\"{}\" displayName=\"{}\"", escaped(value), escaped(display));
                let qualifier =
                    |name: &str, value: &str| format!("<qualifier><name {name}/><value {value}/></qualifier>");
                let mut inside = |inside: &str| code = format!("<code {INNOCENT}>{inside}</code>");
                let cut = |text: String| (text.clone(), String::new());
                match place {
                    Place::Code => code = format!("<code {inner}/>"),
                    Place::SecondCode => {
                        let _ = write!(code, "<code {inner}/>");
                    }
                    Place::Translation => inside(&format!("<translation {inner}/>")),
                    Place::Nested => inside(&format!("<translation {INNOCENT}><translation {inner}/></translation>")),
                    Place::QualifierName => {
                        inside(&qualifier(&inner, INNOCENT));
                        lost = is_drug.then(|| cut(qualifier(&inner, INNOCENT)));
                    }
                    Place::QualifierValue => {
                        inside(&qualifier(INNOCENT, &inner));
                        lost = is_drug.then(|| cut(qualifier(INNOCENT, &inner)));
                    }
                    Place::QualifierOfTranslation => {
                        inside(&format!("<translation {INNOCENT}>{}</translation>", qualifier(INNOCENT, &inner)));
                        lost = is_drug.then(|| cut(qualifier(INNOCENT, &inner)));
                    }
                    Place::TargetDrug => allergy = format!("<allergy><targetDrug {inner}/></allergy>"),
                    Place::Constituent => {
                        supply = format!("<localMixture>mix{nth}</localMixture>");
                        let _ = write!(
                            self.mixtures,
                            "<localMixture><id>mix{nth}</id><name>{MARKER}</name><constituent><preparation {inner}/></constituent></localMixture>"
                        );
                    }
                    Place::LocationType => outer = format!("<locationType {inner}/>"),
                }
                if display != MARKER {
                    self.secrets.push(serde_json::Value::from(display.as_str()).to_string());
                }
                if !value.is_empty() && value != "EMISNQPL2" {
                    self.secrets.push(format!("\"code\":\"{}\"", value.trim()));
                }
            }
            Plant::Text(field, text) => {
                self.secrets.push(serde_json::Value::from(text.trim()).to_string());
                let text = escaped(text);
                let mut supplied = |element: &str| {
                    supply = format!("<{element}>{text}</{element}>");
                    lost = is_drug.then(|| (supply.clone(), String::new()));
                };
                match field {
                    Field::DisplayTerm => term.clone_from(&text),
                    Field::Uncoded => {
                        code.clear();
                        term.clone_from(&text);
                    }
                    Field::Value => observation = format!("<value><text><value>{text}</value></text></value>"),
                    Field::Range => {
                        observation = format!(
                            "<value><numeric><value>1</value><range><description>{text}</description></range></numeric></value>"
                        );
                    }
                    Field::Units => {
                        observation =
                            format!("<value><numeric><value>1</value><units>{text}</units></numeric></value>");
                    }
                    Field::RangeUnits => {
                        observation = format!(
                            "<value><numeric><value>1</value><range><numericRange><low value=\"1\"/></numericRange><units>{text}</units></range></numeric></value>"
                        );
                    }
                    Field::Abnormal => observation = format!("<abnormal value=\"true\" description=\"{text}\"/>"),
                    Field::SpecimenType => {
                        // With a test that is as innocent as can be, or there would be no report to tell it.
                        let member = id.replacen('5', "F", 1);
                        report = format!(
                            "<report><component><specimen><specimenType>{text}</specimenType><test>{member}</test></specimen></component></report>"
                        );
                        let _ = write!(
                            self.events,
                            "<event><id>{member}</id><patient>{patient}</patient><eventType>VAL</eventType><effectiveTime datepart=\"YMD\" value=\"2026-10-01T09:00:00\"/><code {INNOCENT}/><displayTerm>{MARKER}</displayTerm><observation><value><numeric><value>1</value></numeric></value></observation></event>"
                        );
                        self.ids.push(member);
                    }
                    Field::Speciality => speciality = format!("<speciality>{text}</speciality>"),
                    Field::AssociatedText => {
                        beside = format!("<associatedText><value>{text}</value></associatedText>");
                        lost = is_drug.then(|| (beside.clone(), String::new()));
                    }
                    Field::Dosage => supplied("dosage"),
                    Field::Unit => supplied("quantityUnit"),
                    Field::Quantity => supplied("quantityRepresentation"),
                    Field::Mixture => {
                        supply = format!("<localMixture>mix{nth}</localMixture>");
                        let _ =
                            write!(self.mixtures, "<localMixture><id>mix{nth}</id><name>{text}</name></localMixture>");
                    }
                    Field::ConsultationType => outer = format!("<consultationType>{text}</consultationType>"),
                }
            }
        }
        let payload = match planting.event_type {
            "MED" => format!(
                "<medication><quantity>28</quantity>{supply}<prescriptionType>R</prescriptionType><drugStatus>A</drugStatus></medication>"
            ),
            "ISS" => format!(
                "<medicationIssue><quantity>28</quantity>{supply}<issueMethod>P</issueMethod></medicationIssue>"
            ),
            "REF" => format!("<referral>{speciality}<urgency>R</urgency></referral>"),
            _ if !allergy.is_empty() => allergy,
            _ if !report.is_empty() => report,
            _ => format!("<observation>{observation}</observation>"),
        };
        let kind = if planting.event_type == "problem" { "OBS" } else { planting.event_type };
        let event = format!(
            "<event><id>{id}</id><patient>{patient}</patient><eventType>{kind}</eventType><effectiveTime datepart=\"YMD\" value=\"2026-10-01T09:00:00\"/>{code}<displayTerm>{term}</displayTerm>{beside}{payload}</event>"
        );
        if let Some((what, instead)) = lost {
            self.kept_events.push_str(&event.replace(&what, &instead));
            self.events.push_str(&event);
            return;
        }
        self.events.push_str(&event);
        if planting.event_type == "problem" {
            let _ = write!(self.problems, "<problem><id>{id}</id><status>A</status></problem>");
        }
        if !outer.is_empty() {
            let encounter = format!("{id}-E");
            let _ = write!(
                self.encounters,
                "<encounter><id>{encounter}</id><patient>{patient}</patient>{outer}<component><event>{id}</event></component></encounter>"
            );
            self.ids.push(encounter);
        }
        self.linked.push(id.clone());
        self.ids.push(id);
    }

    /// Whether the fields of this planting exist on an entry of this type.
    fn fits(planting: &Planting) -> bool {
        let is_drug = matches!(planting.event_type, "MED" | "ISS");
        match &planting.plant {
            Plant::Coding { place: Place::Constituent, .. } => is_drug,
            Plant::Coding { place: Place::TargetDrug, .. } => !is_drug && planting.event_type != "REF",
            Plant::Text(Field::Dosage | Field::Unit | Field::Quantity | Field::Mixture, _) => is_drug,
            Plant::Text(Field::Value | Field::Units | Field::Range | Field::RangeUnits | Field::Abnormal, _) => {
                !is_drug && planting.event_type != "REF"
            }
            Plant::Text(Field::SpecimenType, _) => planting.event_type == "REP",
            Plant::Text(Field::Speciality, _) => planting.event_type == "REF",
            _ => true,
        }
    }
}

fn insert(xml: &mut String, before: &str, text: &str) {
    let at = xml.find(before).unwrap_or_else(|| panic!("the generated record has {before}"));
    xml.insert_str(at, text);
}

/// The generated record with the plantings, linked from a problem, a consultation and a group that stay.
fn planted(base: &Generated, fragments: &Fragments) -> (String, String) {
    let (mut with, mut without) = (base.xml.clone(), base.xml.clone());
    let links =
        |before: &str, after: &str| fragments.linked.iter().fold(String::new(), |all, id| all + before + id + after);
    insert(&mut with, "</complexObservation>", &links("<childLink>", "</childLink>"));
    insert(&mut with, "</problem>", &links("<eventLink><id>", "</id></eventLink>"));
    insert(&mut with, "</encounter>", &links("<component><event>", "</event></component>"));
    insert(&mut with, "<problem>", &fragments.problems);
    insert(&mut with, "<encounter>", &fragments.encounters);
    for (xml, events) in [(&mut with, &fragments.events), (&mut without, &fragments.kept_events)] {
        insert(xml, "<event><id>", events);
        insert(xml, "</adminDomain>", &fragments.mixtures);
    }
    (with, without)
}

fn released(pipeline: &Pipeline, xml: &str, patient: NhsNumber, view: View) -> String {
    pipeline.run(xml, patient, view, View::ALL).released.iter().fold(String::new(), |mut all, one| {
        let json = std::str::from_utf8(one.json()).expect("UTF-8");
        let _ = writeln!(all, "{} {json} {}", name(one.kind(), one.id()), one.with_problem());
        all
    })
}

/// Generated records that have a problem, a consultation and a group to link from.
fn bases() -> Vec<Generated> {
    let all = (70_000..).map(|seed| generate(seed, 60, &Options::default()));
    all.filter(|made| ["</problem>", "</encounter>", "</complexObservation>"].iter().all(|end| made.xml.contains(end)))
        .take(6)
        .collect()
}

fn prove(pipeline: &Pipeline, base: &Generated, nth: usize, batch: &[Planting]) {
    let patient = NhsNumber::parse(&base.nhs_number).expect("a number");
    let owner = base.xml.split("<patient>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
    let view = VIEWS[nth % VIEWS.len()];
    let mut fragments = Fragments::default();
    for (at, planting) in batch.iter().enumerate() {
        fragments.add(planting, at, owner);
    }
    let (with, without) = planted(base, &fragments);
    // They are where a reader finds them: else nothing would be proven.
    let read = read(with.as_bytes(), Limits::default()).expect("a record");
    let found = read.events.iter().filter(|event| event.id.starts_with("5ec2e700-")).count();
    assert_eq!(found, batch.len(), "batch {nth}");
    let linked = |links: &[String]| links.iter().filter(|id| id.starts_with("5ec2e700-")).count();
    let problems: usize = read.problems.values().map(|problem| linked(&problem.links)).sum();
    let groups: usize = read.events.iter().map(|event| linked(&event.children)).sum();
    assert_eq!((problems, groups), (fragments.linked.len(), fragments.linked.len()), "batch {nth}");
    let (with, without) = (released(pipeline, &with, patient, view), released(pipeline, &without, patient, view));
    if with != without {
        // One by one, to name the culprit.
        for planting in batch {
            let mut alone = Fragments::default();
            alone.add(planting, 0, owner);
            let (one, none) = planted(base, &alone);
            if released(pipeline, &one, patient, view) != released(pipeline, &none, patient, view) {
                let what = match &planting.plant {
                    Plant::Coding { system, code, display, place } => {
                        format!("{system} {code:?} {display:?} in {place:?}")
                    }
                    Plant::Text(field, text) => format!("{text:?} in {field:?}"),
                };
                panic!("batch {nth}, {view}: {what} of {} shows", planting.event_type);
            }
        }
        panic!("batch {nth}, {view}: it shows that something is withheld");
    }
    for id in &fragments.ids {
        for id in [id.as_str(), &id.to_ascii_lowercase(), pipeline.sealer.seal(patient, id, Suffix(0)).as_str()] {
            assert!(!with.contains(id), "batch {nth}: the id {id} leaves");
        }
    }
    for secret in &fragments.secrets {
        assert!(!with.contains(secret.as_str()), "batch {nth}, {view}: {secret} leaves");
    }
}

#[test]
fn every_code_in_every_spelling_place_and_type_leaves_no_trace() {
    let kept_texts = TYPES.iter().map(|of| (*of).to_owned()).collect();
    let pipeline = Arc::new(Pipeline { kept_texts, ..Pipeline::new() });
    let plants = plantings(pipeline.exclusions.entries());
    let wanted = usize::try_from(number("MIG_FHIR_PROOFS_PLANTINGS", 30_000)).expect("small");
    let all = plants.len() * TYPES.len();
    // The types take turns, and odd steps through all of it meet every place, spelling and type.
    let step = all.checked_div(wanted).unwrap_or(1).max(1) | 1;
    let chosen: Vec<Planting> = (0..all)
        .step_by(step)
        .filter_map(|at| {
            let (plant, event_type) = (plants[at / TYPES.len()].clone(), TYPES[at % TYPES.len()]);
            Some(Planting { plant, event_type }).filter(Fragments::fits)
        })
        .collect();
    let codes: BTreeSet<&str> = chosen
        .iter()
        .filter_map(|planting| match &planting.plant {
            Plant::Coding { code, .. } if !code.is_empty() => Some(code.trim()),
            _ => None,
        })
        .collect();
    let listed =
        pipeline.exclusions.entries().iter().filter(|entry| entry.system != "refset" && !entry.code.is_empty());
    for entry in listed {
        assert!(codes.iter().any(|code| code.starts_with(entry.code.trim_end_matches('.'))), "{} is tried", entry.code);
    }
    println!("{} plantings of {all}", chosen.len());
    assert!(chosen.len() >= 20_000 || wanted < 20_000 && wanted > 0);
    let batches: Arc<Vec<Vec<Planting>>> = Arc::new(chosen.chunks(BATCH).map(<[Planting]>::to_vec).collect());
    let bases = Arc::new(bases());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let threads: Vec<_> = (0..workers)
        .map(|worker| {
            let (pipeline, batches, bases) = (pipeline.clone(), batches.clone(), bases.clone());
            std::thread::spawn(move || {
                for (nth, batch) in batches.iter().enumerate().skip(worker).step_by(workers) {
                    prove(&pipeline, &bases[nth % bases.len()], nth, batch);
                }
            })
        })
        .collect();
    let failed = threads.into_iter().map(std::thread::JoinHandle::join).filter(Result::is_err).count();
    assert_eq!(failed, 0, "the failures are printed above");
}

/// Codes beside those of the list whose terms are known, and which are none of it: the published "keep" vectors, their
/// verified siblings, and what only the supplement holds. None of them lies in a subtree of the list.
const NEIGHBOURS: &[(&str, &str)] = &[
    (READ, "A54.."),
    (READ, "A542."),
    (READ, "A54z.11"),
    (READ, "A54z."),
    (READ, "e225."),
    (READ, "a541."),
    (READ, "7E08800"),
    (READ, "7E088"),
    (READ, "A704."),
    (READ, "A705."),
    (READ, "ZV02."),
    (READ, "ZV02A"),
    (READ, "ZV02D"),
    (READ, "65Q1."),
    (READ, "65Q7."),
    (READ, "141Z."),
    (READ, "1411."),
    (READ, "141E."),
    (READ, "SP0E."),
    (READ, "SP0F."),
    (READ, "SP0G."),
    (READ, "E227."),
    (READ, "E227300"),
    (READ, "E225."),
    (READ, "7E065"),
    (READ, "7E072"),
    (READ, "7E083"),
    (READ, "7E087"),
    (READ, "7E0A."),
    (READ, "7E0C."),
    (READ, "4K33."),
    (READ, "4K37."),
    (READ, "4K35."),
    (READ, "43C3."),
    (READ, "43j7."),
    (READ, "4J34."),
    (READ, "66j.."),
    (READ, "9kl.."),
    (READ, "AyuC."),
    (READ, "AyuC3"),
    (READ, "L179."),
    (READ, "62b.."),
    (READ, "Ayu4."),
    (READ, "K1547"),
    (READ, "K1544"),
    (READ, "K2142"),
    (READ, "K40y0"),
    (READ, "62K.."),
    (READ, "43U.."),
    (READ, "A70A."),
    (READ, "A70G."),
    (READ, "A706."),
    (READ, "A7051"),
    (READ, "14i.."),
    (READ, "L1765"),
    (READ, "9Ea.."),
    (READ, "8HHV."),
    (READ, "6776."),
    (READ, "8H7W."),
    (READ, "389B."),
    (READ, "7F02."),
    (READ, "8Cg.."),
    (READ, "ZV253"),
    (READ, "ZV25A"),
    (READ, "Q486."),
    (READ, "Lyu03"),
    (READ, "7M0h."),
    (READ, "6242."),
    (READ, "K5B.."),
    (READ, "K26.."),
    (READ, "ZV231"),
    (READ, "ZV264"),
    (READ, "EMISNQA788"),
    (READ, "^ESCTHS799054"),
    (EMIS, "^ESCTHS79905"),
    (CTV3, "XE0vs"),
    (CTV3, "L051."),
    (CTV3, "xe0xc"),
    (CTV3, "X70M7"),
    (CTV3, "XE0TZ"),
    (SNOMED, "38341003"),
    (SNOMED, "195967001"),
    (SNOMED, "44054006"),
    (SNOMED, "624790080"),
    ("http://loinc.org", "62479008"),
    ("EMISPREPARATION", "A788."),
    ("UNKNOWN", "A788."),
    ("MULTILEX", "62479008"),
];

#[test]
fn a_neighbour_of_the_list_is_never_taken_for_one_of_it() {
    let pipeline = Pipeline::new();
    let list: &Exclusions = &pipeline.exclusions;
    let mut neighbours: BTreeSet<(&'static str, String)> =
        NEIGHBOURS.iter().map(|(of, code)| (*of, (*code).to_owned())).collect();
    // And every code that differs from a whole Read code of the list in its last letter alone.
    let on_list: BTreeSet<&str> =
        list.entries().iter().filter(|entry| entry.system == "read-v2").map(|entry| entry.code.as_str()).collect();
    let below = |code: &str| {
        list.entries().iter().any(|entry| {
            let stem = entry.code.trim_end_matches('.');
            entry.system == "read-v2" && entry.include_descendants && !stem.is_empty() && code.starts_with(stem)
        })
    };
    for code in on_list.iter().filter(|code| code.len() == 5 && !code.ends_with('.')) {
        for last in ('0'..='9').chain('A'..='Z').chain('a'..='z').chain(['.']) {
            let sibling = format!("{}{last}", &code[..4]);
            if !on_list.contains(sibling.as_str())
                && !below(&sibling)
                && !on_list.contains(sibling.trim_end_matches('.'))
            {
                neighbours.insert((READ, sibling));
            }
        }
    }
    assert!(neighbours.len() > 1_000, "{} neighbours", neighbours.len());
    let mut withheld = Vec::new();
    for (system, code) in &neighbours {
        if list.excludes_coding(Some(system), code) {
            withheld.push(format!("{system} {code}"));
        }
    }
    assert!(withheld.is_empty(), "over-filtered: {withheld:?}");

    // The same through the whole way, in each place that is released with its code.
    let neighbours: Vec<_> = neighbours.into_iter().collect();
    let mut tried = 0;
    for (nth, some) in neighbours.chunks(100).enumerate() {
        let base = generate(80_000 + nth as u64, 30, &Options::default());
        let patient = NhsNumber::parse(&base.nhs_number).expect("a number");
        for (kind, view) in [
            ("OBS", View::Diagnosis),
            ("VAL", View::Investigations),
            ("ALL", View::RisksAndWarnings),
            ("MED", View::Medication),
        ] {
            let places = [Place::Code, Place::Translation, Place::QualifierValue];
            for place in places.into_iter().filter(|place| kind == "OBS" || *place == Place::Code) {
                let mut fragments = Fragments::default();
                for (at, (system, code)) in some.iter().enumerate() {
                    let display = format!("Neighbour {at}.");
                    let plant = Plant::Coding { system, code: code.clone(), display, place };
                    fragments.add(&Planting { plant, event_type: kind }, at, "");
                }
                let mut xml = base.xml.clone();
                insert(&mut xml, "<event><id>", &fragments.events);
                let text = released(&pipeline, &xml, patient, view);
                for at in 0..some.len() {
                    let shown = text.contains(&format!("Neighbour {at}."))
                        || place != Place::Code
                        || ![READ, CTV3, SNOMED, EMIS].contains(&some[at].0);
                    let id = pipeline.sealer.seal(patient, &format!("5EC2E700-0000-4000-8000-{at:012}"), Suffix(0));
                    let there = text.contains(id.as_str());
                    assert!(shown && there, "{:?} as {kind} in {place:?}: {shown} {there}", some[at]);
                    tried += 1;
                }
            }
        }
    }
    println!("{} neighbours, {tried} plantings kept", neighbours.len());
}
