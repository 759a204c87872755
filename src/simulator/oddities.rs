//! What is odd about a whole record, counted by fixed words: references that lead nowhere, words that the schema's
//! vocabularies do not have, an empty health domain. Pure; it looks and changes nothing.
//!
//! The reader cannot count these: of a view cut out of a record other references lead nowhere by design (WIRE section 6),
//! and what an unknown word becomes is for the mapping to say. Here the file is whole, and a tester wants to know. Called
//! by `outlook` alone.

use crate::record::{Code, Encounter, Event, Issue, Medication, Patient, Range, Record, Supply, Value};
use std::collections::{BTreeMap, HashSet};

/// Counts by fixed words. Never a value of the record.
type Counts = BTreeMap<&'static str, u64>;

/// What is odd about a whole record, beside what its reader counted.
pub(super) fn oddities(record: &Record) -> Counts {
    let mut seen = Looking {
        record,
        events: record.events.iter().map(|event| event.id.as_str()).collect(),
        counts: Counts::new(),
    };
    if record.events.is_empty() && record.encounters.is_empty() && record.unidentified.is_empty() {
        seen.odd("health-domain-empty");
    }
    seen.administration();
    record.encounters.iter().for_each(|encounter| seen.encounter(encounter));
    record.events.iter().for_each(|event| seen.event(event));
    seen.problems();
    seen.counts
}

/// Whether the schema has this event type.
pub(super) fn is_event_type(kind: &str) -> bool {
    EVENT_TYPE.words.contains(&kind)
}

struct Looking<'r> {
    record: &'r Record,
    events: HashSet<&'r str>,
    counts: Counts,
}

