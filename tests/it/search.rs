//! Searches as clients use them together: sorted, narrowed and page by page; by GET, POST and HEAD, in JSON and XML; strict or
//! lenient. What each parameter does by itself is in `claims`.

use super::world::{self, Answer, Who, World, run};
use mig_fhir::simulator::generate;
use mig_fhir::simulator::holdings::Holding;
use reqwest::Method;
use serde_json::Value;

const PLAIN: u64 = 2_900;

async fn world() -> (World, Who, String) {
    let world = World::start(world::holdings([world::patient(PLAIN, |_| {})])).await;
    let (who, number) = (world.clinician(), world::number(PLAIN));
    world.permit(&who, &number).await;
    (world, who, number)
}

fn is_subset(resource: &Value) -> bool {
    resource["meta"]["tag"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag["code"] == "SUBSETTED"))
}

#[test]
fn the_pages_of_a_sorted_and_narrowed_search_are_the_whole_of_it_and_their_links_say_nothing() {
    run(async {
        let (world, who, number) = world().await;
        for asked in [
            "_sort=date&_summary=true",
            "_sort=-date&_elements=code",
            "_sort=date&category:missing=false&_summary=data",
            "code:not=stranger&_sort=-date&_total=none",
        ] {
            let whole = world.search("Observation", &number, &format!("&{asked}")).by(&who).ok().await;
            assert!(whole.ids().len() > 4, "{asked}: too few to page");
            let mut page = world.search("Observation", &number, &format!("&{asked}&_count=2")).by(&who).ok().await;
            let mut together: Vec<Value> = page.resources().cloned().collect();
            while let Some(next) = page.link("next") {
                for said in ["patient", "_sort", "_summary", "_elements", "code", &number] {
                    assert!(!next.contains(said), "{next}");
                }
                page = world.ask(Method::GET, &next).by(&who).ok().await;
                assert_eq!(page.body.get("total"), whole.body.get("total"), "{asked}");
                assert_eq!(page.outcome(), whole.outcome(), "{asked}");
                together.extend(page.resources().cloned());
            }
            // The same resources, made the same subsets, in the same order.
            assert_eq!(together, whole.resources().cloned().collect::<Vec<_>>(), "{asked}");
            assert_eq!(together.iter().all(is_subset), !asked.contains("_total"), "{asked}");
        }
    });
}

#[test]
fn a_search_is_the_same_by_get_and_post_in_json_and_xml_and_by_head_without_a_body() {
    run(async {
        let (world, who, number) = world().await;
        let sealed = world.sealed(&number);
        for asked in
            ["_sort=date&_summary=true", "_elements=code,value[x]", "_summary=text", "_summary=count", "_total=none"]
        {
            let posted = world.search("Observation", &number, &format!("&{asked}")).by(&who).ok().await;
            let link = posted.link("self").expect("a self link");
            let got = world.ask(Method::GET, &link).by(&who).ok().await;
            assert_eq!(got.body, posted.body, "{asked}");
            let query = format!("Observation?patient={sealed}&{asked}");
            let xml = world.get(&query).header("accept", "application/fhir+xml").by(&who).ok().await;
            assert_eq!(xml.body["entry"], posted.body["entry"], "{asked}");
            assert_eq!(xml.body.get("total"), posted.body.get("total"), "{asked}");
            let head = world.ask(Method::HEAD, &query).by(&who).ok().await;
            assert_eq!(
                (head.body, head.headers["content-type"].clone()),
                (Value::Null, got.headers["content-type"].clone())
            );
        }
    });
}

#[test]
fn a_count_says_no_more_than_a_page_of_nothing() {
    run(async {
        let (world, who, number) = world().await;
        let of_nothing = world.search("Observation", &number, "&_count=0").by(&who).ok().await;
        let counted =
            world.search("Observation", &number, "&_summary=count&_include=Observation:performer").by(&who).ok().await;
        let but_links = |answer: &world::Answer| {
            let mut body = answer.body.clone();
            body["link"] = Value::Null;
            body
        };
        assert_eq!(but_links(&counted), but_links(&of_nothing));
        assert_eq!((counted.link("next"), counted.entries().count()), (None, 0));
        assert!(counted.total() > 0);
    });
}

