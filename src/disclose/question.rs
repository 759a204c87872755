//! What a request means: whose record, which types it could return, which views could serve it; and its answer out of what
//! was released.

use super::{Ask, Composed, Disclosed, Failure, Notes, Searchset, Service};
use crate::audit::Attempt;
use crate::catalogue;
use crate::document;
use crate::gateway::GatewayError;
use crate::identity::{Caller, Permission, SelectedRole};
use crate::ids::{LogicalId, NhsNumber};
use crate::kinds::{Kind, Purpose, View};
use crate::policy::{Asked, Refusal};
use crate::release::Released;
use crate::search::{self, Holder, Page, PatientNamed, Query, QueryError};
use crate::views::ReleasedView;
use std::sync::Arc;
use time::OffsetDateTime;

/// What a request means: whose record, and what of it.
pub(super) struct Question {
    /// None for an id that is none of ours: the caller's own rules are asked all the same, and nobody is found.
    pub(super) patient: Option<NhsNumber>,
    form: Form,
}

enum Form {
    /// A search, or `$everything`, whose query names no one type.
    Search(Box<Query>),
    Read(Kind, LogicalId),
    /// Every type, of every agreed view.
    Document,
}

pub(super) fn understand(service: &Service, ask: &Ask, caller: &Caller) -> Result<Question, Failure> {
    let query = match ask {
        Ask::Read { kind, id, pairs, lenient } => {
            search::of_a_read(pairs, *lenient).map_err(Failure::Query)?;
            let patient = service.sealer.open(id).map(|sealed| sealed.patient);
            return Ok(Question { patient, form: Form::Read(*kind, id.clone()) });
        }
        Ask::Document { id, pairs, lenient } => {
            search::of_a_read(pairs, *lenient).map_err(Failure::Query)?;
            let patient = service.sealer.open(id).filter(|opened| opened.is_patient).map(|opened| opened.patient);
            return Ok(Question { patient, form: Form::Document });
        }
        Ask::Search { kind, pairs, lenient } => match pairs.as_slice() {
            [(name, sealed)] if name == search::PAGE => {
                let query = resume(service, sealed, caller)?;
                // Where it is followed is what the AuditEvent says was asked for.
                if query.kind().unwrap_or(Kind::Patient) != *kind {
                    return Err(no_page());
                }
                query
            }
            _ => {
                let table = catalogue::table(*kind);
                Query::parse(*kind, table, pairs, *lenient, &service.sealer).map_err(Failure::Query)?
            }
        },
        Ask::Everything { id, pairs, lenient } => match pairs.as_slice() {
            [(name, sealed)] if name == search::PAGE => {
                let query = resume(service, sealed, caller)?;
                let whose = service.sealer.open(id).filter(|opened| opened.is_patient).map(|opened| opened.patient);
                if query.kind().is_some() || whose.map(PatientNamed::Known).as_ref() != Some(query.patient()) {
                    return Err(no_page());
                }
                query
            }
            _ => Query::everything(id, Kind::ALL, pairs, *lenient, &service.sealer).map_err(Failure::Query)?,
        },
    };
    let patient = match query.patient() {
        PatientNamed::Known(patient) => Some(*patient),
        PatientNamed::Unknown => None,
    };
    Ok(Question { patient, form: Form::Search(Box::new(query)) })
}

/// As many resources take longer to look through and to order than to hand over to another thread.
const MANY: usize = 2_000;

/// The page that is asked for. Off the async threads where the record is large, which would hold up everybody else's
/// requests.
async fn page(query: Box<Query>, pool: Vec<Arc<Released>>) -> Result<(Box<Query>, Page), Failure> {
    let many = pool.len() >= MANY;
    let work = move || {
        let page = search::run(&query, &pool).map_err(|_| Failure::PageExpired)?;
        Ok((query, page))
    };
    if !many {
        return work();
    }
    let broken = |_| Arc::new(GatewayError::Broken("the record could not be searched"));
    tokio::task::spawn_blocking(work).await.map_err(broken)?
}

