//! What was asked, understood against the table of its type, or the name of the parameter that was not.
//!
//! Never says a value back: an error names its parameter, a self link has the sealed patient id for the NHS number.

use super::condition::Condition;
use super::cursor::{self, CursorError, Holder, Resumed};
use super::error::{QueryError, printable};
use super::order::Order;
use super::parameter::{Form, Include, Parameter, Table, Use};
use super::patient::{Naming, PatientNamed};
use super::shape::{self, Shape, Summary, Total};
use super::span;
use super::value::{encode, names_a_person};
use crate::ids::{LogicalId, Sealer};
use crate::kinds::Kind;
use std::fmt::Write as _;
use time::Date;

/// The most matches a page.
pub const PAGE_MAX: usize = 1_000;
/// The most values of a whole query that resources are compared with.
const MOST_COMPARED: usize = 400;
/// The parameter of a page link.
pub const PAGE: &str = "_page";

/// One understood search, or one `$everything`.
#[derive(Debug, Clone)]
pub struct Query {
    kind: Option<Kind>,
    /// Types of matches.
    pub(super) kinds: Vec<Kind>,
    /// Types that come along because a match refers to them.
    pub(super) along: Vec<Kind>,
    patient: PatientNamed,
    patient_id: Option<LogicalId>,
    birth_date: Option<Date>,
    pub(super) conditions: Vec<Condition>,
    pub(super) includes: Vec<(&'static Include, bool)>,
    pub(super) parameters: &'static [Parameter],
    pub(super) count: Option<usize>,
    pub(super) order: Order,
    pub(super) shape: Shape,
    understood: Vec<(String, String)>,
    ignored: Vec<String>,
    pub(super) resumed: Option<Resumed>,
}

impl Query {
    /// Reads the parameters of a search, in the order given; `_format` and `_pretty` are the wire's and are passed over.
    /// With `lenient` unknown parameters are noted in [`Self::ignored`]; a modifier that is not supported is refused all
    /// the same.
    ///
    /// # Errors
    /// [`QueryError`] with the first parameter that is unknown, malformed or missing.
    pub fn parse(
        kind: Kind,
        table: Table,
        pairs: &[(String, String)],
        lenient: bool,
        sealer: &Sealer,
    ) -> Result<Self, QueryError> {
        let mut query = Self::blank(Some(kind), vec![kind], table.parameters);
        let (mut naming, mut compared) = (Naming::default(), 0);
        for (name, raw) in pairs {
            if is_of_the_wire(name) {
                continue;
            }
            let Some((parameter, modifier)) = lookup(name, table) else {
                query.ignore(name, lenient)?;
                continue;
            };
            if modifier.is_some_and(|modifier| !parameter.modifiers().contains(&modifier)) {
                return Err(QueryError::not_supported(name));
            }
            // Said again it changes nothing, and would cost as much again.
            let may_repeat = matches!(parameter.usage, Use::Filter | Use::Include);
            if may_repeat && query.understood.iter().any(|(known, value)| known == name && value == raw) {
                continue;
            }
            let understood = match parameter.usage {
                Use::Patient | Use::PatientIdentifier => {
                    naming.take(name, parameter.usage, raw, sealer)?;
                    continue;
                }
                Use::Count => {
                    query.take_count(name, raw)?;
                    continue;
                }
                Use::BirthDate => query.take_birth_date(name, raw).map(|()| true)?,
                Use::Include => query.take_include(kind, table.includes, raw, modifier.is_some()).map(|()| true)?,
                Use::Sort | Use::Summary | Use::Elements | Use::Total => query.take_shape(parameter, raw, table)?,
                Use::Filter => {
                    let condition =
                        Condition::parse(parameter, modifier, raw).ok_or_else(|| QueryError::invalid(name))?;
                    compared += condition.values();
                    if compared > MOST_COMPARED {
                        return Err(QueryError::invalid(name));
                    }
                    query.conditions.push(condition);
                    true
                }
            };
            if understood {
                query.understood.push((name.clone(), raw.clone()));
            } else {
                query.ignore(name, lenient)?;
            }
        }
        if let Some(name) = query.shape.conflict(!query.includes.is_empty()) {
            return Err(QueryError::invalid(name));
        }
        let missing = if kind == Kind::Patient { "identifier" } else { "patient" };
        let (patient, id) =
            naming.finish(sealer).ok_or_else(|| QueryError { parameter: missing.to_owned(), code: "required" })?;
        query.patient = patient;
        query.patient_id = id;
        Ok(query)
    }

