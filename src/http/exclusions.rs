//! `/exclusions`: what is withheld and why, in plain words, for anyone. Made of the list in force and nothing else: it
//! knows no patient and no caller, and is fit to be handed to a patient.

use super::page::{self, STYLE, escaped};
use super::{App, only};
use crate::release::{ExclusionEntry, Exclusions, notice};
use axum::extract::State;
use axum::response::Response;
use axum::{Router, routing};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// The page's path.
pub const PATH: &str = "/exclusions";

/// Topics, as the list and as people name them.
const TOPICS: [(&str, &str); 5] = [
    ("termination-of-pregnancy", "Termination of pregnancy"),
    ("sexually-transmitted-infection", "Sexually transmitted infections"),
    ("hiv-aids", "HIV and AIDS"),
    ("assisted-fertilisation", "Assisted fertilisation"),
    ("gender", "Gender identity"),
];

/// The page's route.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route(PATH, only("GET, HEAD", routing::get(show)))
}

async fn show(State(app): State<Arc<App>>) -> Response {
    page::answer(page(app.service.views.exclusions()))
}

/// By place and title of the topic: rows and rubrics.
type Topics<'a> = BTreeMap<(usize, &'a str), BTreeSet<(u32, &'a str)>>;

/// Topic to rubrics, each once, in the list's order.
fn topics(entries: &[ExclusionEntry]) -> Topics<'_> {
    let mut topics = Topics::new();
    for entry in entries.iter().filter(|entry| entry.system != "refset") {
        // What a deployment adds has no row, and often only a term.
        let words = if entry.row > 0 { &entry.rubric } else { &entry.display };
        let words = [words, &entry.rubric, &entry.code].into_iter().find(|words| !words.is_empty());
        let place = TOPICS.iter().position(|(topic, _)| *topic == entry.group).unwrap_or(TOPICS.len());
        let title = TOPICS.get(place).map_or(if entry.group.is_empty() { "Other" } else { &entry.group }, |(_, t)| t);
        if let Some(words) = words {
            topics.entry((place, title)).or_default().insert((entry.row, words));
        }
    }
    topics
}

fn page(list: &Exclusions) -> String {
    let mut out = String::with_capacity(16 * 1024);
    let version = escaped(list.version());
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>What is not shown from a GP record</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>What is not shown from a GP record</h1>\n\
         <p>This service lets clinicians elsewhere see a patient's GP record while they treat that patient, if the \
         patient agrees at the time. In an emergency, when the patient cannot be asked, a clinician may look \
         without that; it is recorded, and reviewed by somebody else. Some things in a GP record are so private that \
         they are never shown this way, to anyone, in an emergency or not. This page lists them. It is the same for every patient, and says nothing about any one record.</p>\n\
         <p class=\"notice\"><strong>What every clinician is told:</strong> {}</p>\n",
        escaped(notice().text)
    );
    out.push_str(
        "<h2>Why some things are missing</h2>\n<ul>\n\
         <li>The organisations that share records agreed a list of sensitive subjects that are always left out, \
         because of the law or because patients expect them to stay between them and their practice.</li>\n\
         <li>Anything that the practice has marked as private, restricted or hidden is left out, whatever its \
         subject.</li>\n\
         <li>When an entry is left out, what belongs to it (its results, the issues of its prescription) is left out \
         with it.</li>\n\
         <li>Written notes of consultations, letters and attached documents are not shared. Family history, diary \
         entries and test requests are not part of what is shared.</li>\n\
         <li>Entries that the practice has deleted are not shown.</li>\n</ul>\n\
         <h2>What that means</h2>\n<ul>\n\
         <li>Leaving things out is not a sign that there is something to leave out. The clinician gets the same \
         notice every time and cannot see whether anything was left out.</li>\n\
         <li>The list works on the codes and terms that practices record. A medicine or a test result can point to \
         a subject of the list without being on it, and may be shown.</li>\n\
         <li>The GP practice keeps the whole record. To talk about what is in it, to have an entry marked as private, \
         or to stop sharing altogether, ask the practice. A patient may also say no at any time to the clinician who \
         asks.</li>\n</ul>\n<h2>The list</h2>\n",
    );
    let topics = topics(list.entries());
    let count: usize = topics.values().map(BTreeSet::len).sum();
    let _ = writeln!(
        out,
        "<p>Version {version}. {count} subjects in the words of the sharing agreement, some of them headings that \
         stand for everything below them.</p>"
    );
    for ((_, title), rubrics) in topics {
        let _ = writeln!(out, "<h3>{}</h3>\n<ul>", escaped(title));
        for (_, rubric) in rubrics {
            let _ = writeln!(out, "<li>{}</li>", escaped(rubric));
        }
        out.push_str("</ul>\n");
    }
    let _ = write!(out, "<footer><p>Exclusion list, version {version}.</p></footer>\n</main>\n</body>\n</html>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_rubric_once_with_version_and_notice_and_no_script() {
        let list = Exclusions::builtin().expect("sound");
        let page = page(&list);
        let rubrics: std::collections::BTreeMap<u32, &str> =
            list.entries().iter().filter(|e| e.row > 0).map(|e| (e.row, e.rubric.as_str())).collect();
        assert_eq!(rubrics.len(), 66);
        for rubric in rubrics.values() {
            assert!(page.contains(&format!("<li>{}</li>", escaped(rubric))), "{rubric}");
        }
        assert_eq!(page.matches("<h3>").count(), TOPICS.len());
        assert!(page.contains("66 subjects"));
        assert!(page.contains(&format!("Version {}", list.version())));
        assert!(page.contains(&escaped(notice().text)));
        assert!(!page.contains("<script") && !page.contains("reference set"));
    }
}