/// What the views brought, in their order; but of an entry that two of them brought, the copy of a view of its own type
/// first. That view holds what the entry refers to (its contact, for one), which another need not.
fn pool(views: &[Arc<ReleasedView>]) -> Vec<Arc<Released>> {
    let brought = || views.iter().flat_map(|view| view.resources.iter().map(|resource| (view.view, resource)));
    let at_home = |(view, resource): &(View, &Arc<Released>)| catalogue::row(resource.kind()).own.contains(view);
    let strays = brought().filter(|one| !at_home(one));
    brought().filter(at_home).chain(strays).map(|(_, resource)| resource.clone()).collect()
}

/// A page link is for the same user of the same organisation; anybody else's is no parameter at all.
fn resume(service: &Service, sealed: &str, caller: &Caller) -> Result<Query, Failure> {
    let holder = holder(caller).ok_or_else(no_page)?;
    Query::from_cursor(sealed, catalogue::table, Kind::ALL, &service.sealer, &holder).map_err(|_| no_page())
}

fn no_page() -> Failure {
    Failure::Query(QueryError::invalid(search::PAGE))
}

fn holder(caller: &Caller) -> Option<Holder> {
    match &caller.role {
        SelectedRole::One(role) => Some(Holder { user: caller.user.clone(), organisation: role.organisation.clone() }),
        SelectedRole::Several | SelectedRole::None => None,
    }
}

impl Question {
    pub(super) fn is_operation(&self) -> bool {
        match &self.form {
            Form::Search(query) => query.kind().is_none(),
            Form::Read(..) => false,
            Form::Document => true,
        }
    }

    /// The types by which views are chosen.
    fn kinds(&self) -> Vec<Kind> {
        match &self.form {
            Form::Search(query) => query.kinds().to_vec(),
            Form::Read(kind, _) => vec![*kind],
            Form::Document => Kind::ALL.iter().copied().filter(|kind| !kind.is_referred_to()).collect(),
        }
    }

    /// What policy judges: scopes for every type that could come back, views of which one must be agreed.
    pub(super) fn asked(&self) -> Asked {
        let kinds = self.kinds();
        let (returnable, birth_date, searches) = match &self.form {
            Form::Search(query) => (query.returnable(), query.birth_date(), query.kind()),
            Form::Read(kind, _) => (vec![*kind], None, None),
            Form::Document => (Kind::ALL.to_vec(), None, None),
        };
        let permission = |kind: Kind| if searches == Some(kind) { Permission::Search } else { Permission::Read };
        Asked {
            patient: self.patient,
            birth_date,
            permissions: returnable.into_iter().map(|kind| (kind.as_str(), permission(kind))).collect(),
            wanted: catalogue::wanted(&kinds).into_iter().chain(self.also_read().iter().copied()).collect(),
            required: catalogue::required(&kinds),
            purpose: Purpose::Treatment,
        }
    }

