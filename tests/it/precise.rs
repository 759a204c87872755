//! Every date of every type keeps the precision that its `datepart` gives it, and every number its digits, wherever it
//! stands: beside what `faithful` holds of effective dates and of values, the dates that have elements of their own, and
//! the numbers of ranges, supplies, specimens and ages.

use super::pipeline::Pipeline;
use mig_fhir::ids::NhsNumber;
use mig_fhir::kinds::{Kind, View};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

const READ: &str = "2.16.840.1.113883.2.1.6.2";

/// A `dt.DatePart` and what FHIR makes of it.
#[derive(Clone, Debug)]
struct Part {
    part: &'static str,
    value: String,
}

impl Part {
    fn element(&self, name: &str) -> String {
        format!("<{name} datepart=\"{}\" value=\"{}\"/>", self.part, self.value)
    }

    /// The parts that it gives, and no finer one.
    fn told(&self) -> Option<&str> {
        match self.part {
            "Y" => self.value.get(..4),
            "YM" => self.value.get(..7),
            "YMD" => self.value.get(..10),
            _ => None,
        }
    }
}

fn part() -> impl Strategy<Value = Part> {
    let value = (1950_i32..2026, 1_u32..13, 1_u32..29, 0_u32..24, 0_u32..60)
        .prop_map(|(y, m, d, h, n)| format!("{y:04}-{m:02}-{d:02}T{h:02}:{n:02}:00"));
    (prop::sample::select(vec!["Y", "YM", "YMD", "U"]), value).prop_map(|(part, value)| Part { part, value })
}

/// A decimal as it is written, in the form that JSON has too.
fn decimal() -> impl Strategy<Value = String> {
    "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,9})?"
}

fn event(id: &str, kind: &str, code: &str, date: &Part, payload: &str) -> String {
    format!(
        "<event><id>{id}</id><patient>p</patient><eventType>{kind}</eventType>{}<code code=\"{code}\" codeSystem=\"{READ}\" \
         displayName=\"A term\"/><displayTerm>A term</displayTerm>{payload}</event>",
        date.element("effectiveTime")
    )
}

fn record(health: &str) -> String {
    format!(
        "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"><author><system><systemType>EMISWEB</systemType></system>\
         </author><adminDomain><patient><id>p</id><patientIdentifier><value>9990000018</value><identifierType>NHS\
         </identifierType></patientIdentifier></patient></adminDomain><healthDomain>{health}</healthDomain></openHealthRecord>"
    )
}

/// What is released of it, by type: text and JSON. One resource of a type is expected of each record here.
fn released(health: &str) -> BTreeMap<Kind, (String, Value)> {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    let patient = NhsNumber::parse("9990000018").expect("a number");
    let seen = PIPELINE.get_or_init(Pipeline::new).run(&record(health), patient, View::Events, View::ALL);
    let text = |json: &[u8]| std::str::from_utf8(json).expect("text").to_owned();
    let all = seen.released.iter().map(|one| (one.kind(), text(one.json())));
    all.map(|(kind, text)| (kind, (text.clone(), serde_json::from_str(&text).expect("JSON")))).collect()
}