    /// Reads the parameters of `$everything`: `_type` out of `offered`, and `_count`. Without `_type` what the entries
    /// refer to comes along. No `start`, `end` or `_since`: a record is not collected by instalments (4.11).
    ///
    /// # Errors
    /// [`QueryError`] with the first parameter that is unknown or malformed.
    pub fn everything(
        patient: &LogicalId,
        offered: &[Kind],
        pairs: &[(String, String)],
        lenient: bool,
        sealer: &Sealer,
    ) -> Result<Self, QueryError> {
        let (along, kinds) = offered.iter().partition(|kind| kind.is_referred_to());
        let mut query = Self::blank(None, kinds, &[]);
        query.along = along;
        for (name, raw) in pairs {
            match name.as_str() {
                "_count" => query.take_count(name, raw)?,
                "_type" => {
                    query.kinds = raw
                        .split(',')
                        .map(|word| Kind::parse(word).filter(|kind| offered.contains(kind)))
                        .collect::<Option<Vec<_>>>()
                        .ok_or_else(|| QueryError::not_supported(name))?;
                    query.along = Vec::new();
                    query.understood.push((name.clone(), raw.clone()));
                }
                wire if is_of_the_wire(wire) => {}
                _ => query.ignore(name, lenient)?,
            }
        }
        let opened = sealer.open(patient).filter(|opened| opened.is_patient);
        query.patient = opened.map_or(PatientNamed::Unknown, |opened| PatientNamed::Known(opened.patient));
        query.patient_id = Some(patient.clone());
        Ok(query)
    }

    /// Opens a page link that [`super::Page::next`] made. `table` is the catalogue's, `offered` as for [`Self::everything`].
    ///
    /// # Errors
    /// [`CursorError`] when it is not ours, or somebody else's.
    pub fn from_cursor(
        link: &str,
        table: impl FnOnce(Kind) -> Table,
        offered: &[Kind],
        sealer: &Sealer,
        holder: &Holder,
    ) -> Result<Self, CursorError> {
        cursor::open(link, table, offered, sealer, holder)
    }

