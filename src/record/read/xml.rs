//! The XML that a record may be written in, scanned once and handed out in pieces that are borrowed from the document.
//!
//! Well-formed XML 1.0 in UTF-8, and less: no DTD, no processing instruction, no entity but the five predefined ones.
//! That leaves so little that scanning it takes a fraction of what a general reader takes, which reads any record that is
//! fetched. Every start tag is read to its end, whether or not anybody asks for its attributes. `tests/fuzz` holds this
//! scanner against two general XML parsers.

use super::ReadError;
use std::borrow::Cow;

/// No OpenHR element has more than a handful; doubled names are found by comparing each with all before it.
const MAX_ATTRIBUTES: usize = 32;

/// The next piece of a document.
pub(super) enum Piece<'a> {
    /// A start tag.
    Start(Start<'a>),
    /// An end tag, or the end of an empty element.
    End,
    /// Text up to the next markup, reference or carriage return.
    Text(&'a str),
    /// What a reference stands for, or a line end that was not written as a line feed.
    Character(char),
}

/// A start tag.
pub(super) struct Start<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// Whether it declares a namespace.
    pub declares: bool,
    attributes: &'a str,
}

/// A name as written.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    whole: &'a str,
    /// Of the prefix and the colon.
    head: usize,
}

/// One attribute: what stands between the quotes, and whether that is the value as it is.
struct Attribute<'a> {
    name: Name<'a>,
    raw: &'a str,
    plain: bool,
}

/// A set of bytes, to be looked up in one step.
struct Bytes([bool; 256]);

/// What ends a name, or its prefix. Names beyond ASCII are not judged further.
const NAME_END: Bytes = Bytes::name_end();
/// What ends a run of text.
const TEXT_END: Bytes = Bytes::of(b"<&]\r");
/// What ends a value, or makes it other than it is written.
const VALUE_END: Bytes = Bytes::of(b"\"'<&\t\n\r");

/// Where the scan stands.
pub(super) struct Scanner<'a> {
    rest: &'a str,
    /// What is left of a CDATA section.
    data: &'a str,
    /// Names of the elements that are open.
    open: Vec<&'a str>,
    /// Whether the element that opened last was empty.
    empty: bool,
}

impl<'a> Scanner<'a> {
    /// Checks every character, and stands before the root.
    pub(super) fn open(text: &'a str) -> Result<Self, ReadError> {
        // By the piece, without leaving early, so that the machine compares many bytes at once. 0xEF begins the two
        // characters that XML leaves out, and few others.
        let doubtful = |b: u8| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0xef;
        let in_doubt = |piece: &[u8]| piece.iter().fold(false, |found, b| found | doubtful(*b));
        if text.as_bytes().chunks(1024).any(in_doubt) && !text.chars().all(is_allowed) {
            return Err(ReadError::Malformed);
        }
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut scanner = Self { rest, data: "", open: Vec::new(), empty: false };
        if let Some(rest) = scanner.rest.strip_prefix("<?xml").filter(|rest| rest.starts_with(is_white)) {
            let (declaration, rest) = rest.split_once("?>").ok_or(ReadError::Malformed)?;
            check_declaration(declaration)?;
            scanner.rest = rest;
        }
        scanner.between()?;
        Ok(scanner)
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next piece inside the root, or the root. Comments are passed over.
    pub(super) fn next(&mut self) -> Result<Piece<'a>, ReadError> {
        if self.empty {
            self.empty = false;
            self.open.pop();
            return Ok(Piece::End);
        }
        loop {
            if !self.data.is_empty() {
                return self.piece_of_data();
            }
            match self.rest.as_bytes() {
                [b'<', b'/', ..] => return self.end(),
                [b'<', b'!', b'-', ..] => self.comment()?,
                [b'<', b'!', ..] => self.data()?,
                [b'<', b'?', ..] | [] => return Err(ReadError::Malformed),
                [b'<', ..] => return self.start(),
                [b'&', ..] => return self.character(),
                [b'\r', ..] => {
                    self.rest = after_line_end(self.rest);
                    return Ok(Piece::Character('\n'));
                }
                _ => return self.text(),
            }
        }
    }

