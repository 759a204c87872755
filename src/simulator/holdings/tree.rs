//! One element of a record as a small tree, read from and written to XML. Namespaces are resolved when it is read and
//! declared afresh when it is written, so that a fragment means the same wherever it is put. Comments, processing
//! instructions and prefixed attributes do not survive.

use quick_xml::{
    NsReader, XmlVersion,
    events::{BytesStart, Event},
    name::ResolveResult,
};
use std::borrow::Cow;

/// OpenHR's namespace.
pub(super) const OPENHR: &str = "http://www.e-mis.com/emisopen";

/// How deep elements may be nested: OpenHR itself needs about ten levels.
const MAX_DEPTH: usize = 64;

/// How many elements one item may have, the items of a domain being read one by one: a tree of them takes some thirty
/// times the room that they take as text.
const MAX_ELEMENTS: usize = 1_000_000;

/// Why a text is not a readable record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TreeError {
    /// Broken XML, an undeclared entity, too deep.
    #[error("not OpenHR: not well-formed XML")]
    Malformed,
    /// A document type declaration.
    #[error("not OpenHR: a document type declaration is refused")]
    Doctype,
    /// More elements in one item than any record has.
    #[error("not OpenHR: too many elements in one item")]
    Crowded,
    /// Another root.
    #[error("not OpenHR: the root is not openHealthRecord of the OpenHR namespace")]
    Root,
}

/// An element.
#[derive(Clone)]
pub(super) struct Node<'a> {
    /// Local name.
    pub name: Cow<'a, str>,
    /// Namespace when it is not OpenHR's; empty for none.
    foreign: Option<Box<str>>,
    /// Attributes without a prefix.
    pub attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Content in document order.
    pub children: Vec<Child<'a>>,
}