/// The number of a member, character by character, where the member stands in this part of the text.
fn written<'t>(text: &'t str, before: &str) -> Option<&'t str> {
    let rest = text.split_once(before)?.1.split_once("\"value\":")?.1;
    rest.split([',', '}']).next()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn each_type_tells_its_date_at_its_own_precision(date in part()) {
        let health = [
            event("a", "IMM", "65E", &date, "<observation/>"),
            event("b", "REF", "8H4", &date, "<referral/>"),
            event("c", "ALT", "9N6", &date, "<alert/>"),
            event("d", "MED", "bd3", &date, "<medication><prescriptionType>R</prescriptionType><drugStatus>A</drugStatus></medication>"),
            event("e", "OBS", "7J0", &date, ""),
            format!("<encounter><id>f</id>{}</encounter>", date.element("effectiveTime")),
        ];
        let seen = released(&health.concat());
        let told = |kind: Kind, path: &str| {
            prop_assert!(seen.contains_key(&kind), "{} is not there", kind);
            let said = seen[&kind].1.pointer(path).and_then(Value::as_str);
            prop_assert_eq!(said, date.told(), "{} {}", kind, path);
            Ok(())
        };
        told(Kind::Immunization, "/occurrenceDateTime")?;
        prop_assert_eq!(seen[&Kind::Immunization].1.get("occurrenceString").is_some(), date.told().is_none());
        told(Kind::ServiceRequest, "/authoredOn")?;
        told(Kind::Flag, "/period/start")?;
        told(Kind::MedicationRequest, "/authoredOn")?;
        told(Kind::MedicationRequest, "/dispenseRequest/validityPeriod/start")?;
        told(Kind::MedicationStatement, "/effectivePeriod/start")?;
        told(Kind::Procedure, "/performedDateTime")?;
        told(Kind::Encounter, "/period/start")?;
    }

    #[test]
    fn dates_that_have_elements_of_their_own_keep_their_precision(date in part()) {
        let start = Part { part: "U", value: String::new() };
        let plan = format!(
            "<medication><prescriptionType>R</prescriptionType><drugStatus>A</drugStatus>{}{}{}</medication>",
            date.element("expiryDate"), date.element("mostRecentIssueDate"), date.element("reviewDate")
        );
        let health = [
            event("a", "OBS", "C10", &start, ""),
            format!("<problem><id>a</id><status>I</status>{}</problem>", date.element("endTime")),
            event("b", "MED", "bd3", &start, &plan),
            event("c", "REF", "8H4", &start, &format!("<referral>{}</referral>", date.element("datedReferral"))),
        ];
        let seen = released(&health.concat());
        let told = |kind: Kind, path: &str| seen[&kind].1.pointer(path).and_then(Value::as_str);
        prop_assert_eq!(told(Kind::Condition, "/abatementDateTime"), date.told());
        prop_assert_eq!(told(Kind::ServiceRequest, "/occurrenceDateTime"), date.told());
        prop_assert_eq!(told(Kind::MedicationStatement, "/extension/0/valueDateTime"), date.told());
        prop_assert_eq!(told(Kind::MedicationRequest, "/extension/0/extension/0/valueDateTime"), date.told());
        prop_assert_eq!(told(Kind::MedicationRequest, "/dispenseRequest/validityPeriod/end"), date.told());
        let review = date.told().map(|date| format!("Review date: {date}"));
        prop_assert_eq!(told(Kind::MedicationRequest, "/note/0/text"), review.as_deref());
    }

    #[test]
    fn numbers_of_ranges_supplies_and_specimens_keep_their_digits(
        low in decimal(), high in decimal(), quantity in decimal(), volume in decimal(), age in 0_i64..120
    ) {
        let date = Part { part: "YMD", value: "2026-11-02T00:00:00".to_owned() };
        let value = format!(
            "<observation><value><numeric><value>1</value><range><numericRange><low value=\"{low}\"/><high value=\"{high}\"/>\
             </numericRange><ageRange><low unit=\"M\" value=\"{age}\"/></ageRange></range></numeric></value></observation>"
        );
        let report = format!(
            "<report><component><specimen><volume>{volume}</volume><volumeUnits>litres</volumeUnits><test>a</test></specimen>\
             </component></report>"
        );
        let plan = format!("<medication><quantity>{quantity}</quantity><drugStatus>A</drugStatus></medication>");
        let health = [event("a", "VAL", "44P", &date, &value), event("b", "REP", "44", &date, &report), event("c", "MED", "bd3", &date, &plan)];
        let seen = released(&health.concat());
        let (text, months) = (|kind: Kind| seen[&kind].0.as_str(), age.to_string());
        prop_assert_eq!(written(text(Kind::Observation), "\"low\":{"), Some(low.as_str()));
        prop_assert_eq!(written(text(Kind::Observation), "\"high\":{"), Some(high.as_str()));
        prop_assert_eq!(written(text(Kind::Observation), "\"age\":{"), Some(months.as_str()));
        prop_assert_eq!(written(text(Kind::MedicationRequest), "\"quantity\":{"), Some(quantity.as_str()));
        let note = format!("Quantity: {quantity}\"");
        prop_assert!(text(Kind::MedicationStatement).contains(&note), "no {}", note);
        prop_assert_eq!(written(text(Kind::Specimen), "\"quantity\":{"), Some(volume.as_str()));
    }
}
