//! A record as OpenHR again, every field of the model at its place: what was read once must read the same again.

use mig_fhir::record::{Address, Code, Event, Marks, PartialDate, Range, Record, Report, Supply, Value};
use std::fmt::Write as _;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// The text being written.
struct Out(String);

impl Out {
    fn open(&mut self, name: &str) -> &mut Self {
        let _ = write!(self.0, "<{name}>");
        self
    }

    fn close(&mut self, name: &str) {
        let _ = write!(self.0, "</{name}>");
    }

    fn leaf(&mut self, name: &str, text: &str) {
        self.open(name).text(text);
        self.close(name);
    }

    fn maybe(&mut self, name: &str, text: Option<&String>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                // As references, so that no reader changes them. A no-break space would be trimmed in either form.
                '\r' | '\n' | '\t' => {
                    let _ = write!(self.0, "&#{};", u32::from(c));
                }
                _ => self.0.push(c),
            }
        }
    }

    /// An element with attributes and no more; the caller closes it.
    fn tag(&mut self, name: &str, attributes: &[(&str, Option<&String>)]) {
        let _ = write!(self.0, "<{name}");
        for (key, value) in attributes {
            if let Some(value) = value {
                let _ = write!(self.0, " {key}=\"");
                self.text(value);
                self.0.push('"');
            }
        }
        self.0.push('>');
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, Option<&String>)]) {
        self.tag(name, attributes);
        self.close(name);
    }

    fn partial(&mut self, name: &str, date: Option<PartialDate>) {
        let (part, value) = match date {
            None => return,
            Some(PartialDate::Year(year)) => ("Y", format!("{year:04}-01-01")),
            Some(PartialDate::Month(year, month)) => ("YM", format!("{year:04}-{month:02}-01")),
            Some(PartialDate::Day(day)) => ("YMD", day.to_string()),
            Some(PartialDate::Time(at)) => ("YMDT", instant(at)),
        };
        self.empty(name, &[("datepart", Some(&part.to_owned())), ("value", Some(&value))]);
    }

    fn at(&mut self, name: &str, at: Option<OffsetDateTime>) {
        if let Some(at) = at {
            self.leaf(name, &instant(at));
        }
    }

    fn is(&mut self, name: &str, said: bool) {
        if said {
            self.leaf(name, "true");
        }
    }

    fn number(&mut self, name: &str, number: Option<i64>) {
        if let Some(number) = number {
            self.leaf(name, &number.to_string());
        }
    }

    fn duration(&mut self, name: &str, duration: Option<&(String, i64)>) {
        if let Some((unit, value)) = duration {
            self.empty(name, &[("unit", Some(unit)), ("value", Some(&value.to_string()))]);
        }
    }

    fn code(&mut self, name: &str, code: &Code) {
        let said = [
            ("code", code.code.as_ref()),
            ("codeSystem", code.system.as_ref()),
            ("displayName", code.display.as_ref()),
        ];
        self.tag(name, &said);
        for (name, value) in &code.qualifiers {
            self.open("qualifier");
            self.code("name", name);
            self.code("value", value);
            self.close("qualifier");
        }
        for translation in &code.translations {
            self.code("translation", translation);
        }
        self.close(name);
    }

    fn range(&mut self, range: Option<&Box<Range>>) {
        let Some(range) = range else { return };
        self.tag("range", &[("qualifier", range.qualifier.as_ref())]);
        self.maybe("description", range.text.as_ref());
        self.open("numericRange");
        for (name, bound) in [("low", &range.low), ("high", &range.high)] {
            if let Some((operator, value)) = bound {
                self.empty(name, &[("operator", operator.as_ref()), ("value", Some(value))]);
            }
        }
        self.close("numericRange");
        self.maybe("units", range.units.as_ref());
        self.maybe("sex", range.sex.as_ref());
        self.open("ageRange");
        self.duration("low", range.age_low.as_ref());
        self.duration("high", range.age_high.as_ref());
        self.close("ageRange");
        self.close("range");
    }

    fn marks(&mut self, marks: &Marks) {
        if let Some(policy) = &marks.policy {
            self.leaf("confidentialityPolicy", policy);
        }
        self.is("hidden", marks.hidden);
    }

    fn address(&mut self, address: &Address) {
        self.item("address", address.deleted);
        self.maybe("addressType", address.kind.as_ref());
        for (name, line) in ["houseNameFlat", "street", "village"].into_iter().zip(&address.lines) {
            self.leaf(name, line);
        }
        self.maybe("town", address.town.as_ref());
        self.maybe("county", address.county.as_ref());
        self.maybe("postCode", address.postcode.as_ref());
        self.close("address");
    }

    /// An element that may be marked as deleted.
    fn item(&mut self, name: &str, deleted: bool) {
        self.tag(name, &[("updateMode", deleted.then(|| "delete".to_owned()).as_ref())]);
    }

    fn supply(&mut self, supply: &Supply) {
        self.maybe("localMixture", supply.mixture.as_ref());
        self.maybe("dosage", supply.dosage.as_ref());
        self.maybe("quantity", supply.quantity.as_ref());
        self.maybe("quantityUnit", supply.unit.as_ref());
        self.maybe("quantityRepresentation", supply.quantity_text.as_ref());
        self.number("durationOfIssue", supply.duration_days);
        self.maybe("prescriptionType", supply.prescription_type.as_ref());
        self.is("private", supply.private_prescription);
    }
}