/// Content of an element.
#[derive(Clone)]
pub(super) enum Child<'a> {
    /// An element.
    Element(Node<'a>),
    /// Text, unescaped.
    Text(Cow<'a, str>),
}

impl<'a> Node<'a> {
    /// An OpenHR element that holds only text.
    pub fn leaf(name: &'a str, text: String) -> Self {
        let children = vec![Child::Text(Cow::Owned(text))];
        Self { name: Cow::Borrowed(name), foreign: None, attributes: Vec::new(), children }
    }

    /// Whether it is an OpenHR element of this name.
    pub fn is(&self, name: &str) -> bool {
        self.foreign.is_none() && self.name == name
    }

    /// Child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Node<'a>> {
        self.children.iter().filter_map(|child| match child {
            Child::Element(node) => Some(node),
            Child::Text(_) => None,
        })
    }

    /// OpenHR children of this name.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Node<'a>> {
        self.elements().filter(move |node| node.is(name))
    }

    /// The first OpenHR child of this name.
    pub fn first<'s>(&'s self, name: &'s str) -> Option<&'s Node<'a>> {
        self.all(name).next()
    }

    /// The trimmed text of the element; `None` when blank.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        let mut texts = self.children.iter().filter_map(|child| match child {
            Child::Text(text) => Some(text),
            Child::Element(_) => None,
        });
        let first = texts.next()?;
        let rest: String = texts.map(AsRef::as_ref).collect();
        let whole = if rest.is_empty() {
            Cow::Borrowed(first.trim())
        } else {
            Cow::Owned(format!("{first}{rest}").trim().to_owned())
        };
        (!whole.is_empty()).then_some(whole)
    }

    /// The trimmed text of the first child of this name.
    pub fn text_of(&self, name: &str) -> Option<String> {
        Some(self.first(name)?.text()?.into_owned())
    }

    /// A trimmed attribute; `None` when blank.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let value = self.attributes.iter().find(|(key, _)| key == name)?.1.trim();
        (!value.is_empty()).then_some(value)
    }

    /// Whether the child of this name says true.
    pub fn says(&self, name: &str) -> bool {
        self.text_of(name).is_some_and(|text| text == "true" || text == "1")
    }

    /// Keeps only the children that pass.
    pub fn keep(&mut self, pass: impl Fn(&Node<'a>) -> bool) {
        self.children.retain(|child| matches!(child, Child::Element(node) if pass(node)));
    }

    /// Calls `seen` with every element that has no child elements, itself included.
    pub fn leaves(&self, seen: &mut impl FnMut(&Node<'a>)) {
        let mut has_elements = false;
        for node in self.elements() {
            has_elements = true;
            node.leaves(seen);
        }
        if !has_elements {
            seen(self);
        }
    }

    /// Writes the element; `out` is inside an element whose default namespace is OpenHR's.
    pub fn write(&self, out: &mut String) {
        self.write_in(None, out);
    }

    fn write_in(&self, around: Option<&str>, out: &mut String) {
        let own = self.foreign.as_deref();
        out.push('<');
        out.push_str(&self.name);
        if own != around {
            out.push_str(" xmlns=\"");
            escape(own.unwrap_or(OPENHR), true, out);
            out.push('"');
        }
        for (key, value) in &self.attributes {
            out.push(' ');
            out.push_str(key);
            out.push_str("=\"");
            escape(value, true, out);
            out.push('"');
        }
        let has_elements = self.elements().next().is_some();
        let blank = |child: &Child<'_>| matches!(child, Child::Text(text) if has_elements && text.trim().is_empty());
        if self.children.iter().all(blank) {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for child in self.children.iter().filter(|child| !blank(child)) {
            match child {
                Child::Element(node) => node.write_in(own, out),
                Child::Text(text) => escape(text, false, out),
            }
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

/// Appends text with what XML reserves escaped.
pub(super) fn escape(text: &str, attribute: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
}

/// Reads a whole record and hands over the root's children one after the other; those of `adminDomain` and
/// `healthDomain` one by one, with the domain's name. Returns the root's `schemaVersion`.
///
/// # Errors
/// When the text is not OpenHR.
pub(super) fn walk<'a>(
    xml: &'a str,
    mut seen: impl FnMut(&'static str, Node<'a>),
) -> Result<Option<String>, TreeError> {
    let mut reader = NsReader::from_str(xml);
    let mut depth_of_domain = None;
    let mut root: Option<Option<String>> = None;
    let mut closed = false;
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|_| TreeError::Malformed)?;
        let foreign = foreign(&namespace);
        match event {
            Event::DocType(_) => return Err(TreeError::Doctype),
            Event::Start(_) | Event::Empty(_) if closed => return Err(TreeError::Malformed),
            Event::Start(ref start) | Event::Empty(ref start) => {
                let empty = matches!(event, Event::Empty(_));
                let node = open(start, foreign)?;
                if root.is_none() {
                    if !node.is("openHealthRecord") {
                        return Err(TreeError::Root);
                    }
                    root = Some(node.attribute("schemaVersion").map(str::to_owned));
                    closed = empty;
                } else if depth_of_domain.is_none() && (node.is("adminDomain") || node.is("healthDomain")) {
                    if !empty {
                        depth_of_domain = Some(if node.is("adminDomain") { "adminDomain" } else { "healthDomain" });
                    }
                } else {
                    let node = if empty { node } else { fill(&mut reader, node)? };
                    seen(depth_of_domain.unwrap_or(""), node);
                }
            }
            Event::End(_) => match depth_of_domain.take() {
                Some(_) => {}
                None => closed = true,
            },
            Event::Eof if closed => return root.ok_or(TreeError::Root),
            Event::Eof if root.is_none() => return Err(TreeError::Root),
            // Between items there is nothing for a reference to stand for.
            Event::Eof | Event::GeneralRef(_) => return Err(TreeError::Malformed),
            _ => {}
        }
    }
}

/// Reads one fragment that [`Node::write`] wrote.
pub(super) fn read_fragment(fragment: &str) -> Result<Node<'_>, TreeError> {
    let mut reader = NsReader::from_str(fragment);
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|_| TreeError::Malformed)?;
        // The surrounding element, absent here, is OpenHR's: what has no namespace of its own is OpenHR's too.
        let foreign = foreign(&namespace).filter(|uri| !uri.is_empty());
        match event {
            Event::Start(start) => {
                let node = open(&start, foreign)?;
                return fill(&mut reader, node).map(adopt);
            }
            Event::Empty(start) => return open(&start, foreign),
            Event::Eof => return Err(TreeError::Malformed),
            _ => {}
        }
    }
}