    /// After the root: nothing but comments and white space may follow.
    pub(super) fn finish(&mut self) -> Result<(), ReadError> {
        self.between()?;
        if self.rest.is_empty() { Ok(()) } else { Err(ReadError::Malformed) }
    }

    /// Passes over comments and white space, which is all that may stand outside the root.
    fn between(&mut self) -> Result<(), ReadError> {
        loop {
            self.rest = self.rest.trim_start_matches(is_white);
            if !self.rest.starts_with("<!--") {
                return Ok(());
            }
            self.comment()?;
        }
    }

    fn comment(&mut self) -> Result<(), ReadError> {
        let inner = self.rest.strip_prefix("<!--").ok_or(ReadError::Malformed)?;
        let (_, rest) = inner.split_once("--").ok_or(ReadError::Malformed)?;
        self.rest = rest.strip_prefix('>').ok_or(ReadError::Malformed)?;
        Ok(())
    }

    fn data(&mut self) -> Result<(), ReadError> {
        let inner = self.rest.strip_prefix("<![CDATA[").ok_or(ReadError::Malformed)?;
        (self.data, self.rest) = inner.split_once("]]>").ok_or(ReadError::Malformed)?;
        Ok(())
    }

    fn piece_of_data(&mut self) -> Result<Piece<'a>, ReadError> {
        let length = self.data.find('\r').unwrap_or(self.data.len());
        if length == 0 {
            self.data = after_line_end(self.data);
            return Ok(Piece::Character('\n'));
        }
        let (piece, left) = self.data.split_at_checked(length).ok_or(ReadError::Malformed)?;
        self.data = left;
        Ok(Piece::Text(piece))
    }

    fn text(&mut self) -> Result<Piece<'a>, ReadError> {
        let bytes = self.rest.as_bytes();
        let mut end = TEXT_END.first_in(bytes);
        while let Some([b']', after @ ..]) = bytes.get(end..) {
            if after.starts_with(b"]>") {
                return Err(ReadError::Malformed);
            }
            end += 1 + TEXT_END.first_in(after);
        }
        // The document does not end with text; `next` would say so, and does.
        self.take(end).map(Piece::Text)
    }

    fn character(&mut self) -> Result<Piece<'a>, ReadError> {
        let (character, rest) = reference(self.rest)?;
        self.rest = rest;
        Ok(Piece::Character(character))
    }

    fn end(&mut self) -> Result<Piece<'a>, ReadError> {
        let name = self.open.pop().ok_or(ReadError::Malformed)?;
        let rest = self.rest.strip_prefix("</").and_then(|rest| rest.strip_prefix(name)).ok_or(ReadError::Malformed)?;
        let rest = rest.strip_prefix('>').or_else(|| rest.trim_start_matches(is_white).strip_prefix('>'));
        self.rest = rest.ok_or(ReadError::Malformed)?;
        Ok(Piece::End)
    }

    fn start(&mut self) -> Result<Piece<'a>, ReadError> {
        self.take(1)?;
        let name = Name::at(self.rest)?;
        self.take(name.whole.len())?;
        let before = self.rest;
        let declares = !self.rest.starts_with('>') && self.read_attributes()?;
        let attributes = before.get(..before.len() - self.rest.len()).unwrap_or_default();
        self.empty = match self.rest.as_bytes() {
            [b'>', ..] => self.take(1).map(|_| false)?,
            [b'/', b'>', ..] => self.take(2).map(|_| true)?,
            _ => return Err(ReadError::Malformed),
        };
        self.open.push(name.whole);
        Ok(Piece::Start(Start { name, declares, attributes }))
    }

    /// Reads attributes up to the end of the tag; whether there is a declaration of a namespace among them.
    fn read_attributes(&mut self) -> Result<bool, ReadError> {
        let mut names = [""; MAX_ATTRIBUTES];
        let mut declares = false;
        for count in 0..=MAX_ATTRIBUTES {
            let Some((attribute, rest)) = attribute(self.rest)? else {
                self.rest = self.rest.trim_start_matches(is_white);
                return Ok(declares);
            };
            if names.iter().take(count).any(|known| *known == attribute.name.whole) {
                return Err(ReadError::Malformed);
            }
            if !attribute.plain {
                attribute.value()?;
            }
            *names.get_mut(count).ok_or(ReadError::TooLarge)? = attribute.name.whole;
            declares |= attribute.name.whole.starts_with("xmlns");
            self.rest = rest;
        }
        Err(ReadError::TooLarge)
    }

    /// Takes so many bytes off the rest.
    fn take(&mut self, length: usize) -> Result<&'a str, ReadError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(ReadError::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> Start<'a> {
    /// Hands each attribute, its name and its value normalised, to the given function.
    pub(super) fn attributes(&self, mut each: impl FnMut(Name<'a>, Cow<'a, str>)) -> Result<(), ReadError> {
        let mut rest = self.attributes;
        while let Some((attribute, left)) = attribute(rest)? {
            each(attribute.name, attribute.value()?);
            rest = left;
        }
        Ok(())
    }
}

