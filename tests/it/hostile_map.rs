//! `mig-fhir map` on files that nobody would want to be sent. Whatever the file, it answers with counts or with one fixed
//! word and the exit code that goes with it, in bounded time and memory, and never repeats what stands in the file.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Stands in every file where a value may stand, and in no answer.
const CANARIES: [&str; 4] = ["Zebrafinch", "zebrafinch", "9990000018", "5eb4a0de"];
/// What no file may take, unoptimised, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);
/// Of address space, for any file.
const MEMORY_KIB: u64 = 2 * 1024 * 1024;

struct Answer {
    code: Option<i32>,
    out: String,
}

/// What the command answers; that it is nothing but an answer is checked here.
fn map(file: &Path, what: &str) -> Answer {
    let binary = env!("CARGO_BIN_EXE_mig-fhir");
    let mut command = Command::new("sh");
    // Only Linux bounds the address space of a process.
    let bound = if cfg!(target_os = "linux") { format!("ulimit -v {MEMORY_KIB} && ") } else { String::new() };
    command.arg("-c").arg(format!("{bound}exec \"$0\" map \"$1\"")).arg(binary).arg(file);
    command.env("RUST_BACKTRACE", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    let started = Instant::now();
    while child.try_wait().expect("waited for").is_none() && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Nothing is left to end where it has answered.
    let _ = child.kill();
    let output = child.wait_with_output().expect("waited for");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let (code, out, err) = (output.status.code(), text(output.stdout), text(output.stderr));
    assert!(started.elapsed() < PATIENCE, "{what}: no answer in {PATIENCE:?}");
    assert!(matches!(code, Some(0 | 1)), "{what}: {code:?}: {err}");
    assert!(!err.contains("panicked") && !err.contains("stack backtrace"), "{what}: {err}");
    for canary in CANARIES {
        assert!(!out.contains(canary) && !err.contains(canary), "{what}: repeats {canary}: {out}{err}");
    }
    Answer { code, out }
}

/// A file of these bytes in a folder of its own.
struct File {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn file(parts: &[&[u8]]) -> File {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.xml");
    let mut file = std::fs::File::create(&path).expect("made");
    for part in parts {
        file.write_all(part).expect("written");
    }
    File { path, _folder: folder }
}

const ROOT: &str = "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"><author><system><systemType>EMISWEB</systemType>\
    </system></author>";
const ADMIN: &str = "<adminDomain><person><id>5eb4a0de-0001</id><birthDate>1971-04-30</birthDate><sex>F</sex><surname>Zebrafinch\
    </surname></person><patient><id>5eb4a0de-0002</id><patientIdentifier><identifierType>NHS</identifierType><value>9990000018\
    </value></patientIdentifier><patientPerson>5eb4a0de-0001</patientPerson></patient></adminDomain>";

fn record(health: &str) -> String {
    format!("{ROOT}{ADMIN}<healthDomain>{health}</healthDomain></openHealthRecord>")
}

fn event(id: &str, kind: &str, inner: &str) -> String {
    format!(
        "<event><id>5eb4a0de-{id}</id><patient>5eb4a0de-0002</patient><eventType>{kind}</eventType><effectiveTime \
         datepart=\"YMD\" value=\"2026-11-02T00:00:00\"/><code codeSystem=\"2.16.840.1.113883.2.1.6.2\" code=\"C10\" \
         displayName=\"Zebrafinch\"/>{inner}</event>"
    )
}

fn refused(bytes: &[u8], word: &str, what: &str) {
    let file = file(&[bytes]);
    let answer = map(&file.path, what);
    assert_eq!((answer.code, answer.out.trim_end()), (Some(1), word), "{what}");
}

/// Mapped, with these lines among the counts.
fn mapped(bytes: &[u8], lines: &[&str], what: &str) {
    let file = file(&[bytes]);
    counted(&map(&file.path, what), lines, what);
}

fn counted(answer: &Answer, lines: &[&str], what: &str) {
    assert_eq!(answer.code, Some(0), "{what}: {}", answer.out);
    for line in lines {
        assert!(answer.out.lines().any(|told| told.trim() == *line), "{what}: no line {line:?} in\n{}", answer.out);
    }
}

#[test]
fn what_is_no_xml_that_a_record_may_be_written_in_is_not_well_formed() {
    let whole = record(&event("0010", "OBS", "<displayTerm>Zebrafinch \u{e9}</displayTerm>"));
    let declared = |encoding: &str| format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>{whole}");
    let doctype =
        |subset: &str| format!("<!DOCTYPE openHealthRecord [{subset}]>{whole}").replace("Zebrafinch \u{e9}", "&z;");
    let laughs = (1..10).fold("<!ENTITY z0 \"Zebrafinch\">".to_owned(), |all, n| {
        let inner = format!("&z{};", n - 1).repeat(10);
        format!("{all}<!ENTITY z{n} \"{inner}\">")
    });
    let secret = file(&[b"Zebrafinch"]);
    let utf16 = |to: fn(u16) -> [u8; 2]| {
        let text = declared("utf-16");
        std::iter::once(0xfeff_u16).chain(text.encode_utf16()).flat_map(to).collect::<Vec<u8>>()
    };
    let latin: Vec<u8> = declared("ISO-8859-1").chars().map(|c| u8::try_from(u32::from(c)).expect("Latin")).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("white space", b" \n\t".to_vec()),
        ("a byte order mark alone", "\u{feff}".into()),
        ("no XML", b"Zebrafinch,9990000018\n".to_vec()),
        ("UTF-16, small end first", utf16(u16::to_le_bytes)),
        ("UTF-16, large end first", utf16(u16::to_be_bytes)),
        ("ISO-8859-1", latin),
        ("ISO-8859-1 in name alone", declared("ISO-8859-1").replace('\u{e9}', "e").into()),
        ("entities that expand", doctype(&format!("{laughs}<!ENTITY z \"&z9;\">")).into()),
        ("an entity of itself", doctype("<!ENTITY z \"&z;\">").into()),
        ("an external entity", doctype(&format!("<!ENTITY z SYSTEM \"file://{}\">", secret.path.display())).into()),
        (
            "an external subset",
            format!("<!DOCTYPE openHealthRecord SYSTEM \"file://{}\">{whole}", secret.path.display()).into(),
        ),
        ("an entity of nobody", whole.replace("Zebrafinch \u{e9}", "&Zebrafinch;").into()),
        ("a processing instruction", whole.replace("<healthDomain>", "<?Zebrafinch?><healthDomain>").into()),
        ("NUL", whole.replace('\u{e9}', "\0").into()),
        ("NUL at the end", format!("{whole}\0").into()),
        ("NUL as a reference", whole.replace('\u{e9}', "&#0;").into()),
        ("half a surrogate", whole.replace('\u{e9}', "&#xd800;").into()),
        ("bytes that are no character", whole.bytes().map(|b| if b == 0xc3 { 0xff } else { b }).collect()),
        ("an attribute twice", whole.replace("code=\"C10\"", "code=\"C10\" code=\"C10\"").into()),
        ("two roots", format!("{whole}{whole}").into()),
        ("tags that cross", whole.replace("</event></healthDomain>", "</healthDomain></event>").into()),
        ("a prefix of nobody", whole.replace("<event>", "<z:event>").replace("</event>", "</z:event>").into()),
    ];
    for (what, bytes) in cases {
        refused(&bytes, "not-well-formed", what);
    }
}

#[test]
fn a_file_that_is_cut_short_is_not_well_formed_wherever_it_was_cut() {
    let whole = record(&event("0010", "OBS", "<displayTerm>Zebrafinch \u{e9}</displayTerm><observation/>"));
    let marks =
        ["<openH", "xmlns=\"h", "<adminDo", "Zebra", "9990000", "</pat", "<event", "code=\"C", "\u{e9}", "</healthD"];
    let cuts = marks.iter().map(|mark| whole.find(mark).expect("there") + mark.len());
    // In the middle of a character too, and before the last byte of all.
    let inside = whole.find('\u{e9}').expect("there") + 1;
    for cut in cuts.chain([inside, whole.len() - 1]) {
        refused(&whole.as_bytes()[..cut], "not-well-formed", &format!("cut at {cut}"));
    }
}

#[test]
fn what_is_over_the_bounds_is_told_so() {
    let deep = |levels: usize| record(&format!("<event>{}{}</event>", "<z>".repeat(levels), "</z>".repeat(levels)));
    refused(deep(100_000).as_bytes(), "over-bounds", "100,000 levels");
    refused(deep(65).as_bytes(), "over-bounds", "65 levels");
    let attributes = (0..40).fold(String::new(), |all, n| format!("{all} z{n}=\"Zebrafinch\""));
    refused(record(&format!("<event{attributes}/>")).as_bytes(), "over-bounds", "40 attributes");
    let crowded = record(&format!("<event>{}</event>", "<z/>".repeat(1_000_001)));
    refused(crowded.as_bytes(), "over-bounds", "a million elements in one entry");
    let large = file(&[b"<openHealthRecord"]);
    std::fs::OpenOptions::new()
        .write(true)
        .open(&large.path)
        .and_then(|file| file.set_len(200_000_000))
        .expect("longer");
    let answer = map(&large.path, "200 MB");
    assert_eq!((answer.code, answer.out.trim_end()), (Some(1), "over-bounds"));
    if cfg!(target_os = "linux") {
        let answer = map(Path::new("/dev/zero"), "without end");
        assert_eq!((answer.code, answer.out.trim_end()), (Some(1), "over-bounds"));
    }
}

#[test]
fn what_is_no_record_of_a_patient_is_told_so() {
    let whole = record(&event("0010", "OBS", ""));
    let cases = [
        ("another root", whole.replace("openHealthRecord", "Zebrafinch")),
        ("another namespace", whole.replace("e-mis.com/emisopen", "e-mis.com/Zebrafinch")),
        ("no namespace", whole.replace(" xmlns=\"http://www.e-mis.com/emisopen\"", "")),
        ("no domain at all", format!("{ROOT}</openHealthRecord>")),
        ("no admin domain", whole.replace(ADMIN, "")),
        ("no patient", whole.replace("patient>", "zebra>")),
        ("FHIR", "<Bundle xmlns=\"http://hl7.org/fhir\"><id value=\"Zebrafinch\"/></Bundle>".to_owned()),
    ];
    for (what, text) in cases {
        refused(text.as_bytes(), "not-openhr", what);
    }
    let number = |number: &str| whole.replace("9990000018", number);
    for (what, text) in [
        ("no number", number("")),
        ("a wrong check digit", number("9990000019")),
        ("no digits", number("Zebrafinch")),
        ("a number of no test patient", number("9434765919")),
    ] {
        refused(text.as_bytes(), "not-synthetic", what);
    }
}

#[test]
fn what_cannot_be_read_at_all_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder");
    for (what, path) in [("a folder", folder.path().to_owned()), ("no file", folder.path().join("none.xml"))] {
        let answer = map(&path, what);
        assert_eq!((answer.code, answer.out.trim_end()), (Some(1), "unreadable"), "{what}");
    }
}

