//! Which elements are OpenHR's: the namespace declarations in force. Nearly all elements make none, and cost nothing.

use super::ReadError;
use super::xml::Start;

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// Every prefixed name looks through them.
const MAX_BINDINGS: usize = 256;

/// One declaration.
struct Binding<'a> {
    /// Of the element that makes it.
    depth: usize,
    /// Empty for the default namespace.
    prefix: &'a str,
    openhr: bool,
}

/// The declarations in force, outermost first.
pub(super) struct Namespaces<'a> {
    /// The namespace of what is read.
    wanted: String,
    bindings: Vec<Binding<'a>>,
}

impl<'a> Namespaces<'a> {
    /// None yet; this namespace is OpenHR's.
    pub(super) fn of(wanted: &str) -> Self {
        Self { wanted: wanted.to_owned(), bindings: Vec::new() }
    }

    /// Takes the declarations of an element that opens at this depth.
    pub(super) fn open(&mut self, start: &Start<'a>, depth: usize) -> Result<(), ReadError> {
        let mut sound = true;
        start.attributes(|name, ns| {
            let prefix = match (name.prefix(), name.local()) {
                ("", "xmlns") => "",
                ("xmlns", prefix) => prefix,
                _ => return,
            };
            // Namespaces in XML, section 3: two reserved names, and no prefix without a namespace.
            sound &= match (prefix, &*ns) {
                ("xml", XML) => true,
                ("xml" | "xmlns", _) | (_, XML | XMLNS) => false,
                (prefix, ns) => prefix.is_empty() || !ns.is_empty(),
            };
            self.bindings.push(Binding { depth, prefix, openhr: *ns == *self.wanted });
        })?;
        if !sound {
            return Err(ReadError::Malformed);
        }
        if self.bindings.len() > MAX_BINDINGS { Err(ReadError::TooLarge) } else { Ok(()) }
    }

    /// Forgets the declarations of elements deeper than this.
    pub(super) fn close(&mut self, depth: usize) {
        while self.bindings.last().is_some_and(|binding| binding.depth > depth) {
            self.bindings.pop();
        }
    }

    /// Whether a prefix stands for OpenHR's namespace. A prefix that nobody declared makes the document malformed.
    pub(super) fn is_openhr(&self, prefix: &str) -> Result<bool, ReadError> {
        match self.bindings.iter().rev().find(|binding| binding.prefix == prefix) {
            Some(binding) => Ok(binding.openhr),
            None if prefix.is_empty() || prefix == "xml" => Ok(false),
            None => Err(ReadError::Malformed),
        }
    }
}
