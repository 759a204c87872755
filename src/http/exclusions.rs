//! `/exclusions`: what is withheld and why, in plain words, for anyone. Made of the list in force and nothing else: it
//! knows no patient and no caller, and is fit to be handed to a patient.

use super::page::{self, STYLE, escaped};
use super::{App, only};
use crate::policy::Supplier;
use crate::release::{ExclusionEntry, Exclusions, Layer, TOPICS};
use axum::extract::State;
use axum::response::Response;
use axum::{Router, routing};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// The page's path.
pub const PATH: &str = "/exclusions";

/// Up to the part that depends on the list.
const HEAD: &str = include_str!("exclusions-head.html");

/// The page's route.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route(PATH, only("GET, HEAD", routing::get(show)))
}

async fn show(State(app): State<Arc<App>>) -> Response {
    page::answer(page(&app.service.views.exclusions()))
}

/// By place and title of the topic: rows and rubrics.
type Topics<'a> = BTreeMap<(usize, &'a str), BTreeSet<(u32, &'a str)>>;

/// Topic to rubrics, each once, in the list's order.
fn topics(entries: &[ExclusionEntry]) -> Topics<'_> {
    let mut topics = Topics::new();
    // Reference sets and their members are named by their set; they are licensed, and too many to read.
    let told = |entry: &&ExclusionEntry| entry.system != "refset" && entry.layer != Layer::NationalSet;
    for entry in entries.iter().filter(told) {
        // What a deployment adds has no row, and often only a term.
        let words = if entry.row > 0 { &entry.rubric } else { &entry.display };
        let words = [words, &entry.rubric, &entry.code].into_iter().find(|words| !words.is_empty());
        let place = TOPICS.iter().position(|topic| topic.name == entry.group).unwrap_or(TOPICS.len());
        let other = if entry.group.is_empty() { "Other" } else { &entry.group };
        let title = TOPICS.get(place).map_or(other, |topic| topic.title);
        if let Some(words) = words {
            topics.entry((place, title)).or_default().insert((entry.row, words));
        }
    }
    topics
}

fn page(list: &Exclusions) -> String {
    let mut out = String::with_capacity(32 * 1024);
    out.push_str(&HEAD.replace("{STYLE}", STYLE).replace("{NOTICE}", &escaped(list.notice().text)));
    applies_to(&mut out, list);
    the_list(&mut out, list);
    versions(&mut out, list);
    let _ = write!(
        out,
        "</main>\n<footer><p>Exclusion list, version {}. For computers: \
         <a href=\"FHIR/R4/ValueSet/mig-exclusions\">the list as a FHIR value set</a>.</p></footer>\n</body>\n</html>\n",
        escaped(list.version())
    );
    out
}

/// Which suppliers' records the list is applied to, and what else this deployment decided.
fn applies_to(out: &mut String, list: &Exclusions) {
    let rules = list.rules();
    out.push_str(
        "<h2 id=\"whose\">Whose records it applies to</h2>\n<table>\n<caption>What is left out, by the computer system that \
         the practice uses</caption>\n<thead><tr><th scope=\"col\">System</th><th scope=\"col\">The list of sensitive \
         subjects</th><th scope=\"col\">What the practice marked private</th></tr></thead>\n<tbody>\n",
    );
    for supplier in Supplier::ALL {
        let name = if *supplier == Supplier::Other { "Any other system" } else { supplier.as_str() };
        let listed = if list.applies_to(*supplier) { "Left out" } else { "Not applied" };
        let _ = writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{listed}</td><td>Left out</td></tr>");
    }
    out.push_str("</tbody>\n</table>\n");
    if rules.exempt.is_empty() {
        out.push_str("<p>The list is applied in the same way to every practice, whichever system it uses.</p>\n");
    } else {
        out.push_str(
            "<p>Where the list is not applied, the practice decides entry by entry by marking what is private.</p>\n",
        );
    }
    if !rules.withhold_unknown.is_empty() {
        let views: Vec<&str> = rules.withhold_unknown.iter().map(|view| view.as_str()).collect();
        let _ = writeln!(
            out,
            "<p>In these parts of the record, entries are left out too whose code no computer can recognise: {}. \
             Allergies, medicines and immunisations are never left out for that.</p>",
            views.join(", ")
        );
    }
    if list.judges_medicines() {
        out.push_str(
            "<p>Some medicines are left out too, because their name points to a subject of the list. A clinician should \
             always ask which medicines a patient takes.</p>\n",
        );
    }
}

