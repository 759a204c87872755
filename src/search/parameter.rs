//! What a type can be searched by: the rows of the tables that the catalogue provides.
//!
//! Data only. Whatever is not in a table is not a parameter.

use crate::kinds::Kind;

/// The `Parameter.type` of FHIR, as far as it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `token`
    Token,
    /// `date`
    Date,
    /// `reference`
    Reference,
    /// `string`
    Text,
    /// `uri`: only on what anyone may read.
    Uri,
    /// `number`: only `_count`.
    Number,
    /// `special`: only `_include`.
    Special,
}

impl Form {
    /// The code of `http://hl7.org/fhir/search-param-type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Date => "date",
            Self::Reference => "reference",
            Self::Uri => "uri",
            Self::Text => "string",
            Self::Number => "number",
            Self::Special => "special",
        }
    }
}

/// What a parameter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Names the one patient: an id, `Patient/id` or a URL that ends so.
    Patient,
    /// Names the one patient by NHS number.
    PatientIdentifier,
    /// The birth date that is carried to the MIG.
    BirthDate,
    /// Compared with what was released.
    Filter,
    /// `_count` and `_include`.
    Control,
}

/// One search parameter of one type.
#[derive(Debug)]
pub struct Parameter {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its FHIR type.
    pub form: Form,
    /// The canonical of its definition; empty where FHIR defines it outside the registry.
    pub definition: &'static str,
    /// Where its values are, as names of JSON members joined by dots; arrays are walked.
    pub paths: &'static [&'static str],
    /// The system of a plain `code`, which JSON does not repeat.
    pub implied: Option<&'static str>,
    /// A short name for a system, accepted in its place.
    pub alias: Option<(&'static str, &'static str)>,
    /// What it does.
    pub usage: Use,
    /// For people.
    pub documentation: &'static str,
}

impl Parameter {
    /// A parameter that is compared with what was released.
    #[must_use]
    pub const fn filter(
        name: &'static str,
        form: Form,
        definition: &'static str,
        paths: &'static [&'static str],
        documentation: &'static str,
    ) -> Self {
        Self { name, form, definition, paths, implied: None, alias: None, usage: Use::Filter, documentation }
    }

    /// The same, its plain codes being of this system.
    #[must_use]
    pub const fn of(mut self, system: &'static str) -> Self {
        self.implied = Some(system);
        self
    }

    /// The same, for another use.
    #[must_use]
    pub const fn used_as(mut self, usage: Use) -> Self {
        self.usage = usage;
        self
    }

    /// The same, with a short name for a system.
    #[must_use]
    pub const fn known_as(mut self, short: &'static str, system: &'static str) -> Self {
        self.alias = Some((short, system));
        self
    }
}

/// One `_include` that a search of a type may ask for.
#[derive(Debug)]
pub struct Include {
    /// The type that holds the reference.
    pub source: Kind,
    /// The parameter's name, as in `Condition:recorder`.
    pub name: &'static str,
    /// Where the references are.
    pub paths: &'static [&'static str],
    /// What they may lead to.
    pub targets: &'static [Kind],
}

/// The tables of one type.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// Its includes; those of another source type serve `_include:iterate`.
    pub includes: &'static [Include],
}

/// The CodeSystem of the views, whose codes are the tags of every clinical resource.
pub const VIEW_SYSTEM: &str = "urn:x-mig-fhir:CodeSystem:view";

/// What every searchable type has beside its own table. A row of a table wins over one of the same name here.
pub const COMMON: &[Parameter] = &[
    Parameter::filter("_id", Form::Token, "http://hl7.org/fhir/SearchParameter/Resource-id", &["id"], "Logical id"),
    Parameter::filter(
        "_tag",
        Form::Token,
        "http://hl7.org/fhir/SearchParameter/Resource-tag",
        &["meta.tag"],
        "A view or sub-section that the entry belongs to; mig-view|Problems is short for the view CodeSystem",
    )
    .known_as("mig-view", VIEW_SYSTEM),
    Parameter::filter("_count", Form::Number, "", &[], "Matches a page, 1 to 1000; 0 gives the total alone")
        .used_as(Use::Control),
    Parameter::filter("_include", Form::Special, "", &[], "What the matches refer to, as searchInclude lists")
        .used_as(Use::Control),
];
