//! Lists as comma-separated lines: the form of the built-in one.

use super::super::exclusions::{ExclusionEntry, Layer, layer_of};
use super::day;

/// A list as read: its version, if it says one, and its lines.
pub(super) struct Table {
    pub version: Option<String>,
    pub entries: Vec<ExclusionEntry>,
    /// Line and problem.
    pub problems: Vec<(usize, &'static str)>,
}

/// Reads a list. `layer` is that of its lines; without one, the appendix's own, by topic.
///
/// # Errors
/// What makes it no table at all.
pub(super) fn read(text: &str, layer: Option<Layer>) -> Result<Table, &'static str> {
    let mut lines = records(text)?.into_iter().filter(|(_, line)| !matches!(line.as_slice(), [one] if one.is_empty()));
    let mut head = lines.next().ok_or("it is empty")?.1;
    let mut version = None;
    if let Some(said) = head.first().and_then(|first| first.strip_prefix("# version ")) {
        version = Some(said.trim().to_owned()).filter(|said| !said.is_empty());
        head = lines.next().ok_or("it has no heading")?.1;
    }
    let column = |name: &str| head.iter().position(|cell| cell == name);
    let (Some(system), Some(code)) = (column("system"), column("code")) else {
        return Err("it lacks the columns system and code");
    };
    let optional =
        ["row", "rubric", "group", "include_descendants", "display", "confidence", "source", "from", "until"];
    let [row, rubric, group, below, display, confidence, source, from, until] = optional.map(column);
    let known = |name: &String| optional.contains(&name.as_str()) || matches!(name.as_str(), "system" | "code");
    if !head.iter().all(known) {
        return Err("a column of it is not known");
    }
    let mut table = Table { version, entries: Vec::new(), problems: Vec::new() };
    for (number, line) in lines {
        let cell = |at: Option<usize>| at.and_then(|at| line.get(at)).map(|text| text.trim().to_owned());
        let made = || {
            if line.len() != head.len() {
                return Err("it does not have the columns of the heading");
            }
            let row = match cell(row).as_deref() {
                None | Some("") => 0,
                Some(number) => number.parse().map_err(|_| "a row is not a number")?,
            };
            let include_descendants = match cell(below).as_deref() {
                None | Some("" | "false") => false,
                Some("true") => true,
                Some(_) => return Err("include_descendants is neither true nor false"),
            };
            let date = |at| match cell(at).filter(|text| !text.is_empty()) {
                None => Ok(None),
                Some(text) => day(&text).map(Some).ok_or("a date is not of the form 2026-12-31"),
            };
            let group = cell(group).unwrap_or_default();
            Ok(ExclusionEntry {
                row,
                rubric: cell(rubric).unwrap_or_default(),
                layer: layer.unwrap_or_else(|| layer_of(&group)),
                group,
                system: cell(Some(system)).unwrap_or_default(),
                code: cell(Some(code)).unwrap_or_default(),
                include_descendants,
                display: cell(display).unwrap_or_default(),
                confidence: cell(confidence).unwrap_or_default(),
                source: cell(source).unwrap_or_default(),
                version: "".into(),
                from: date(from)?,
                until: date(until)?,
            })
        };
        match made() {
            Ok(entry) => table.entries.push(entry),
            Err(problem) => table.problems.push((number, problem)),
        }
    }
    Ok(table)
}

/// Comma-separated lines with quoted cells, each with the number of the line that it begins on.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, &'static str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut lines, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let (mut number, mut begun) = (1, 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        number += usize::from(c == '\n');
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            ('"', true) => quoted = false,
            ('"', false) if cell.is_empty() => quoted = true,
            (',', false) => line.push(std::mem::take(&mut cell)),
            ('\r', false) => {}
            ('\n', false) => {
                line.push(std::mem::take(&mut cell));
                lines.push((begun, std::mem::take(&mut line)));
                begun = number;
            }
            (c, _) => cell.push(c),
        }
    }
    if quoted {
        return Err("a quoted cell does not end");
    }
    if !cell.is_empty() || !line.is_empty() {
        line.push(cell);
        lines.push((begun, line));
    }
    Ok(lines)
}
