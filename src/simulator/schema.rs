//! A strict reader of element sequences: what the payloads' schema says, as code. Anything it cannot pass is fault 1000.

use super::fault::Fault;
use crate::gateway::xml::{Node, collapse};
use time::{Date, OffsetDateTime, macros::format_description};

/// Attributes of schema instances that any element may carry.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

const INVALID: Fault = Fault::Invalid("the message does not fit its schema");

/// The children of one element, read in order.
pub(super) struct Sequence<'n> {
    ns: &'n str,
    left: std::slice::Iter<'n, Node>,
}

impl<'n> Sequence<'n> {
    /// An element that holds elements only, with these attributes.
    pub(super) fn of(node: &'n Node, ns: &'n str, attributes: &[&str]) -> Result<Self, Fault> {
        attributes_are(node, attributes)?;
        if !collapse(&node.text).is_empty() {
            return Err(INVALID);
        }
        Ok(Self { ns, left: node.children.iter() })
    }

    /// The next element, if it has this name.
    pub(super) fn optional(&mut self, name: &str) -> Option<&'n Node> {
        let next = self.left.as_slice().first().filter(|node| node.is(self.ns, name))?;
        self.left.next();
        Some(next)
    }

    /// The next element, which has this name.
    pub(super) fn required(&mut self, name: &str) -> Result<&'n Node, Fault> {
        self.optional(name).ok_or(INVALID)
    }

    /// Nothing is left.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        if self.left.next().is_some() { Err(INVALID) } else { Ok(()) }
    }

    /// Nothing is left but elements of other namespaces.
    pub(super) fn end_of_others(&mut self) -> Result<(), Fault> {
        let ns = self.ns;
        if self.left.all(|node| node.ns != ns && !node.ns.is_empty()) { Ok(()) } else { Err(INVALID) }
    }
}

/// Has no attributes but these.
pub(super) fn attributes_are(node: &Node, allowed: &[&str]) -> Result<(), Fault> {
    let known =
        node.attributes.iter().all(|(ns, name, _)| ns == XSI || (ns.is_empty() && allowed.contains(&name.as_str())));
    if known { Ok(()) } else { Err(INVALID) }
}

/// An element without content, with these attributes.
pub(super) fn empty(node: &Node, attributes: &[&str]) -> Result<(), Fault> {
    attributes_are(node, attributes)?;
    if node.children.is_empty() && collapse(&node.text).is_empty() { Ok(()) } else { Err(INVALID) }
}

/// The text of an element without children, collapsed, not empty.
pub(super) fn text(node: &Node, attributes: &[&str]) -> Result<String, Fault> {
    attributes_are(node, attributes)?;
    let text = node.token();
    if node.children.is_empty() && !text.is_empty() { Ok(text) } else { Err(INVALID) }
}

/// The text of an element without children, collapsed, perhaps empty.
pub(super) fn any_text(node: &Node) -> Result<String, Fault> {
    attributes_are(node, &[])?;
    if node.children.is_empty() { Ok(node.token()) } else { Err(INVALID) }
}

/// An attribute that has to be there and not empty.
pub(super) fn attribute(node: &Node, name: &str) -> Result<String, Fault> {
    maybe(node, name)?.ok_or(INVALID)
}

/// An attribute that is not empty where it is there.
pub(super) fn maybe(node: &Node, name: &str) -> Result<Option<String>, Fault> {
    match node.attribute(name).map(collapse) {
        Some(value) if value.is_empty() => Err(INVALID),
        other => Ok(other),
    }
}

/// An attribute that has to be there, perhaps empty.
pub(super) fn token(node: &Node, name: &str) -> Result<String, Fault> {
    node.attribute(name).map(collapse).ok_or(INVALID)
}

/// An upper-case UUID.
pub(super) fn uuid(text: String) -> Result<String, Fault> {
    let fits = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte),
        });
    if fits { Ok(text) } else { Err(INVALID) }
}

/// An instant in UTC.
pub(super) fn instant(text: &str) -> Result<OffsetDateTime, Fault> {
    crate::gateway::security::at(text).ok_or(INVALID)
}

/// A day without zone.
pub(super) fn day(text: &str) -> Result<Date, Fault> {
    if text.len() != 10 {
        return Err(INVALID);
    }
    Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| INVALID)
}

/// A fixed prefix and so many digits.
pub(super) fn digits(text: String, prefix: &str, count: usize) -> Result<String, Fault> {
    let fits =
        text.strip_prefix(prefix).is_some_and(|rest| rest.len() == count && rest.bytes().all(|b| b.is_ascii_digit()));
    if fits { Ok(text) } else { Err(INVALID) }
}

/// No more than so many characters.
pub(super) fn at_most(text: String, count: usize) -> Result<String, Fault> {
    if text.chars().count() <= count { Ok(text) } else { Err(INVALID) }
}
