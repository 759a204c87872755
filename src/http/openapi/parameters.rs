//! The parameters of the OpenAPI document: what each takes, as a pattern or a list of words.

use super::forms::{any_of, compared_date, day, formed, moment, one_of, text, token};
use crate::catalogue::Kept;
use crate::kinds::Kind;
use crate::register::consent::ConsentStatus;
use crate::register::episode::EpisodeStatus;
use crate::register::review::ReviewStatus;
use crate::search::{
    Element, Form, NHS_NUMBER_SYSTEM, PAGE, PAGE_MAX, Parameter as SearchParameter, ROOT, Summary, Table, Total, Use,
};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Schema, Type};

/// A logical id.
const ID: &str = "[A-Za-z0-9.-]{1,64}";

/// The parameters of a search of the record, that of a page link last.
pub(super) fn of_the_record(kind: Kind, table: Table) -> Vec<Parameter> {
    let own =
        table.offered().map(|parameter| of(parameter, taken(parameter, kind, table), &parameter.explained(table)));
    own.chain([page_link()]).collect()
}

/// The parameters of a search of a kept type, that of a page link last.
pub(super) fn of_a_kept(kept: &Kept) -> Vec<Parameter> {
    let own = kept
        .parameters
        .iter()
        .map(|parameter| of(parameter, kept_taken(kept.name, parameter), parameter.documentation));
    own.chain([page_link()]).collect()
}

/// The parameters of a search of what anyone may read.
pub(super) fn of_a_public(public: &Kept) -> Vec<Parameter> {
    let there = || ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    public.parameters.iter().map(|parameter| of(parameter, there(), parameter.documentation)).collect()
}

/// Those of `$everything`.
pub(super) fn of_everything() -> [Parameter; 2] {
    let kinds = Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join("|");
    let types = formed(&any_of(&format!("({kinds})")));
    let count = count("Matches a page; 0 gives the total alone");
    [query("_type", "Types to return, separated by commas", Form::Text, types), count]
}

fn page_link() -> Parameter {
    query(
        PAGE,
        "Opaque, and alone: as a next link has it",
        Form::Text,
        ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)),
    )
}

fn of(parameter: &SearchParameter, schema: ObjectBuilder, documentation: &str) -> Parameter {
    query(parameter.name, documentation, parameter.form, schema)
}

/// What a parameter of the record takes: the same that the CapabilityStatement says.
fn taken(parameter: &SearchParameter, kind: Kind, table: Table) -> ObjectBuilder {
    match parameter.usage {
        Use::Sort => {
            let dates: Vec<&str> = table.sorts().collect();
            let one = format!("-?({})", dates.join("|"));
            // A second time orders nothing, and is refused.
            formed(&if dates.len() == 1 { one } else { any_of(&one) })
        }
        Use::Summary => one_of(Summary::WORDS),
        Use::Total => one_of(Total::WORDS),
        Use::Elements => {
            let names: Vec<String> = ROOT.iter().chain(table.elements).filter_map(named).collect();
            formed(&any_of(&format!("({})", names.join("|"))))
        }
        Use::Include => {
            let own = table.includes.iter().filter(|include| include.source == kind);
            one_of(own.flat_map(|include| {
                let plain = format!("{}:{}", include.source, include.name);
                let targets = include.targets.iter().map(|target| format!("{plain}:{target}")).collect::<Vec<_>>();
                std::iter::once(plain).chain(targets)
            }))
        }
        Use::Patient => patient(),
        Use::PatientIdentifier => nhs_number(),
        Use::BirthDate => formed(&format!("(eq)?{}", day())),
        Use::Count => ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)),
        Use::Filter => formed(&any_of(&match parameter.form {
            Form::Token => token(),
            Form::Date => compared_date(),
            _ => text(),
        })),
    }
}

/// What a parameter of a kept type takes; one value each.
fn kept_taken(kind: &str, parameter: &SearchParameter) -> ObjectBuilder {
    match (kind, parameter.name) {
        (_, "patient") => patient(),
        (_, "patient.identifier") => nhs_number(),
        ("AuditEvent", "_count") => counted(1),
        (_, "_count") => counted(0),
        ("Consent", "status") => one_of(ConsentStatus::ALL.iter().map(|status| status.as_str())),
        ("EpisodeOfCare", "status") => one_of(EpisodeStatus::ALL.iter().map(|status| status.as_str())),
        ("Task", "status") => one_of(ReviewStatus::ALL.iter().map(|status| status.as_str())),
        ("AuditEvent", "date") => formed(&format!("(eq|ge|gt|le|lt)?{}", moment())),
        ("AuditEvent", "outcome") => formed(r"([^\n]*\|)?(0|4|8|12)"),
        ("AuditEvent", "type") => formed(r"([^\n]*\|)?(rest|110113)"),
        ("AuditEvent", "agent.identifier") => formed(r"([^|\n]*\|)?[^|\n]+"),
        (_, "identifier") => formed(r"[^|\n]*\|[^\n]*"),
        _ => ObjectBuilder::new().schema_type(Type::String),
    }
}

fn patient() -> ObjectBuilder {
    formed(&format!("(([^,\\n]*/)?Patient/)?{ID}"))
}

fn nhs_number() -> ObjectBuilder {
    formed(&format!(r"({}\|)?[0-9]{{10}}", NHS_NUMBER_SYSTEM.replace('.', r"\.")))
}

fn counted(least: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(PAGE_MAX))
}

fn count(documentation: &str) -> Parameter {
    query("_count", documentation, Form::Number, ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)))
}

/// The names of an element as a pattern: one of several types may be asked for with or without `[x]`.
fn named(element: &Element) -> Option<String> {
    let stem = element.stem()?;
    Some(if stem == element.name { stem.to_owned() } else { format!(r"{stem}(\[x\])?") })
}

/// A parameter of an address, with what it takes.
pub(super) fn query(name: &str, documentation: &str, form: Form, schema: impl Into<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(format!("{documentation} ({})", form.as_str())))
        .schema(Some(schema.into()))
        .build()
}

/// A header, with what it takes.
pub(super) fn header(name: &str, documentation: &str, needed: bool, schema: impl Into<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if needed { Required::True } else { Required::False })
        .description(Some(documentation))
        .schema(Some(schema.into()))
        .build()
}

/// The id of an address.
pub(super) fn id() -> Parameter {
    ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("Logical id"))
        .schema(Some(formed(ID)))
        .build()
}

/// An ETag that was read.
pub(super) fn etag() -> ObjectBuilder {
    formed(r#"(W/)?"[0-9]{1,18}""#)
}
