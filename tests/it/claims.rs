//! Every parameter, modifier, order and subset that the catalogue claims of a type of the record, over HTTP against the real
//! service, each with an assertion that rests on it. What is expected is worked out here from the whole result, by the rows'
//! paths and by nothing else of `search`. A claim that is not exercised fails the test.

use super::no_leak::marked_shapes;
use super::world::{self, NHS, Who, World, run};
use mig_fhir::catalogue;
use mig_fhir::kinds::Kind;
use mig_fhir::search::{Form, Parameter, ROOT, Standing, Summary, Total, Use};
use mig_fhir::simulator::holdings::Holding;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const FIRST: u64 = 2_700;

/// What is claimed because profiles ask for it, and of which no record has a value yet: a search by it finds nothing, and one
/// for what lacks it finds all. A value that turns up in a fixture fails the test, until its line here goes.
const NEVER_FILLED: &[&str] = &[
    "AllergyIntolerance.criticality",
    "AllergyIntolerance.last-date",
    "AllergyIntolerance.onset",
    "AllergyIntolerance.type",
    "Condition.encounter",
    "DiagnosticReport.encounter",
    "Encounter.reason-code",
    "Flag.encounter",
    "MedicationRequest.encounter",
    "MedicationStatement.category",
    "MedicationStatement.context",
    "Observation.encounter",
    "Procedure.category",
    "Procedure.encounter",
    "Procedure.performer",
    "Procedure:performer",
];

/// Someone whose record is searched.
struct Patient {
    number: String,
    sealed: String,
    /// By type, as a search without further parameters has them.
    whole: BTreeMap<&'static str, Vec<Value>>,
}

impl Patient {
    fn of(&self, kind: Kind) -> &[Value] {
        self.whole.get(kind.as_str()).map_or(&[], Vec::as_slice)
    }
}

/// The values at a path of JSON members.
fn at<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut values = vec![value];
    for member in path.split('.') {
        let found = values.into_iter().filter_map(|value| value.get(member));
        values = found.flat_map(|value| value.as_array().map_or(vec![value], |list| list.iter().collect())).collect();
    }
    values
}

fn values<'v>(resource: &'v Value, paths: &[&str]) -> Vec<&'v Value> {
    paths.iter().flat_map(|path| at(resource, path)).collect()
}

fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value[member].as_str()
}

/// System and code of a value, of a plain code by the row.
fn tokens(parameter: &Parameter, resource: &Value) -> Vec<(Option<String>, String)> {
    let owned = |text: &str| text.to_owned();
    let mut found = Vec::new();
    for value in values(resource, parameter.paths) {
        match value {
            Value::String(code) => found.push((parameter.implied.map(owned), code.clone())),
            Value::Object(members) if members.contains_key("coding") => {
                let codings = value["coding"].as_array().expect("a list").iter();
                found.extend(
                    codings
                        .filter_map(|coding| Some((text(coding, "system").map(owned), owned(text(coding, "code")?)))),
                );
            }
            other => found.extend(text(other, "code").map(|code| (text(other, "system").map(owned), owned(code)))),
        }
    }
    found
}

/// The words beside the codes.
fn words(parameter: &Parameter, resource: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for value in values(resource, parameter.paths) {
        let codings = value["coding"].as_array().map_or(&[][..], Vec::as_slice);
        let all =
            [text(value, "text"), text(value, "display")].into_iter().chain(codings.iter().map(|c| text(c, "display")));
        found.extend(all.flatten().map(str::to_owned));
    }
    found
}

