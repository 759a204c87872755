//! A pull cursor over the children of OpenHR elements. What it hands out is borrowed from the document wherever no
//! reference, line end or white space changes it.
//!
//! Each element that [`Cursor::child`] hands out must be consumed by exactly one call: `skip`, a text reader, or a
//! loop over its own children until `None`.

use super::namespaces::Namespaces;
use super::xml::{Piece, Scanner, Start};
use super::{Limits, ReadError, scalars};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Whatever the setting says, the translations of a code nest no deeper: they are the one recursion.
const MAX_DEPTH: usize = 256;

/// The start of an OpenHR element.
pub(super) struct Tag<'a>(Start<'a>);

impl Tag<'_> {
    /// Its local name.
    pub(super) fn name(&self) -> &str {
        self.0.name.local()
    }

    /// Hands each attribute without a prefix to the given function, white space at the ends trimmed.
    pub(super) fn attributes(&self, mut each: impl FnMut(&str, Cow<'_, str>)) -> Result<(), ReadError> {
        self.0.attributes(|name, value| {
            if name.prefix().is_empty() && name.local() != "xmlns" {
                each(name.local(), trimmed(value));
            }
        })
    }

    /// One attribute with white space collapsed, where a source may write it as an element too.
    pub(super) fn token(&self, name: &str) -> Result<Option<String>, ReadError> {
        Ok(self.attribute(name)?.map(|text| scalars::collapsed(text.into())))
    }

    /// One attribute, absent when blank.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>, ReadError> {
        let mut found = None;
        self.attributes(|key, value| {
            if key == name && !value.is_empty() {
                found = Some(value.into_owned());
            }
        })?;
        Ok(found)
    }
}

/// Where the reader stands.
pub(super) struct Cursor<'a> {
    scanner: Scanner<'a>,
    namespaces: Namespaces<'a>,
    limit: usize,
    oddities: BTreeMap<&'static str, u64>,
}

impl<'a> Cursor<'a> {
    /// Checks the bounds and the characters, and stands before the root.
    pub(super) fn open(xml: &'a [u8], limits: Limits, ns: &str) -> Result<Self, ReadError> {
        if xml.len() > limits.bytes {
            return Err(ReadError::TooLarge);
        }
        let text = std::str::from_utf8(xml).map_err(|_| ReadError::Malformed)?;
        let (scanner, limit) = (Scanner::open(text)?, limits.depth.min(MAX_DEPTH));
        Ok(Self { scanner, namespaces: Namespaces::of(ns), limit, oddities: BTreeMap::new() })
    }

    /// Enters the root, which must have this name.
    pub(super) fn root(&mut self, name: &str) -> Result<(), ReadError> {
        let Piece::Start(start) = self.scanner.next()? else { return Err(ReadError::Malformed) };
        match self.enter(start)? {
            Some(tag) if tag.name() == name => Ok(()),
            _ => Err(ReadError::NotOpenHr),
        }
    }

    /// After the root: nothing may follow.
    pub(super) fn finish(&mut self) -> Result<(), ReadError> {
        self.scanner.finish()
    }

    /// The next OpenHR child of the element that is open, or `None` at its end. Children of other namespaces are
    /// skipped and counted; so is text that stands between children.
    pub(super) fn child(&mut self) -> Result<Option<Tag<'a>>, ReadError> {
        loop {
            let stray = match self.scanner.next()? {
                Piece::Start(start) => {
                    if let Some(tag) = self.enter(start)? {
                        return Ok(Some(tag));
                    }
                    self.odd("foreign-element");
                    self.skip()?;
                    false
                }
                Piece::End => {
                    self.namespaces.close(self.scanner.depth());
                    return Ok(None);
                }
                Piece::Text(text) => !text.chars().all(is_space),
                Piece::Character(c) => !is_space(c),
            };
            if stray {
                self.odd("stray-text");
            }
        }
    }

    /// Leaves the open element without looking at what it holds.
    pub(super) fn skip(&mut self) -> Result<(), ReadError> {
        let end = self.scanner.depth().saturating_sub(1);
        while self.scanner.depth() > end {
            match self.scanner.next()? {
                Piece::Start(start) => drop(self.enter(start)?),
                Piece::End => self.namespaces.close(self.scanner.depth()),
                Piece::Text(_) | Piece::Character(_) => {}
            }
        }
        Ok(())
    }

    /// Leaves an element that is not of the schema, counted.
    pub(super) fn skip_unknown(&mut self) -> Result<(), ReadError> {
        self.odd("unknown-element");
        self.skip()
    }

    /// The text of the open element up to its end, ends trimmed, line breaks kept; absent when blank.
    pub(super) fn text(&mut self) -> Result<Option<Cow<'a, str>>, ReadError> {
        let mut whole: Cow<'a, str> = Cow::Borrowed("");
        loop {
            match self.scanner.next()? {
                Piece::Text(text) if whole.is_empty() => whole = Cow::Borrowed(text),
                Piece::Text(text) => whole.to_mut().push_str(text),
                Piece::Character(c) => whole.to_mut().push(c),
                Piece::Start(start) => {
                    self.enter(start)?;
                    self.odd("element-in-text");
                    self.skip()?;
                }
                Piece::End => {
                    self.namespaces.close(self.scanner.depth());
                    return Ok(Some(trimmed(whole)).filter(|text| !text.is_empty()));
                }
            }
        }
    }

    /// The text with white space collapsed, as `xs:token`; absent when blank.
    pub(super) fn token(&mut self) -> Result<Option<String>, ReadError> {
        Ok(self.text()?.map(scalars::collapsed))
    }

    /// An id: trimmed, lower-cased; absent when blank.
    pub(super) fn id(&mut self) -> Result<Option<String>, ReadError> {
        Ok(self.text()?.map(|text| scalars::id(&text)))
    }

    /// Counts something odd by a fixed word.
    pub(super) fn odd(&mut self, word: &'static str) {
        *self.oddities.entry(word).or_default() += 1;
    }

    pub(super) fn into_oddities(self) -> BTreeMap<&'static str, u64> {
        self.oddities
    }

    /// An element that opens; nothing where it is not of OpenHR's namespace.
    fn enter(&mut self, start: Start<'a>) -> Result<Option<Tag<'a>>, ReadError> {
        let depth = self.scanner.depth();
        if depth > self.limit {
            return Err(ReadError::TooLarge);
        }
        if start.declares {
            self.namespaces.open(&start, depth)?;
        }
        Ok(self.namespaces.is_openhr(start.name.prefix())?.then_some(Tag(start)))
    }
}

/// White space of XML, and the no-break space that systems pad empty fields with.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{a0}')
}

fn trimmed(value: Cow<'_, str>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(is_space)),
        Cow::Owned(text) => {
            let inner = text.trim_matches(is_space);
            if inner.len() == text.len() { Cow::Owned(text) } else { Cow::Owned(inner.to_owned()) }
        }
    }
}