/// The attribute at the head of this text, and what follows it; nothing at the end of the tag.
fn attribute(text: &str) -> Result<Option<(Attribute<'_>, &str)>, ReadError> {
    let trimmed = text.trim_start_matches(is_white);
    if matches!(trimmed.as_bytes(), [] | [b'>' | b'/', ..]) {
        return Ok(None);
    }
    let malformed = ReadError::Malformed;
    // White space must stand before it.
    let name = if trimmed.len() < text.len() { Name::at(trimmed)? } else { return Err(malformed) };
    let rest = trimmed.get(name.whole.len()..).unwrap_or_default().trim_start_matches(is_white);
    let rest = rest.strip_prefix('=').ok_or(malformed)?.trim_start_matches(is_white);
    let (quote, rest) = rest.split_at_checked(1).filter(|(quote, _)| matches!(*quote, "\"" | "'")).ok_or(malformed)?;
    let bytes = rest.as_bytes();
    let (mut end, mut plain) = (VALUE_END.first_in(bytes), true);
    loop {
        match bytes.get(end..) {
            Some(left) if left.starts_with(quote.as_bytes()) => break,
            Some([b'"' | b'\'', left @ ..]) => end += 1 + VALUE_END.first_in(left),
            Some([b'&' | b'\t' | b'\n' | b'\r', left @ ..]) => {
                plain = false;
                end += 1 + VALUE_END.first_in(left);
            }
            _ => return Err(malformed),
        }
    }
    let (raw, rest) = rest.split_at_checked(end).ok_or(malformed)?;
    Ok(Some((Attribute { name, raw, plain }, rest.get(1..).unwrap_or_default())))
}

impl<'a> Attribute<'a> {
    /// The value with references resolved and each white space character a space (XML 1.0, section 3.3.3).
    fn value(&self) -> Result<Cow<'a, str>, ReadError> {
        if self.plain {
            return Ok(Cow::Borrowed(self.raw));
        }
        let (mut out, mut rest) = (String::with_capacity(self.raw.len()), self.raw);
        while let Some(c) = rest.chars().next() {
            let (c, left) = match c {
                '&' => reference(rest)?,
                '\r' => (' ', after_line_end(rest)),
                '\t' | '\n' => (' ', rest.get(1..).unwrap_or_default()),
                c => (c, rest.get(c.len_utf8()..).unwrap_or_default()),
            };
            out.push(c);
            rest = left;
        }
        Ok(Cow::Owned(out))
    }
}