    /// Views that a search of these types does not ask: of a read those that bring some of its type, of the document all.
    fn also_read(&self) -> &'static [View] {
        match &self.form {
            Form::Search(_) => &[],
            Form::Read(kind, _) => catalogue::row(*kind).also_read,
            Form::Document => View::ALL,
        }
    }

    /// Which agreed views to fetch, and what to say about the others.
    pub(super) fn plan(&self, agreed: &[View]) -> Result<(Vec<View>, Notes), Failure> {
        let mut notes = Notes::default();
        let mut fetch: Vec<View> = Vec::new();
        let kinds = self.kinds();
        for kind in &kinds {
            let Some(plan) = catalogue::plan(*kind, agreed) else {
                notes.left_out.push(*kind);
                continue;
            };
            fetch.extend(plan.fetch);
            notes.only_summary |= plan.only_summary;
            notes.outside_agreement.extend(plan.outside_agreement);
        }
        if notes.left_out.len() == kinds.len() {
            return Err(Refusal::NoAgreement.into());
        }
        let also = self.also_read().iter().filter(|view| agreed.contains(view));
        if matches!(self.form, Form::Document) {
            fetch.sort_unstable();
            fetch.dedup();
            // Last, so that an entry reads as `$everything` has it.
            let others: Vec<View> = also.filter(|view| !fetch.contains(view)).copied().collect();
            fetch.extend(others);
            notes.outside_agreement = View::ALL.iter().copied().filter(|view| !agreed.contains(view)).collect();
            return Ok((fetch, notes));
        }
        fetch.extend(also);
        fetch.sort_unstable();
        fetch.dedup();
        notes.outside_agreement.sort_unstable();
        notes.outside_agreement.dedup();
        Ok((fetch, notes))
    }

    pub(super) async fn answer(
        &self,
        service: &Service,
        attempt: &Attempt,
        views: &[Arc<ReleasedView>],
        mut notes: Notes,
    ) -> Result<Disclosed, Failure> {
        let pool = pool(views);
        notes.incomplete = views.iter().any(|view| !view.complete);
        let recorded_as_at = views.iter().map(|view| view.recorded_as_at).min();
        let oldest = service.clock.now() - service.bounds.stale_after;
        notes.notice = service.views.exclusions().notice();
        notes.stale = recorded_as_at.is_some_and(|at| at < oldest);
        match &self.form {
            Form::Read(kind, id) => match search::find(*kind, id, &pool) {
                Some(found) => Ok(Disclosed::Resource(found)),
                None if notes.incomplete => Err(Failure::Incomplete),
                None => Err(Failure::NotFound),
            },
            Form::Search(query) => {
                let mut query = query.clone();
                query.leave_out(&notes.left_out);
                notes.ignored = query.ignored().to_vec();
                let (query, page) = page(query, pool).await?;
                Ok(self.searchset(service, attempt.caller(), &query, page, notes, recorded_as_at))
            }
            Form::Document => {
                let (outside, left_out) = (notes.outside_agreement.clone(), notes.left_out.clone());
                // Off the async threads: a large record would hold up everybody else's requests.
                let composing = tokio::task::spawn_blocking(move || document::compose(&pool, &outside, &left_out));
                let broken = |_| Arc::new(GatewayError::Broken("the document could not be composed"));
                let document = composing.await.map_err(broken)?;
                Ok(Disclosed::Document(Box::new(Composed {
                    document,
                    identifier: attempt.id().to_owned(),
                    patient: self.patient.ok_or(Failure::NotFound)?,
                    at: service.clock.now(),
                    notes,
                    recorded_as_at,
                })))
            }
        }
    }

    fn searchset(
        &self,
        service: &Service,
        caller: &Caller,
        query: &Query,
        page: Page,
        notes: Notes,
        recorded_as_at: Option<OffsetDateTime>,
    ) -> Disclosed {
        let notes = Notes { notice: service.views.exclusions().notice(), ..notes };
        let next = holder(caller).and_then(|holder| page.next(&service.sealer, &holder));
        let path = match query.kind() {
            Some(kind) => kind.to_string(),
            None => match self.patient {
                Some(patient) => format!("Patient/{}/$everything", service.sealer.seal_patient(patient)),
                None => Kind::Patient.to_string(),
            },
        };
        Disclosed::Bundle(Box::new(Searchset { path, page, next, notes, recorded_as_at }))
    }

    /// A search of Patient answers 200 with total 0 for whoever is unknown, untraced, unregistered, sensitive or of
    /// another birth date, all alike (CONTRACT section 2). A read of an id that is none of ours misses like any other.
    pub(super) fn one_answer_for_all(
        &self,
        answer: Result<Disclosed, Failure>,
        service: &Service,
        caller: &Caller,
    ) -> Result<Disclosed, Failure> {
        match (&self.form, answer) {
            (Form::Search(query), Err(failure))
                if query.kind() == Some(Kind::Patient) && failure.is_unknown_patient() =>
            {
                let none = search::run(query, &[]).map_err(|_| Failure::PageExpired)?;
                Ok(self.searchset(service, caller, query, none, Notes::default(), None))
            }
            (Form::Read(..), Err(Failure::Refused(Refusal::PatientNotFound))) if self.patient.is_none() => {
                Err(Failure::NotFound)
            }
            (_, answer) => answer,
        }
    }
}
