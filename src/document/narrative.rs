//! XHTML for people: tables with captions and headers that a screen reader can say. Everything that came from a record is
//! escaped, and a character that could turn, hide or break the text around it is shown as unreadable.

use super::columns::{self, Column, Layout};
use super::words::{self, Names};
use serde_json::Value;

const OPEN: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en-GB\" xml:lang=\"en-GB\">";
const CLOSE: &str = "</div>";

/// A narrative of plain paragraphs.
#[must_use]
pub fn paragraphs(texts: &[&str]) -> String {
    let mut out = OPEN.to_owned();
    for text in texts {
        element(&mut out, "p", text);
    }
    out.push_str(CLOSE);
    out
}

/// A FHIR date or time as the narratives write it.
#[must_use]
pub fn reader_date(text: &str) -> String {
    words::date(text)
}

/// The narrative of a section: one table for each type in it, in the order in which they first come.
pub(super) fn tables(title: &str, resources: &[&Value], names: &Names<'_>) -> String {
    let mut kinds: Vec<(&str, Vec<&Value>)> = Vec::new();
    for resource in resources {
        let kind = resource.get("resourceType").and_then(Value::as_str).unwrap_or("");
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, all)) => all.push(resource),
            None => kinds.push((kind, vec![resource])),
        }
    }
    let mut out = OPEN.to_owned();
    let alone = kinds.len() == 1;
    for (kind, resources) in &kinds {
        let layout = columns::of(kind);
        let caption = if alone { title.to_owned() } else { format!("{title}: {}", layout.plural) };
        if layout.in_rows {
            table(&mut out, &caption, layout, resources, names);
        } else {
            for resource in resources {
                card(&mut out, &caption, layout, resource, names);
            }
        }
    }
    out.push_str(CLOSE);
    out
}

/// One row an entry.
fn table(out: &mut String, caption: &str, layout: &Layout, resources: &[&Value], names: &Names<'_>) {
    out.push_str("<table>");
    element(out, "caption", caption);
    out.push_str("<thead><tr>");
    for column in layout.columns {
        head(out, "col", column.head);
    }
    out.push_str("</tr></thead><tbody>");
    for resource in resources {
        out.push_str("<tr>");
        for column in layout.columns {
            element(out, "td", &cell(resource, column, names));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

/// One row a column, those left out that say nothing.
fn card(out: &mut String, caption: &str, layout: &Layout, resource: &Value, names: &Names<'_>) {
    out.push_str("<table>");
    element(out, "caption", caption);
    out.push_str("<tbody>");
    for column in layout.columns {
        let words = cell(resource, column, names);
        if !words.is_empty() {
            out.push_str("<tr>");
            head(out, "row", column.head);
            element(out, "td", &words);
            out.push_str("</tr>");
        }
    }
    out.push_str("</tbody></table>");
}

fn cell(resource: &Value, column: &Column, names: &Names<'_>) -> String {
    let said: Vec<String> = column.items.iter().filter_map(|item| names.item(resource, item)).collect();
    said.join("; ")
}

fn head(out: &mut String, scope: &str, words: &str) {
    out.push_str("<th scope=\"");
    out.push_str(scope);
    out.push_str("\">");
    escape(out, words);
    out.push_str("</th>");
}

fn element(out: &mut String, name: &str, text: &str) {
    out.extend(["<", name, ">"]);
    escape(out, text);
    out.extend(["</", name, ">"]);
}

fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => out.push(' '),
            unfit if is_unfit(unfit) => out.push(char::REPLACEMENT_CHARACTER),
            fit => out.push(fit),
        }
    }
}

/// Controls, which XML forbids or nobody sees; what turns the direction of the text; what is invisible; no characters.
fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0x061C | 0x200B | 0x200E..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFDD0..=0xFDEF | 0xFEFF
            | 0xFFF9..=0xFFFB | 0xE0000..=0xE007F)
        || u32::from(character) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
#[path = "narrative_tests.rs"]
mod tests;
