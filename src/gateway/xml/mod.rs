//! XML of the legacy wire: a small tree for what is read, a canonical writer for what is sent.
//!
//! Two ways in, one tree out: [`Message`] keeps the parsed document beside the tree, so that what a signature covered is
//! what is read; [`scan`] streams an answer and leaves the record alone, as a span of the bytes received. Neither accepts a
//! DTD, a processing instruction or an entity beyond XML's own five; text on both sides of a comment is joined.
//!
//! [`Canonical`] writes exclusive canonical XML as it goes: namespaces where they are first used, attributes in order,
//! no empty-element tags. A fragment so written *is* its own canonical form, and is signed as it stands.

mod canonical;
mod scan;
mod white;

pub use canonical::{Canonical, escape_attribute, escape_text};
pub use scan::{Embedded, scan};

use std::borrow::Cow;

/// SOAP 1.1.
pub const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// WS-Addressing 1.0.
pub const WSA: &str = "http://www.w3.org/2005/08/addressing";
/// WS-Security 1.0.
pub const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// WS-Security utilities.
pub const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
/// XML signatures.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// ITK.
pub const ITK: &str = "urn:nhs-itk:ns:201005";

/// How deep elements may be nested in what we read ourselves.
const DEPTH: usize = 64;

/// Why bytes are no message. Carries nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Not UTF-8, not well-formed, cut short, or too deep.
    #[error("not well-formed XML")]
    Malformed,
    /// A DTD, a processing instruction or an entity.
    #[error("a DTD, processing instruction or entity")]
    Forbidden,
}

/// One element.
#[derive(Default)]
pub struct Node {
    /// Namespace, empty for none.
    pub ns: String,
    /// Local name.
    pub name: String,
    /// Namespace (empty for none), local name, value.
    pub attributes: Vec<(String, String, String)>,
    /// The element's own text, comments left out.
    pub text: String,
    /// Child elements.
    pub children: Vec<Node>,
    /// Which node of the parsed document it is; nothing with [`scan`].
    pub(crate) id: Option<uppsala::NodeId>,
}

impl Node {
    /// Whether it has this name.
    #[must_use]
    pub fn is(&self, ns: &str, name: &str) -> bool {
        self.ns == ns && self.name == name
    }

    /// Its children of a name.
    pub fn all<'n>(&'n self, ns: &'n str, name: &'n str) -> impl Iterator<Item = &'n Node> {
        self.children.iter().filter(move |child| child.is(ns, name))
    }

    /// Its first child of a name.
    #[must_use]
    pub fn child(&self, ns: &str, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.is(ns, name))
    }

    /// Its only child of a name; nothing where there is none or more than one.
    #[must_use]
    pub fn only(&self, ns: &str, name: &str) -> Option<&Node> {
        let mut found = self.children.iter().filter(|child| child.is(ns, name));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// An attribute without namespace.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attribute_ns("", name)
    }

    /// An attribute.
    #[must_use]
    pub fn attribute_ns(&self, ns: &str, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, local, _)| n == ns && local == name).map(|(_, _, value)| value.as_str())
    }

    /// Its text, white space collapsed.
    #[must_use]
    pub fn token(&self) -> String {
        collapse(&self.text)
    }
}

/// White space as in `xs:token`.
#[must_use]
pub fn collapse(text: &str) -> String {
    let mut words = text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        out.push(' ');
        out.push_str(word);
    }
    out
}

/// A parsed message whose tree knows the document it came from.
pub struct Message<'a> {
    pub(crate) document: uppsala::Document<'a>,
    /// The root element.
    pub root: Node,
}

impl<'a> Message<'a> {
    /// Parses a whole message. Bound its size before.
    ///
    /// # Errors
    /// [`XmlError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, XmlError> {
        let text = text_of(bytes)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let parser = uppsala::Parser::new().with_forbid_dtd(true).with_max_depth(u32::try_from(DEPTH).unwrap_or(64));
        let document = match white::normalised(text) {
            Cow::Borrowed(text) => parser.parse(text),
            Cow::Owned(text) => parser.parse(&text).map(uppsala::Document::into_static),
        };
        let document = document.map_err(|_| XmlError::Malformed)?;
        if document.children(document.root()).into_iter().any(|id| is_instruction(&document, id)) {
            return Err(XmlError::Forbidden);
        }
        let root = document.document_element().ok_or(XmlError::Malformed)?;
        let root = tree(&document, root, 0)?;
        Ok(Self { document, root })
    }
}

/// The text of a message: characters that XML has, in the one encoding that is read. Neither parser looks at all of them.
fn text_of(bytes: &[u8]) -> Result<&str, XmlError> {
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Malformed)?;
    // By the piece, so that the machine compares many bytes at once; 0xEF begins the two characters that XML leaves out.
    let doubtful = |b: u8| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0xef;
    let in_doubt = |piece: &[u8]| piece.iter().fold(false, |found, b| found | doubtful(*b));
    let sound = !bytes.chunks(1024).any(in_doubt) || text.chars().all(is_of_xml);
    let sound = sound && tells_utf8(text.strip_prefix('\u{feff}').unwrap_or(text));
    if sound { Ok(text) } else { Err(XmlError::Malformed) }
}

