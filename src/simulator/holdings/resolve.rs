//! Resolves the names of a record once all of it has been read, whatever the order of the file, and copies the policy of a
//! restricted encounter to its entries and their members (WIRE section 6), since it holds in every view.

use super::reading::{Raw, Reading, names_in};
use super::tree::{Child, Node, read_fragment};
use super::whole::Whole;
use std::collections::HashMap;

impl Whole {
    /// Resolves names once everything has been read, whatever the order of the file.
    pub(super) fn finish(&mut self, reading: &Reading) {
        // The first and the last item of an id. A patient is never followed by name. Of items with one id each names the
        // next, so that however many there are, what names one of them names them all.
        let mut places: HashMap<&str, (u32, u32)> = HashMap::new();
        let mut twins: Vec<(u32, u32)> = Vec::new();
        let followed = (0u32..).zip(reading.admin.iter().zip(&self.admin)).filter(|(_, (_, item))| !item.is_patient);
        for (place, (raw, _)) in followed {
            let (_, last) = places.entry(raw.id.as_str()).or_insert((place, place));
            if *last != place {
                twins.push((*last, place));
                *last = place;
            }
        }
        let resolve = |named: &[String]| {
            let mut found: Vec<u32> =
                named.iter().filter_map(|id| places.get(id.as_str())).map(|(first, _)| *first).collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        for (item, raw) in self.admin.iter_mut().zip(&reading.admin) {
            item.names = resolve(&raw.named);
        }
        for (earlier, later) in &twins {
            if let Some(item) = self.admin.get_mut(*earlier as usize) {
                item.names.push(*later);
            }
        }
        self.head_names = resolve(&reading.head_named);
        self.patient_brief_names = resolve(&reading.patient_brief_named);

        let own = reading.patient.person.as_deref();
        for (item, raw) in self.admin.iter_mut().zip(&reading.admin) {
            if !(raw.kind == "person" && own == Some(raw.id.as_str())) {
                item.brief = None;
            }
        }
        self.patient_facts(reading);

        let strangers = reading.strangers();
        let is_stranger = |raw: &Raw| raw.patient.as_deref().is_some_and(|named| strangers.contains(named));
        let restricted = restricted_by_encounter(reading);
        for (raw, entry) in reading.events.iter().zip(&mut self.events) {
            let mut named = raw.named.clone();
            if let Some(mark) = restricted.get(raw.id.as_str()) {
                let marked = read_fragment(self.text.get(entry.fragment.clone()).unwrap_or(""))
                    .map(|node| mark.put_on(node, raw, reading));
                if let Ok(node) = marked {
                    let mut text = String::new();
                    node.write(&mut text);
                    named = names_in(&node);
                    let from = self.text.len();
                    self.text.push_str(&text);
                    entry.fragment = from..self.text.len();
                }
            }
            entry.names = resolve(&named);
            entry.stranger = is_stranger(raw);
        }
        for (raw, entry) in reading.encounters.iter().zip(&mut self.encounters) {
            entry.names = resolve(&raw.named);
            entry.stranger = is_stranger(raw);
        }
        let by_id: HashMap<&str, u32> =
            (0u32..).zip(&reading.events).map(|(place, raw)| (raw.id.as_str(), place)).collect();
        for (raw, problem) in reading.problems.iter().zip(&mut self.problems) {
            problem.names = resolve(&raw.named);
            problem.event = by_id.get(raw.id.as_str()).copied().unwrap_or(u32::MAX);
        }
        self.link(reading, &by_id);
    }

    /// Binds members to their parents.
    fn link(&mut self, reading: &Reading, by_id: &HashMap<&str, u32>) {
        let mut leader: Vec<usize> = (0..self.events.len()).collect();
        for (parent, raw) in reading.events.iter().enumerate() {
            for member in raw.members.iter().filter_map(|id| by_id.get(id.as_str())) {
                let (a, b) = (find(&mut leader, parent), find(&mut leader, *member as usize));
                if let Some(slot) = leader.get_mut(a.max(b)) {
                    *slot = a.min(b);
                }
                if let (Some(event), Ok(parent)) = (self.events.get_mut(*member as usize), u32::try_from(parent)) {
                    event.parents.push(parent);
                }
            }
        }
        for (place, event) in self.events.iter_mut().enumerate() {
            event.group = find(&mut leader, place);
        }
        self.groups = self.events.len();
    }

    fn patient_facts(&mut self, reading: &Reading) {
        let patient = &reading.patient;
        self.facts.nhs_number.clone_from(&patient.nhs_number);
        self.facts.registration = patient.registration;
        self.facts.birth_date =
            reading.births.iter().find(|(id, _)| patient.person.as_ref() == Some(id)).and_then(|(_, birth)| *birth);
        if let Some((_, code, name)) =
            reading.organisations.iter().find(|(id, ..)| patient.organisation.as_ref() == Some(id))
        {
            self.facts.practice.clone_from(code);
            self.facts.practice_name.clone_from(name);
        }
        self.facts.restricted =
            patient.policy.as_ref().is_some_and(|id| reading.policies.get(id).copied().unwrap_or(true));
        let raws = || reading.events.iter().chain(&reading.encounters).chain(&reading.problems).chain(&reading.others);
        let named = raws().filter_map(|raw| raw.policy.as_ref()).chain(&reading.policies_named);
        self.facts.names_absent_policy =
            reading.absent || named.into_iter().any(|id| id.is_empty() || !reading.policies.contains_key(id));
    }
}

/// What an encounter lays on its entries.
#[derive(Clone)]
enum Mark {
    Policy(String),
    Hidden,
}

impl Mark {
    fn put_on<'a>(&'a self, mut node: Node<'a>, raw: &Raw, reading: &Reading) -> Node<'a> {
        let (name, text) = match self {
            Self::Policy(_) if reading.restricts(raw.policy.as_ref()) => return node,
            Self::Policy(id) => ("confidentialityPolicy", id.clone()),
            Self::Hidden if raw.hidden => return node,
            Self::Hidden => ("hidden", "true".to_owned()),
        };
        node.children.retain(|child| !matches!(child, Child::Element(inner) if inner.is(name)));
        let before = |inner: &Node<'_>| {
            matches!(
                inner.name.as_ref(),
                "id" | "patient" | "eventType" | "effectiveTime" | "availabilityTimeStamp" | "authorisingUserInRole"
            ) || matches!(
                inner.name.as_ref(),
                "enteredByUserInRole" | "code" | "displayTerm" | "associatedText" | "organisation"
            ) || (name == "hidden" && inner.is("confidentialityPolicy"))
        };
        let place = node
            .children
            .iter()
            .rposition(|child| matches!(child, Child::Element(inner) if before(inner)))
            .map_or(0, |at| at + 1);
        node.children.insert(place, Child::Element(Node::leaf(name, text)));
        node
    }
}

