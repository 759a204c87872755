//! The definitions as checked in, and what they hold. `UPDATE=1` writes them.

use super::*;
use std::collections::BTreeSet;

#[test]
fn the_definitions_checked_in_are_those_of_the_list() {
    let list = Exclusions::builtin().expect("the list of this build");
    let groups: BTreeSet<&str> = list.entries().iter().map(|entry| entry.group.as_str()).collect();
    assert_eq!(groups, TOPICS.iter().map(|topic| topic.name).collect());
    for definition in of_the_list(&list) {
        let (kind, id) = (definition["resourceType"].as_str().expect("type"), definition["id"].as_str().expect("id"));
        let text = serde_json::to_string_pretty(&definition).expect("JSON") + "\n";
        crate::golden::compare(&format!("profiles/terminology/{kind}-{id}.json"), &text);
    }
}

#[test]
fn every_definition_is_fhir_and_has_an_id_an_address_and_a_version_of_its_own() {
    let list = Exclusions::builtin().expect("the list of this build");
    let all = list.definitions();
    assert_eq!(all.len(), 7 + FIXED.len(), "each checked-in file is read");
    let mut seen = BTreeSet::new();
    for one in all {
        assert!(matches!(one.text("resourceType"), "ValueSet" | "CodeSystem"));
        assert!(one.json.starts_with(b"{\"resourceType\""), "the XML form needs the type first");
        let address = one.text("url").to_owned();
        assert!(address.starts_with(&format!("urn:x-mig-fhir:{}:", one.text("resourceType"))), "{address}");
        assert!(seen.insert(address) && seen.insert(format!("{}/{}", one.text("resourceType"), one.text("id"))));
        assert!(!one.text("version").is_empty() && one.text("status") == "active" && !one.text("name").is_empty());
        assert_eq!(one.tag.len(), 16);
        assert!(mig_fhir_model::json_to_xml(&one.json).is_ok(), "{}", one.text("id"));
    }
}

#[test]
fn each_code_says_how_sure_it_is_from_where_and_in_which_layer() {
    let list = Exclusions::builtin().expect("the list of this build");
    let set = value_set(&list, None);
    let layers: BTreeSet<&str> = set["compose"]["include"]
        .as_array()
        .expect("includes")
        .iter()
        .filter_map(|include| include["extension"][0]["valueCode"].as_str())
        .collect();
    assert_eq!(layers, BTreeSet::from(["agreement", "national-set", "statutory"]));
    let codes: BTreeSet<(&str, &str)> = set["compose"]["include"]
        .as_array()
        .expect("includes")
        .iter()
        .filter(|include| include["system"] != RUBRICS)
        .flat_map(|include| {
            let system = include["system"].as_str().expect("a system");
            include["concept"].as_array().into_iter().flatten().map(move |concept| {
                let said = concept["extension"].to_string();
                assert!(said.contains("exclusion-confidence") && said.contains("exclusion-source"), "{concept}");
                (system, concept["code"].as_str().expect("a code"))
            })
        })
        .collect();
    for entry in list.entries().iter().filter(|entry| entry.system != "refset" && !entry.code.is_empty()) {
        assert!(codes.contains(&(uri(&entry.system), entry.code.as_str())), "{}", entry.code);
    }
    let gender = value_set(&list, TOPICS.iter().find(|topic| topic.name == "gender"));
    assert!(gender["purpose"].as_str().expect("text").contains("Gender Recognition Act 2004"));
    assert_eq!(gender["title"], "Withheld from the record: gender identity");
    let hiv = value_set(&list, TOPICS.iter().find(|topic| topic.name == "hiv-aids"));
    assert_eq!(
        (&hiv["title"], &hiv["name"]),
        (&json!("Withheld from the record: HIV and AIDS"), &json!("MigExclusionsHivAids"))
    );
}