impl Looking<'_> {
    fn odd(&mut self, word: &'static str) {
        *self.counts.entry(word).or_default() += 1;
    }

    /// Counts an id that is named and not there.
    fn leads<T>(&mut self, id: Option<&String>, into: &BTreeMap<String, T>, word: &'static str) {
        if id.is_some_and(|id| !into.contains_key(id)) {
            self.odd(word);
        }
    }

    fn event_there(&mut self, id: &str, word: &'static str) {
        if !self.events.contains(id) {
            self.odd(word);
        }
    }

    /// Counts a word that its vocabulary does not have. No word at all is not odd.
    fn known(&mut self, word: Option<&String>, vocabulary: Vocabulary) {
        if word.is_some_and(|word| !vocabulary.words.contains(&word.as_str())) {
            self.odd(vocabulary.unknown);
        }
    }

    fn administration(&mut self) {
        let record = self.record;
        self.known(record.system_type.as_ref(), SYSTEM_TYPE);
        record.patient.iter().for_each(|patient| self.patient(patient));
        for person in record.persons.values() {
            self.known(person.sex.as_ref(), SEX);
            person.addresses.iter().for_each(|address| self.known(address.kind.as_ref(), ADDRESS_TYPE));
        }
        for organisation in record.organisations.values() {
            self.leads(organisation.main_location.as_ref(), &record.locations, "dangling-location");
        }
        for location in record.locations.values() {
            location.address.iter().for_each(|address| self.known(address.kind.as_ref(), ADDRESS_TYPE));
        }
        for user in record.users.values() {
            self.leads(user.person.as_ref(), &record.persons, "dangling-person");
        }
        for role in record.roles.values() {
            self.leads(role.organisation.as_ref(), &record.organisations, "dangling-organisation");
        }
        for user in record.users_in_role.values() {
            self.leads(user.user.as_ref(), &record.users, "dangling-user");
            self.leads(user.role.as_ref(), &record.roles, "dangling-role");
            user.identifiers.iter().for_each(|(kind, _)| self.known(Some(kind), USER_IDENTIFIER));
        }
        for mixture in record.mixtures.values() {
            mixture.constituents.iter().for_each(|(preparation, _)| self.code(preparation));
        }
    }

    fn patient(&mut self, patient: &Patient) {
        let record = self.record;
        self.leads(patient.person.as_ref(), &record.persons, "dangling-person");
        for gp in [&patient.registered_gp, &patient.usual_gp] {
            self.leads(gp.as_ref(), &record.users_in_role, "dangling-staff");
        }
        self.leads(patient.caseload_organisation.as_ref(), &record.organisations, "dangling-organisation");
        self.known(patient.caseload_status.as_ref(), CASELOAD_STATUS);
    }

    fn staff(&mut self, named: &[Option<&String>]) {
        for id in named {
            self.leads(*id, &self.record.users_in_role, "dangling-staff");
        }
    }

    fn encounter(&mut self, encounter: &Encounter) {
        let record = self.record;
        self.staff(&[encounter.authorising.as_ref(), encounter.entered_by.as_ref()]);
        encounter.accompanying.iter().for_each(|id| self.staff(&[Some(id)]));
        self.leads(encounter.organisation.as_ref(), &record.organisations, "dangling-organisation");
        self.leads(encounter.location.as_ref(), &record.locations, "dangling-location");
        encounter.components.iter().for_each(|id| self.event_there(id, "dangling-component"));
        encounter.location_type.iter().for_each(|code| self.code(code));
        self.known(encounter.duration.as_ref().map(|(unit, _)| unit), DURATION_UNIT);
    }

    fn event(&mut self, event: &Event) {
        self.known(Some(&event.kind), EVENT_TYPE);
        self.staff(&[event.authorising.as_ref(), event.entered_by.as_ref()]);
        self.leads(event.organisation.as_ref(), &self.record.organisations, "dangling-organisation");
        event.children.iter().for_each(|id| self.event_there(id, "dangling-member"));
        event.code.iter().for_each(|code| self.code(code));
        event.target_drug.iter().for_each(|code| self.code(code));
        self.known(event.episodicity.as_ref(), EPISODICITY);
        self.known(event.result_status.as_ref(), RESULT_STATUS);
        let range = match &event.value {
            Some(Value::Numeric { range, .. } | Value::Text { range, .. }) => range.as_deref(),
            None => None,
        };
        if let Some(range) = range {
            self.range(range);
        }
        event.medication.iter().for_each(|plan| self.plan(plan));
        event.issue.iter().for_each(|issue| self.issue(issue));
        if let Some(referral) = event.referral.as_deref() {
            self.staff(&[referral.target_user.as_ref()]);
            for organisation in [&referral.target_organisation, &referral.source_organisation] {
                self.leads(organisation.as_ref(), &self.record.organisations, "dangling-organisation");
            }
            self.known(referral.urgency.as_ref(), URGENCY);
            self.known(referral.request_type.as_ref(), REQUEST_TYPE);
            self.known(referral.direction.as_ref(), DIRECTION);
            self.known(referral.mode.as_ref(), REFERRAL_MODE);
        }
        if let Some(report) = &event.report {
            self.leads(report.service_organisation.as_ref(), &self.record.organisations, "dangling-organisation");
            self.known(report.data_type.as_ref(), REPORT_TYPE);
        }
    }

    fn range(&mut self, range: &Range) {
        self.known(range.qualifier.as_ref(), RANGE_QUALIFIER);
        self.known(range.sex.as_ref(), SEX);
    }

    fn supply(&mut self, supply: &Supply) {
        self.leads(supply.mixture.as_ref(), &self.record.mixtures, "dangling-mixture");
        self.known(supply.prescription_type.as_ref(), PRESCRIPTION_TYPE);
    }

    fn plan(&mut self, plan: &Medication) {
        self.supply(&plan.supply);
        self.known(plan.status.as_ref(), DRUG_STATUS);
        self.known(plan.last_issue_method.as_ref(), ISSUE_METHOD);
        self.known(plan.cancellation_reason.as_ref(), CANCELLATION_REASON);
        plan.cancellation_link.iter().for_each(|id| self.event_there(id, "dangling-event"));
    }

    fn issue(&mut self, issue: &Issue) {
        self.supply(&issue.supply);
        self.known(issue.method.as_ref(), ISSUE_METHOD);
        self.known(issue.cancellation_reason.as_ref(), CANCELLATION_REASON);
        issue.plan.iter().for_each(|id| self.event_there(id, "dangling-plan"));
    }

    fn problems(&mut self) {
        for (id, problem) in &self.record.problems {
            self.event_there(id, "problem-without-event");
            self.known(problem.status.as_ref(), PROBLEM_STATUS);
            self.known(problem.significance.as_ref(), SIGNIFICANCE);
            self.known(problem.owner.as_ref(), PROBLEM_OWNER);
            self.known(problem.expected_duration.as_ref().map(|(unit, _)| unit), DURATION_UNIT);
            problem.links.iter().for_each(|link| self.event_there(link, "dangling-problem-link"));
            for (parent, relationship) in &problem.parents {
                self.leads(Some(parent), &self.record.problems, "dangling-parent-problem");
                self.known(relationship.as_ref(), PROBLEM_RELATIONSHIP);
            }
        }
    }

    /// A code's scheme, and those of its translations and qualifiers: by name in the vocabulary, or an object identifier.
    fn code(&mut self, code: &Code) {
        let identifier =
            |system: &str| system.trim_start_matches("urn:oid:").bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if code.system.as_ref().is_some_and(|system| !identifier(system)) {
            self.known(code.system.as_ref(), CODE_SYSTEM);
        }
        code.translations.iter().for_each(|code| self.code(code));
        for (name, value) in &code.qualifiers {
            self.code(name);
            self.code(value);
        }
    }
}