/// Gives what has no namespace OpenHR's.
fn adopt(mut node: Node<'_>) -> Node<'_> {
    node.foreign = node.foreign.filter(|uri| !uri.is_empty());
    node.children = node
        .children
        .into_iter()
        .map(|child| match child {
            Child::Element(inner) => Child::Element(adopt(inner)),
            text @ Child::Text(_) => text,
        })
        .collect();
    node
}

fn foreign(namespace: &ResolveResult<'_>) -> Option<Box<str>> {
    match namespace {
        ResolveResult::Bound(uri) if uri.into_inner() == OPENHR => None,
        ResolveResult::Bound(uri) => Some(uri.into_inner().into()),
        ResolveResult::Unbound | ResolveResult::Unknown(_) => Some("".into()),
    }
}

fn open<'a>(start: &BytesStart<'a>, foreign: Option<Box<str>>) -> Result<Node<'a>, TreeError> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| TreeError::Malformed)?;
        let key = attribute.key.into_inner();
        if key.contains(':') || key == "xmlns" {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| TreeError::Malformed)?;
        attributes.push((Cow::Owned(key.to_owned()), Cow::Owned(value.into_owned())));
    }
    let name = Cow::Owned(start.local_name().into_inner().to_owned());
    Ok(Node { name, foreign, attributes, children: Vec::new() })
}

/// Reads the content of an element that was just opened.
fn fill<'a>(reader: &mut NsReader<&'a [u8]>, node: Node<'a>) -> Result<Node<'a>, TreeError> {
    let (mut stack, mut elements) = (vec![node], 0_usize);
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|_| TreeError::Malformed)?;
        let foreign = foreign(&namespace);
        let Some(top) = stack.last_mut() else { return Err(TreeError::Malformed) };
        elements += usize::from(matches!(event, Event::Start(_) | Event::Empty(_)));
        if elements > MAX_ELEMENTS {
            return Err(TreeError::Crowded);
        }
        match event {
            Event::Start(start) => {
                if stack.len() >= MAX_DEPTH {
                    return Err(TreeError::Malformed);
                }
                stack.push(open(&start, foreign)?);
            }
            Event::Empty(start) => top.children.push(Child::Element(open(&start, foreign)?)),
            Event::End(_) => {
                let Some(done) = stack.pop() else { return Err(TreeError::Malformed) };
                match stack.last_mut() {
                    Some(parent) => parent.children.push(Child::Element(done)),
                    None => return Ok(done),
                }
            }
            Event::Text(text) => push_text(top, text.xml10_content()),
            Event::CData(data) => push_text(top, data.xml10_content()),
            Event::GeneralRef(reference) => {
                let c = match reference.resolve_char_ref().map_err(|_| TreeError::Malformed)? {
                    Some(c) => c,
                    None => match reference.into_inner().as_ref() {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => return Err(TreeError::Malformed),
                    },
                };
                push_text(top, Cow::Owned(c.to_string()));
            }
            Event::DocType(_) => return Err(TreeError::Doctype),
            Event::Eof => return Err(TreeError::Malformed),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
        }
    }
}

/// Appends text, joined to what stands before it: a comment or a reference never cuts a text in two.
fn push_text<'a>(node: &mut Node<'a>, text: Cow<'a, str>) {
    if let Some(Child::Text(before)) = node.children.last_mut() {
        before.to_mut().push_str(&text);
    } else {
        node.children.push(Child::Text(text));
    }
}