/// A character of XML 1.0.
fn is_of_xml(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether the declaration, where there is one, names the only encoding that is read: a reader that believed another name
/// would see other characters (ITK WS-STD-01).
fn tells_utf8(text: &str) -> bool {
    let Some(declaration) = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map(|(inside, _)| inside)
    else {
        return true;
    };
    let Some((_, rest)) = declaration.split_once("encoding") else { return true };
    let named = rest.trim_start().strip_prefix('=').map(str::trim_start).unwrap_or_default();
    let name = named.split(['"', '\'']).nth(1).unwrap_or_default();
    name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii")
}

fn is_instruction(document: &uppsala::Document<'_>, id: uppsala::NodeId) -> bool {
    matches!(document.node_kind(id), Some(uppsala::NodeKind::ProcessingInstruction(_)))
}

fn tree(document: &uppsala::Document<'_>, id: uppsala::NodeId, depth: usize) -> Result<Node, XmlError> {
    if depth > DEPTH {
        return Err(XmlError::Malformed);
    }
    let element = document.element(id).ok_or(XmlError::Malformed)?;
    let owned = |name: &uppsala::QName<'_>| {
        (name.namespace_uri.as_deref().unwrap_or_default().to_owned(), name.local_name.clone().into_owned())
    };
    let (ns, name) = owned(&element.name);
    let attributes = element
        .attributes
        .iter()
        .map(|attribute| {
            let (ns, name) = owned(&attribute.name);
            (ns, name, attribute.value.clone().into_owned())
        })
        .collect::<Vec<(String, String, String)>>();
    let is_qualified = |name: &str| !name.is_empty() && !name.contains(':');
    if !is_qualified(&name) || !attributes.iter().all(|(_, name, _)| is_qualified(name)) {
        return Err(XmlError::Malformed);
    }
    let mut node = Node { ns, name, attributes, id: Some(id), ..Node::default() };
    // What a reference stands for is a character of XML too.
    if !node.attributes.iter().all(|(_, _, value)| value.chars().all(is_of_xml)) {
        return Err(XmlError::Malformed);
    }
    for child in document.children(id) {
        match document.node_kind(child) {
            Some(uppsala::NodeKind::Element(_)) => node.children.push(tree(document, child, depth + 1)?),
            Some(uppsala::NodeKind::Text(text) | uppsala::NodeKind::CData(text)) if text.chars().all(is_of_xml) => {
                node.text.push_str(text);
            }
            Some(uppsala::NodeKind::Text(_) | uppsala::NodeKind::CData(_)) => return Err(XmlError::Malformed),
            Some(uppsala::NodeKind::ProcessingInstruction(_)) => return Err(XmlError::Forbidden),
            _ => {}
        }
    }
    Ok(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    // What fuzzing found where the two ways in did not see one message, or saw none.

    #[test]
    fn a_namespace_that_is_written_otherwise_than_it_reads_is_refused_by_the_streaming_reader() {
        let streamed =
            |ns: &str| scan(format!("<p:r xmlns:p=\"{ns}\"/>").as_bytes(), ("", "")).map(|(root, _)| root.ns);
        for written in ["urn:&#x61;", "urn:a&amp;b", "urn:\na", "urn:a\t"] {
            assert_eq!(streamed(written), Err(XmlError::Malformed), "{written}");
        }
        assert_eq!(streamed("urn:a"), Ok("urn:a".to_owned()));
    }

    #[test]
    fn a_name_with_half_a_prefix_or_two_is_refused_by_both_readers() {
        for name in ["p:", ":p", "p:q:r", ":"] {
            for xml in [format!("<r xmlns:p=\"urn:p\" {name}=\"1\"/>"), format!("<{name} xmlns:p=\"urn:p\"></{name}>")]
            {
                assert!(scan(xml.as_bytes(), ("", "")).is_err(), "{xml}");
                assert!(Message::parse(xml.as_bytes()).is_err(), "{xml}");
            }
        }
        let sound = b"<p:r xmlns:p=\"urn:p\" p:a=\"1\" b=\"2\"/>";
        assert!(scan(sound, ("", "")).is_ok() && Message::parse(sound).is_ok());
    }

    #[test]
    fn line_ends_and_white_space_in_values_are_the_same_to_both_readers() {
        for xml in ["<a>b\r\nc\rd</a>", "<a><![CDATA[b\r\nc]]></a>", "<a b='c\r\nd\te&#10;&#13;&#9;f'>\r</a>"] {
            let message = Message::parse(xml.as_bytes()).expect("parsed");
            let (streamed, _) = scan(xml.as_bytes(), ("", "")).expect("streamed");
            assert_eq!(message.root.text, streamed.text, "{xml}");
            assert_eq!(message.root.attributes, streamed.attributes, "{xml}");
        }
    }

    #[test]
    fn a_character_that_xml_does_not_have_is_refused_wherever_it_stands() {
        for xml in [
            "<a b=\"\0\"/>",
            "<a>\u{1}</a>",
            "<a><!-- \u{b} --></a>",
            "<a>\u{ffff}</a>",
            "<a b=\"&#0;\"/>",
            "<a b=\"&#x1;\"/>",
            "<a>&#x1;</a>",
            "<a>&#xFFFE;</a>",
        ] {
            assert!(Message::parse(xml.as_bytes()).is_err(), "{xml}");
            assert!(scan(xml.as_bytes(), ("", "")).is_err(), "{xml}");
        }
    }

    #[test]
    fn only_what_calls_itself_utf_8_or_nothing_is_read() {
        for (declaration, wanted) in [
            ("", true),
            ("<?xml version=\"1.0\"?>", true),
            ("<?xml version='1.0' encoding='utf-8'?>", true),
            ("<?xml version=\"1.0\" encoding = \"US-ASCII\" standalone=\"yes\"?>", true),
            ("<?xml version=\"1.0\" encoding=\"UTF-16\"?>", false),
            ("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>", false),
        ] {
            let text = format!("{declaration}<a/>");
            assert_eq!(Message::parse(text.as_bytes()).is_ok(), wanted, "{declaration}");
            assert_eq!(scan(text.as_bytes(), ("", "b")).is_ok(), wanted, "{declaration}");
        }
    }
}