#[test]
fn a_policy_that_is_named_and_not_there_is_told_wherever_it_is_named() {
    let named = "<confidentialityPolicy>5eb4a0de-0060</confidentialityPolicy>";
    let encounter = format!("<encounter><id>5eb4a0de-0030</id>{named}</encounter>");
    let patient = record("").replace("<patientPerson>", &format!("{named}<patientPerson>"));
    for (what, text) in [
        ("an event", record(&event("0010", "OBS", named))),
        ("an encounter", record(&encounter)),
        ("the patient", patient),
        ("an empty one", record(&event("0010", "OBS", "<confidentialityPolicy/>"))),
    ] {
        refused(text.as_bytes(), "policy-absent", what);
    }
}

#[test]
fn odd_entries_are_mapped_and_each_oddity_is_counted_by_its_reason() {
    mapped(
        format!("{ROOT}{ADMIN}</openHealthRecord>").as_bytes(),
        &["health-domain-empty 1", "Patient 1"],
        "no health domain",
    );
    mapped(record("").as_bytes(), &["health-domain-empty 1"], "an empty health domain");

    let twice = [
        event("0010", "OBS", ""),
        event("0010", "OBS", ""),
        event("0010", "OBS", ""),
        "<event><eventType>OBS</eventType></event><encounter><id>5eb4a0de-0030</id></encounter><encounter><id>5EB4A0DE-0030\
         </id></encounter><encounter/>"
            .to_owned(),
        "<problem><id>5eb4a0de-0010</id><status>A</status></problem><problem><id>5eb4a0de-0010</id><status>I</status></problem>\
         <problem/>"
            .to_owned(),
    ];
    let lines = [
        "duplicate-event 2",
        "event-without-id 1",
        "duplicate-encounter 1",
        "encounter-without-id 1",
        "duplicate-problem 1",
        "problem-without-id 1",
        "OBS 4: 1 made into resources, 3 omitted: no-identity",
        "ENC 3: 1 made into resources, 2 omitted: no-identity",
        "Condition 1",
    ];
    mapped(record(&twice.concat()).as_bytes(), &lines, "ids that come twice");
    let admin = ADMIN.replace("<patient>", "<role><id>z</id></role><role><id>z</id></role><role/><patient>");
    mapped(
        record("").replace(ADMIN, &admin).as_bytes(),
        &["admin-duplicate 1", "admin-without-id 1"],
        "roles that come twice",
    );

    let nowhere = [
        event("0010", "INV", "<authorisingUserInRole>z</authorisingUserInRole><organisation>z</organisation><observation>\
            <complexObservation><childLink>z</childLink><childLink>5eb4a0de-0010</childLink></complexObservation></observation>"),
        event("0011", "ISS", "<medicationIssue><medication>z</medication><localMixture>z</localMixture></medicationIssue>"),
        "<encounter><id>5eb4a0de-0030</id><location>z</location><component><event>z</event></component></encounter>".to_owned(),
        "<problem><id>5eb4a0de-0011</id><eventLink><id>z</id></eventLink><parentProblem><id>z</id></parentProblem></problem>\
         <problem><id>z</id></problem>"
            .to_owned(),
    ];
    let lines = [
        "dangling-staff 1",
        "dangling-organisation 1",
        "dangling-member 1",
        "dangling-plan 1",
        "dangling-mixture 1",
        "dangling-location 1",
        "dangling-component 1",
        "dangling-problem-link 1",
        "problem-without-event 1",
        "MedicationRequest 1",
        "Encounter 1",
    ];
    mapped(record(&nowhere.concat()).as_bytes(), &lines, "references that lead nowhere");

    let unheard = [
        event("0010", "Zebrafinch", ""),
        event("0011", "OBS", "<observation resultStatus=\"Zebrafinch\"><episodicity>Zebrafinch</episodicity></observation>"),
        event("0012", "MED", "<medication><prescriptionType>Zebrafinch</prescriptionType><drugStatus>Zebrafinch</drugStatus>\
            </medication>"),
        event("0013", "REF", "<referral><urgency>Zebrafinch</urgency></referral>"),
        event("0014", "OBS", "").replace("2.16.840.1.113883.2.1.6.2", "Zebrafinch"),
        event("0015", "OBS", "").replace("\"YMD\"", "\"Zebrafinch\""),
        event("0016", "VAL", "<observation><value><numeric><value>Zebrafinch</value></numeric></value></observation>"),
        event("0017", "OBS", "<zebra>Zebrafinch</zebra>"),
        "<problem><id>5eb4a0de-0011</id><status>Zebrafinch</status><significance>Zebrafinch</significance></problem><zebra/>"
            .to_owned(),
    ];
    let lines = [
        "unknown-event-type 1",
        "unknown-result-status 1",
        "unknown-episodicity 1",
        "unknown-prescription-type 1",
        "unknown-drug-status 1",
        "unknown-urgency 1",
        "unknown-code-system 1",
        "unknown-problem-status 1",
        "unknown-significance 1",
        "unknown-element 2",
        "date 1",
        "decimal 1",
        "MedicationRequest 1",
        "ServiceRequest 1",
    ];
    mapped(record(&unheard.concat()).as_bytes(), &lines, "words that nobody knows");
}

