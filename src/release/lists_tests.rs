//! Lists from files: what they add, what is refused, dates, versions. Long because each form and each fault is its own case.

use super::*;
use crate::kinds::View;
use serde_json::json;
use std::io::Write as _;
use tempfile::{Builder, NamedTempFile};
use time::macros::date;

const READ: Option<&str> = Some("2.16.840.1.113883.2.1.6.2");
const CTV3: Option<&str> = Some("http://read.info/ctv3");
const SNOMED: Option<&str> = Some("http://snomed.info/sct");
const TODAY: Date = date!(2026 - 12 - 01);
const SETS: [&str; 4] = ["999004371000000100", "999004351000000109", "999004381000000103", "999004361000000107"];
const ASTHMA: &str = "195967001";

fn file(end: &str, text: &str) -> NamedTempFile {
    let mut file = Builder::new().suffix(end).tempfile().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

fn with(change: impl FnOnce(&mut Sources)) -> Result<Lists, Vec<ExclusionsError>> {
    let mut sources = Sources::default();
    change(&mut sources);
    Lists::load(&sources, &Rules::default())
}

fn added(end: &str, text: &str) -> Result<Exclusions, Vec<String>> {
    let file = file(end, text);
    let lists = with(|sources| sources.files.push(file.path().to_owned()));
    lists.map(|lists| lists.on(TODAY)).map_err(|all| words(&all))
}

fn words(all: &[ExclusionsError]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn a_further_file_only_adds_and_shows_in_the_version() {
    let list = added(".csv", "system,code,include_descendants\nread-v2,43C3.,true\n").expect("a list");
    assert!(list.excludes_coding(READ, "43C3.11") && list.excludes_coding(READ, "A788."));
    let line = list.coding(READ, "43C3.").expect("a line");
    assert_eq!((line.layer, &*line.version, line.row), (Layer::Local, "unversioned", 0));
    assert!(list.version().starts_with("1.0.0+") && list.version().len() == 18);
    assert_eq!(list.parts().len(), 2);
    assert_eq!((list.parts()[1].title.as_str(), list.parts()[1].lines), ("Local list 1", 1));
    let named = added(".csv", "# version 7\nsystem,code\nread-v2,43C3.\n").expect("a list");
    assert_eq!(named.coding(READ, "43C3.").map(|line| &*line.version), Some("7"));
    let builtin = Lists::builtin().expect("the list of this build").on(TODAY);
    assert!(!builtin.excludes_coding(READ, "43C3."));
    assert_eq!(builtin.version(), "1.0.0");
}

#[test]
fn every_loaded_part_and_every_decision_is_in_the_version() {
    let one = file(".csv", "system,code\nread-v2,43C3.\n");
    let two = file(".csv", "system,code\nread-v2,43C4.\n");
    let version =
        |sources: Sources, rules: Rules| Lists::load(&sources, &rules).expect("sound").on(TODAY).version().to_owned();
    let files = |files: &[&NamedTempFile]| Sources {
        files: files.iter().map(|file| file.path().to_owned()).collect(),
        ..Sources::default()
    };
    let approved = Rules { medicines_approved: Some("the officer".to_owned()), ..Rules::default() };
    let mut all = vec![
        version(Sources::default(), Rules::default()),
        version(files(&[&one]), Rules::default()),
        version(files(&[&two]), Rules::default()),
        version(files(&[&one, &two]), Rules::default()),
        version(Sources { supplement: true, ..Sources::default() }, Rules::default()),
        version(Sources::default(), Rules { exempt: vec![Supplier::Vision], ..Rules::default() }),
        version(Sources::default(), Rules { withhold_unknown: vec![View::Events], ..Rules::default() }),
        version(Sources { revealing_medicines: true, ..Sources::default() }, approved),
    ];
    assert_eq!(version(files(&[&one]), Rules::default()), all[1], "the same files give the same version");
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn a_damaged_list_is_no_list_and_all_its_problems_are_told_at_once() {
    let head = "row,rubric,group,system,code,include_descendants,display,confidence,source,from,until\n";
    let lines = [
        ("1,r,g,snomed,62479007,false,,,,,", "check digit"),
        ("1,r,g,snomed,,false,,,", "columns"),
        ("1,r,g,loinc,1,false,,,,,", "terminology"),
        ("0,,g,read-v2,,false,,,,,", "rubric"),
        ("0,-,g,read-v2,,false,,,,,", "rubric"),
        ("1,r,g,read-v2,A788.,perhaps,,,,,", "include_descendants"),
        ("x,r,g,read-v2,A788.,true,,,,,", "row"),
        ("1,r,g,read-v2,TOOLONGCODE,true,,,,,", "form"),
        ("1,r,g,read-v2,.....,true,,,,,", "form"),
        ("1,r,g,ctv3,.....,true,,,,,", "form"),
        ("1,r,g,read-v2,A788.,true,,,,2026-13-01,", "date"),
        ("1,r,g,read-v2,A788.,true,,,,2026-12-02,2026-12-01", "ends before"),
        ("1,\"r,g,read-v2,A788.,true,,,,,", "quoted"),
    ];
    for (line, why) in lines {
        let problems = added(".csv", &format!("{head}{line}\n")).err().unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.contains(why)), "{line}: {problems:?}");
    }
    let both = added(".csv", &format!("{head}{}\n{}\n", lines[0].0, lines[1].0)).err().expect("refused");
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both.iter().any(|problem| problem.contains("line 3: it does not have the columns")), "{both:?}");
    let second = added(".csv", "system,code,display\nread-v2,43C3.,\nmedicine,,abc\n").err().expect("refused");
    assert!(second.iter().any(|problem| problem.contains("line 2: ")), "{second:?}");
    for (text, why) in [
        ("", "empty"),
        ("# version 1\n", "heading"),
        ("code\n1\n", "columns"),
        ("system,code,colour\n", "column"),
        ("system,code\n", "no lines"),
    ] {
        let problems = added(".csv", text).err().unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.contains(why)), "{text}: {problems:?}");
    }
    let unended = added(".csv", "system").err().expect("refused");
    assert!(unended[0].contains("columns"), "a line without an end is one: {unended:?}");
    let many = "read-v2,nocodeatall\n".repeat(30);
    let (one, two) = (file(".csv", &format!("system,code\n{many}")), file(".csv", &format!("system,code\n{many}")));
    let both = with(|sources| sources.files = vec![one.path().to_owned(), two.path().to_owned()]);
    assert_eq!(both.err().map(|all| all.len()), Some(22), "of each file the first ten are told");
    assert_eq!(added(".csv", &format!("system,code\n{many}")).err().map(|all| all.len()), Some(11));
    let (here, gone) = (file(".csv", "system\n"), PathBuf::from("/nowhere/list.csv"));
    let all = with(|sources| {
        sources.files = vec![here.path().to_owned(), gone.clone()];
        sources.snomed_relationships = Some(gone.clone());
        sources.refset_files = vec![gone.clone()];
        sources.ctv3_hierarchy = Some(gone);
    });
    let all = all.err().expect("refused");
    assert_eq!(all.iter().filter(|one| matches!(one, ExclusionsError::Unreadable { .. })).count(), 4, "{all:?}");
    assert_eq!(all.len(), 5);
    let told = words(&all);
    for key in ["files[0]", "files[1]", "snomed_relationships", "refset_files[0]", "ctv3_hierarchy"] {
        let of_key = told.iter().filter(|one| one.starts_with(&format!("{key}: "))).count();
        assert_eq!(of_key, 1, "{key} is the setting to look at: {told:?}");
    }
}

