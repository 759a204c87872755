//! Read and search of a kept type that the register holds, written once: what differs between the types is [`KeptType`].

use super::extract::{self, Handling, Id, Parameters};
use super::kept::{self, Dealing};
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, answer, respond};
use crate::audit::Interaction;
use crate::disclose::Failure;
use crate::ids::{LogicalId, NhsNumber, Sealer};
use crate::policy::{Kept, Reach};
use crate::register::NHS_NUMBER;
use crate::register::slice::{MOST, Page, Place, Slice};
use crate::store::StoreError;
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// A kept type on the wire. Each call is made once the caller's reach is known.
pub trait KeptType: 'static {
    /// Which one.
    const KEPT: Kept;
    /// Its search parameters, out of `patient`, `patient.identifier`, `status`, `_id`, `identifier` and `_count`.
    const PARAMETERS: &'static [&'static str];
    /// What the register holds.
    type Stored: Send + Sync + 'static;

    /// For the ETag.
    fn version(stored: &Self::Stored) -> i64;
    /// Whose it is, for the audit.
    fn patient(stored: &Self::Stored) -> NhsNumber;
    /// The resource.
    fn resource(stored: &Self::Stored, sealer: &Sealer) -> Value;
    /// One, if it is there and within reach.
    fn read(
        app: &App,
        reach: &Reach,
        id: &LogicalId,
    ) -> impl Future<Output = Result<Option<Self::Stored>, Failure>> + Send;
    /// A page of those that match and are within reach.
    fn search(
        app: &App,
        reach: &Reach,
        wanted: &Wanted,
    ) -> impl Future<Output = Result<Page<Self::Stored>, Failure>> + Send;
}

/// What is searched for; an absent part matches all.
#[derive(Default)]
pub struct Wanted {
    /// Whose.
    pub patient: Option<NhsNumber>,
    /// By `_id`: none but this one.
    pub id: Option<String>,
    /// By an identifier, system and value.
    pub identifier: Option<(String, String)>,
    /// How much of it, and from where.
    pub slice: Slice,
    status: Option<String>,
}

impl Wanted {
    /// The status, as its type spells it.
    ///
    /// # Errors
    /// 400 for a word that is none of the type's.
    pub fn status<S>(&self, parse: impl FnOnce(&str) -> Option<S>) -> Result<Option<S>, Failure> {
        self.status.as_deref().map(|word| parse(word).ok_or_else(|| kept::invalid("status"))).transpose()
    }
}

/// The resource of an id, noted in the attempt, if it is there and within reach.
///
/// # Errors
/// The refusal, or 404.
pub async fn held<K: KeptType>(dealing: &mut Dealing, id: &str) -> Result<K::Stored, Failure> {
    dealing.attempt.note_id(id.to_owned());
    let reach = dealing.reach().await?;
    let id = LogicalId::parse(id).ok_or(Failure::NotFound)?;
    let stored = K::read(dealing.app(), &reach, &id).await?.ok_or(Failure::NotFound)?;
    dealing.attempt.note_patient(K::patient(&stored));
    Ok(stored)
}

/// Closes after a write that failed: who came too late is told the version that stands now.
pub async fn failed<K: KeptType>(dealing: Dealing, id: &str, error: StoreError) -> Rejection {
    if !matches!(error, StoreError::Conflict) {
        return dealing.failed(error).await;
    }
    let now = async {
        let reach = dealing.reach().await.ok()?;
        K::read(dealing.app(), &reach, &LogicalId::parse(id)?).await.ok()?
    };
    let version = now.await.map(|stored| K::version(&stored));
    dealing.refuse(Rejection::Conflict(version)).await
}

/// A stored resource as a response.
pub fn shown<K: KeptType>(app: &App, status: StatusCode, stored: &K::Stored, location: Option<&str>) -> Response {
    answer::kept(status, &K::resource(stored, &app.service.sealer), Some(K::version(stored)), location)
}

/// `GET [type]/[id]`.
pub async fn read<K: KeptType>(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let (asked, raw) = (extract::sent(&peer, None), format!("{}/{id}", K::KEPT.as_str()));
        let (mut dealing, _) = Dealing::open(&app, &peer, &headers, K::KEPT, Interaction::Read, raw, asked).await?;
        match held::<K>(&mut dealing, &id).await {
            Ok(stored) => Ok(shown::<K>(&app, StatusCode::OK, &dealing.answer(stored).await?.into_inner(), None)),
            Err(failure) => Err(dealing.refuse(failure.into()).await),
        }
    };
    respond(&peer, answer.await)
}

/// `GET [type]?…`.
pub async fn search<K: KeptType>(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = extract::sent(&peer, query.as_deref());
    answer::preferred(respond(&peer, searched::<K>(&app, &peer, &headers, asked).await), Handling::preferred(&headers))
}