#[test]
fn a_record_without_an_oddity_is_told_to_have_none() {
    let plain = record(&event("0010", "OBS", ""));
    mapped(
        plain.as_bytes(),
        &["oddities read: none", "not said in FHIR, over all views: none", "Condition 1"],
        "plain",
    );
}

#[test]
fn huge_values_are_mapped_and_a_view_that_no_answer_could_hold_is_told() {
    let long = "Zebrafinch ".repeat(400_000);
    let attribute = event("0010", "OBS", "").replace("displayName=\"Zebrafinch\"", &format!("displayName=\"{long}\""));
    mapped(record(&attribute).as_bytes(), &["Condition 1"], "a huge attribute");
    let text = event("0010", "OBS", &format!("<displayTerm>{}</displayTerm>", "Zebrafinch ".repeat(3_300_000)));
    let told = ["larger than an answer of the MIG may be: Diagnosis", "Condition 1"];
    mapped(record(&text).as_bytes(), &told, "a huge text");
    let references =
        event("0010", "OBS", &format!("<displayTerm>{}</displayTerm>", "&#x5a;ebrafinch&amp;".repeat(100_000)));
    mapped(record(&references).as_bytes(), &["Condition 1"], "many references");
}

/// As large records are: some thousand entries, and documents beside them.
fn with_documents(megabytes: usize) -> File {
    let entries: String = (0..2_000).map(|n| event(&format!("{n:04}"), "VAL", "<observation/>")).collect();
    let document = |n: usize| {
        format!(
            "<document><id>5eb4a0de-d{n}</id><name>Zebrafinch</name><data><documentData>{}</documentData></data></document>",
            "WmVicmFmaW5jaA==".repeat(65_536)
        )
    };
    let start = format!("{ROOT}{ADMIN}<healthDomain>{entries}");
    let documents: Vec<String> = (0..megabytes).map(document).collect();
    let mut parts: Vec<&[u8]> = vec![start.as_bytes()];
    parts.extend(documents.iter().map(String::as_bytes));
    parts.push(b"</healthDomain></openHealthRecord>");
    file(&parts)
}