#[test]
fn a_torn_appendix_is_no_list() {
    let torn = APPENDIX.lines().filter(|line| !line.starts_with("44,")).collect::<Vec<_>>().join("\n");
    let table = csv::read(&torn, None).expect("its lines are whole");
    assert!(table.entries.iter().all(|entry| entry.row != 44) && table.problems.is_empty());
    let base = file(".csv", &torn);
    let lists = with(|sources| sources.base = Some(base.path().to_owned())).expect("a shadow may be narrower");
    assert!(!lists.on(TODAY).excludes_coding(READ, "K2144") && lists.on(TODAY).excludes_coding(READ, "A788."));
}

#[test]
fn a_quoted_cell_may_hold_what_separates_cells() {
    let list = added(
        ".csv",
        "\u{feff}system,code,display\r\nread-v2,43C3.,\"HIV, \"\"positive\"\"\"\r\n\r\nread-v2,43C4.,plain",
    )
    .expect("a list");
    assert_eq!(list.coding(READ, "43C3.").map(|line| line.display.as_str()), Some("HIV, \"positive\""));
    assert!(list.excludes_coding(READ, "43C4.") && !list.excludes_coding(READ, "43C41"));
    let text = "system,code,display\nread-v2,43C3.,a 5\" lesion, left\nread-v2,43C4.,";
    assert!(added(".csv", text).is_err(), "a mark within a cell quotes nothing");
    let list = added(".csv", &text.replace(", left", "")).expect("a list");
    assert_eq!(list.coding(READ, "43C3.").map(|line| line.display.as_str()), Some("a 5\" lesion"));
    assert!(list.excludes_coding(READ, "43C4."), "the last line ends with an empty cell and no line end");
}