#[test]
fn a_subset_reaches_what_comes_along_by_summary_and_never_by_elements() {
    run(async {
        let (world, who, number) = world().await;
        let roles = "&_include=Encounter:participant&_include=Encounter:location";
        let included = async |more: &str| {
            let answer = world.search("Encounter", &number, &format!("{roles}{more}")).by(&who).ok().await;
            let along = answer.entries().filter(|entry| entry["search"]["mode"] == "include");
            along.map(|entry| entry["resource"].clone()).collect::<Vec<_>>()
        };
        let whole = included("").await;
        assert!(!whole.is_empty() && !whole.iter().any(is_subset));
        assert_eq!(included("&_elements=status").await, whole);
        let summary = included("&_summary=true").await;
        assert!(summary.len() == whole.len() && summary.iter().all(is_subset));
        let text = world.search("Encounter", &number, &format!("{roles}&_summary=text")).by(&who).send().await;
        assert_eq!((text.status, text.expressions()), (400, vec!["_summary"]));
        let both = world.search("Encounter", &number, "&_summary=true&_elements=status").by(&who).send().await;
        assert_eq!((both.status, both.expressions()), (400, vec!["_elements"]));
    });
}

fn preferring<'w>(ask: world::Ask<'w>, prefer: Option<&str>) -> world::Ask<'w> {
    match prefer {
        Some(prefer) => ask.header("prefer", prefer),
        None => ask,
    }
}

#[test]
fn a_preference_for_strict_or_lenient_handling_is_kept_to_and_answered() {
    run(async {
        let (world, who, number) = world().await;
        let search = |more: &str| world.search("Observation", &number, more).by(&who);
        for (prefer, known, unknown) in [
            (None, None, 400),
            (Some("handling=strict"), Some("handling=strict"), 400),
            (Some("handling=lenient"), Some("handling=lenient"), 200),
            (Some("respond-async, HANDLING=\"Lenient\""), Some("handling=lenient"), 200),
            (Some("handling=strict, handling=lenient"), Some("handling=strict"), 400),
            (Some("handling=eager"), None, 400),
            (Some("return=minimal"), None, 400),
        ] {
            let answer = preferring(search(""), prefer).ok().await;
            assert_eq!(answer.header("preference-applied"), known, "{prefer:?}");
            let answer = preferring(search("&colour=red&_sort=colour"), prefer).send().await;
            assert_eq!((answer.status, answer.header("preference-applied")), (unknown, known), "{prefer:?}");
            if unknown == 200 {
                let link = answer.link("self").expect("a self link");
                assert!(!link.contains("colour") && !link.contains("_sort"), "{link}");
                assert!(answer.outcome().to_string().contains("Ignored parameters: colour, _sort."));
            }
            let id = search("&_count=1").ok().await.ids().remove(0);
            let answer = preferring(world.get(&format!("Observation/{id}?colour=red")).by(&who), prefer).send().await;
            assert_eq!((answer.status, answer.header("preference-applied")), (unknown, known), "{prefer:?}");
        }
        // Nobody's parameters were handled.
        let nobody = world.get("Observation?colour=red").header("prefer", "handling=lenient").send().await;
        assert_eq!((nobody.status, nobody.header("preference-applied")), (401, None));
    });
}

#[test]
fn an_nhs_number_in_a_wrong_parameter_comes_back_in_no_link() {
    run(async {
        let (world, who, number) = world().await;
        let system = world.member("viewer-system");
        let spaced = format!("{}+{}+{}", &number[..3], &number[3..6], &number[6..]);
        let clinical = [
            ("Observation", "code", number.clone()),
            ("Observation", "code:not", number.clone()),
            ("Observation", "code", format!("{}%7C{number}", world::NHS)),
            ("Observation", "code:text", format!("a+{number}")),
            ("Observation", "code:text", spaced.clone()),
            ("Observation", "_tag", number.clone()),
            ("Observation", "encounter", format!("{number}.")),
            ("Observation", "encounter", format!("{number}/x")),
            ("Patient", "given", format!("x{number}")),
            ("Patient", "family:contains", format!("{number}x")),
        ];
        for (kind, name, value) in &clinical {
            let answer = world.search(kind, &number, &format!("&{name}={value}")).by(&who).send().await;
            assert_eq!((answer.status, answer.expressions()), (400, vec![*name]), "{kind} {name}={value}");
            assert_eq!(answer.reasons(), ["QUERY"]);
        }
        for (kind, name, value) in [
            ("EpisodeOfCare", "_id", number.clone()),
            ("EpisodeOfCare", "identifier", format!("{}%7C{number}", world::NHS)),
            ("EpisodeOfCare", "identifier", format!("%7C{number}")),
            ("ValueSet", "url", number.clone()),
            ("ValueSet", "name", spaced),
            ("CodeSystem", "_id", format!("x{number}")),
        ] {
            let answer = world.get(&format!("{kind}?{name}={value}")).by(&system).send().await;
            assert_eq!((answer.status, answer.expressions()), (400, vec![name]), "{kind} {name}={value}");
        }
        // A code, or a key of a system's own, may look like one: it is compared, and not said back.
        let both = format!("&code=x%7C{number}&code:not=x%7C{number}&_count=1");
        let coded = world.search("Observation", &number, &both).by(&who).ok().await;
        assert_eq!(coded.total(), 0);
        let not = format!("&code:not=x%7C{number}&_count=1");
        let mut page = world.search("Observation", &number, &not).by(&who).ok().await;
        let whole = page.total();
        let key = format!("EpisodeOfCare?identifier=urn:x%7C{number}");
        let key = world.get(&key).by(&system).ok().await;
        assert!(whole > 1);
        for answer in [&coded, &page, &key] {
            for link in ["self", "next"].iter().filter_map(|relation| answer.link(relation)) {
                assert!(!link.contains(&number), "{link}");
            }
        }
        let mut read = 1;
        while let Some(next) = page.link("next") {
            page = world.ask(Method::GET, &next).by(&who).ok().await;
            read += 1;
        }
        assert_eq!(read, whole, "the pages are of the same search all the same");
    });
}

