//! What a privacy officer or a practice needs to know of the viewing, made from the audit trail (CONTRACT section 8): who
//! viewed a practice's patients, who viewed one patient, overrides and their reviews, the annual return, one user's viewing,
//! and what is out of the ordinary.
//!
//! Made a piece at a time in bounded memory, of the trail as it stood at one row, which the report names: the same rows give
//! the same bytes. None is made of a trail that is not whole to that row. No clock is read. Only the report about one patient names a patient. Who may have which is decided by the
//! caller (`http`, the command line), who has it audited before the first piece is asked for.

mod activity;
mod annual;
mod asked;
mod overrides;
mod plain;
mod sheet;
mod unusual;

#[cfg(test)]
mod tests;

pub use asked::{Format, Name, ReportError, Request};
pub use unusual::Rules;

use crate::audit::{AsAt, Audit, AuditScope, Part, Place, Selection};
use crate::clock::{millis, rfc3339};
use crate::register::ODS_CODE;
use crate::store::Store;
use serde_json::{Value, json};
use sheet::Sheet;
use std::collections::VecDeque;

/// The identifier system of chain heads.
pub const CHAIN_SYSTEM: &str = "urn:x-mig-fhir:audit-chain";
/// What is counted in a report.
pub const CODES: &str = "urn:x-mig-fhir:CodeSystem:report";

enum Maker {
    Activity,
    Plain(plain::Plain),
    Overrides(overrides::Overrides),
    Annual(annual::Annual),
    Unusual(Box<unusual::Unusual>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opening,
    Body,
    Done,
}

/// A report in the making.
pub struct Report {
    audit: Audit,
    store: Store,
    request: Request,
    selection: Selection,
    as_at: AsAt,
    maker: Maker,
    /// What is walked one after the other: part by part, where practices are told apart, else all of it.
    rounds: VecDeque<Option<Part>>,
    place: Place,
    sheet: Sheet,
    stage: Stage,
}

impl Report {
    /// Prepares a report. The trail is first walked to the row that it is to be made from: a row that was taken away or given
    /// another organisation, day or patient would be missing from the report without a sign. `base` is where AuditEvents are read.
    ///
    /// # Errors
    /// [`ReportError::Wanting`], [`ReportError::NoRow`], [`ReportError::Audit`] for a trail that is not whole, or the store.
    pub async fn open(
        audit: &Audit,
        store: &Store,
        rules: &Rules,
        base: &str,
        request: Request,
    ) -> Result<Self, ReportError> {
        let by_practice = matches!(request.scope, Some(AuditScope::Practice(_)));
        match request.name {
            Name::WhoViewed if request.patient.is_none() => return Err(ReportError::Wanting("nhs_number")),
            Name::UserActivity if request.user.is_none() => return Err(ReportError::Wanting("user")),
            // An override is known before the practice is: its review belongs to the viewing organisation.
            Name::OverrideReview if by_practice => return Err(ReportError::Wanting("organisation")),
            Name::OverrideReview if request.practice.is_some() => return Err(ReportError::Wanting("practice")),
            // It would seem that nobody else had looked.
            Name::WhoViewed if request.user.is_some() => return Err(ReportError::Wanting("user")),
            Name::WhoViewed if request.of_another_practice() => return Err(ReportError::Wanting("practice")),
            Name::WhoViewed => {}
            _ if request.patient.is_some() => return Err(ReportError::Wanting("nhs_number")),
            _ => {}
        }
        let as_at = audit.as_at(request.row).await?.ok_or(ReportError::NoRow)?;
        audit.whole(&as_at).await?;
        let selection = Selection {
            scope: request.scope.clone(),
            from: request.from.map(millis),
            before: request.before.map(millis),
            patient: request.patient,
            user: request.user.as_ref().map(ToString::to_string),
            practice: request.practice.clone(),
            overrides: request.name == Name::OverrideReview,
            part: None,
        };
        let maker = match request.name {
            Name::PracticeAccess | Name::UserActivity => Maker::Activity,
            Name::WhoViewed => Maker::Plain(plain::Plain { staff_names: request.staff_names }),
            Name::OverrideReview => Maker::Overrides(overrides::Overrides::default()),
            Name::AnnualReturn => Maker::Annual(annual::Annual::default()),
            Name::UnusualViewing => Maker::Unusual(Box::new(unusual::Unusual::new(rules.clone()))),
        };
        let sheet = Sheet::new(request.format, &as_at, base);
        Ok(Self {
            audit: audit.clone(),
            store: store.clone(),
            request,
            selection,
            as_at,
            maker,
            rounds: VecDeque::new(),
            place: Place::default(),
            sheet,
            stage: Stage::Opening,
        })
    }