#[test]
fn a_built_in_list_that_is_not_sound_is_a_problem_and_each_part_has_its_own_history() {
    for text in
        ["", "system,code\nread-v2,43C3.\n", "# version 1\nsystem,code\nloinc,1\n", "# version 1\nsystem,code\nx\n"]
    {
        let mut loading = Loading::default();
        loading.embedded("Part", text, None);
        let problems = loading.problems.into_result().err().unwrap_or_default();
        assert!(matches!(problems.as_slice(), [ExclusionsError::Builtin(_)]), "{text}: {problems:?}");
    }
    let list = with(|sources| sources.supplement = true).expect("lists").on(TODAY);
    for (part, begins) in list.parts().iter().zip(["First edition: the 66 rubrics", "First edition, off unless"]) {
        assert!(part.changes.iter().any(|change| change.text.starts_with(begins)), "{}", part.title);
        assert!(
            part.changes.iter().all(|change| part.title.starts_with("Appendix") == change.text.contains("rubrics"))
        );
        assert_eq!(part.changes.first().map(|change| &change.version), Some(&part.version));
    }
}

#[test]
fn a_line_of_one_day_is_in_force_on_that_day_alone() {
    let file = file(".csv", "system,code,from,until\nread-v2,43C3.,2026-12-01,2026-12-01\n");
    let lists = with(|sources| sources.files.push(file.path().to_owned())).expect("lists");
    for (day, is) in [(date!(2026 - 11 - 30), false), (TODAY, true), (date!(2026 - 12 - 02), false)] {
        assert_eq!(lists.on(day).excludes_coding(READ, "43C3."), is, "{day}");
    }
}

const LOCAL: &str = r#"
    title = "Our locality"
    version = "3"
    [[change]]
    version = "2"
    date = 2026-01-05
    text = "Begun"
    [[change]]
    version = "3"
    date = 2026-11-05
    text = "More"
    [[entry]]
    system = "read-v2"
    code = "43C3."
    include_descendants = true
    display = "HIV positive"
    group = "hiv-aids"
    from = 2026-12-01
    until = 2026-12-31
    [[entry]]
    rubric = "A local rubric"
    source = "the board"
"#;