/// What the reference at the head of this text stands for, and what follows it: one of the five predefined entities, or a
/// character that XML allows; nothing else.
fn reference(text: &str) -> Result<(char, &str), ReadError> {
    let (name, rest) = text.strip_prefix('&').and_then(|text| text.split_once(';')).ok_or(ReadError::Malformed)?;
    let digits = |text: &str, radix| {
        let all = !text.is_empty() && text.bytes().all(|b| char::from(b).is_digit(radix));
        all.then(|| u32::from_str_radix(text, radix).ok()).flatten().and_then(char::from_u32).filter(|c| is_allowed(*c))
    };
    let character = match (name, name.strip_prefix("#x"), name.strip_prefix('#')) {
        ("lt", ..) => Some('<'),
        ("gt", ..) => Some('>'),
        ("amp", ..) => Some('&'),
        ("apos", ..) => Some('\''),
        ("quot", ..) => Some('"'),
        (_, Some(hex), _) => digits(hex, 16),
        (_, None, Some(decimal)) => digits(decimal, 10),
        _ => None,
    };
    character.map(|character| (character, rest)).ok_or(ReadError::Malformed)
}

/// `version`, then perhaps `encoding`, then perhaps `standalone` (XML 1.0, section 2.8).
fn check_declaration(text: &str) -> Result<(), ReadError> {
    let (mut rest, mut names) = (text, ["version", "encoding", "standalone"].into_iter());
    while let Some((attribute, left)) = attribute(rest)? {
        let fits = match attribute.name.whole {
            "version" => attribute.raw.starts_with("1."),
            "encoding" => ["utf-8", "us-ascii"].iter().any(|known| attribute.raw.eq_ignore_ascii_case(known)),
            _ => matches!(attribute.raw, "yes" | "no"),
        };
        // Each at most once, in this order; a version there must be.
        let known = names.by_ref().find(|name| *name == attribute.name.whole || *name == "version");
        if !fits || known != Some(attribute.name.whole) {
            return Err(ReadError::Malformed);
        }
        rest = left;
    }
    let complete = names.len() < 3 && rest.trim_start_matches(is_white).is_empty();
    if complete { Ok(()) } else { Err(ReadError::Malformed) }
}

impl<'a> Name<'a> {
    /// The name at the head of this text.
    fn at(text: &'a str) -> Result<Self, ReadError> {
        let (mut length, mut head) = (part_length(text)?, 0);
        if let Some(local) = text.get(length..).and_then(|rest| rest.strip_prefix(':')) {
            head = length + 1;
            length = head + part_length(local)?;
        }
        Ok(Self { whole: text.get(..length).unwrap_or_default(), head })
    }

    /// Its prefix, empty for none.
    pub(super) fn prefix(&self) -> &'a str {
        self.whole.get(..self.head.saturating_sub(1)).unwrap_or_default()
    }

    /// What follows the prefix.
    pub(super) fn local(&self) -> &'a str {
        self.whole.get(self.head..).unwrap_or_default()
    }
}

/// How long the part of a name at the head of this text is, up to a colon or the name's end.
fn part_length(text: &str) -> Result<usize, ReadError> {
    let length = NAME_END.first_in(text.as_bytes());
    let begins = text.bytes().next().is_some_and(|b| !b.is_ascii_digit() && !matches!(b, b'-' | b'.'));
    if begins && length > 0 { Ok(length) } else { Err(ReadError::Malformed) }
}

/// What follows the carriage return, and the line feed of the same line end, at the head of this text.
fn after_line_end(text: &str) -> &str {
    text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\r')).unwrap_or(text)
}

impl Bytes {
    const fn of(list: &[u8]) -> Self {
        let (mut set, mut at) = ([false; 256], 0);
        while at < list.len() {
            set[list[at] as usize] = true;
            at += 1;
        }
        Self(set)
    }

    const fn name_end() -> Self {
        let (mut set, mut byte) = ([false; 256], 0_u8);
        while byte < 128 {
            set[byte as usize] = !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
            byte += 1;
        }
        Self(set)
    }

    /// Where the first of them stands; the end where there is none.
    fn first_in(&self, text: &[u8]) -> usize {
        let is_one = |b: &u8| self.0.get(usize::from(*b)).copied().unwrap_or_default();
        text.iter().position(is_one).unwrap_or(text.len())
    }
}

/// White space of XML.
fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}