    /// The end of the trail that it is made from.
    #[must_use]
    pub fn as_at(&self) -> &AsAt {
        &self.as_at
    }

    /// What was asked, as the audit keeps it: it names no patient.
    #[must_use]
    pub fn said(&self) -> String {
        let request = &self.request;
        let mut text = form_urlencoded::Serializer::new(format!("admin/reports/{}?", request.name));
        text.append_pair("format", request.format.as_str());
        let instants = [("from", request.from), ("before", request.before)];
        for (name, at) in instants.into_iter().filter_map(|(name, at)| Some((name, at?))) {
            text.append_pair(name, &rfc3339(at));
        }
        let words =
            [("user", self.selection.user.clone()), ("practice", request.practice.as_ref().map(ToString::to_string))];
        for (name, word) in words.into_iter().filter_map(|(name, word)| Some((name, word?))) {
            text.append_pair(name, &word);
        }
        text.append_pair("row", &self.as_at.head.seq.to_string());
        text.finish().replacen("?&", "?", 1)
    }

    /// What it is bounded by, as a form in a fixed order: it names no patient. Empty for the whole trail.
    #[must_use]
    pub fn bounds(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.request.bounds()).finish()
    }

    /// The next piece; `None` at the end. After an error there is no more, and what was told is not the whole.
    ///
    /// # Errors
    /// [`ReportError`].
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ReportError> {
        let piece = self.piece().await;
        if piece.is_err() {
            self.stage = Stage::Done;
        }
        piece
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, ReportError> {
        loop {
            match self.stage {
                Stage::Done => return Ok(None),
                Stage::Opening => {
                    self.rounds = self.planned().await?;
                    let (columns, opening) = (self.columns(), self.opening());
                    self.sheet.open(columns, &opening, if self.request.name.counts() { "group" } else { "entry" });
                    self.stage = Stage::Body;
                }
                Stage::Body => self.walk().await?,
            }
            let written = self.sheet.take();
            if !written.is_empty() {
                return Ok(Some(written));
            }
        }
    }

    async fn walk(&mut self) -> Result<(), ReportError> {
        let Some(round) = self.rounds.front() else {
            self.end().await?;
            self.sheet.close();
            self.stage = Stage::Done;
            return Ok(());
        };
        let selection = Selection { part: round.clone(), ..self.selection.clone() };
        let entries = self.audit.walk(&selection, &self.as_at, &mut self.place).await?;
        if entries.is_empty() {
            self.rounds.pop_front();
            self.place = Place::default();
            return Ok(());
        }
        match &mut self.maker {
            Maker::Activity => activity::page(&self.audit, &entries, &mut self.sheet),
            Maker::Plain(plain) => plain.page(&self.audit, &entries, &mut self.sheet),
            Maker::Overrides(overrides) => overrides.page(&self.store, &self.as_at, &entries, &mut self.sheet).await?,
            Maker::Annual(annual) => annual.page(&entries),
            Maker::Unusual(unusual) => unusual.page(&entries, &mut self.sheet),
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), ReportError> {
        match &mut self.maker {
            Maker::Activity | Maker::Plain(_) => {}
            Maker::Overrides(overrides) => overrides.end(&mut self.sheet),
            Maker::Annual(annual) => annual.end(&self.store, &self.request, &self.as_at, &mut self.sheet).await?,
            Maker::Unusual(unusual) => unusual.end(&mut self.sheet),
        }
        Ok(())
    }

    /// One user's viewing is told practice by practice, so that each can be told of its own.
    async fn planned(&self) -> Result<VecDeque<Option<Part>>, ReportError> {
        if self.request.name != Name::UserActivity {
            return Ok(VecDeque::from([None]));
        }
        Ok(self.audit.parts(&self.selection, &self.as_at).await?.into_iter().map(Some).collect())
    }

    fn columns(&self) -> &'static [&'static str] {
        match &self.maker {
            Maker::Activity => activity::COLUMNS,
            Maker::Plain(_) => plain::COLUMNS,
            Maker::Overrides(_) => overrides::COLUMNS,
            Maker::Annual(_) => annual::COLUMNS,
            Maker::Unusual(_) => unusual::COLUMNS,
        }
    }

    /// The FHIR resource before its groups or entries, tagged with its bounds.
    fn opening(&self) -> Value {
        let mut opening = self.untagged();
        let bounds = self.request.bounds().into_iter();
        let tags: Vec<Value> = bounds
            .map(|(name, value)| {
                json!({ "system": CODES, "code": format!("bound-{name}"), "display": format!("{name} {value}") })
            })
            .collect();
        if let (false, Some(members)) = (tags.is_empty(), opening.as_object_mut()) {
            members.insert("meta".to_owned(), json!({ "tag": tags }));
        }
        opening
    }

    fn untagged(&self) -> Value {
        let request = &self.request;
        let identifier = json!({ "system": CHAIN_SYSTEM, "value": self.as_at.head.to_string() });
        if !request.name.counts() {
            return json!({
                "resourceType": "Bundle",
                "identifier": identifier,
                "type": "collection",
                "timestamp": rfc3339(self.as_at.at),
            });
        }
        let mut period = json!({});
        for (name, at) in [("start", request.from), ("end", Some(request.last().unwrap_or(self.as_at.at)))] {
            if let (Some(at), Some(members)) = (at, period.as_object_mut()) {
                members.insert(name.to_owned(), json!(rfc3339(at)));
            }
        }
        let mut report = json!({
            "resourceType": "MeasureReport",
            "identifier": [identifier],
            "status": "complete",
            "type": "summary",
            "measure": format!("urn:x-mig-fhir:Measure:{}", request.name),
            "date": rfc3339(self.as_at.at),
            "period": period,
        });
        if let (Some(AuditScope::Organisation(code) | AuditScope::Practice(code)), Some(members)) =
            (&request.scope, report.as_object_mut())
        {
            let reporter =
                json!({ "type": "Organization", "identifier": { "system": ODS_CODE, "value": code.to_string() } });
            members.insert("reporter".to_owned(), reporter);
        }
        report
    }
}

/// Whether it is about the record: a search, a read or an operation of one of its types.
fn of_record(entry: &crate::audit::Entry) -> bool {
    !entry.starts_override() && crate::kinds::Kind::parse(entry.resource_type()).is_some()
}

/// Whether something of the record was shown.
fn shown(entry: &crate::audit::Entry) -> bool {
    of_record(entry) && entry.ending() == crate::audit::Ending::Answered
}

/// A thing that is counted, as a population of a MeasureReport.
fn population(code: &str, count: u64) -> Value {
    json!({ "code": { "coding": [{ "system": CODES, "code": code }] }, "count": count })
}

/// What sets a group of a MeasureReport apart from the others.
fn stratifier(what: &str, value: &str) -> Value {
    json!({ "code": [{ "text": what }], "stratum": [{ "value": { "text": value } }] })
}