#[test]
fn a_locality_adds_by_its_own_file_with_dates_and_history() {
    let list = added(".toml", LOCAL).expect("a list");
    let line = list.coding(READ, "43C31").expect("below");
    assert_eq!((line.layer, &*line.version, line.group.as_str()), (Layer::Local, "3", "hiv-aids"));
    assert!(list.excludes_term("a local: RUBRIC") && !list.excludes_term("a local rubric too"));
    let part = &list.parts()[1];
    assert_eq!((part.title.as_str(), part.version.as_str(), part.lines), ("Our locality", "3", 2));
    assert_eq!(part.ends, Some(date!(2026 - 12 - 31)));
    assert_eq!(part.changes.iter().map(|change| change.version.as_str()).collect::<Vec<_>>(), ["3", "2"]);
    for (text, why) in [
        (LOCAL.replace("group =", "colour ="), "colour"),
        (LOCAL.replace("version = \"3\"\n    [[change]]", "[[change]]"), "version"),
        (LOCAL.replace("read-v2", "loinc"), "terminology"),
        (LOCAL.replace("2026-12-01", "2026-12-01T10:00:00"), "line 1: a date is not a day"),
        (LOCAL.replace("2026-01-05", "10:00:00"), "line 1: the date of a change"),
        (LOCAL.replace("2026-11-05", "10:00:00"), "line 2: the date of a change"),
        (LOCAL.replace("until = 2026-12-31", "until = 2026-11-30"), "ends before"),
        ("title = \"x\"\nversion = \"1\"\nentry = []\n".to_owned(), "no lines"),
    ] {
        let problems = added(".toml", &text).err().unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.contains(why)), "{why}: {problems:?}");
    }
}

#[test]
fn a_dated_line_is_in_force_on_its_days_and_makes_another_version() {
    let file = file(".toml", LOCAL);
    let lists = with(|sources| sources.files.push(file.path().to_owned())).expect("lists");
    let (before, within, after) =
        (lists.on(date!(2026 - 11 - 30)), lists.on(date!(2026 - 12 - 31)), lists.on(date!(2027 - 01 - 01)));
    assert!(!before.excludes_coding(READ, "43C3.") && within.excludes_coding(READ, "43C3."));
    assert!(!after.excludes_coding(READ, "43C3.") && lists.on(TODAY).excludes_coding(READ, "43C3."));
    for list in [&before, &within, &after] {
        assert!(list.excludes_term("a local rubric") && list.excludes_coding(READ, "A788."));
    }
    assert!(!before.version().contains('@'));
    assert_eq!(within.version(), format!("{}@2026-12-01", before.version()));
    assert_eq!(after.version(), format!("{}@2027-01-01", before.version()));
    assert_eq!(lists.on(Date::MIN).version(), before.version());
}