fn the_list(out: &mut String, list: &Exclusions) {
    let topics = topics(list.entries());
    let count: usize = topics.values().map(BTreeSet::len).sum();
    let _ = writeln!(
        out,
        "<h2 id=\"list\">The list</h2>\n<p>Version {}. {count} subjects in the words of the sharing agreement, some of them \
         headings that stand for everything below them.</p>",
        escaped(list.version())
    );
    for ((place, title), rubrics) in topics {
        let _ = writeln!(out, "<h3>{}</h3>", escaped(title));
        if let Some(topic) = TOPICS.get(place) {
            let _ = writeln!(out, "<p>Left out because of {}.</p>", escaped(topic.basis));
        }
        out.push_str("<ul>\n");
        for (_, rubric) in rubrics {
            let _ = writeln!(out, "<li>{}</li>", escaped(rubric));
        }
        out.push_str("</ul>\n");
    }
}

fn versions(out: &mut String, list: &Exclusions) {
    out.push_str(
        "<h2 id=\"versions\">What it is made of, and what changed</h2>\n<table>\n<caption>The parts of the list</caption>\n\
         <thead><tr><th scope=\"col\">Part</th><th scope=\"col\">Version</th><th scope=\"col\">Lines</th>\
         <th scope=\"col\">Next end of a line</th></tr></thead>\n<tbody>\n",
    );
    for part in list.parts() {
        let ends = part.ends.map_or_else(|| "None".to_owned(), |day| day.to_string());
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{ends}</td></tr>",
            escaped(&part.title),
            escaped(&part.version),
            part.lines
        );
    }
    out.push_str("</tbody>\n</table>\n<h3>Change history</h3>\n<ul>\n");
    for part in list.parts() {
        for change in &part.changes {
            let _ = writeln!(
                out,
                "<li><time datetime=\"{0}\">{0}</time>, {1}, version {2}: {3}</li>",
                change.date,
                escaped(&part.title),
                escaped(&change.version),
                escaped(&change.text)
            );
        }
    }
    out.push_str("</ul>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::View;
    use crate::release::{Lists, Rules, Sources};

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
        assert_eq!(page.matches("<h3>").count(), TOPICS.len() + 1);
        assert!(page.contains("66 subjects"));
        assert!(page.contains(&format!("Version {}", list.version())));
        assert!(page.contains(&escaped(list.notice().text)));
        assert!(!page.contains("<script") && !page.contains("javascript:"));
        assert!(!page.contains("{STYLE}") && !page.contains("{NOTICE}") && !page.contains("reference set"));
    }

    #[test]
    fn the_page_says_whose_records_the_list_applies_to_and_what_changed() {
        let list = Exclusions::builtin().expect("sound");
        let plain = page(&list);
        assert_eq!(plain.matches("<td>Left out</td><td>Left out</td>").count(), Supplier::ALL.len());
        assert!(plain.contains("in the same way to every practice") && !plain.contains("Not applied"));
        assert!(plain.contains("First edition") && plain.contains("<time datetime=\"2026-11-24\">"));
        assert!(plain.contains("Gender Recognition Act 2004") && !plain.contains("medicines are left out too"));
        let sources = Sources { revealing_medicines: true, ..Sources::default() };
        let rules = Rules {
            exempt: vec![Supplier::SystmOne],
            withhold_unknown: vec![View::Investigations],
            medicines_approved: Some("the safety officer".to_owned()),
        };
        let list = Lists::load(&sources, &rules).expect("sound").on(time::macros::date!(2026 - 12 - 01));
        let page = page(&list);
        assert!(page.contains("<tr><th scope=\"row\">SystmOne</th><td>Not applied</td><td>Left out</td></tr>"));
        assert_eq!(page.matches("Not applied").count(), 1);
        assert!(page.contains("recognise: Investigations.") && page.contains("medicines are left out too"));
        assert!(page.contains(&escaped(list.notice().text)) && !page.contains("Exclusions apply to every record"));
    }

    #[test]
    fn the_page_can_be_read_with_a_screen_reader() {
        let page = page(&Exclusions::builtin().expect("sound"));
        assert!(page.contains("<html lang=\"en-GB\">") && page.contains("<title>") && page.contains("<main>"));
        assert_eq!(page.matches("<h1>").count(), 1);
        assert_eq!(page.matches("<table>").count(), page.matches("<caption>").count());
        for tag in
            ["main", "table", "thead", "tbody", "ul", "li", "p", "h2", "h3", "tr", "td", "footer", "body", "html"]
        {
            let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