#[test]
fn a_record_larger_than_any_answer_is_counted_all_the_same() {
    for (megabytes, least) in [(33, 33 << 20), (100, 100_000_000)] {
        let large = with_documents(megabytes);
        assert!(std::fs::metadata(&large.path).expect("there").len() >= least);
        let answer = map(&large.path, &format!("{megabytes} MB"));
        counted(&answer, &["VAL 2000: 2000 made into resources", "Observation 2000", "oddities read: none"], "large");
        assert!(!answer.out.contains("larger than an answer"), "documents are in no view");
    }
}

#[test]
fn entries_that_name_each_other_without_end_are_mapped() {
    let count = 3_000;
    let link = |n: usize| format!("<childLink>5eb4a0de-{n:04}</childLink>");
    let all: String = (0..count).rev().map(link).collect();
    let group = |n: usize| {
        event(
            &format!("{n:04}"),
            "INV",
            &format!(
                "<observation><complexObservation>{}</complexObservation></observation>",
                if n == 0 { all.clone() } else { format!("<childLink>5eb4a0de-{:04}</childLink>", (n + 1) % count) }
            ),
        )
    };
    let ring: String = (0..count).map(group).collect();
    mapped(record(&ring).as_bytes(), &["INV 3000: 0 made into resources, 3000 omitted: empty"], "a ring of groups");
    let values: String = (0..count).map(|n| event(&format!("{n:04}"), "VAL", "<observation/>")).collect();
    let parent =
        event("top", "INV", &format!("<observation><complexObservation>{all}</complexObservation></observation>"));
    let problem =
        all.replace("childLink>", "id>").replace("<id>", "<eventLink><id>").replace("</id>", "</id></eventLink>");
    let problem = format!("<problem><id>5eb4a0de-top</id>{problem}</problem>");
    mapped(
        record(&format!("{values}{parent}{problem}")).as_bytes(),
        &["Observation 3001", "Condition 1"],
        "a group of many",
    );
    let users = "<userInRole><id>z</id><user>z</user></userInRole>".repeat(count);
    let told: String = (0..count)
        .map(|n| event(&format!("{n:04}"), "VAL", "<authorisingUserInRole>z</authorisingUserInRole><observation/>"))
        .collect();
    let admin = ADMIN.replace("<patient>", &format!("{users}<patient>"));
    mapped(
        record(&told).replace(ADMIN, &admin).as_bytes(),
        &["admin-duplicate 2999", "Observation 3000"],
        "one id of many",
    );
}
