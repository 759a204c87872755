//! A pull cursor over the children of OpenHR elements. The only code that names the XML library in this stage.
//!
//! Each element that [`Cursor::child`] hands out must be consumed by exactly one call: `skip`, a text reader, or a
//! loop over its own children until `None`.

use super::{Limits, ReadError};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// No OpenHR element has more than a handful; the check for doubled attributes compares each with all before it.
const MAX_ATTRIBUTES: usize = 64;
/// Whatever the setting says, the translations of a code nest no deeper: they are the one recursion.
const MAX_DEPTH: usize = 256;

/// The start of an OpenHR element.
pub(super) struct Tag<'a>(BytesStart<'a>);

impl Tag<'_> {
    /// Its local name.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// Hands each attribute without a prefix to the given function, white space at the ends trimmed.
    pub(super) fn attributes(&self, mut each: impl FnMut(&str, Cow<'_, str>)) -> Result<(), ReadError> {
        for (count, attribute) in self.0.attributes().enumerate() {
            if count >= MAX_ATTRIBUTES {
                return Err(ReadError::TooLarge);
            }
            let attribute = attribute.map_err(|_| ReadError::Malformed)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| ReadError::Malformed)?;
            // A literal `<` is forbidden in a value; one that came from a reference is not. Only a reference can bring
            // in a character that the whole document was not already searched for.
            let foreign = matches!(value, Cow::Owned(_)) && value.chars().any(|c| !is_xml_char(c));
            if foreign || attribute.value.contains('<') {
                return Err(ReadError::Malformed);
            }
            let key = attribute.key.into_inner();
            if !key.contains(':') && key != "xmlns" {
                each(key, trimmed(value));
            }
        }
        Ok(())
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
    reader: NsReader<&'a [u8]>,
    /// The namespace of what is read.
    ns: String,
    depth: usize,
    limit: usize,
    oddities: BTreeMap<&'static str, u64>,
}

