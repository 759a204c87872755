//! What every resource's mapping is handed: the record, its links, what each entry becomes, ids, and the list of what has
//! been made. Whatever is referred to here is made, or the reference is not.

use super::classify::Shape;
use super::graph::Graph;
use super::rules::Meaning;
use super::tags::Place;
use super::{Context, codes, dates, parts};
use crate::clock::to_london;
use crate::ids::{LogicalId, Suffix};
use crate::kinds::Kind;
use crate::record::{Event, Record};
use crate::release::{Held, HeldFacts};
use mig_fhir_model::Resource;
use mig_fhir_model::types as fhir;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use time::Date;

/// One resource before it is held.
pub(super) struct Made {
    pub kind: Kind,
    pub id: LogicalId,
    pub resource: Resource,
    pub facts: HeldFacts,
}

impl Made {
    /// From here on only `release` opens it.
    pub(super) fn hold(self) -> Held {
        Held::new(self.kind, self.id, self.resource, self.facts)
    }
}

/// What one resource refers to, each once.
#[derive(Default)]
pub(super) struct Links {
    list: Vec<(Kind, LogicalId)>,
    /// The same, once there are more than a few: a group may have any number of members.
    many: HashSet<(Kind, LogicalId)>,
}

/// What the resources refer to beside each other, by legacy id, each once.
#[derive(Default)]
pub(super) struct Referred<'a> {
    pub roles: BTreeSet<&'a str>,
    /// A practitioner's id and the userInRole ids that told of them.
    pub practitioners: BTreeMap<&'a str, BTreeSet<&'a str>>,
    pub organisations: BTreeSet<&'a str>,
    pub locations: BTreeSet<&'a str>,
    /// The practice as located, where the record does not hold it.
    pub practice: bool,
}