#[test]
fn a_value_set_adds_its_concepts_and_what_it_cannot_say_is_refused() {
    let set = serde_json::json!({
        "resourceType": "ValueSet", "status": "active", "version": "7", "name": "Ours",
        "extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/valueset-expirationDate", "valueDateTime": "2027-01-31",
        }],
        "compose": { "include": [
            { "system": "http://read.info/readv2", "concept": [
                { "code": "43C3.", "display": "HIV positive", "extension": [
                    { "url": "urn:x-mig-fhir:StructureDefinition:with-descendants", "valueBoolean": true } ] },
                { "code": "43C4." },
            ] },
            { "system": "http://snomed.info/sct", "filter": [{ "property": "concept", "op": "is-a", "value": ASTHMA }] },
        ] },
    });
    let list = added(".json", &set.to_string()).expect("a list");
    assert!(
        list.excludes_coding(READ, "43C31")
            && list.excludes_coding(READ, "43C4.")
            && !list.excludes_coding(READ, "43C41")
    );
    assert!(list.excludes_coding(SNOMED, ASTHMA) && list.excludes_term("HIV positive"));
    assert_eq!(list.parts()[1].ends, Some(date!(2027 - 01 - 31)));
    assert_eq!((list.parts()[1].title.as_str(), list.parts()[1].version.as_str()), ("Ours", "7"));
    let changed = |pointer: &str, value: serde_json::Value| {
        let mut set = set.clone();
        match set.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => set["compose"][pointer] = value,
        }
        added(".json", &set.to_string()).err().unwrap_or_default().join("; ")
    };
    for (pointer, value, why) in [
        ("/resourceType", json!("CodeSystem"), "not a ValueSet"),
        ("/status", json!("draft"), "active"),
        ("/version", json!(" "), "version"),
        ("exclude", json!([]), "exclude"),
        ("inactive", json!(true), "inactive"),
        ("/compose/include/0/system", json!("http://loinc.org"), "line 1: its system"),
        ("/compose/include/1/filter/0/op", json!("in"), "filter"),
        ("/compose/include/1/filter/0/property", json!("parent"), "filter"),
        ("/compose/include/1/filter/0/value", json!("195967002"), "check digit"),
        ("/compose/include/1", json!({ "system": "http://snomed.info/sct" }), "concepts"),
        ("/compose/include/0/concept/1", json!({}), "rubric"),
        ("/extension/0/valueDateTime", json!("soon"), "day"),
        ("/compose/include", json!([]), "no lines"),
    ] {
        assert!(changed(pointer, value).contains(why), "{pointer}");
    }
    for (system, code, of) in
        [("http://read.info/ctv3", "Xa001", CTV3), ("https://fhir.hl7.org.uk/Id/egton-codes", "^ESCT1", READ)]
    {
        let mut other = set.clone();
        other["compose"]["include"] = json!([{ "system": system, "concept": [{ "code": code }] }]);
        assert!(added(".json", &other.to_string()).expect("a list").excludes_coding(of, code), "{system}");
    }
    let mut imports = set.clone();
    imports["compose"]["include"][1]["valueSet"] = json!(["urn:x"]);
    assert!(added(".json", &imports.to_string()).is_err());
    assert!(added(".json", "{").is_err());
}

const REFSET_HEAD: &str = "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId\n";

fn membership(id: &str, since: &str, active: &str, set: &str, member: &str) -> String {
    format!("{id}\t{since}\t{active}\t999000011000000103\t{set}\t{member}\n")
}

fn whole_release() -> String {
    let sets = SETS.iter().enumerate();
    let members: String = sets.map(|(at, set)| membership(&at.to_string(), "20260401", "1", set, "38341003")).collect();
    format!("{REFSET_HEAD}{members}")
}

fn of_release(text: &str) -> Result<Exclusions, Vec<String>> {
    let file = file(".txt", text);
    let lists = with(|sources| sources.refset_files.push(file.path().to_owned()));
    lists.map(|lists| lists.on(TODAY)).map_err(|all| words(&all))
}

#[test]
fn members_of_the_national_sets_come_from_the_release_file_and_are_matched_exactly() {
    let more = format!(
        "{}{}{}{}{}",
        whole_release(),
        membership("a", "20250401", "1", SETS[1], ASTHMA),
        membership("a", "20260401", "0", SETS[1], ASTHMA),
        membership("b", "20260501", "1", "999000771000000106", "73211009"),
        membership("c", "20200101", "0", SETS[0], "44054006"),
    );
    let list = of_release(&more).expect("a list");
    let line = list.coding(SNOMED, "38341003").expect("a member");
    assert_eq!((line.layer, &*line.version), (Layer::NationalSet, "20260401"));
    assert!(line.source.contains(&line_set(&line.group)));
    assert!(!list.excludes_coding(SNOMED, ASTHMA), "inactive by its last word, whatever the order");
    assert!(!list.excludes_coding(SNOMED, "73211009"), "of another set");
    assert!(!list.excludes_coding(SNOMED, "44054006"), "never active");
    let part = &list.parts()[1];
    assert_eq!((part.version.as_str(), part.lines, part.layer), ("20260401", 4, Layer::NationalSet));
    let both = format!(
        "{}{}{}",
        whole_release(),
        membership("d", "20260401", "0", SETS[1], ASTHMA),
        membership("d", "20260401", "1", SETS[1], ASTHMA)
    );
    assert!(
        of_release(&both).expect("a list").excludes_coding(SNOMED, ASTHMA),
        "of two last words the one that withholds"
    );
    for (held, later) in [("20260401\t0", "20250401\t1"), ("20260401\t0", "20260401\t0")] {
        let line = |said: &str| format!("e\t{said}\t999000011000000103\t{}\t{ASTHMA}\n", SETS[1]);
        let text = format!("{}{}{}", whole_release(), line(held), line(later));
        assert!(!of_release(&text).expect("a list").excludes_coding(SNOMED, ASTHMA), "an earlier word changes nothing");
    }
    let turned = format!(
        "{}{}{}",
        whole_release(),
        membership("f", "20260401", "1", SETS[1], ASTHMA),
        membership("f", "20260401", "0", SETS[1], ASTHMA)
    );
    assert!(of_release(&turned).expect("a list").excludes_coding(SNOMED, ASTHMA), "in either order");
    let published = list.definitions().iter().map(|one| one.resource.to_string()).collect::<String>();
    assert!(!published.contains("38341003"), "members are licensed");
}

