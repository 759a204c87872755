//! Streams an answer: a tree of everything but the record, which stays a span of the bytes received.

use super::{DEPTH, Node, XmlError, collapse, escape_attribute, is_of_xml, text_of};
use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{NamespaceResolver, PrefixDeclaration, ResolveResult};
use std::ops::Range;

/// The record inside an answer, as a span of the bytes received.
pub struct Embedded {
    /// From `<` to the end of the end tag.
    pub span: Range<usize>,
    /// Where the start tag's name ends, for declarations to be put in.
    name_end: usize,
    /// Declarations of ancestors that the start tag does not make itself: prefix (empty for the default) and namespace.
    inherited: Vec<(String, String)>,
}

impl Embedded {
    /// The record as a document of its own. Copies only where a declaration of an ancestor is in use.
    #[must_use]
    pub fn cut(&self, answer: &bytes::Bytes) -> bytes::Bytes {
        let whole = answer.get(self.span.clone()).unwrap_or_default();
        let text = std::str::from_utf8(whole).unwrap_or_default();
        let used: Vec<_> = self
            .inherited
            .iter()
            .filter(|(prefix, _)| prefix.is_empty() || text.contains(&format!("{prefix}:")))
            .collect();
        if used.is_empty() || self.span.end > answer.len() {
            return if self.span.end > answer.len() { bytes::Bytes::new() } else { answer.slice(self.span.clone()) };
        }
        let (head, tail) = text.split_at(self.name_end.saturating_sub(self.span.start).min(text.len()));
        let mut out = String::with_capacity(text.len() + 128 * used.len());
        out.push_str(head);
        for (prefix, ns) in used {
            out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            out.push_str(prefix);
            out.push_str("=\"");
            escape_attribute(&mut out, ns);
            out.push('"');
        }
        out.push_str(tail);
        out.into()
    }
}

/// Streams an answer into a tree, leaving elements of the given name as spans.
///
/// # Errors
/// [`XmlError`].
pub fn scan(bytes: &[u8], (skip_ns, skip_name): (&str, &str)) -> Result<(Node, Vec<Embedded>), XmlError> {
    let text = text_of(bytes)?;
    let offset = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let text = text.get(offset..).unwrap_or_default();
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let position = |reader: &NsReader<&[u8]>| usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
    let mut open: Vec<Node> = Vec::new();
    let mut embedded = Vec::new();
    let mut root = None;
    loop {
        let before = position(&reader);
        match reader.read_event().map_err(|_| XmlError::Malformed)? {
            Event::Start(start) => {
                if open.len() >= DEPTH || root.is_some() {
                    return Err(XmlError::Malformed);
                }
                let node = element(reader.resolver(), &start)?;
                if node.is(skip_ns, skip_name) {
                    let inherited = inherited(reader.resolver(), &start);
                    let name_end = offset + before + 1 + start.name().into_inner().len();
                    let end = start.to_end().into_owned();
                    reader.read_to_end(end.name()).map_err(|_| XmlError::Malformed)?;
                    let span = offset + before..offset + position(&reader);
                    embedded.push(Embedded { span, name_end, inherited });
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(node);
                    }
                } else {
                    open.push(node);
                }
            }
            Event::End(_) => {
                let node = open.pop().ok_or(XmlError::Malformed)?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => root = Some(node),
                }
            }
            Event::Text(piece) => add(&mut open, &piece.xml10_content())?,
            Event::CData(piece) => add(&mut open, &piece.xml10_content())?,
            Event::GeneralRef(reference) => {
                let known = reference.resolve_char_ref().map_err(|_| XmlError::Malformed)?.or_else(|| match reference
                    .xml10_content()
                    .as_ref()
                {
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "amp" => Some('&'),
                    "apos" => Some('\''),
                    "quot" => Some('"'),
                    _ => None,
                });
                let known = known.filter(|c| is_of_xml(*c)).ok_or(XmlError::Forbidden)?;
                add(&mut open, known.encode_utf8(&mut [0; 4]))?;
            }
            Event::PI(_) | Event::DocType(_) => return Err(XmlError::Forbidden),
            Event::Comment(_) | Event::Decl(_) => {}
            Event::Empty(_) => return Err(XmlError::Malformed),
            Event::Eof => break,
        }
    }
    match (root, open.is_empty()) {
        (Some(root), true) => Ok((root, embedded)),
        _ => Err(XmlError::Malformed),
    }
}

fn add(open: &mut [Node], text: &str) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(node) => node.text.push_str(text),
        None if collapse(text).is_empty() => {}
        None => return Err(XmlError::Malformed),
    }
    Ok(())
}

fn namespace(result: &ResolveResult<'_>) -> Result<String, XmlError> {
    match result {
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Bound(ns) => Ok(ns.into_inner().to_owned()),
        ResolveResult::Unknown(_) => Err(XmlError::Malformed),
    }
}

/// Whether a name is one of Namespaces in XML: a local part, with at most one prefix. The library resolves others too, and
/// not as the other parser does.
fn is_qualified(name: &str) -> bool {
    name.matches(':').count() <= 1 && name.split(':').all(|part| !part.is_empty())
}

fn element(resolver: &NamespaceResolver, start: &BytesStart<'_>) -> Result<Node, XmlError> {
    if !is_qualified(start.name().into_inner()) {
        return Err(XmlError::Malformed);
    }
    let (ns, name) = resolver.resolve_element(start.name());
    let mut node = Node { ns: namespace(&ns)?, name: name.into_inner().to_owned(), ..Node::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| XmlError::Malformed)?;
        if !is_qualified(attribute.key.into_inner()) {
            return Err(XmlError::Malformed);
        }
        if attribute.key.as_namespace_binding().is_some() {
            // The library takes the name of a namespace as it is written. One that is written otherwise than it reads would
            // be one namespace here and another to whoever verifies the signature.
            if attribute.value.contains(['&', '\t', '\n', '\r']) {
                return Err(XmlError::Malformed);
            }
            continue;
        }
        let (ns, name) = resolver.resolve_attribute(attribute.key);
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| XmlError::Malformed)?;
        if !value.chars().all(is_of_xml) {
            return Err(XmlError::Malformed);
        }
        node.attributes.push((namespace(&ns)?, name.into_inner().to_owned(), value.into_owned()));
    }
    Ok(node)
}

fn inherited(resolver: &NamespaceResolver, start: &BytesStart<'_>) -> Vec<(String, String)> {
    let own: Vec<_> =
        start.attributes().flatten().filter_map(|attribute| attribute.key.as_namespace_binding().map(prefix)).collect();
    resolver
        .bindings()
        .map(|(declaration, ns)| (prefix(declaration), ns.into_inner().to_owned()))
        .filter(|(prefix, _)| !own.contains(prefix) && prefix != "xml" && prefix != "xmlns")
        .collect()
}

fn prefix(declaration: PrefixDeclaration<'_>) -> String {
    match declaration {
        PrefixDeclaration::Default => String::new(),
        PrefixDeclaration::Named(name) => name.to_owned(),
    }
}
