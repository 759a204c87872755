//! Reading each type of the record, and paging through a search.

use super::request::{Request, get, post};
use super::{by_number, search_of};
use serde_json::Value;

const WHO: &str = "clinician";

/// Types of the record in the document's order, and whether each can be searched.
fn types(document: &Value) -> Vec<(String, bool)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let read = paths.filter(|(_, item)| item["get"]["tags"][0] == "record");
    let mut names: Vec<String> =
        read.filter_map(|(path, _)| path.strip_prefix("/FHIR/R4/")?.strip_suffix("/{id}").map(str::to_owned)).collect();
    // The patient first: the others are then searched by the sealed id.
    names.sort_by_key(|name| name != "Patient");
    let searched = |name: &String| !document["paths"][format!("/FHIR/R4/{name}/_search")].is_null();
    names.into_iter().map(|name| (searched(&name), name)).map(|(searched, name)| (name, searched)).collect()
}

pub(super) fn each_type(document: &Value) -> Vec<Request> {
    let types = types(document);
    let mut requests = Vec::new();
    for (name, _) in types.iter().filter(|(_, searched)| *searched) {
        requests.push(
            search_of(&format!("Search {name}"), name, WHO, "rich")
                .searchset(name)
                .check("something is shown", "pm.expect(matches.length).to.be.above(0)")
                .check("the notice comes along", "pm.expect(body.entry.some(e => e.search.mode === 'outcome')).to.eql(true)")
                .check("never kept", "pm.expect(pm.response.headers.get('Cache-Control')).to.eql('no-store')")
                .check(
                    "for viewing only",
                    "matches.forEach(e => pm.expect(e.resource.meta.security.map(c => c.code)).to.include.members(['NOINTEGRATE', 'DELAU']))",
                )
                .keep(&format!("id_{name}"), "matches[0].resource.id"),
        );
        let by = if name == "Patient" { ("_id", "{{id_Patient}}") } else { ("patient", "Patient/{{id_Patient}}") };
        let address = format!("/FHIR/R4/{name}");
        let parameters = document["paths"][&address]["get"]["parameters"].as_array();
        let others = parameters.into_iter().flatten().filter(|one| one["name"] != by.0);
        let search = get(&format!("Search {name} by address"), &address)
            .told("By the sealed id: an NHS number does not belong in an address. Tick what else to ask for.")
            .by(WHO)
            .query(by.0, by.1);
        let search = others
            .fold(search, |search, one| search.offered(one["name"].as_str().unwrap_or_default(), &one["description"]));
        requests.push(search.searchset(name).check(
            "the same is shown",
            &format!("pm.expect(matches.map(e => e.resource.id)).to.include(pm.variables.get('id_{name}'))"),
        ));
        requests.push(read(name));
    }
    requests.push(
        get("Everything of the patient", "/FHIR/R4/Patient/{{id_Patient}}/$everything")
            .by(WHO)
            .resource(200, "Bundle")
            .check("a searchset", "pm.expect(body.type).to.eql('searchset')")
            .then("const first = {};")
            .then("body.entry.forEach(e => { first[e.resource.resourceType] ??= e.resource.id; });")
            .then("Object.entries(first).forEach(([type, id]) => pm.collectionVariables.set('id_' + type, id));"),
    );
    requests.extend(types.iter().filter(|(_, searched)| !searched).map(|(name, _)| read(name)));
    requests.push(
        get("The record as a document", "/FHIR/R4/Patient/{{id_Patient}}/$detailed-care-record")
            .by(WHO)
            .resource(200, "Bundle")
            .check("a document", "pm.expect(body.type).to.eql('document')")
            .check(
                "ten views",
                "pm.expect(body.entry[0].resource.section.filter(s => s.code).length).to.be.at.least(10)",
            ),
    );
    requests.push(
        get("One type as XML", "/FHIR/R4/Patient/{{id_Patient}}")
            .header("Accept", "application/fhir+xml")
            .by(WHO)
            .answers(200, "application/fhir+xml")
            .check("XML", "pm.expect(pm.response.text()).to.match(/<Patient xmlns=/)"),
    );
    requests
}

fn read(name: &str) -> Request {
    get(&format!("Read one {name}"), &format!("/FHIR/R4/{name}/{{{{id_{name}}}}}"))
        .by(WHO)
        .resource(200, name)
        .check("the one asked for", &format!("pm.expect(body.id).to.eql(pm.variables.get('id_{name}'))"))
        .check("never kept", "pm.expect(pm.response.headers.get('Cache-Control')).to.eql('no-store')")
}

pub(super) fn paged() -> Vec<Request> {
    let next = "(body.link.find(l => l.relation === 'next') || {}).url || ''";
    vec![
        post("The first page", "/FHIR/R4/MedicationRequest/_search")
            .form(&[("patient.identifier", &by_number("rich")), ("_count", "20")])
            .by(WHO)
            .searchset("MedicationRequest")
            .check("twenty of them", "pm.expect(matches.length).to.eql(20)")
            .check("there are more", "pm.expect(body.total).to.be.above(20)")
            .check("the next link names no patient", "pm.expect(body.link.find(l => l.relation === 'next').url).not.to.match(/999\\d{7}/)")
            .keep("page_seen", "JSON.stringify(matches.map(e => e.resource.id))")
            .keep("page_total", "body.total")
            .keep("page_next", next),
        get("The next page, and the next", "{{page_next}}")
            .told("Runs itself again until no page is left.")
            .by(WHO)
            .searchset("MedicationRequest")
            .then("const seen = JSON.parse(pm.variables.get('page_seen')).concat(matches.map(e => e.resource.id));")
            .check("nothing comes twice", "pm.expect(new Set(seen).size).to.eql(seen.length)")
            .keep("page_seen", "JSON.stringify(seen)")
            .then(&format!("const next = {next};"))
            .then("if (next) { pm.collectionVariables.set('page_next', next); pm.execution.setNextRequest(pm.info.requestName); }")
            .then("else pm.test('nothing is lost', () => pm.expect(seen.length).to.eql(Number(pm.variables.get('page_total'))));"),
        post("How many there are", "/FHIR/R4/MedicationRequest/_search")
            .form(&[("patient.identifier", &by_number("rich")), ("_count", "0")])
            .by(WHO)
            .searchset("MedicationRequest")
            .check("the total alone", "pm.expect([matches.length, body.total]).to.eql([0, Number(pm.variables.get('page_total'))])"),
    ]
}