fn strings(parameter: &Parameter, resource: &Value) -> Vec<String> {
    values(resource, parameter.paths).into_iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

fn references(paths: &[&str], resource: &Value) -> Vec<String> {
    values(resource, paths).into_iter().filter_map(|value| text(value, "reference").map(str::to_owned)).collect()
}

/// The first day that each date of a resource could mean.
fn days(parameter: &Parameter, resource: &Value) -> Vec<String> {
    let dates =
        values(resource, parameter.paths).into_iter().filter_map(|value| value.as_str().or(text(value, "start")));
    let first = |date: &str| match date.len() {
        4 => format!("{date}-01-01"),
        7 => format!("{date}-01"),
        _ => date[..10].to_owned(),
    };
    dates.map(first).collect()
}

fn has(parameter: &Parameter, resource: &Value) -> bool {
    !values(resource, parameter.paths).is_empty()
}

/// As a value of a parameter: FHIR's escapes, then those of a form.
fn encoded(value: &str) -> String {
    let mut escaped = String::new();
    for c in value.chars() {
        if matches!(c, '\\' | ',' | '|' | '$') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    form_encoded(&escaped)
}

fn form_encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

fn token(system: Option<&str>, code: &str) -> String {
    format!("{}%7C{}", encoded(system.unwrap_or("")), encoded(code))
}

fn id(resource: &Value) -> String {
    resource["id"].as_str().expect("an id").to_owned()
}

/// The fixtures of the mapping that between them fill what can be searched by and what can be included, each as a patient of
/// its own, beside one whose withheld entries must not show in any count.
fn holdings() -> (mig_fhir::simulator::holdings::Holdings, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mapping");
    let files = std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("listed").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    files.sort();
    let goldens: Vec<Value> = files
        .iter()
        .map(|file| serde_json::from_str(&std::fs::read_to_string(file).expect("read")).expect("JSON"))
        .collect();
    let mut chosen = BTreeSet::new();
    for kind in Kind::ALL {
        let row = catalogue::row(*kind);
        let read = row.parameters.iter().map(|parameter| parameter.paths);
        let followed = row.includes.iter().filter(|include| include.source == *kind).map(|include| include.paths);
        for paths in read.chain(followed) {
            let has_value = |at: &usize| {
                let resources = goldens[*at].as_array().expect("a list").iter();
                let mut resources = resources.filter(|resource| resource["resourceType"] == kind.as_str());
                resources.any(|resource| !values(resource, paths).is_empty())
            };
            if !chosen.iter().any(has_value) {
                chosen.extend((0..goldens.len()).find(has_value));
            }
        }
    }
    let mut numbers = Vec::new();
    let mut all = world::builtin();
    for (at, seed) in chosen.into_iter().zip(FIRST..) {
        let xml = std::fs::read_to_string(files[at].with_extension("xml")).expect("read");
        let mut holding = Holding::read(xml.replace("9990000018", &world::number(seed))).expect("a record");
        // Small records of one entry, most of which say nothing of where their patient is registered.
        "registered".clone_into(&mut holding.registration);
        holding.practice = Some("A99981".to_owned());
        assert!(all.add(holding), "two patients of one number");
        numbers.push(world::number(seed));
    }
    assert!(all.add(world::with_entries(FIRST + 90, marked_shapes(), |_| {}).0));
    numbers.push(world::number(FIRST + 90));
    (all, numbers)
}

/// The rows of which no patient has a value, each as `Type.parameter` or `Type:include`; and, as `Type.parameter:text`, those
/// that are said to have words and have none, or the other way round.
fn never_filled(patients: &[Patient]) -> BTreeSet<String> {
    let mut never = BTreeSet::new();
    for kind in Kind::ALL.iter().filter(|kind| !kind.is_referred_to()).copied() {
        let all = || patients.iter().flat_map(|patient| patient.of(kind));
        let table = catalogue::table(kind);
        for parameter in table.offered().filter(|parameter| parameter.usage == Use::Filter) {
            if !all().any(|resource| has(parameter, resource)) {
                never.insert(format!("{kind}.{}", parameter.name));
            } else if parameter.form == Form::Token
                && parameter.worded != all().any(|resource| !words(parameter, resource).is_empty())
            {
                never.insert(format!("{kind}.{}:text", parameter.name));
            }
        }
        for include in table.includes.iter().filter(|include| include.source == kind) {
            if !all().any(|resource| !references(include.paths, resource).is_empty()) {
                never.insert(format!("{kind}:{}", include.name));
            }
        }
    }
    never
}

/// One search under test.
struct Tried<'w> {
    world: &'w World,
    who: &'w Who,
    kind: Kind,
    patients: &'w [Patient],
    parameter: &'static Parameter,
    filled: bool,
}

impl<'w> Tried<'w> {
    /// The patient of whom some entries are like this and, if there is one, some not.
    fn patient(&self, like: impl Fn(&Value) -> bool) -> Option<&'w Patient> {
        let count = |patient: &&Patient| {
            let whole = patient.of(self.kind);
            let of_these = whole.iter().filter(|resource| like(resource)).count();
            (of_these > 0, of_these < whole.len(), of_these)
        };
        self.patients.iter().max_by_key(count).filter(|patient| count(patient).0)
    }

    async fn ask(&self, patient: &Patient, more: &str) -> world::Answer {
        self.world.search(self.kind.as_str(), &patient.number, more).by(self.who).ok().await
    }

    /// Searching so finds these entries of the patient, in the order of the whole, and no others.
    async fn finds(&self, patient: &Patient, more: &str, expected: impl Fn(&Value) -> bool) -> usize {
        let expected: Vec<String> =
            patient.of(self.kind).iter().filter(|resource| expected(resource)).map(id).collect();
        let answer = self.ask(patient, &format!("&{more}")).await;
        assert_eq!(answer.ids(), expected, "{}?{more}", self.kind);
        assert_eq!(answer.total(), expected.len() as u64, "{}?{more}", self.kind);
        expected.len()
    }

    /// As compared: what finds something, under each modifier, and what finds nothing.
    async fn filter(&self) {
        let (parameter, name) = (self.parameter, self.parameter.name);
        let all = |_: &Value| true;
        let none = |_: &Value| false;
        let stranger = match parameter.form {
            Form::Date => "2999-01-01",
            Form::Reference => "Practitioner/stranger",
            _ => "stranger",
        };
        let with_value = self.patient(|resource| has(parameter, resource));
        assert_eq!(with_value.is_some(), self.filled, "{} {name}: is it ever filled?", self.kind);
        let patient = with_value.or_else(|| self.patient(all)).expect("somebody has one of every type");
        self.finds(patient, &format!("{name}={stranger}"), none).await;
        for modifier in parameter.modifiers() {
            let by = format!("{name}:{modifier}");
            match *modifier {
                "missing" => {
                    self.finds(patient, &format!("{by}=true"), |resource| !has(parameter, resource)).await;
                    self.finds(patient, &format!("{by}=false"), |resource| has(parameter, resource)).await;
                }
                "not" => {
                    self.finds(patient, &format!("{by}={stranger}"), all).await;
                }
                "text" | "exact" | "contains" => {
                    self.finds(patient, &format!("{by}={stranger}"), none).await;
                }
                other => panic!("{by}: {other} is claimed and not exercised"),
            }
        }
        if self.filled {
            match parameter.form {
                Form::Token => self.token().await,
                Form::Date => self.date(patient).await,
                Form::Reference => self.reference(patient).await,
                Form::Text => self.string(patient).await,
                Form::Uri | Form::Number | Form::Special => panic!("{name} is claimed and not exercised"),
            }
        }
    }

    async fn token(&self) {
        let parameter = self.parameter;
        let coded = self.patient(|resource| !tokens(parameter, resource).is_empty());
        assert!(coded.is_some() || parameter.worded, "{} {}", self.kind, parameter.name);
        if let Some(patient) = coded {
            self.code(patient).await;
        }
        self.words().await;
    }

    async fn code(&self, patient: &Patient) {
        let (parameter, name) = (self.parameter, self.parameter.name);
        let mut known = patient.of(self.kind).iter().flat_map(|resource| tokens(parameter, resource));
        let (system, code) = known.next().expect("a code");
        let like = |resource: &Value| tokens(parameter, resource).iter().any(|(_, has)| *has == code);
        let of_system = |resource: &Value| tokens(parameter, resource).contains(&(system.clone(), code.clone()));
        let whole = token(system.as_deref(), &code);
        assert!(self.finds(patient, &format!("{name}={}", encoded(&code)), like).await > 0);
        assert!(self.finds(patient, &format!("{name}={whole}"), of_system).await > 0);
        assert!(self.finds(patient, &format!("{name}=stranger,{}", encoded(&code)), like).await > 0);
        self.finds(patient, &format!("{name}={}", token(Some("urn:stranger"), &code)), |_| false).await;
        if let Some(system) = &system {
            let of_it =
                |resource: &Value| tokens(parameter, resource).iter().any(|(has, _)| has.as_ref() == Some(system));
            self.finds(patient, &format!("{name}={}%7C", encoded(system)), of_it).await;
        }
        if let Some((short, full)) = parameter.alias {
            let of_it =
                |resource: &Value| tokens(parameter, resource).iter().any(|(has, _)| has.as_deref() == Some(full));
            assert!(self.finds(patient, &format!("{name}={short}%7C"), of_it).await > 0);
        }
        self.finds(patient, &format!("{name}:not={}", encoded(&code)), |resource| !like(resource)).await;
        self.finds(patient, &format!("{name}:not={whole},stranger"), |resource| !of_system(resource)).await;
    }

    /// Words are searched where they are written, and nowhere else.
    async fn words(&self) {
        let (parameter, name) = (self.parameter, self.parameter.name);
        let worded = self.patient(|resource| !words(parameter, resource).is_empty());
        assert_eq!(worded.is_some(), parameter.modifiers().contains(&"text"), "{} {name}", self.kind);
        if let Some(patient) = worded {
            let mut known = patient.of(self.kind).iter().flat_map(|resource| words(parameter, resource));
            let start: String = known.next().expect("words").chars().take(5).collect::<String>().to_lowercase();
            let like =
                |resource: &Value| words(parameter, resource).iter().any(|has| has.to_lowercase().starts_with(&start));
            assert!(self.finds(patient, &format!("{name}:text={}", encoded(&start.to_uppercase())), like).await > 0);
        }
    }

    async fn date(&self, patient: &Patient) {
        let (parameter, name) = (self.parameter, self.parameter.name);
        let dated =
            patient.of(self.kind).iter().find(|resource| !days(parameter, resource).is_empty()).expect("a date");
        // What begins in a year is not before it, and begins before the next, however long it goes on.
        let year: u16 = days(parameter, dated)[0][..4].parse().expect("a year");
        let after = year + 1;
        let found = self.ask(patient, &format!("&{name}=ge{year}&{name}=lt{after}")).await;
        assert!(found.ids().contains(&id(dated)), "{} {name}", self.kind);
        let found = self.ask(patient, &format!("&{name}=eb1800")).await;
        assert_eq!(found.total(), 0, "{} {name}", self.kind);
        self.finds(patient, &format!("{name}=ne1800"), |resource| has(parameter, resource)).await;
    }

    async fn reference(&self, patient: &Patient) {
        let (paths, name) = (self.parameter.paths, self.parameter.name);
        let mut known = patient.of(self.kind).iter().flat_map(|resource| references(paths, resource));
        let wanted = known.next().expect("a reference");
        let like = |resource: &Value| references(paths, resource).contains(&wanted);
        let (kind, bare) = wanted.split_once('/').expect("a relative reference");
        assert!(self.finds(patient, &format!("{name}={wanted}"), like).await > 0);
        assert!(self.finds(patient, &format!("{name}={bare}"), like).await > 0);
        self.finds(patient, &format!("{name}=Stranger/{bare}"), |_| false).await;
        self.finds(patient, &format!("{name}={kind}/x{bare}"), |_| false).await;
    }

    async fn string(&self, patient: &Patient) {
        let (parameter, name) = (self.parameter, self.parameter.name);
        let mut known = patient.of(self.kind).iter().flat_map(|resource| strings(parameter, resource));
        let whole = known.find(|text| text.chars().count() > 2).expect("a text");
        let (start, inner) = (&whole[..2], &whole[1..]);
        let like =
            |test: &dyn Fn(&str) -> bool, resource: &Value| strings(parameter, resource).iter().any(|has| test(has));
        let starts = |has: &str| has.to_lowercase().starts_with(&start.to_lowercase());
        let contains = |has: &str| has.to_lowercase().contains(&inner.to_lowercase());
        let by = |how: &str, value: &str| format!("{name}{how}={}", encoded(value));
        assert!(self.finds(patient, &by("", &start.to_uppercase()), |resource| like(&starts, resource)).await > 0);
        assert!(self.finds(patient, &by(":contains", inner), |resource| like(&contains, resource)).await > 0);
        assert!(self.finds(patient, &by(":exact", &whole), |resource| like(&|has| has == whole, resource)).await > 0);
        assert_eq!(self.finds(patient, &by(":exact", start), |resource| like(&|has| has == start, resource)).await, 0);
    }

    /// As naming the one patient: the same as by NHS number, and another patient's value finds another's.
    async fn names_the_patient(&self) {
        let [patient, other, ..] = self.patients else { panic!("two patients") };
        let (kind, name) = (self.kind, self.parameter.name);
        for (one, another) in [(patient, other), (other, patient)] {
            let value = if self.parameter.usage == Use::Patient {
                one.sealed.clone()
            } else {
                format!("{NHS}%7C{}", one.number)
            };
            let query = format!("{name}={value}");
            let found = self.world.ask(reqwest::Method::POST, &format!("{kind}/_search")).form(&query);
            let found = found.by(self.who).ok().await.ids();
            assert_eq!(found, one.of(kind).iter().map(id).collect::<Vec<_>>(), "{kind} {name}");
            assert!(another.of(kind).iter().all(|resource| !found.contains(&id(resource))), "{kind} {name}");
        }
    }

    async fn birth_date(&self) {
        let patient = &self.patients[0];
        let name = self.parameter.name;
        let born = patient.of(Kind::Patient)[0]["birthDate"].as_str().expect("a birth date");
        self.finds(patient, &format!("{name}={born}"), |_| true).await;
        let wrong = self.world.search(self.kind.as_str(), &patient.number, &format!("&{name}=1899-12-31"));
        let wrong = wrong.by(self.who).send().await;
        if self.kind == Kind::Patient {
            assert_eq!((wrong.status, wrong.total()), (200, 0));
        } else {
            assert_eq!(wrong.status, 404, "{} {name}", self.kind);
        }
    }

    async fn count(&self) {
        let patient = self.patient(|_| true).expect("somebody has one of every type");
        let whole = patient.of(self.kind);
        for count in [0, 1] {
            let found = self.ask(patient, &format!("&_count={count}")).await;
            assert_eq!(
                (found.ids().len(), found.total()),
                (count.min(whole.len()), whole.len() as u64),
                "{}",
                self.kind
            );
            assert_eq!(found.link("next").is_some(), count == 1 && whole.len() > 1, "{}", self.kind);
        }
    }

    async fn include(&self) {
        assert_eq!(self.parameter.modifiers(), ["iterate"]);
        let table = catalogue::table(self.kind);
        let (own, further): (Vec<_>, Vec<_>) = table.includes.iter().partition(|include| include.source == self.kind);
        for include in own {
            let asked = format!("_include={}:{}", include.source, include.name);
            let wanted = |resource: &Value| {
                let kinds: Vec<&str> = include.targets.iter().map(|kind| kind.as_str()).collect();
                let mut names = references(include.paths, resource);
                names.retain(|name| name.split_once('/').is_some_and(|(kind, _)| kinds.contains(&kind)));
                names
            };
            let filled = !NEVER_FILLED.contains(&asked.trim_start_matches("_include="));
            let somebody = self.patient(|resource| !wanted(resource).is_empty());
            assert_eq!(somebody.is_some(), filled, "{asked}: is it ever filled?");
            let patient = somebody.or_else(|| self.patient(|_| true)).expect("somebody has one of every type");
            let expected: BTreeSet<String> = patient.of(self.kind).iter().flat_map(&wanted).collect();
            let along = |answer: &world::Answer| -> BTreeSet<String> {
                let entries = answer.entries().filter(|entry| entry["search"]["mode"] == "include");
                let name = |entry: &Value| {
                    format!(
                        "{}/{}",
                        entry["resource"]["resourceType"].as_str().expect("a type"),
                        id(&entry["resource"])
                    )
                };
                entries.map(name).collect()
            };
            let found = self.ask(patient, &format!("&{asked}")).await;
            assert_eq!(along(&found), expected, "{asked}");
            assert_eq!(found.total(), patient.of(self.kind).len() as u64, "what comes along is not counted");
            assert!(along(&self.ask(patient, "").await).is_empty());
            for iterated in &further {
                let more = format!("&{asked}&_include:iterate={}:{}", iterated.source, iterated.name);
                let answer = self.ask(patient, &more).await;
                let source = answer.resources().filter(|resource| resource["resourceType"] == iterated.source.as_str());
                let further: BTreeSet<String> =
                    source.flat_map(|resource| references(iterated.paths, resource)).collect();
                assert_eq!(along(&answer), expected.union(&further).cloned().collect(), "{more}");
            }
        }
    }

    async fn sort(&self) {
        let table = catalogue::table(self.kind);
        for name in table.sorts() {
            let parameter = table.parameters.iter().find(|parameter| parameter.name == name).expect("its row");
            let distinct = |patient: &&Patient| {
                patient
                    .of(self.kind)
                    .iter()
                    .flat_map(|resource| days(parameter, resource))
                    .collect::<BTreeSet<_>>()
                    .len()
            };
            let patient = self.patients.iter().max_by_key(distinct).expect("a patient");
            let mut directions = Vec::new();
            for (sort, descending) in [(name.to_owned(), false), (format!("-{name}"), true)] {
                let answer = self.ask(patient, &format!("&_sort={sort}")).await;
                let found: BTreeSet<String> = answer.ids().into_iter().collect();
                assert_eq!(found, patient.of(self.kind).iter().map(id).collect(), "{} {sort}", self.kind);
                let first = |resource: &Value| {
                    let days = days(parameter, resource).into_iter();
                    if descending { days.max() } else { days.min() }
                };
                let order: Vec<Option<String>> = answer.resources().map(first).collect();
                let in_order = order.windows(2).all(|pair| match (&pair[0], &pair[1]) {
                    (Some(one), Some(next)) => {
                        if descending {
                            one >= next
                        } else {
                            one <= next
                        }
                    }
                    (None, Some(_)) => false,
                    (_, None) => true,
                });
                assert!(in_order, "{} {sort}: {order:?}", self.kind);
                directions.push(order);
            }
            assert!(distinct(&patient) < 2 || directions[0] != directions[1], "{} {name}", self.kind);
        }
        self.lenient_without("_sort=code").await;
    }

    /// What the type does not have is refused by its name, and passed over for who is lenient.
    async fn lenient_without(&self, more: &str) {
        let (patient, name) = (&self.patients[0], self.parameter.name);
        let search = || self.world.search(self.kind.as_str(), &patient.number, &format!("&{more}")).by(self.who);
        let refused = search().send().await;
        assert_eq!((refused.status, refused.expressions()), (400, vec![name]), "{} {more}", self.kind);
        let lenient = search().header("prefer", "handling=lenient").ok().await;
        assert_eq!(lenient.ids(), patient.of(self.kind).iter().map(id).collect::<Vec<_>>());
        assert!(!lenient.link("self").expect("a self link").contains(name));
        assert!(lenient.outcome().to_string().contains(name));
    }

    /// What a subset leaves of a resource: what is kept in any case, and what was asked for.
    fn is_subset(&self, found: &Value, whole: &Value, asked: impl Fn(&str, Standing) -> bool) {
        let own = catalogue::table(self.kind).elements;
        let standing = |member: &str| {
            let member = member.trim_start_matches('_');
            let is = |name: &str| match name.strip_suffix("[x]") {
                Some(stem) => {
                    member.strip_prefix(stem).is_some_and(|of| of.starts_with(|c: char| c.is_ascii_uppercase()))
                }
                None => member == name,
            };
            ROOT.iter().chain(own).find(|element| is(element.name)).expect("an element").standing
        };
        for (member, value) in whole.as_object().expect("an object") {
            let kept = standing(member) == Standing::Always || asked(member, standing(member));
            match found.get(member) {
                Some(_) if member == "meta" => {}
                Some(found) => assert_eq!((found, true), (value, kept), "{} {member}", self.kind),
                None => assert!(!kept, "{} {member}", self.kind),
            }
        }
        assert_eq!(found["meta"]["security"], whole["meta"]["security"]);
        let tags = found["meta"]["tag"].as_array().expect("tags");
        assert!(whole["meta"]["tag"].as_array().expect("tags").iter().all(|tag| tags.contains(tag)));
        assert!(tags.iter().any(|tag| tag["code"] == "SUBSETTED"));
    }

    async fn summary(&self) {
        let patient = self.patient(|_| true).expect("somebody has one of every type");
        let whole = self.ask(patient, "").await;
        for word in Summary::WORDS {
            let answer = self.ask(patient, &format!("&_summary={word}")).await;
            assert_eq!((answer.total(), answer.outcome()), (whole.total(), whole.outcome()), "{word}");
            assert!(answer.link("self").expect("a self link").ends_with(&format!("&_summary={word}")));
            if word == "count" {
                assert!(answer.ids().is_empty());
                continue;
            }
            assert_eq!(answer.ids(), whole.ids(), "{word}");
            for (found, whole) in answer.resources().zip(patient.of(self.kind)) {
                match word {
                    "true" => self.is_subset(found, whole, |_, standing| standing == Standing::Summary),
                    "text" => self.is_subset(found, whole, |member, _| member == "text"),
                    "data" => self.is_subset(found, whole, |member, _| member != "text"),
                    "false" => assert_eq!(found, whole),
                    other => panic!("{other} is claimed and not exercised"),
                }
            }
        }
    }

    async fn elements(&self) {
        for element in ROOT.iter().chain(catalogue::table(self.kind).elements) {
            let Some(stem) = element.stem() else { continue };
            let is = |member: &str| {
                let of = member.trim_start_matches('_').strip_prefix(stem);
                of == Some("")
                    || (element.name.ends_with("[x]")
                        && of.is_some_and(|of| of.starts_with(|c: char| c.is_ascii_uppercase())))
            };
            let has = |resource: &Value| resource.as_object().expect("an object").keys().any(|member| is(member));
            let somebody = self.patient(has);
            // One that nobody has would tell no more than another.
            if somebody.is_none() && element.name != "language" {
                continue;
            }
            let patient = somebody.or_else(|| self.patient(|_| true)).expect("somebody has one of every type");
            let answer = self.ask(patient, &format!("&_elements={}", form_encoded(element.name))).await;
            assert_eq!(answer.total(), patient.of(self.kind).len() as u64);
            for (found, whole) in answer.resources().zip(patient.of(self.kind)) {
                self.is_subset(found, whole, |member, _| is(member));
            }
        }
        self.lenient_without("_elements=stranger").await;
    }

    async fn total(&self) {
        let patient = self.patient(|_| true).expect("somebody has one of every type");
        for word in Total::WORDS {
            let answer = self.ask(patient, &format!("&_total={word}")).await;
            let expected = (word != "none").then_some(patient.of(self.kind).len() as u64);
            assert_eq!(answer.body["total"].as_u64(), expected, "{word}");
            assert_eq!(answer.ids(), patient.of(self.kind).iter().map(id).collect::<Vec<_>>(), "{word}");
        }
    }

    /// Every modifier of FHIR that is not claimed is refused by the parameter's name.
    async fn refuses_other_modifiers(&self) {
        let names_patient = self.parameter.usage == Use::Patient && self.parameter.form == Form::Reference;
        for modifier in
            ["missing", "exact", "contains", "text", "not", "in", "not-in", "above", "below", "of-type", "iterate"]
        {
            if self.parameter.modifiers().contains(&modifier) || (names_patient && modifier == "identifier") {
                continue;
            }
            let name = format!("{}:{modifier}", self.parameter.name);
            let asked = self.world.search(self.kind.as_str(), &self.patients[0].number, &format!("&{name}=true"));
            let answer = asked.header("prefer", "handling=lenient").by(self.who).send().await;
            assert_eq!((answer.status, answer.expressions()), (400, vec![name.as_str()]), "{}", self.kind);
            assert_eq!(answer.body["issue"][0]["code"], "not-supported");
        }
    }
}