fn instant(at: OffsetDateTime) -> String {
    // Before 1847 local time is not whole minutes from UTC: written without an offset it reads as local time again.
    let local = at.offset().seconds_past_minute() != 0;
    let said = if local { at.replace_offset(UtcOffset::UTC) } else { at }.format(&Rfc3339).unwrap_or_default();
    if local { said.trim_end_matches('Z').to_owned() } else { said }
}

/// The whole record.
pub fn record(record: &Record) -> String {
    let mut out = Out(String::from("<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"><author><system>"));
    out.maybe("systemType", record.system_type.as_ref());
    out.maybe("displayName", record.system_name.as_ref());
    out.close("system");
    out.close("author");
    out.open("adminDomain");
    admin(&mut out, record);
    out.close("adminDomain");
    out.open("healthDomain");
    health(&mut out, record);
    out.close("healthDomain");
    out.close("openHealthRecord");
    out.0
}

fn admin(out: &mut Out, record: &Record) {
    for (id, person) in &record.persons {
        out.open("person").leaf("id", id);
        if let Some(date) = person.birth_date {
            out.leaf("birthDate", &date.to_string());
        }
        out.maybe("sex", person.sex.as_ref());
        out.maybe("forenames", person.forenames.as_ref());
        out.maybe("callingName", person.calling_name.as_ref());
        out.maybe("surname", person.surname.as_ref());
        out.maybe("title", person.title.as_ref());
        for address in &person.addresses {
            out.address(address);
        }
        out.close("person");
    }
    if let Some(patient) = &record.patient {
        out.item("patient", patient.marks.deleted);
        out.leaf("id", &patient.id);
        if let Some(number) = &patient.nhs_number {
            out.open("patientIdentifier").leaf("value", number);
            out.leaf("identifierType", "NHS");
            out.close("patientIdentifier");
        }
        out.maybe("patientPerson", patient.person.as_ref());
        out.maybe("registeredGPUserInRole", patient.registered_gp.as_ref());
        out.maybe("usualGPUserInRole", patient.usual_gp.as_ref());
        out.partial("dateOfDeath", patient.date_of_death);
        out.is("dead", patient.dead);
        out.marks(&patient.marks);
        out.open("caseloadPatient");
        out.maybe("organisation", patient.caseload_organisation.as_ref());
        out.open("patientStatus").maybe("caseloadStatus", patient.caseload_status.as_ref());
        out.close("patientStatus");
        out.tag("patientType", &[("dummy", patient.dummy.then(|| "true".to_owned()).as_ref())]);
        out.text(patient.patient_type.as_deref().unwrap_or_default());
        out.close("patientType");
        out.is("dateEnded", patient.caseload_ended);
        out.close("caseloadPatient");
        out.close("patient");
    }
    for (id, organisation) in &record.organisations {
        out.open("organisation").leaf("id", id);
        out.maybe("name", organisation.name.as_ref());
        out.maybe("nationalPracticeCode", organisation.national_code.as_ref());
        out.maybe("organisationType", organisation.kind.as_ref());
        out.maybe("mainLocation", organisation.main_location.as_ref());
        out.close("organisation");
    }
    for (id, location) in &record.locations {
        out.open("location").leaf("id", id);
        out.maybe("name", location.name.as_ref());
        out.maybe("locationType", location.kind.as_ref());
        if let Some(address) = &location.address {
            out.address(address);
        }
        out.close("location");
    }
    for (id, user) in &record.users {
        out.open("user").leaf("id", id);
        out.maybe("userPerson", user.person.as_ref());
        out.close("user");
    }
    for (id, role) in &record.roles {
        out.open("role").leaf("id", id);
        out.maybe("name", role.name.as_ref());
        out.maybe("userCategory", role.category.as_ref());
        out.maybe("organisation", role.organisation.as_ref());
        out.close("role");
    }
    for (id, user) in &record.users_in_role {
        out.open("userInRole").leaf("id", id);
        out.maybe("user", user.user.as_ref());
        out.maybe("role", user.role.as_ref());
        for (kind, value) in &user.identifiers {
            out.open("userIdentifier").leaf("identifierType", kind);
            out.leaf("value", value);
            out.close("userIdentifier");
        }
        out.close("userInRole");
    }
    for (id, mixture) in &record.mixtures {
        out.open("localMixture").leaf("id", id);
        out.maybe("name", mixture.name.as_ref());
        for (preparation, strength) in &mixture.constituents {
            out.open("constituent").code("preparation", preparation);
            out.maybe("strength", strength.as_ref());
            out.close("constituent");
        }
        out.close("localMixture");
    }
    for (id, policy) in &record.policies {
        out.open("confidentialityPolicy").leaf("id", id);
        out.is("restrictToOrganisation", policy.restricts);
        out.close("confidentialityPolicy");
    }
}

fn health(out: &mut Out, record: &Record) {
    for encounter in &record.encounters {
        let said = |yes: bool, word: &str| yes.then(|| word.to_owned());
        let (deleted, open) = (said(encounter.marks.deleted, "delete"), said(!encounter.complete, "false"));
        out.tag("encounter", &[("updateMode", deleted.as_ref()), ("complete", open.as_ref())]);
        out.leaf("id", &encounter.id);
        out.partial("effectiveTime", encounter.effective);
        out.at("availabilityTimeStamp", encounter.available);
        out.maybe("authorisingUserInRole", encounter.authorising.as_ref());
        out.maybe("enteredByUserInRole", encounter.entered_by.as_ref());
        out.maybe("organisation", encounter.organisation.as_ref());
        out.marks(&encounter.marks);
        out.maybe("consultationType", encounter.consultation_type.as_ref());
        out.maybe("location", encounter.location.as_ref());
        if let Some(code) = &encounter.location_type {
            out.code("locationType", code);
        }
        for person in &encounter.accompanying {
            out.leaf("accompanyingHCP", person);
        }
        out.duration("duration", encounter.duration.as_ref());
        for event in &encounter.components {
            out.open("component").leaf("event", event);
            out.close("component");
        }
        out.close("encounter");
    }
    for event in &record.events {
        self::event(out, event);
    }
    for (id, problem) in &record.problems {
        out.item("problem", problem.deleted);
        out.leaf("id", id);
        out.maybe("status", problem.status.as_ref());
        out.maybe("significance", problem.significance.as_ref());
        out.duration("expectedDuration", problem.expected_duration.as_ref());
        out.partial("endTime", problem.end);
        out.maybe("owner", problem.owner.as_ref());
        for (parent, relationship) in &problem.parents {
            out.open("parentProblem").leaf("id", parent);
            out.maybe("relationshipType", relationship.as_ref());
            out.close("parentProblem");
        }
        for link in &problem.links {
            out.open("eventLink").leaf("id", link);
            out.close("eventLink");
        }
        out.close("problem");
    }
}

fn event(out: &mut Out, event: &Event) {
    let said = |yes: bool, word: &str| yes.then(|| word.to_owned());
    let (deleted, unfiled) = (said(event.marks.deleted, "delete"), said(event.unfiled, "true"));
    out.tag("event", &[("updateMode", deleted.as_ref()), ("unFiled", unfiled.as_ref())]);
    out.leaf("id", &event.id);
    out.leaf("eventType", &event.kind);
    out.partial("effectiveTime", event.effective);
    out.at("availabilityTimeStamp", event.available);
    out.maybe("authorisingUserInRole", event.authorising.as_ref());
    out.maybe("enteredByUserInRole", event.entered_by.as_ref());
    if let Some(code) = &event.code {
        out.code("code", code);
    }
    out.maybe("displayTerm", event.term.as_ref());
    out.maybe("organisation", event.organisation.as_ref());
    out.marks(&event.marks);
    // A report's members stand in its own element, all others' in a complex observation.
    let reported = if event.report.is_some() { event.children.as_slice() } else { &[] };
    let linked = if event.report.is_some() { &[] } else { event.children.as_slice() };
    let observed = event.value.is_some()
        || event.abnormal.is_some()
        || event.episodicity.is_some()
        || event.result_status.is_some()
        || !linked.is_empty();
    if observed {
        out.tag("observation", &[("resultStatus", event.result_status.as_ref())]);
        value(out, event.value.as_ref());
        if let Some((flag, description)) = &event.abnormal {
            out.empty("abnormal", &[("value", Some(&flag.to_string())), ("description", description.as_ref())]);
        }
        if !linked.is_empty() {
            out.open("complexObservation");
            for child in linked {
                out.leaf("childLink", child);
            }
            out.close("complexObservation");
        }
        out.maybe("episodicity", event.episodicity.as_ref());
        out.close("observation");
    }
    if let Some(drug) = &event.target_drug {
        out.tag("allergy", &[("resultStatus", event.result_status.as_ref())]);
        out.code("targetDrug", drug);
        out.close("allergy");
    }
    if let Some(report) = &event.report {
        self::report(out, report, reported);
    }
    drugs(out, event);
    if let Some(referral) = &event.referral {
        out.open("referral").maybe("speciality", referral.speciality.as_ref());
        out.maybe("targetUserInRole", referral.target_user.as_ref());
        out.maybe("targetOrganisation", referral.target_organisation.as_ref());
        out.maybe("urgency", referral.urgency.as_ref());
        out.maybe("requestType", referral.request_type.as_ref());
        out.maybe("direction", referral.direction.as_ref());
        out.maybe("UBRN", referral.ubrn.as_ref());
        out.maybe("sourceOrganisation", referral.source_organisation.as_ref());
        out.partial("datedReferral", referral.dated);
        out.maybe("referralMode", referral.mode.as_ref());
        if let Some(nhs) = referral.nhs {
            out.leaf("NHS", if nhs { "true" } else { "false" });
        }
        if let Some(community) = referral.community {
            out.leaf("community", if community { "true" } else { "false" });
        }
        out.maybe("rejectedReason", referral.rejected.then(|| "x".to_owned()).as_ref());
        out.close("referral");
    }
    out.close("event");
}

/// A specimen's members are the report's too, in one order: each specimen stands where its members do.
fn report(out: &mut Out, report: &Report, mut members: &[String]) {
    out.open("report").partial("issueDate", report.issued);
    out.maybe("dataType", report.data_type.as_ref());
    out.maybe("serviceOrganisation", report.service_organisation.as_ref());
    for specimen in &report.specimens {
        while !members.starts_with(&specimen.members) {
            let Some((member, rest)) = members.split_first() else { break };
            out.open("component").leaf("test", member);
            out.close("component");
            members = rest;
        }
        members = members.get(specimen.members.len()..).unwrap_or_default();
        out.open("component").open("specimen").maybe("specimenType", specimen.kind.as_ref());
        for (name, date) in [
            ("sampleDateTime", specimen.sampled),
            ("collectionStartDate", specimen.collection_start),
            ("collectionEndDate", specimen.collection_end),
            ("dateTimeReceivedByLab", specimen.received),
        ] {
            out.partial(name, date);
        }
        out.maybe("volume", specimen.volume.as_ref());
        out.maybe("volumeUnits", specimen.volume_units.as_ref());
        for member in &specimen.members {
            out.leaf("test", member);
        }
        out.close("specimen");
        out.close("component");
    }
    for member in members {
        out.open("component").leaf("test", member);
        out.close("component");
    }
    out.close("report");
}

fn value(out: &mut Out, value: Option<&Value>) {
    match value {
        None => {}
        Some(Value::Numeric { operator, value, units, ucum, range }) => {
            out.open("value").open("numeric").maybe("operator", operator.as_ref());
            out.leaf("value", value);
            out.maybe("units", units.as_ref());
            out.maybe("ucumUnits", ucum.as_ref());
            out.range(range.as_ref());
            out.close("numeric");
            out.close("value");
        }
        Some(Value::Text { value, range }) => {
            out.open("value").open("text").leaf("value", value);
            out.range(range.as_ref());
            out.close("text");
            out.close("value");
        }
    }
}

fn drugs(out: &mut Out, event: &Event) {
    if let Some(plan) = &event.medication {
        out.open("medication").supply(&plan.supply);
        out.maybe("drugStatus", plan.status.as_ref());
        out.partial("reviewDate", plan.review);
        out.partial("expiryDate", plan.expiry);
        out.partial("firstIssueDate", plan.first_issue);
        out.partial("mostRecentIssueDate", plan.last_issue);
        out.number("numberOfIssues", plan.issues);
        if plan.authorised_issues.is_some() {
            out.open("authorisedIssues").number("authorisedIssues", plan.authorised_issues);
            out.close("authorisedIssues");
        }
        out.maybe("mostRecentIssueMethod", plan.last_issue_method.as_ref());
        if plan.has_cancellation {
            out.open("cancellation").at("cancellationDateTime", plan.cancelled);
            out.maybe("cancellationReason", plan.cancellation_reason.as_ref());
            out.maybe("linkedEvent", plan.cancellation_link.as_ref());
            out.close("cancellation");
        }
        out.close("medication");
    }
    if let Some(issue) = &event.issue {
        out.open("medicationIssue").supply(&issue.supply);
        out.maybe("medication", issue.plan.as_ref());
        out.maybe("issueMethod", issue.method.as_ref());
        out.is("cancelled", issue.cancelled);
        if issue.cancellation_reason.is_some() {
            out.open("cancellation").maybe("cancellationReason", issue.cancellation_reason.as_ref());
            out.close("cancellation");
        }
        out.close("medicationIssue");
    }
}