/// `POST [type]/_search`.
pub async fn search_by_form<K: KeptType>(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asked = extract::form_parameters(&peer, &headers, query.as_deref(), body);
    answer::preferred(respond(&peer, searched::<K>(&app, &peer, &headers, asked).await), Handling::preferred(&headers))
}

async fn searched<K: KeptType>(
    app: &Arc<App>,
    peer: &Peer,
    headers: &HeaderMap,
    asked: impl Future<Output = Result<Parameters, Rejection>>,
) -> Result<Response, Rejection> {
    let path = K::KEPT.as_str().to_owned();
    let (mut dealing, pairs) = Dealing::open(app, peer, headers, K::KEPT, Interaction::Search, path, asked).await?;
    let pairs = kept::heeded(pairs, headers, |name| name == PAGE || K::PARAMETERS.contains(&name));
    match matching::<K>(&mut dealing, &pairs).await {
        Ok(found) => {
            let (asked, page) = dealing.answer(found).await?.into_inner();
            let resources = page.found.iter().map(|stored| K::resource(stored, &app.service.sealer)).collect();
            let kind = K::KEPT.as_str();
            let next = page.next.and_then(|after| PageLink { kind: kind.to_owned(), asked, after }.seal(app));
            let bundle = kept::page(app, peer.wishes.now(), kind, &pairs, resources, (page.total, next));
            Ok(answer::kept(StatusCode::OK, &bundle, None, None))
        }
        Err(failure) => Err(dealing.refuse(failure.into()).await),
    }
}

/// What the link to a next page seals: it says nothing else, since what was asked may name a patient. Who may see what is
/// decided anew on each page.
#[derive(Serialize, Deserialize)]
struct PageLink {
    kind: String,
    asked: Vec<(String, String)>,
    after: Place,
}

/// Tells such a link from everything else that the same key seals.
const MARK: &[u8] = b"kept/1 ";
/// The parameter of a page link.
const PAGE: &str = "_page";

impl PageLink {
    fn seal(&self, app: &App) -> Option<String> {
        let mut plain = MARK.to_vec();
        serde_json::to_writer(&mut plain, self).ok()?;
        Some(app.service.sealer.seal_text(&plain))
    }

    fn open(app: &App, kind: &str, text: &str) -> Option<Self> {
        let plain = app.service.sealer.open_text(text)?;
        serde_json::from_slice(plain.strip_prefix(MARK)?).ok().filter(|link: &Self| link.kind == kind)
    }
}

/// What was asked, on the first page of it, and a page of what matches.
async fn matching<K: KeptType>(
    dealing: &mut Dealing,
    pairs: &[(String, String)],
) -> Result<(Vec<(String, String)>, Page<K::Stored>), Failure> {
    let reach = dealing.reach().await?;
    let (asked, after) = match pairs {
        [(name, value)] if name == PAGE => {
            let link = PageLink::open(dealing.app(), K::KEPT.as_str(), value).ok_or_else(|| kept::invalid(PAGE))?;
            (link.asked, Some(link.after))
        }
        pairs if pairs.iter().any(|(name, _)| name == PAGE) => return Err(kept::invalid(PAGE)),
        pairs => (pairs.to_vec(), None),
    };
    let mut wanted = Wanted { slice: Slice { count: None, after }, ..Wanted::default() };
    for (name, value) in &asked {
        if !K::PARAMETERS.contains(&name.as_str()) {
            return Err(kept::unknown(name));
        }
        // One of two would win, and nobody be told which.
        let again = if name == "_count" {
            let count = value.parse().ok().filter(|count| *count <= MOST);
            wanted.slice.count.replace(count.ok_or_else(|| kept::invalid(name))?).is_some()
        } else if name == "status" {
            kept::names_nobody(name, value)?;
            wanted.status.replace(value.clone()).is_some()
        } else if name == "_id" {
            kept::names_nobody(name, value)?;
            wanted.id.replace(value.clone()).is_some()
        } else if name == "identifier" {
            let (system, key) = value.split_once('|').ok_or_else(|| kept::invalid(name))?;
            kept::names_nobody(name, system)?;
            // A key of another system may look like an NHS number.
            if matches!(system, "" | NHS_NUMBER) {
                kept::names_nobody(name, key)?;
            }
            wanted.identifier.replace((system.to_owned(), key.to_owned())).is_some()
        } else {
            wanted.patient.replace(kept::patient(&dealing.app().service.sealer, name, value)?).is_some()
        };
        if again {
            return Err(kept::invalid(name));
        }
    }
    if let Some(patient) = wanted.patient {
        dealing.attempt.note_patient(patient);
    }
    let page = K::search(dealing.app(), &reach, &wanted).await?;
    Ok((asked, page))
}
