//! Page links: what was understood, for whom, and how far it was read, sealed so that it names nobody to anyone else.

use super::parameter::Table;
use super::query::Query;
use crate::ids::{OdsCode, Sealer, UserId};
use crate::kinds::Kind;
use crate::release::Released;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Whom a page link is for: the same user of the same organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: UserId,
    /// The viewing organisation.
    pub organisation: OdsCode,
}

/// Why a page link is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not made here, or not whole.
    #[error("the page link is not one of this service")]
    Unreadable,
    /// Made for somebody else.
    #[error("the page link was made for another user")]
    NotTheHolder,
}

/// What may be shown has changed since the first page: start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what may be shown has changed since the first page")]
pub struct Expired;

/// Tells a page link from a logical id, which the same key seals, and from links of later forms.
const MARK: &[u8] = b"page/1 ";

/// How far a result was read, and what it was then.
#[derive(Debug, Clone)]
pub(super) struct Resumed {
    pub offset: usize,
    pub digest: String,
    pub sealed: String,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    /// The type; none for `$everything`.
    kind: Option<String>,
    user: String,
    organisation: String,
    pairs: Vec<(String, String)>,
    offset: usize,
    digest: String,
}

/// Seals the link to what follows.
pub(super) fn seal(query: &Query, offset: usize, digest: &str, sealer: &Sealer, holder: &Holder) -> Option<String> {
    let content = Sealed {
        kind: query.kind().map(|kind| kind.as_str().to_owned()),
        user: holder.user.to_string(),
        organisation: holder.organisation.to_string(),
        pairs: query.repeated(),
        offset,
        digest: digest.to_owned(),
    };
    let mut plain = MARK.to_vec();
    serde_json::to_writer(&mut plain, &content).ok()?;
    Some(sealer.seal_text(&plain))
}

/// Opens a link and reads its query again.
pub(super) fn open(
    text: &str,
    table: impl FnOnce(Kind) -> Table,
    offered: &[Kind],
    sealer: &Sealer,
    holder: &Holder,
) -> Result<Query, CursorError> {
    let plain = sealer.open_text(text).ok_or(CursorError::Unreadable)?;
    let plain = plain.strip_prefix(MARK).ok_or(CursorError::Unreadable)?;
    let content: Sealed = serde_json::from_slice(plain).map_err(|_| CursorError::Unreadable)?;
    if content.user != holder.user.as_str() || content.organisation != holder.organisation.as_str() {
        return Err(CursorError::NotTheHolder);
    }
    let resumed = Resumed { offset: content.offset, digest: content.digest, sealed: text.to_owned() };
    let query = match content.kind {
        Some(kind) => {
            let kind = Kind::parse(&kind).ok_or(CursorError::Unreadable)?;
            Query::parse(kind, table(kind), &content.pairs, false, sealer)
        }
        None => Query::resumed_everything(&content.pairs, offered, sealer),
    };
    Ok(query.map_err(|_| CursorError::Unreadable)?.resume(resumed))
}

/// The digest of a whole result, content included.
pub(super) fn digest<'r>(resources: impl Iterator<Item = &'r Released>) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for resource in resources {
        for part in [resource.kind().as_str().as_bytes(), resource.id().as_str().as_bytes(), resource.json()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
    }
    let mut text = String::new();
    for byte in context.finish().as_ref().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
