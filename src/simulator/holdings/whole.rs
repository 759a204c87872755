//! A whole record, read once: every element as a ready fragment beside the few facts that cutting a view needs.
//!
//! Names are resolved by `resolve`.

use super::dates::{Span, day, span};
use super::reading::{
    RawAdmin, Reading, current_until, id_of, kind_of, names_blank_policy, names_in, patient_facts, policies_named, raw,
};
use super::rules::{Placing, RULES};
use super::tree::{Node, OPENHR, TreeError, escape, walk};
use std::ops::Range;
use time::Date;

/// A whole record.
#[derive(Default)]
pub(super) struct Whole {
    /// Every fragment, one after the other.
    pub text: String,
    /// The root's start tag and what stands before the domains.
    pub head: String,
    /// Items of the administrative domain that the head names.
    pub head_names: Vec<u32>,
    /// `adminDomain`'s children, document order.
    pub admin: Vec<Admin>,
    /// The patient's place in `admin`.
    pub patient: Option<usize>,
    /// The patient, as a view other than `PatientDetails` shows it.
    pub patient_brief: Fragment,
    /// What the brief patient names.
    pub patient_brief_names: Vec<u32>,
    /// Events, document order.
    pub events: Vec<Entry>,
    /// Encounters, document order.
    pub encounters: Vec<Entry>,
    /// Problems, document order.
    pub problems: Vec<Problem>,
    /// How many groups the events form.
    pub groups: usize,
    /// What the record says about its patient and its practice.
    pub facts: Facts,
}

/// Where a fragment stands in the text.
pub(super) type Fragment = Range<usize>;

/// One item of `adminDomain`.
pub(super) struct Admin {
    /// The whole item.
    pub fragment: Fragment,
    /// Items that it names, as places in `admin`.
    pub names: Vec<u32>,
    /// The patient's own person: id, birth date and surname alone.
    pub brief: Option<Fragment>,
    /// The patient, another patient: never followed by name.
    pub is_patient: bool,
}

/// One event or encounter.
pub(super) struct Entry {
    /// The whole entry.
    pub fragment: Fragment,
    /// Items of `admin` that it names.
    pub names: Vec<u32>,
    /// Its clinical date.
    pub date: Option<Span>,
    /// Where the rules put it.
    pub placing: Placing,
    /// Until when it is current medication; `Date::MAX` while it is on repeat.
    pub current_until: Option<Date>,
    /// Entries bound together by child links share a group.
    pub group: usize,
    /// Places of the events that name it as a member.
    pub parents: Vec<u32>,
    /// It says that it is another patient's.
    pub stranger: bool,
}

/// One problem.
pub(super) struct Problem {
    /// The whole problem.
    pub fragment: Fragment,
    /// Items of `admin` that it names.
    pub names: Vec<u32>,
    /// The place of its defining event.
    pub event: u32,
    /// Its status.
    pub status: Option<String>,
}

/// What the record says about its patient and its practice.
#[derive(Default, Clone)]
pub(super) struct Facts {
    pub nhs_number: Option<String>,
    pub birth_date: Option<Date>,
    pub practice: Option<String>,
    pub practice_name: Option<String>,
    pub practice_names: Vec<(String, String)>,
    pub system_type: Option<String>,
    pub system_name: Option<String>,
    pub system_version: Option<String>,
    pub registration: &'static str,
    pub restricted: bool,
    pub names_absent_policy: bool,
}
impl Whole {
    /// Reads a record.
    pub fn read(xml: &str) -> Result<Self, TreeError> {
        let mut whole = Self { text: String::with_capacity(xml.len()), ..Self::default() };
        let mut reading = Reading::default();
        let version = walk(xml.trim_start_matches('\u{feff}'), |domain, node| whole.take(&mut reading, domain, &node))?;
        whole.head = format!("<openHealthRecord xmlns=\"{OPENHR}\"");
        if let Some(version) = version {
            whole.head.push_str(" schemaVersion=\"");
            escape(&version, true, &mut whole.head);
            whole.head.push('"');
        }
        whole.head.push('>');
        whole.head.push_str(&reading.head);
        whole.finish(&reading);
        Ok(whole)
    }