#[test]
fn a_register_is_not_asked_for_two_things_at_once() {
    run(async {
        let world = World::start(world::holdings([world::patient(PLAIN, |_| {})])).await;
        let (system, sealed) = (world.member("viewer-system"), world.sealed(&world::number(PLAIN)));
        let uuid = "6f1d2c3b-4a5e-4f60-8123-456789abcdef";
        for (name, one, other) in [
            ("patient", sealed.as_str(), sealed.as_str()),
            ("status", "active", "planned"),
            ("identifier", "urn:x%7C1", "urn:x%7C2"),
            ("_count", "1", "2"),
            ("_id", uuid, uuid),
        ] {
            world.get(&format!("EpisodeOfCare?{name}={one}")).by(&system).ok().await;
            let query = format!("EpisodeOfCare?{name}={one}&{name}={other}");
            let answer = world.get(&query).by(&system).send().await;
            assert_eq!((answer.status, answer.expressions()), (400, vec![name]), "{name}");
        }
    });
}

#[test]
fn a_query_of_thousands_of_values_is_refused_before_anything_is_compared() {
    run(async {
        let (world, who, number) = world().await;
        let many = (0..1_500).map(|nth| format!("z{nth}")).collect::<Vec<_>>().join(",");
        for name in ["code", "code:text", "code:not", "_tag"] {
            let query = format!("&{name}={many},z");
            let answer = world.search("Observation", &number, &query).by(&who).send().await;
            assert_eq!((answer.status, answer.expressions()), (400, vec![name]), "{name}");
            assert_eq!(answer.reasons(), ["QUERY"]);
        }
        let same = "z,".repeat(3_000);
        let answer = world.search("Observation", &number, &format!("&code:text={same}z")).by(&who).ok().await;
        assert_eq!(answer.total(), 0);
    });
}

#[test]
fn a_large_record_is_searched_page_by_page_as_a_small_one_is() {
    const LARGE: u64 = 2_950;
    run(async {
        let today = mig_fhir::clock::to_london(mig_fhir::clock::Clock::system().now()).date();
        let made = generate::generate(LARGE, 4_000, &generate::Options { today, ..generate::Options::default() });
        let world = World::start(world::holdings([Holding::read(made.xml).expect("a record")])).await;
        let (who, number) = (world.clinician(), world::number(LARGE));
        world.permit(&who, &number).await;
        let path = format!("Patient/{}/$everything?_count=900", world.sealed(&number));
        let mut page = world.get(&path).by(&who).ok().await;
        let total = page.total();
        // As many as are looked through elsewhere than where requests are answered.
        assert!(total >= 2_000, "{total}");
        let matches = |page: &Answer| -> Vec<String> {
            let found = page.entries().filter(|entry| entry["search"]["mode"] == "match");
            found.map(|entry| entry["fullUrl"].to_string()).collect()
        };
        let mut urls = matches(&page);
        while let Some(next) = page.link("next") {
            page = world.get(next.rsplit_once("/FHIR/R4/").expect("of this service").1).by(&who).ok().await;
            urls.extend(matches(&page));
        }
        let once: std::collections::BTreeSet<&String> = urls.iter().collect();
        assert_eq!((urls.len() as u64, once.len() as u64), (total, total));
    });
}