#[test]
fn every_claim_of_the_catalogue_is_kept_over_http_by_what_it_finds() {
    run(async {
        let (holdings, numbers) = holdings();
        let world = World::start(holdings).await;
        let who = world.clinician();
        let mut patients = Vec::new();
        for number in [world.scenario("rich")].into_iter().chain(numbers) {
            world.permit(&who, &number).await;
            let mut whole = BTreeMap::new();
            for kind in Kind::ALL.iter().filter(|kind| !kind.is_referred_to()) {
                let found = world.search(kind.as_str(), &number, "").by(&who).ok().await;
                assert_eq!(found.total(), found.ids().len() as u64, "{kind}: all on one page");
                whole.insert(kind.as_str(), found.resources().cloned().collect::<Vec<Value>>());
            }
            patients.push(Patient { sealed: world.sealed(&number), number, whole });
        }
        assert_eq!(never_filled(&patients), NEVER_FILLED.iter().map(|name| (*name).to_owned()).collect());
        let statement = world.get("metadata").ok().await;
        let claimed = statement.body["rest"][0]["resource"].as_array().expect("types");
        for kind in Kind::ALL.iter().filter(|kind| !kind.is_referred_to()).copied() {
            let resource = claimed.iter().find(|resource| resource["type"] == kind.as_str()).expect("claimed");
            let claims = resource["searchParam"].as_array().expect("parameters");
            let mut names: Vec<&str> = claims.iter().map(|claim| claim["name"].as_str().expect("a name")).collect();
            for parameter in catalogue::table(kind).offered() {
                let claim =
                    claims.iter().find(|claim| claim["name"] == parameter.name).expect("what is offered is claimed");
                names.retain(|name| *name != parameter.name);
                let said = claim["documentation"]
                    .as_str()
                    .expect("a text")
                    .split_once("; modifiers :")
                    .map_or("", |(_, said)| said);
                assert_eq!(said, parameter.modifiers().join(", :"), "{kind} {}", parameter.name);
                let filled = !NEVER_FILLED.contains(&format!("{kind}.{}", parameter.name).as_str());
                let tried = Tried { world: &world, who: &who, kind, patients: &patients, parameter, filled };
                match parameter.usage {
                    Use::Filter => tried.filter().await,
                    Use::Patient | Use::PatientIdentifier => tried.names_the_patient().await,
                    Use::BirthDate => tried.birth_date().await,
                    Use::Count => tried.count().await,
                    Use::Include => tried.include().await,
                    Use::Sort => tried.sort().await,
                    Use::Summary => tried.summary().await,
                    Use::Elements => tried.elements().await,
                    Use::Total => tried.total().await,
                }
                tried.refuses_other_modifiers().await;
            }
            assert!(names.is_empty(), "{kind} claims what is not exercised: {names:?}");
        }
    });
}