    /// The text of a fragment.
    pub fn fragment(&self, fragment: &Fragment) -> &str {
        self.text.get(fragment.clone()).unwrap_or("")
    }

    fn put(&mut self, node: &Node<'_>) -> Fragment {
        let from = self.text.len();
        node.write(&mut self.text);
        from..self.text.len()
    }

    fn take(&mut self, reading: &mut Reading, domain: &str, node: &Node<'_>) {
        match (domain, node.name.as_ref()) {
            ("", "id" | "creationTime" | "author" | "contentSpecification") => self.take_head(reading, node),
            ("adminDomain", _) => self.take_admin(reading, node),
            ("healthDomain", "event") => {
                let entry = self.entry(node, kind_of(node).as_str());
                self.events.push(entry);
                reading.events.push(raw(node));
            }
            ("healthDomain", "encounter") => {
                let entry = self.entry(node, "");
                self.encounters.push(entry);
                reading.encounters.push(raw(node));
            }
            ("healthDomain", "problem") => {
                let problem = Problem {
                    fragment: self.put(node),
                    names: Vec::new(),
                    event: u32::MAX,
                    status: node.text_of("status"),
                };
                self.problems.push(problem);
                reading.problems.push(raw(node));
            }
            // Documents and tasks are in no view; their policies still count as named.
            ("healthDomain", _) => reading.others.push(raw(node)),
            _ => {}
        }
    }

    fn take_head(&mut self, reading: &mut Reading, node: &Node<'_>) {
        node.write(&mut reading.head);
        if node.is("author") {
            reading.head_named = names_in(node);
            if let Some(system) = node.first("system") {
                self.facts.system_type = system.text_of("systemType");
                self.facts.system_name = system.text_of("displayName");
                self.facts.system_version = system.text_of("version");
            }
        }
    }

    fn take_admin(&mut self, reading: &mut Reading, node: &Node<'_>) {
        let is_patient = node.is("patient");
        let fragment = self.put(node);
        if is_patient && self.patient.is_none() {
            self.patient = Some(self.admin.len());
            let mut brief = node.clone();
            brief.keep(|child| match child.name.as_ref() {
                "id" | "patientPerson" | "confidentialityPolicy" => true,
                "patientIdentifier" => child.text_of("identifierType").as_deref() == Some("NHS"),
                _ => false,
            });
            self.patient_brief = self.put(&brief);
            reading.patient_brief_named = names_in(&brief);
            reading.patient = patient_facts(node);
        }
        let mut brief = None;
        if node.is("person") {
            let mut short = node.clone();
            short.keep(|child| matches!(child.name.as_ref(), "id" | "birthDate" | "surname"));
            brief = Some(self.put(&short));
            reading.births.push((id_of(node), node.text_of("birthDate").as_deref().and_then(day)));
        }
        if node.is("organisation") {
            let code = node.text_of("nationalPracticeCode");
            let name = node.text_of("name");
            if let (Some(code), Some(name)) = (&code, &name) {
                self.facts.practice_names.push((code.clone(), name.clone()));
            }
            reading.organisations.push((id_of(node), code, name));
        }
        if node.is("confidentialityPolicy") {
            let restricts = node.says("restrictToOrganisation") || node.first("userCategory").is_some();
            reading.policies.insert(id_of(node), restricts);
        }
        reading.absent |= names_blank_policy(node);
        reading.policies_named.extend(policies_named(node));
        reading.admin.push(RawAdmin { kind: node.name.to_string(), id: id_of(node), named: names_in(node) });
        self.admin.push(Admin { fragment, names: Vec::new(), brief, is_patient });
    }

    fn entry(&mut self, node: &Node<'_>, kind: &str) -> Entry {
        Entry {
            fragment: self.put(node),
            names: Vec::new(),
            date: span(node),
            placing: if kind.is_empty() { Placing::default() } else { RULES.place(kind, node) },
            current_until: current_until(kind, node),
            group: 0,
            parents: Vec::new(),
            stranger: false,
        }
    }
}