/// Which events a restricted or hidden encounter covers, through child links too.
fn restricted_by_encounter(reading: &Reading) -> HashMap<&str, Mark> {
    let members: HashMap<&str, &[String]> =
        reading.events.iter().map(|raw| (raw.id.as_str(), raw.members.as_slice())).collect();
    let mut marks: HashMap<&str, Mark> = HashMap::new();
    // Policies first: of a policy and a mere hiding, the policy is copied.
    for policies in [true, false] {
        for encounter in &reading.encounters {
            let mark = match &encounter.policy {
                Some(id) if reading.restricts(Some(id)) => Mark::Policy(id.clone()),
                _ if encounter.hidden => Mark::Hidden,
                _ => continue,
            };
            if matches!(mark, Mark::Policy(_)) != policies {
                continue;
            }
            let mut open: Vec<&str> = encounter.components.iter().map(String::as_str).collect();
            while let Some(id) = open.pop() {
                if marks.contains_key(id) {
                    continue;
                }
                marks.insert(id, mark.clone());
                open.extend(members.get(id).copied().unwrap_or_default().iter().map(String::as_str));
            }
        }
    }
    marks
}

/// The leader of a group. Each step leads past the next from then on, so that no chain is walked twice.
fn find(leader: &mut [usize], mut place: usize) -> usize {
    while let Some(next) = leader.get(place).copied().filter(|next| *next != place) {
        let after = leader.get(next).copied().unwrap_or(next);
        if let Some(slot) = leader.get_mut(place) {
            *slot = after;
        }
        place = after;
    }
    place
}
