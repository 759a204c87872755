//! The bytes of a report: CSV by RFC 4180, or one FHIR resource whose entries or groups are written one after the other.
//!
//! A cell that a spreadsheet would take for a formula begins with an apostrophe instead. Values come from outside (names,
//! client texts), so every cell passes here.

use super::Format;
use crate::audit::AsAt;
use serde_json::Value;

/// The last column of every CSV: the row of the chain that the report is made from, and the beginning of its keyed hash; the
/// whole head stands beside the report.
const HEAD: &str = "chain_head";

pub(super) struct Sheet {
    format: Format,
    out: Vec<u8>,
    head: String,
    base: String,
    list: &'static str,
    items: u64,
}

impl Sheet {
    pub(super) fn new(format: Format, as_at: &AsAt, base: &str) -> Self {
        let text = as_at.head.to_string();
        let mac = text.rsplit(' ').next().and_then(|mac| mac.get(..16)).unwrap_or_default();
        let head = format!("{}:{mac}", as_at.head.seq);
        Self { format, out: Vec::new(), head, base: base.to_owned(), list: "entry", items: 0 }
    }

    pub(super) fn is_csv(&self) -> bool {
        self.format == Format::Csv
    }

    pub(super) fn open(&mut self, columns: &[&str], resource: &Value, list: &'static str) {
        self.list = list;
        match self.format {
            Format::Csv => self.record(columns.iter().copied().chain([HEAD])),
            Format::Fhir => {
                let text = resource.to_string();
                self.out.extend_from_slice(text.strip_suffix('}').unwrap_or(&text).as_bytes());
            }
        }
    }

    /// One record of CSV.
    pub(super) fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        let head = self.head.clone();
        // The iterator's lifetime is shortened to the head's.
        self.record(cells.into_iter().map(|cell: &str| cell).chain([head.as_str()]));
    }

    fn record<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        for (position, cell) in cells.into_iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            write_cell(&mut self.out, cell);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// One event of a Bundle.
    pub(super) fn event(&mut self, event: &Value) {
        let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
        let url = format!("{}/AuditEvent/{id}", self.base);
        self.item(&serde_json::json!({ "fullUrl": url, "resource": event }));
    }

    /// One entry of a Bundle, or group of a MeasureReport. FHIR has no empty lists: the first one begins it.
    pub(super) fn item(&mut self, item: &Value) {
        if self.items == 0 {
            self.out.extend_from_slice(format!(",\"{}\":[", self.list).as_bytes());
        } else {
            self.out.push(b',');
        }
        self.items += 1;
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.out, item);
    }

    pub(super) fn close(&mut self) {
        if self.format == Format::Fhir {
            self.out.extend_from_slice(if self.items > 0 { b"]}" } else { b"}" });
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}

fn write_cell(out: &mut Vec<u8>, cell: &str) {
    let formula = is_formula(cell);
    let quoted = cell.contains(['"', ',', '\r', '\n']) || cell.starts_with(' ') || cell.ends_with(' ');
    if quoted {
        out.push(b'"');
    }
    if formula {
        out.push(b'\'');
    }
    for byte in cell.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    if quoted {
        out.push(b'"');
    }
}

/// Whether a spreadsheet may take it for a formula: some pass over blanks and what does not show, and read wide signs as
/// the usual ones.
fn is_formula(cell: &str) -> bool {
    let unseen =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let signs = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    cell.starts_with(['\t', '\r', '\n']) || cell.trim_start_matches(unseen).starts_with(signs)
}

#[cfg(test)]
mod tests {
    use super::write_cell;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        for (cell, written) in [
            ("plain", "plain"),
            ("", ""),
            ("Field, Ina", "\"Field, Ina\""),
            ("says \"so\"", "\"says \"\"so\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+44", "'+44"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("=HYPERLINK(\"a\",1)", "\"'=HYPERLINK(\"\"a\"\",1)\""),
            ("é £", "é £"),
            ("\n=1", "\"'\n=1\""),
            ("\nx", "\"'\nx\""),
            (" =1", "\"' =1\""),
            ("\u{a0}+1", "'\u{a0}+1"),
            ("\u{feff}@x", "'\u{feff}@x"),
            ("\u{b}=1", "'\u{b}=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff0b}1", "'\u{ff0b}1"),
            ("\u{ff0d}1", "'\u{ff0d}1"),
            (" \u{ff20}x", "\"' \u{ff20}x\""),
            (" x=1", "\" x=1\""),
        ] {
            let mut out = Vec::new();
            write_cell(&mut out, cell);
            assert_eq!(String::from_utf8(out).expect("UTF-8"), written, "{cell}");
        }
    }
}
