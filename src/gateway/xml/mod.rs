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
#[cfg(test)]
mod tests;

pub use canonical::{Canonical, escape_attribute, escape_text};
pub use scan::{Embedded, scan};

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
        let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Malformed)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let parser = uppsala::Parser::new().with_forbid_dtd(true).with_max_depth(u32::try_from(DEPTH).unwrap_or(64));
        let document = parser.parse(text).map_err(|_| XmlError::Malformed)?;
        if document.children(document.root()).into_iter().any(|id| is_instruction(&document, id)) {
            return Err(XmlError::Forbidden);
        }
        let root = document.document_element().ok_or(XmlError::Malformed)?;
        let root = tree(&document, root, 0)?;
        Ok(Self { document, root })
    }
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
        .collect();
    let mut node = Node { ns, name, attributes, id: Some(id), ..Node::default() };
    for child in document.children(id) {
        match document.node_kind(child) {
            Some(uppsala::NodeKind::Element(_)) => node.children.push(tree(document, child, depth + 1)?),
            Some(uppsala::NodeKind::Text(text) | uppsala::NodeKind::CData(text)) => node.text.push_str(text),
            Some(uppsala::NodeKind::ProcessingInstruction(_)) => return Err(XmlError::Forbidden),
            _ => {}
        }
    }
    Ok(node)
}