    /// The type searched; none for `$everything`.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Every type that the answer could hold: each needs its scope.
    #[must_use]
    pub fn returnable(&self) -> Vec<Kind> {
        let targets = self.includes.iter().flat_map(|(include, _)| include.targets);
        let mut kinds: Vec<Kind> = self.kinds.iter().chain(&self.along).chain(targets).copied().collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// The types of the matches: what the views are chosen by. What comes along is in the same views.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Leaves types out of an `$everything` because the agreement does not cover them.
    pub fn leave_out(&mut self, kinds: &[Kind]) {
        self.kinds.retain(|kind| !kinds.contains(kind));
    }

    /// Whose record.
    #[must_use]
    pub fn patient(&self) -> &PatientNamed {
        &self.patient
    }

    /// The birth date that the MIG shall compare.
    #[must_use]
    pub fn birth_date(&self) -> Option<Date> {
        self.birth_date
    }

    /// The names of the parameters passed over, safe to say back.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// What was understood as a query string, for the self link: the sealed patient id in place of the NHS number.
    #[must_use]
    pub fn self_query(&self) -> String {
        // A code that looks like an NHS number may be one.
        let is_said = |value: &str| !names_a_person(value);
        let pairs: Vec<(String, String)> = match &self.resumed {
            Some(resumed) => vec![(PAGE.to_owned(), resumed.sealed.clone())],
            None if self.kind.is_none() => self.pairs(is_said).skip(1).collect(),
            None => self.pairs(is_said).collect(),
        };
        let mut text = String::new();
        for (name, value) in pairs {
            let separator = if text.is_empty() { "" } else { "&" };
            let _ = write!(text, "{separator}{}={}", encode(&name), encode(&value));
        }
        text
    }

    /// What was understood as parameters, from which the same query can be read again. The patient comes first.
    pub(super) fn repeated(&self) -> Vec<(String, String)> {
        self.pairs(|_| true).collect()
    }

    fn pairs(&self, is_said: impl Fn(&str) -> bool) -> impl Iterator<Item = (String, String)> {
        let name = if self.kind == Some(Kind::Patient) { "_id" } else { "patient" };
        let patient = self.patient_id.iter().map(|id| (name.to_owned(), id.to_string()));
        let count = self.count.map(|count| ("_count".to_owned(), count.to_string()));
        let understood = self.understood.iter().filter(move |(_, value)| is_said(value)).cloned();
        patient.chain(understood).chain(count)
    }

    pub(super) fn resumed_everything(
        pairs: &[(String, String)],
        offered: &[Kind],
        sealer: &Sealer,
    ) -> Result<Self, QueryError> {
        let unreadable = || QueryError::invalid("patient");
        let ((_, id), rest) = pairs.split_first().ok_or_else(unreadable)?;
        Self::everything(&LogicalId::parse(id).ok_or_else(unreadable)?, offered, rest, false, sealer)
    }

    pub(super) fn resume(mut self, resumed: Resumed) -> Self {
        self.resumed = Some(resumed);
        self
    }

    fn blank(kind: Option<Kind>, kinds: Vec<Kind>, parameters: &'static [Parameter]) -> Self {
        Self {
            kind,
            kinds,
            along: Vec::new(),
            patient: PatientNamed::Unknown,
            patient_id: None,
            birth_date: None,
            conditions: Vec::new(),
            includes: Vec::new(),
            parameters,
            count: None,
            order: Order::default(),
            shape: Shape::default(),
            understood: Vec::new(),
            ignored: Vec::new(),
            resumed: None,
        }
    }

    fn ignore(&mut self, name: &str, lenient: bool) -> Result<(), QueryError> {
        if !lenient {
            return Err(QueryError::not_supported(name));
        }
        self.ignored.push(printable(name));
        Ok(())
    }

    /// The MIG compares one whole date; any other comparison would be ours, of what was released.
    fn take_birth_date(&mut self, name: &str, raw: &str) -> Result<(), QueryError> {
        let day = span::parse_date(raw.strip_prefix("eq").unwrap_or(raw)).ok_or_else(|| QueryError::invalid(name))?;
        if self.birth_date.replace(day).is_some_and(|before| before != day) {
            return Err(QueryError::invalid(name));
        }
        Ok(())
    }

    /// Above the maximum is the maximum: more was asked than a page holds, and the next link has the rest.
    fn take_count(&mut self, name: &str, raw: &str) -> Result<(), QueryError> {
        let digits = !raw.is_empty() && raw.bytes().all(|b| b.is_ascii_digit());
        if !digits || self.count.is_some() {
            return Err(QueryError::invalid(name));
        }
        self.count = Some(raw.parse().unwrap_or(PAGE_MAX).min(PAGE_MAX));
        Ok(())
    }

    /// Takes how the answer shall look, once. Not understood is a name that the type does not have, like a parameter that it
    /// does not have; a word that is none of the few is malformed.
    fn take_shape(&mut self, parameter: &Parameter, raw: &str, table: Table) -> Result<bool, QueryError> {
        let malformed = || QueryError::invalid(parameter.name);
        let again = self.understood.iter().any(|(name, _)| name == parameter.name);
        if raw.is_empty() || again {
            return Err(malformed());
        }
        match parameter.usage {
            Use::Summary => self.shape.summary = Some(Summary::parse(raw).ok_or_else(malformed)?),
            Use::Total => self.shape.total = Some(Total::parse(raw).ok_or_else(malformed)?),
            Use::Elements => match shape::elements(raw, table.elements) {
                Some(elements) => self.shape.elements = Some(elements),
                None => return Ok(false),
            },
            _ => match Order::parse(raw, table) {
                Some(order) => self.order = order,
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn take_include(
        &mut self,
        kind: Kind,
        includes: &'static [Include],
        raw: &str,
        iterate: bool,
    ) -> Result<(), QueryError> {
        let unsupported = || QueryError::not_supported("_include");
        let mut words = raw.split(':');
        let (source, name, target) = (words.next(), words.next(), words.next());
        if words.next().is_some() {
            return Err(unsupported());
        }
        let include = includes
            .iter()
            .find(|include| source == Some(include.source.as_str()) && name == Some(include.name))
            .filter(|include| iterate || include.source == kind)
            .filter(|include| target.is_none_or(|target| include.targets.iter().any(|kind| kind.as_str() == target)))
            .ok_or_else(unsupported)?;
        // One that several spellings mean is followed once.
        match self.includes.iter_mut().find(|(known, _)| std::ptr::eq(*known, include)) {
            Some((_, iterated)) => *iterated |= iterate,
            None => self.includes.push((include, iterate)),
        }
        Ok(())
    }
}

/// Reads the parameters of a read, which knows none: one that is not about the wire is refused, or passed over when
/// `lenient`.
///
/// # Errors
/// [`QueryError`] with the first.
pub fn of_a_read(pairs: &[(String, String)], lenient: bool) -> Result<(), QueryError> {
    match pairs.iter().find(|(name, _)| !is_of_the_wire(name)) {
        Some((name, _)) if !lenient => Err(QueryError::not_supported(name)),
        _ => Ok(()),
    }
}

fn is_of_the_wire(name: &str) -> bool {
    matches!(name, "_format" | "_pretty")
}

/// A parameter and the modifier on it. The `:identifier` and `:Patient` of FHIR are other spellings of our own names.
fn lookup(name: &str, table: Table) -> Option<(&'static Parameter, Option<&str>)> {
    let find = |name: &str| table.offered().find(|parameter| parameter.name == name);
    if let Some(parameter) = find(name) {
        return Some((parameter, None));
    }
    let (base, modifier) = name.split_once(':')?;
    let parameter = find(base)?;
    if parameter.usage == Use::Patient && parameter.form == Form::Reference {
        let other = match modifier.split_once('.') {
            None if modifier == "identifier" => find(&format!("{base}.identifier")),
            None if modifier == "Patient" => Some(parameter),
            Some(("Patient", chained)) => find(&format!("{base}.{chained}")),
            _ => None,
        };
        if let Some(other) = other {
            return Some((other, None));
        }
    }
    Some((parameter, Some(modifier)))
}
