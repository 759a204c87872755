//! The registers in JSON: the same names and the same checks as the TOML notation, days and instants as text.

use super::fields::{Fields, Problems};
use super::{Approval, Enrolment, Joining, Problem, Registers, SignedAgreement, Suspension, export, import};
use crate::ids::OdsCode;
use serde_json::{Map, Value as Json};
use toml::{Table, Value};

/// Members that hold a day or an instant.
const TIMES: &[&str] = &["from", "until", "joined", "left", "date", "terms_accepted", "trained", "since"];
/// How deep a body may be nested.
const DEEPEST: usize = 6;

/// What is wrong with a body, each by its place.
type Read<T> = Result<T, Vec<Problem>>;

/// An agreement as JSON, with its version.
#[must_use]
pub fn write_agreement(agreement: &SignedAgreement) -> Json {
    let mut json = object(export::agreement(agreement));
    json.insert("version".to_owned(), agreement.terms.version.into());
    Json::Object(json)
}

/// An enrolment as JSON.
#[must_use]
pub fn write_enrolment(enrolment: &Enrolment) -> Map<String, Json> {
    object(export::enrolment(enrolment))
}

/// A suspension as JSON.
#[must_use]
pub fn write_suspension(suspension: &Suspension) -> Map<String, Json> {
    object(export::suspension(suspension))
}

/// Reads an agreement. The version of one that was read and is sent back changed is passed over: `If-Match` names it.
///
/// # Errors
/// All that is wrong with it.
pub fn agreement_of(body: &Json) -> Read<SignedAgreement> {
    let agreement = read(body, &["version"], import::agreement)?;
    let registers = Registers { agreements: vec![agreement], ..Registers::default() };
    let mut problems = Problems::default();
    import::check(&registers, &mut problems);
    match registers.agreements.into_iter().next() {
        Some(agreement) if problems.0.is_empty() => Ok(agreement),
        _ => Err(problems.0),
    }
}

/// Reads an enrolment.
///
/// # Errors
/// All that is wrong with it.
pub fn enrolment_of(body: &Json) -> Read<Enrolment> {
    read(body, &["id", "version"], import::enrolment)
}

/// Reads a suspension, which says nothing of who places it: that is the caller.
///
/// # Errors
/// All that is wrong with it.
pub fn suspension_of(body: &Json, by: &str) -> Read<Suspension> {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        members.insert("by".to_owned(), by.into());
    }
    read(&body, &["id"], import::suspension)
}

/// Reads who joins an agreement.
///
/// # Errors
/// All that is wrong with it.
pub fn joining_of(body: &Json) -> Read<Joining> {
    read(body, &[], |mut fields, problems| {
        let practice = fields.needed_parsed(problems, "practice", "an ODS code", OdsCode::parse);
        let joined = fields.day(problems, "joined");
        let name = fields.text(problems, "name");
        let role = fields.text(problems, "role");
        let date = fields.needed_day(problems, "date");
        let mut approvals = Vec::new();
        for mut approval in fields.tables(problems, "approvals") {
            let name = approval.text(problems, "name");
            let date = approval.needed_day(problems, "date");
            approval.finish(problems);
            approvals.extend(name.zip(date).map(|(name, date)| Approval { name, date }));
        }
        let two = approvals.iter().map(|approval| approval.name.as_str()).collect::<std::collections::HashSet<_>>();
        if two.len() < 2 {
            problems.add(fields.path("approvals"), "needs two people (14)");
        }
        fields.finish(problems);
        Some(Joining { practice: practice?, joined, name: name?, role: role?, date: date?, approvals })
    })
}

fn read<T>(
    body: &Json,
    passed_over: &[&str],
    read: impl Fn(Fields<'_>, &mut Problems) -> Option<T>,
) -> Result<T, Vec<Problem>> {
    let whole = || vec![Problem { at: String::new(), what: "is not an object of these members".to_owned() }];
    let Some(Value::Table(mut table)) = value("", body, 0) else { return Err(whole()) };
    for name in passed_over {
        table.remove(*name);
    }
    let mut problems = Problems::default();
    let fields = Fields::new(&table, "");
    match read(fields, &mut problems) {
        Some(read) if problems.0.is_empty() => Ok(read),
        _ if problems.0.is_empty() => Err(whole()),
        _ => Err(problems.0),
    }
}

/// JSON as the notation has it; null is as good as absent.
fn value(name: &str, json: &Json, depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    Some(match json {
        Json::Null => return None,
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Float(f64::NAN), Value::Integer),
        Json::String(text) if TIMES.contains(&name) => {
            text.parse().map_or_else(|_| text.clone().into(), Value::Datetime)
        }
        Json::String(text) => text.clone().into(),
        // An item that is nothing, or too deep, is not passed over: the list would say something else.
        Json::Array(items) => {
            Value::Array(items.iter().map(|item| value(name, item, depth + 1)).collect::<Option<Vec<_>>>()?)
        }
        Json::Object(members) => Value::Table(
            members
                .iter()
                .filter(|(_, member)| !member.is_null())
                .map(|(name, member)| Some((name.clone(), value(name, member, depth + 1)?)))
                .collect::<Option<Table>>()?,
        ),
    })
}

fn object(table: Table) -> Map<String, Json> {
    table.into_iter().map(|(name, value)| (name, json(value))).collect()
}

fn json(value: Value) -> Json {
    match value {
        Value::String(text) => Json::String(text),
        Value::Integer(number) => number.into(),
        Value::Float(number) => number.into(),
        Value::Boolean(flag) => flag.into(),
        Value::Datetime(at) => Json::String(at.to_string()),
        Value::Array(items) => Json::Array(items.into_iter().map(json).collect()),
        Value::Table(table) => Json::Object(object(table)),
    }
}