/// The making of one view's resources.
pub(super) struct Maker<'a> {
    pub record: &'a Record,
    pub context: &'a Context<'a>,
    pub graph: &'a Graph<'a>,
    pub shapes: &'a [Shape],
    pub today: Date,
    pub made: Vec<Made>,
    pub referred: Referred<'a>,
    pub degraded: BTreeMap<&'static str, u64>,
    /// Whether any entry is an allergy, and not only the assertion that none is known.
    pub allergic: bool,
    patient: LogicalId,
    sealed: HashMap<(&'a str, u8), LogicalId>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(record: &'a Record, context: &'a Context<'a>, graph: &'a Graph<'a>, shapes: &'a [Shape]) -> Self {
        Self {
            record,
            context,
            graph,
            shapes,
            today: to_london(context.now).date(),
            made: Vec::with_capacity(record.events.len()),
            referred: Referred::default(),
            degraded: BTreeMap::new(),
            allergic: shapes.iter().any(|shape| shape.allergy && !shape.means(Meaning::NoKnownAllergy)),
            patient: context.sealer.seal_patient(context.patient),
            sealed: HashMap::with_capacity(record.events.len()),
        }
    }

    /// The patient's own id.
    pub(super) fn patient_id(&self) -> &LogicalId {
        &self.patient
    }

    /// The logical id of a legacy entry's own resource.
    pub(super) fn id(&mut self, legacy: &'a str) -> LogicalId {
        let (sealer, patient) = (self.context.sealer, self.context.patient);
        self.sealed.entry((legacy, 0)).or_insert_with(|| sealer.seal(patient, legacy, Suffix(0))).clone()
    }

    /// The logical id of a specimen of a report.
    pub(super) fn specimen_id(&mut self, report: &'a str, number: u8) -> Option<LogicalId> {
        // Suffix 0 is the report's own.
        let suffix = number.checked_add(1)?;
        let (sealer, patient) = (self.context.sealer, self.context.patient);
        Some(
            self.sealed.entry((report, suffix)).or_insert_with(|| sealer.seal(patient, report, Suffix(suffix))).clone(),
        )
    }

    /// Counts something that the source said and FHIR cannot, by a fixed word.
    pub(super) fn degrade(&mut self, what: &'static str) {
        *self.degraded.entry(what).or_default() += 1;
    }

    /// Adds one resource to what has been made.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        id: LogicalId,
        resource: Resource,
        place: Place,
        problem: bool,
        links: Links,
    ) {
        // A Condition alone says more where its problem came with it; anything else is told best by the view of its type.
        let with_problem = problem && kind == Kind::Condition;
        let facts = HeldFacts { tags: place.tags, with_problem, references: links.list, placed_in: place.views };
        self.made.push(Made { kind, id, resource, facts });
    }

    /// The concept of an event that is not a medicine; its id's last resort is a text that says so.
    pub(super) fn concept(&mut self, event: &Event) -> fhir::CodeableConcept {
        let concept = codes::of_event(event, &mut |what| self.degrade(what));
        concept.unwrap_or_else(|| {
            self.degrade("no-code");
            let mut unknown = parts::concept("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "NI", None);
            unknown.text = Some("No term recorded".into());
            unknown
        })
    }

    /// A reference to what is certain to be made.
    pub(super) fn refer(&mut self, links: &mut Links, kind: Kind, legacy: &'a str) -> Box<fhir::Reference> {
        let id = self.id(legacy);
        links.refer(kind, id)
    }

    /// The patient.
    pub(super) fn subject(&self, links: &mut Links) -> Box<fhir::Reference> {
        links.refer(Kind::Patient, self.patient.clone())
    }

    /// The encounter that the event belongs to, where this view holds it.
    pub(super) fn encounter(&mut self, links: &mut Links, event: &str) -> Option<Box<fhir::Reference>> {
        let encounter = self.graph.encounter(event)?;
        Some(self.refer(links, Kind::Encounter, encounter))
    }

    /// A member of staff in their role, where the record holds it.
    pub(super) fn staff(&mut self, links: &mut Links, user_in_role: Option<&str>) -> Option<Box<fhir::Reference>> {
        let (id, _) = self.record.users_in_role.get_key_value(user_in_role?)?;
        self.referred.roles.insert(id);
        Some(self.refer(links, Kind::PractitionerRole, id))
    }

    /// An organisation, where the record holds it and knows its name or code.
    pub(super) fn organisation(&mut self, links: &mut Links, id: Option<&str>) -> Option<Box<fhir::Reference>> {
        let (id, organisation) = self.record.organisations.get_key_value(id?)?;
        if !super::organization::is_sayable(organisation) {
            return None;
        }
        self.referred.organisations.insert(id);
        Some(self.refer(links, Kind::Organization, id))
    }

    /// A location, where the record holds it.
    pub(super) fn location(&mut self, links: &mut Links, id: Option<&str>) -> Option<Box<fhir::Reference>> {
        let (id, _) = self.record.locations.get_key_value(id?)?;
        self.referred.locations.insert(id);
        Some(self.refer(links, Kind::Location, id))
    }

    /// The Conditions that name this event as theirs.
    pub(super) fn problems(&mut self, links: &mut Links, event: &str) -> Vec<fhir::Reference> {
        let graph = self.graph;
        let problems = graph.problems(event).iter().filter(|problem| **problem != event).copied();
        let made: Vec<&'a str> = problems.filter(|problem| self.shape(problem).is_some_and(|s| s.condition)).collect();
        made.into_iter().map(|problem| *self.refer(links, Kind::Condition, problem)).collect()
    }

    /// What an event becomes.
    pub(super) fn shape(&self, event: &str) -> Option<&'a Shape> {
        self.graph.event(event).and_then(|at| self.shapes.get(at))
    }

    /// When the entry was recorded: a full instant, or nothing.
    pub(super) fn recorded(event: &Event) -> Option<String> {
        event.available.and_then(dates::instant)
    }
}

impl Links {
    /// Notes and writes one reference.
    pub(super) fn refer(&mut self, kind: Kind, id: LogicalId) -> Box<fhir::Reference> {
        const FEW: usize = 16;
        let reference = parts::reference(kind, &id);
        let one = (kind, id);
        if self.list.len() == FEW && self.many.is_empty() {
            self.many.extend(self.list.iter().cloned());
        }
        let known = if self.many.is_empty() { self.list.contains(&one) } else { !self.many.insert(one.clone()) };
        if !known {
            self.list.push(one);
        }
        Box::new(reference)
    }
}