fn line_set(group: &str) -> String {
    let groups = ["assisted-fertilisation", "gender", "sexually-transmitted-infection", "termination-of-pregnancy"];
    SETS[groups.iter().position(|known| *known == group).expect("a topic of a set")].to_owned()
}

#[test]
fn a_release_file_that_is_not_whole_stops_the_start() {
    let whole = whole_release();
    let three: String = whole.lines().filter(|line| !line.contains(SETS[3])).flat_map(|line| [line, "\n"]).collect();
    for (text, why) in [
        (three, SETS[3]),
        (whole.replace("38341003", "38341004"), "check digit"),
        (whole.replace("999000011000000103", "999000011000000104"), "check digit"),
        (whole.replace("38341003", "038341003"), "check digit"),
        (whole.replace("38341003", "680946014"), "not a concept"),
        (whole.replace("20260401\t1", "2026041\t1"), "date"),
        (whole.replace("20260401\t1", "20260401\tyes"), "active"),
        (whole.replace("38341003\n", "38341003\tx\n"), "columns"),
        (whole.replace("\t38341003\n", "\n"), "columns"),
        (whole.replace("refsetId", "refset"), "heading"),
        (whole.trim_end().to_owned(), "cut off"),
        (REFSET_HEAD.to_owned(), "no lines"),
        (whole.replace("\n0\t", "\n\t"), "no id"),
        (String::new(), "no lines"),
    ] {
        let problems = of_release(&text).err().unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.contains(why)), "{why}: {problems:?}");
    }
    assert!(of_release(&whole).is_ok());
    let wrong = of_release(&whole.replace("38341003", "38341004")).err().expect("refused");
    assert_eq!(wrong.len(), 4, "no set is called empty whose lines are wrong: {wrong:?}");
}

