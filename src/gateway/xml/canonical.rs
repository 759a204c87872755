//! Writes exclusive canonical XML as it goes.

use super::WSU;
use std::fmt::Write as _;

/// Writes exclusive canonical XML.
#[derive(Default)]
pub struct Canonical {
    out: String,
    /// Tags, and how many declarations each made.
    open: Vec<(&'static str, String, usize)>,
    declared: Vec<(&'static str, String)>,
}

impl Canonical {
    /// Opens an element. Attributes without a prefix only; `id` is written as `wsu:Id`.
    pub fn open(
        &mut self,
        name: (&'static str, &str, &str),
        id: Option<&str>,
        attributes: &[(&str, &str)],
    ) -> &mut Self {
        let (prefix, ns, local) = name;
        let mut needed = vec![(prefix, ns)];
        if id.is_some() && prefix != "wsu" {
            needed.push(("wsu", WSU));
        }
        needed.sort_unstable();
        let _ = write!(self.out, "<{prefix}:{local}");
        let mut count = 0;
        for (prefix, ns) in needed {
            if !self.declared.iter().any(|(known, _)| *known == prefix) {
                let _ = write!(self.out, " xmlns:{prefix}=\"");
                escape_attribute(&mut self.out, ns);
                self.out.push('"');
                self.declared.push((prefix, ns.to_owned()));
                count += 1;
            }
        }
        let mut sorted = attributes.to_vec();
        sorted.sort_unstable();
        for (name, value) in sorted {
            let _ = write!(self.out, " {name}=\"");
            escape_attribute(&mut self.out, value);
            self.out.push('"');
        }
        if let Some(id) = id {
            self.out.push_str(" wsu:Id=\"");
            escape_attribute(&mut self.out, id);
            self.out.push('"');
        }
        self.out.push('>');
        self.open.push((prefix, local.to_owned(), count));
        self
    }

    /// Writes text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        escape_text(&mut self.out, text);
        self
    }

    /// Closes the innermost element.
    pub fn close(&mut self) -> &mut Self {
        if let Some((prefix, local, count)) = self.open.pop() {
            let _ = write!(self.out, "</{prefix}:{local}>");
            self.declared.truncate(self.declared.len().saturating_sub(count));
        }
        self
    }

    /// An element with text only.
    pub fn leaf(&mut self, name: (&'static str, &str, &str), attributes: &[(&str, &str)], text: &str) -> &mut Self {
        self.open(name, None, attributes).text(text).close()
    }

    /// What was written; elements still open are closed.
    #[must_use]
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }
}

/// Characters that XML cannot carry become spaces: no sender of ours may be made to break its own message.
fn legal(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' => c,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => ' ',
        _ => c,
    }
}

/// Text, escaped as canonical XML does.
pub fn escape_text(out: &mut String, text: &str) {
    for c in text.chars().map(legal) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            _ => out.push(c),
        }
    }
}

/// An attribute's value, escaped as canonical XML does.
pub fn escape_attribute(out: &mut String, text: &str) {
    for c in text.chars().map(legal) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            _ => out.push(c),
        }
    }
}