/// A vocabulary of the schema, in both of its public versions (2.1.4 and 2.1.10).
#[derive(Clone, Copy)]
struct Vocabulary {
    /// What a word that it lacks is counted as.
    unknown: &'static str,
    words: &'static [&'static str],
}

macro_rules! vocabularies {
    ($($name:ident = $unknown:literal: $($word:literal)+;)+) => {
        $(const $name: Vocabulary = Vocabulary { unknown: $unknown, words: &[$($word),+] };)+
    };
}

vocabularies! {
    ADDRESS_TYPE = "unknown-address-type": "H" "W" "TMP" "CAR" "SCH" "L";
    CANCELLATION_REASON = "unknown-cancellation-reason": "ERR" "CON" "CHG" "CLN" "REQ" "PHARM" "FAIL";
    CASELOAD_STATUS = "unknown-caseload-status": "REG" "LEFT" "DEAD";
    CODE_SYSTEM = "unknown-code-system": "EMISDRUGGROUP" "EMISAPPROVEDNAME" "EMISPREPARATION" "EMISCONSTITUENT"
        "EMISAPPROVEDNAMEANDCONSTITUENT" "EMISDRUGFORM" "EMISDRUGGROUPALLERGY" "EMISAPPROVEDNAMEALLERGY"
        "EMISPREPARATIONALLERGY" "EMISCONSTITUENTALLERGY" "EMISAPPROVEDNAMEANDCONSTITUENTALLERGY" "EMISDRUGFORMALLERGY"
        "EMISINTERNAL" "MULTILEX" "UNKNOWN" "EMISLOCAL" "OLTR" "EMISCODEID";
    DIRECTION = "unknown-referral-direction": "IN" "OUT" "NOTUSED";
    DRUG_STATUS = "unknown-drug-status": "A" "C" "N";
    DURATION_UNIT = "unknown-duration-unit": "Y" "M" "W" "D" "H" "N" "S";
    EPISODICITY = "unknown-episodicity": "NONE" "FIRST" "NEW" "REV" "FLA" "END" "CHG" "EVO" "OUT";
    EVENT_TYPE = "unknown-event-type": "OBS" "MED" "ISS" "VAL" "INV" "TR" "ATT" "REF" "DRY" "ALT" "ALL" "FH" "IMM" "REP" "OH";
    ISSUE_METHOD = "unknown-issue-method": "P" "Q" "H" "O" "D" "B" "S" "A" "E" "OTC" "OOOH" "OH";
    PRESCRIPTION_TYPE = "unknown-prescription-type": "A" "R" "D" "U";
    PROBLEM_OWNER = "unknown-problem-owner": "IND" "FAM" "COM";
    PROBLEM_RELATIONSHIP = "unknown-problem-relationship": "COMB" "GRP" "REP" "EVO";
    PROBLEM_STATUS = "unknown-problem-status": "A" "I" "HP" "PP";
    RANGE_QUALIFIER = "unknown-range-qualifier": "U" "T" "X" "R";
    REFERRAL_MODE = "unknown-referral-mode": "E" "T" "V" "W" "M" "C" "A";
    REPORT_TYPE = "unknown-report-type": "PATH" "RAD" "DIS" "OUT" "OOH" "TRI" "SCR";
    REQUEST_TYPE = "unknown-referral-type": "INV" "TRT" "MA" "PRC" "PR" "UNK" "SELF" "OUT" "ADM" "DAY" "COM" "DOM" "ASS" "ASED" "NBN";
    RESULT_STATUS = "unknown-result-status": "PR" "IN" "NA";
    SEX = "unknown-sex": "U" "M" "F" "I";
    SIGNIFICANCE = "unknown-significance": "S" "M";
    SYSTEM_TYPE = "unknown-system-type": "LV" "GV" "PCS" "EMISWEB" "EXT" "GP2GP";
    URGENCY = "unknown-urgency": "R" "S" "U" "D" "W";
    USER_IDENTIFIER = "unknown-user-identifier": "GP" "NAT" "PRES" "UKCC" "RSBP" "GDC" "REG" "WP" "GOC" "Spurious" "CypherNumber";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Limits, read};
    use std::collections::BTreeSet;

    fn of(admin: &str, health: &str) -> Counts {
        let text = format!(
            "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"><author><system><systemType>EMISWEB</systemType>\
             </system></author><adminDomain><patient><id>p</id></patient>{admin}</adminDomain>{health}</openHealthRecord>"
        );
        let record = read(text.as_bytes(), Limits::default()).unwrap_or_else(|error| panic!("{error}"));
        oddities(&record)
    }

    fn counted(words: &[(&'static str, u64)]) -> Counts {
        words.iter().copied().collect()
    }

    #[test]
    fn each_reference_that_leads_nowhere_is_counted_by_what_it_names() {
        let event = |id: &str, inner: &str| format!("<event><id>{id}</id><eventType>OBS</eventType>{inner}</event>");
        let health = [
            event("a", "<authorisingUserInRole>x</authorisingUserInRole><enteredByUserInRole>y</enteredByUserInRole>"),
            event("b", "<organisation>x</organisation>"),
            event(
                "c",
                "<observation><complexObservation><childLink>a</childLink><childLink>x</childLink></complexObservation></observation>",
            ),
            event(
                "d",
                "<medication><localMixture>x</localMixture><cancellation><linkedEvent>x</linkedEvent></cancellation></medication>",
            ),
            event("e", "<medicationIssue><medication>x</medication></medicationIssue>"),
            "<encounter><id>n</id><location>x</location><component><event>a</event></component><component><event>x\
             </event></component></encounter>"
                .to_owned(),
            "<problem><id>a</id><eventLink><id>b</id></eventLink><eventLink><id>x</id></eventLink><parentProblem><id>x\
             </id></parentProblem></problem><problem><id>x</id></problem>"
                .to_owned(),
        ];
        let admin = "<user><id>u</id><userPerson>x</userPerson></user><role><id>r</id><organisation>x</organisation></role>\
                     <userInRole><id>i</id><user>x</user><role>x</role></userInRole>";
        let found = of(admin, &format!("<healthDomain>{}</healthDomain>", health.concat()));
        // The parent problem is there, though its event is not.
        let expected = [
            ("dangling-component", 1),
            ("dangling-event", 1),
            ("dangling-location", 1),
            ("dangling-member", 1),
            ("dangling-mixture", 1),
            ("dangling-organisation", 2),
            ("dangling-person", 1),
            ("dangling-plan", 1),
            ("dangling-problem-link", 1),
            ("dangling-role", 1),
            ("dangling-staff", 2),
            ("dangling-user", 1),
            ("problem-without-event", 1),
        ];
        assert_eq!(found, counted(&expected));
    }

    #[test]
    fn each_word_that_its_vocabulary_lacks_is_counted_and_no_word_is_not() {
        let health = "<event><id>a</id><eventType>Q</eventType><code codeSystem=\"Q\" code=\"1\" displayName=\"T\">\
            <translation codeSystem=\"1.2.3\" code=\"1\" displayName=\"T\"/></code><observation resultStatus=\"Q\"><value>\
            <numeric><value>1</value><range qualifier=\"Q\"><sex>Q</sex></range></numeric></value><episodicity>Q</episodicity>\
            </observation></event><event><id>b</id><eventType>MED</eventType><medication><prescriptionType>Q\
            </prescriptionType><drugStatus>Q</drugStatus><mostRecentIssueMethod>ZZ</mostRecentIssueMethod><cancellation>\
            <cancellationReason>Q</cancellationReason></cancellation></medication></event><event><id>c</id><eventType>REF\
            </eventType><referral><requestType>Q</requestType><urgency>Q</urgency><direction>Q</direction><referralMode>Q\
            </referralMode></referral></event><event><id>d</id><eventType>REP</eventType><report><dataType>Q</dataType>\
            </report></event><encounter><id>n</id><duration unit=\"Q\" value=\"1\"/></encounter><problem><id>a</id><status>Q\
            </status><significance>Q</significance><owner>Q</owner><expectedDuration unit=\"Q\" value=\"1\"/></problem>";
        let found = of(
            "<person><id>q</id><sex>Q</sex><address><addressType>Q</addressType></address></person>",
            &format!("<healthDomain>{health}</healthDomain>"),
        );
        assert_eq!((found.get("unknown-sex"), found.get("unknown-duration-unit")), (Some(&2), Some(&2)));
        assert_eq!((found.len(), found.values().sum::<u64>()), (20, 22), "{found:?}");
        assert!(found.keys().all(|word| word.starts_with("unknown-")), "{found:?}");
        let plain = "<event><id>a</id><eventType>OBS</eventType><referral/><report/><medication/></event><problem><id>a</id></problem>";
        assert_eq!(of("", &format!("<healthDomain>{plain}</healthDomain>")), Counts::new());
    }

    #[test]
    fn a_missing_health_domain_is_told_as_an_empty_one_is() {
        for health in ["", "<healthDomain/>"] {
            assert_eq!(of("", health), counted(&[("health-domain-empty", 1)]));
        }
    }

    /// The mapping knows no legacy word that would be called unknown here.
    #[test]
    fn every_word_of_the_concept_maps_is_in_its_vocabulary() {
        let maps = [
            ("address-type", &ADDRESS_TYPE),
            ("drug-status", &DRUG_STATUS),
            ("episodicity", &EPISODICITY),
            ("event-type", &EVENT_TYPE),
            ("issue-method", &ISSUE_METHOD),
            ("problem-significance", &SIGNIFICANCE),
            ("problem-status", &PROBLEM_STATUS),
            ("range-qualifier", &RANGE_QUALIFIER),
            ("result-status", &RESULT_STATUS),
            ("sex", &SEX),
            ("user-identifier", &USER_IDENTIFIER),
        ];
        for (name, vocabulary) in maps {
            let file = format!("{}/profiles/mapping/ConceptMap-{name}.json", env!("CARGO_MANIFEST_DIR"));
            let map: serde_json::Value =
                serde_json::from_str(&std::fs::read_to_string(file).expect("read")).expect("JSON");
            let groups = map["group"].as_array().expect("groups").iter();
            let elements = groups.flat_map(|group| group["element"].as_array().expect("elements"));
            let words: BTreeSet<&str> = elements.filter_map(|element| element["code"].as_str()).collect();
            let lacking: Vec<_> = words.iter().filter(|word| !vocabulary.words.contains(*word)).collect();
            assert!(!words.is_empty() && lacking.is_empty(), "{name}: {lacking:?}");
        }
    }
}