#[test]
fn what_lies_below_a_concept_goes_by_the_hierarchy_where_the_line_says_so() {
    let head = "id\teffectiveTime\tactive\tmoduleId\tsourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId\n";
    let inferred = "900000000000011006";
    let line = |id: &str, active: &str, child: &str, parent: &str, kind: &str, by: &str| {
        format!(
            "{id}\t20260401\t{active}\t900000000000207008\t{child}\t{parent}\t0\t{kind}\t{by}\t900000000000451002\n"
        )
    };
    // Genital herpes is on the list with what lies below it, chlamydial infection without.
    let text = [
        head.to_owned(),
        line("100022", "1", "38341003", "33839006", "116680003", inferred),
        line("101021", "1", ASTHMA, "38341003", "116680003", inferred),
        line("102025", "0", "73211009", "33839006", "116680003", inferred),
        line("103024", "1", "44054006", "33839006", "363698007", inferred),
        line("104029", "1", "22298006", "105629000", "116680003", inferred),
        line("105028", "1", "56265001", "33839006", "116680003", "900000000000010007"),
    ]
    .concat();
    let load = |text: &str| {
        let file = file(".txt", text);
        with(|sources| sources.snomed_relationships = Some(file.path().to_owned())).map_err(|all| words(&all))
    };
    let list = load(&text).expect("lists").on(TODAY);
    for below in ["38341003", ASTHMA] {
        assert_eq!(list.coding(SNOMED, below).map(|line| line.code.as_str()), Some("33839006"), "{below}");
    }
    for kept in ["73211009", "44054006", "22298006", "56265001"] {
        assert!(!list.excludes_coding(SNOMED, kept), "{kept}");
    }
    for (text, why) in [
        (text.replace("100022", "100023"), "check digit"),
        (text.replace(ASTHMA, "195967002"), "check digit"),
        (text.replace("101021", "100022"), "twice"),
        (text.replace("sourceId", "source"), "heading"),
        (text.replace("\t116680003\t", "\t363698007\t"), "no inferred is-a"),
        (text.trim_end().to_owned(), "cut off"),
    ] {
        let problems = load(&text).err().unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.contains(why)), "{why}: {problems:?}");
    }
    let lines: Vec<&str> = text.lines().take(2).flat_map(|line| [line, "\n"]).collect();
    assert!(load(&lines.concat()).is_ok(), "one line is enough");
    let torn = load(&lines.concat().replace("100022", "100023")).err().expect("refused");
    assert_eq!(torn.len(), 1, "a wrong line is not told as none: {torn:?}");
    let medicine = file(".csv", "system,code,include_descendants\ndmd,33839006,true\ndmd,22298006,false\n");
    let release = file(".txt", &text.replace("105629000", "22298006"));
    let sources = Sources {
        revealing_medicines: true,
        files: vec![medicine.path().to_owned()],
        snomed_relationships: Some(release.path().to_owned()),
        ..Sources::default()
    };
    let rules = Rules { medicines_approved: Some("x".to_owned()), ..Rules::default() };
    let list = Lists::load(&sources, &rules).expect("lists").on(TODAY);
    assert!(list.medicine_coding(SNOMED, "38341003").is_some() && list.medicine_coding(SNOMED, ASTHMA).is_some());
    assert!(list.medicine_coding(SNOMED, "73211009").is_none());
    let hierarchy = file(".v3", "Xa001|A788.|1\nXa002|Xa001|1\nXa003|XE06i|1\n");
    let lists = with(|sources| sources.ctv3_hierarchy = Some(hierarchy.path().to_owned())).expect("lists");
    let list = lists.on(TODAY);
    assert!(list.excludes_coding(CTV3, "Xa001") && list.excludes_coding(CTV3, "Xa002"));
    assert!(!list.excludes_coding(CTV3, "Xa003"), "matched exactly");
    for (text, why) in
        [("Xa001|A788\n", "line 1: child and parent"), ("\n", "no hierarchy"), ("Xa001\n", "five characters")]
    {
        let hierarchy = file(".v3", text);
        let lists = with(|sources| sources.ctv3_hierarchy = Some(hierarchy.path().to_owned()));
        let problems = lists.err().map(|all| words(&all)).unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.contains(why)), "{why}: {problems:?}");
    }
}

#[test]
fn the_supplement_is_off_until_it_is_turned_on() {
    let off = with(|_| {}).expect("lists").on(TODAY);
    let on = with(|sources| sources.supplement = true).expect("lists").on(TODAY);
    for code in ["43C3.11", "AyuC.", "L179.", "K1547", "9Ea..", "7E0A6", "E225.", "141E.", "Lyu08"] {
        assert!(!off.excludes_coding(READ, code) && on.excludes_coding(READ, code), "{code}");
    }
    assert_eq!(on.coding(READ, "9Ea1.").map(|line| (line.layer, &*line.version)), Some((Layer::Supplement, "1.0.0")));
    assert_eq!(on.coding(READ, "A788.").map(|line| line.layer), Some(Layer::Agreement), "the appendix comes first");
    assert!(!on.excludes_coding(READ, "43C4.") && on.parts().len() == 2 && off.parts().len() == 1);
}