enum Step<'a> {
    /// An element, and whether it is of OpenHR's namespace.
    Start(BytesStart<'a>, bool),
    Text(Cow<'a, str>),
    End,
}

impl<'a> Cursor<'a> {
    /// Checks the bounds and the characters, and stands before the root.
    pub(super) fn open(xml: &'a [u8], limits: Limits, ns: &str) -> Result<Self, ReadError> {
        if xml.len() > limits.bytes {
            return Err(ReadError::TooLarge);
        }
        let text = std::str::from_utf8(xml).map_err(|_| ReadError::Malformed)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.bytes().any(|b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) {
            return Err(ReadError::Malformed);
        }
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().check_comments = true;
        Ok(Self { reader, ns: ns.to_owned(), depth: 0, limit: limits.depth.min(MAX_DEPTH), oddities: BTreeMap::new() })
    }

    /// Enters the root, which must have this name.
    pub(super) fn root(&mut self, name: &str) -> Result<(), ReadError> {
        loop {
            let (ns, event) = self.reader.read_resolved_event().map_err(|_| ReadError::Malformed)?;
            match event {
                Event::Decl(decl) => match decl.encoding() {
                    None => {}
                    Some(Ok(encoding))
                        if encoding.eq_ignore_ascii_case("utf-8") || encoding.eq_ignore_ascii_case("us-ascii") => {}
                    Some(_) => return Err(ReadError::Malformed),
                },
                Event::Comment(_) => {}
                Event::Text(text) if text.chars().all(is_space) => {}
                Event::Start(start) => {
                    let openhr = is_of(&ns, &self.ns);
                    if !openhr || start.local_name().into_inner() != name {
                        return Err(ReadError::NotOpenHr);
                    }
                    self.depth = 1;
                    return if self.limit == 0 { Err(ReadError::TooLarge) } else { Ok(()) };
                }
                _ => return Err(ReadError::Malformed),
            }
        }
    }

    /// After the root: nothing may follow.
    pub(super) fn finish(&mut self) -> Result<(), ReadError> {
        loop {
            match self.reader.read_event().map_err(|_| ReadError::Malformed)? {
                Event::Eof => return Ok(()),
                Event::Comment(_) => {}
                Event::Text(text) if text.chars().all(is_space) => {}
                _ => return Err(ReadError::Malformed),
            }
        }
    }

    /// The next OpenHR child of the element that is open, or `None` at its end. Children of other namespaces are
    /// skipped and counted; so is text that stands between children.
    pub(super) fn child(&mut self) -> Result<Option<Tag<'a>>, ReadError> {
        loop {
            match self.step()? {
                Step::Start(start, true) => return Ok(Some(Tag(start))),
                Step::Start(_, false) => {
                    self.odd("foreign-element");
                    self.skip()?;
                }
                Step::Text(text) => {
                    if !text.chars().all(is_space) {
                        self.odd("stray-text");
                    }
                }
                Step::End => return Ok(None),
            }
        }
    }

    /// Leaves the open element without looking at what it holds.
    pub(super) fn skip(&mut self) -> Result<(), ReadError> {
        let end = self.depth - 1;
        while self.depth > end {
            self.step()?;
        }
        Ok(())
    }

    /// Leaves an element that is not of the schema, counted.
    pub(super) fn skip_unknown(&mut self) -> Result<(), ReadError> {
        self.odd("unknown-element");
        self.skip()
    }

    /// The text of the open element up to its end, ends trimmed, line breaks kept; absent when blank.
    pub(super) fn text(&mut self) -> Result<Option<String>, ReadError> {
        let mut whole: Cow<'a, str> = Cow::Borrowed("");
        loop {
            match self.step()? {
                Step::Start(..) => {
                    self.odd("element-in-text");
                    self.skip()?;
                }
                Step::Text(text) if whole.is_empty() => whole = text,
                Step::Text(text) => whole.to_mut().push_str(&text),
                Step::End => {
                    let text = whole.trim_matches(is_space);
                    return Ok((!text.is_empty()).then(|| text.to_owned()));
                }
            }
        }
    }

    /// The text with white space collapsed, as `xs:token`; absent when blank.
    pub(super) fn token(&mut self) -> Result<Option<String>, ReadError> {
        Ok(self.text()?.map(|text| super::scalars::collapsed(&text)))
    }

    /// An id: trimmed, lower-cased; absent when blank.
    pub(super) fn id(&mut self) -> Result<Option<String>, ReadError> {
        Ok(self.text()?.map(|text| super::scalars::id(&text)))
    }

    /// Counts something odd by a fixed word.
    pub(super) fn odd(&mut self, word: &'static str) {
        *self.oddities.entry(word).or_default() += 1;
    }

    pub(super) fn into_oddities(self) -> BTreeMap<&'static str, u64> {
        self.oddities
    }

    fn step(&mut self) -> Result<Step<'a>, ReadError> {
        loop {
            let event = self.reader.read_event().map_err(|_| ReadError::Malformed)?;
            return Ok(match event {
                Event::Start(start) => {
                    if self.depth >= self.limit {
                        return Err(ReadError::TooLarge);
                    }
                    self.depth += 1;
                    let (ns, _) = self.reader.resolver().resolve_element(start.name());
                    if matches!(ns, ResolveResult::Unknown(_)) {
                        return Err(ReadError::Malformed);
                    }
                    let openhr = is_of(&ns, &self.ns);
                    Step::Start(start, openhr)
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Step::End
                }
                Event::Text(text) => Step::Text(text.xml10_content()),
                Event::CData(data) => Step::Text(data.xml10_content()),
                Event::GeneralRef(reference) => Step::Text(Cow::Owned(resolved(&reference)?.to_string())),
                Event::Comment(_) => continue,
                Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {
                    return Err(ReadError::Malformed);
                }
            });
        }
    }
}

/// The five predefined entities and character references to characters that XML allows; nothing else.
fn resolved(reference: &BytesRef<'_>) -> Result<char, ReadError> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| ReadError::Malformed)? {
        return if is_xml_char(c) { Ok(c) } else { Err(ReadError::Malformed) };
    }
    match &**reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(ReadError::Malformed),
    }
}

fn is_of(ns: &ResolveResult<'_>, wanted: &str) -> bool {
    matches!(ns, ResolveResult::Bound(ns) if ns.0 == wanted)
}

fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// White space of XML, and the no-break space that systems pad empty fields with.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{a0}')
}

fn trimmed(value: Cow<'_, str>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(is_space)),
        Cow::Owned(text) => Cow::Owned(text.trim_matches(is_space).to_owned()),
    }
}