#[test]
fn medicines_are_withheld_only_once_somebody_has_approved_it() {
    let sources = Sources { revealing_medicines: true, ..Sources::default() };
    let approved = |who: &str| Rules { medicines_approved: Some(who.to_owned()), ..Rules::default() };
    assert!(Lists::load(&sources, &Rules::default()).is_err() && Lists::load(&sources, &approved(" ")).is_err());
    let list = Lists::load(&sources, &approved("the safety officer")).expect("lists").on(TODAY);
    let off = Lists::load(&Sources::default(), &approved("the safety officer")).expect("lists").on(TODAY);
    assert!(list.judges_medicines() && !off.judges_medicines());
    for name in [
        "Mifepristone 200mg tablets",
        "EMTRICITABINE/tenofovir",
        "Aspirin + Ritonavir 100mg",
        "x & nevirapine",
        "Abacavir",
    ] {
        assert!(list.medicine_name(name).is_some() && off.medicine_name(name).is_none(), "{name}");
        assert!(!list.excludes_term(name), "a name is matched on medicines alone: {name}");
    }
    for name in ["Aspirin 75mg", "Abacavirus", "Not abacavir", "abacavi", "", "\u{e9}bacavir tablets"] {
        assert!(list.medicine_name(name).is_none(), "{name}");
    }
    let named = "system,code,display\ndmd,322236009,\nmedicine,,Paracetamol\n";
    assert!(added(".csv", named).is_err(), "off");
    let turned_on = |text: &str| {
        let file = file(".csv", text);
        let sources = Sources { files: vec![file.path().to_owned()], ..sources.clone() };
        Lists::load(&sources, &approved("x"))
    };
    let list = turned_on(named).expect("lists").on(TODAY);
    assert!(list.medicine_coding(SNOMED, "322236009").is_some() && !list.excludes_coding(SNOMED, "322236009"));
    assert!(list.medicine_coding(READ, "322236009").is_none() && list.medicine_name("paracetamol 500mg").is_some());
    for (bad, why) in [
        ("medicine,,abc", "a few letters"),
        ("medicine,1234,abacavir", "no code"),
        ("medicine,,1abc", "a few letters"),
        ("dmd,322236008,", "check digit"),
    ] {
        let problems = words(&turned_on(&format!("system,code,display\n{bad}\n")).err().expect("refused"));
        assert!(problems.len() == 1 && problems[0].contains(why), "{bad}: {problems:?}");
    }
}

#[test]
fn the_list_is_applied_to_every_supplier_but_one_that_the_settings_exempt() {
    let exempt = |suppliers: &[Supplier]| {
        Lists::load(&Sources::default(), &Rules { exempt: suppliers.to_vec(), ..Rules::default() })
    };
    let list = exempt(&[Supplier::SystmOne]).expect("lists").on(TODAY);
    assert_eq!(list.rules().exempt, [Supplier::SystmOne]);
    for supplier in ["EMIS", "Vision", "Microtest", "Other", "", "systmone", "TPP"] {
        assert!(list.for_supplier(supplier).excludes_coding(READ, "A788."), "{supplier}");
    }
    let spared = list.for_supplier("SystmOne");
    assert!(!spared.excludes_coding(READ, "A788.") && !spared.excludes_term("H/O: venereal disease"));
    assert!(!spared.for_supplier("EMIS").excludes_coding(READ, "A788."), "once is enough");
    assert!(
        !list.applies_to(Supplier::SystmOne) && list.applies_to(Supplier::Emis) && list.applies_to(Supplier::Other)
    );
    assert!(exempt(&[Supplier::Other]).is_err(), "an unknown supplier gets the list");
    assert_ne!(list.notice(), with(|_| {}).expect("lists").on(TODAY).notice());
}
