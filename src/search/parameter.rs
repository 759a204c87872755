//! What a type can be searched by: the rows of the tables that the catalogue provides.
//!
//! Data only. Whatever is not in a table is not a parameter.

use super::shape::Element;
use crate::kinds::Kind;
use std::fmt::Write as _;

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
    /// `special`: what shapes the answer, and compares nothing.
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
    /// How many matches a page.
    Count,
    /// What comes along.
    Include,
    /// In which order.
    Sort,
    /// How much of each resource, by name of the extent.
    Summary,
    /// How much of each match, by names of elements.
    Elements,
    /// Whether the total is said.
    Total,
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
    /// Whether its codes come with words, which `:text` compares. Where none ever stand, to find nothing would mislead.
    pub worded: bool,
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
        let usage = Use::Filter;
        Self { name, form, definition, paths, implied: None, worded: false, alias: None, usage, documentation }
    }

    /// The same, its plain codes being of this system.
    #[must_use]
    pub const fn of(mut self, system: &'static str) -> Self {
        self.implied = Some(system);
        self
    }

    /// The same, its codes being written with words.
    #[must_use]
    pub const fn worded(mut self) -> Self {
        self.worded = true;
        self
    }

    /// The same, for another use.
    #[must_use]
    pub const fn used_as(mut self, usage: Use) -> Self {
        self.usage = usage;
        self
    }

    /// The modifiers that it takes, without their colons; any other is refused.
    #[must_use]
    pub fn modifiers(&self) -> &'static [&'static str] {
        match (self.usage, self.form) {
            (Use::Filter, Form::Token) if self.worded => &["missing", "not", "text"],
            (Use::Filter, Form::Token) => &["missing", "not"],
            (Use::Filter, Form::Text) => &["missing", "exact", "contains"],
            (Use::Filter, Form::Date | Form::Reference) => &["missing"],
            (Use::Include, _) => &["iterate"],
            _ => &[],
        }
    }

    /// For people, what it takes included.
    #[must_use]
    pub fn explained(&self, table: Table) -> String {
        let mut text = self.documentation.to_owned();
        if self.usage == Use::Sort {
            let _ = write!(text, ": {}", table.sorts().collect::<Vec<_>>().join(", "));
        }
        if !self.modifiers().is_empty() {
            let _ = write!(text, "; modifiers :{}", self.modifiers().join(", :"));
        }
        text
    }

    /// Whether a search may be sorted by it.
    #[must_use]
    pub fn sorts(&self) -> bool {
        self.usage == Use::Filter && self.form == Form::Date
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
    /// Its elements, beside those that every type has.
    pub elements: &'static [Element],
}

impl Table {
    /// Every parameter of a search: its own, then those of [`COMMON`] that mean something here. All that is claimed, and all
    /// that is understood.
    pub fn offered(self) -> impl Iterator<Item = &'static Parameter> {
        let own = self.parameters;
        let means_something = move |common: &&Parameter| {
            let shadowed = own.iter().any(|parameter| parameter.name == common.name);
            !shadowed && (common.usage != Use::Sort || own.iter().any(Parameter::sorts))
        };
        own.iter().chain(COMMON.iter().filter(means_something))
    }

    /// The names by which `_sort` orders.
    pub fn sorts(self) -> impl Iterator<Item = &'static str> {
        self.parameters.iter().filter(|parameter| parameter.sorts()).map(|parameter| parameter.name)
    }
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
        .used_as(Use::Count),
    Parameter::filter("_include", Form::Special, "", &[], "What the matches refer to, as searchInclude lists")
        .used_as(Use::Include),
    Parameter::filter(
        "_sort",
        Form::Special,
        "",
        &[],
        "By dates, separated by commas, each with - for the newest first; what has no such date comes last",
    )
    .used_as(Use::Sort),
    Parameter::filter(
        "_summary",
        Form::Special,
        "",
        &[],
        "How much of each resource: true, text, data, count or false. A subset is tagged SUBSETTED; text not with _include",
    )
    .used_as(Use::Summary),
    Parameter::filter(
        "_elements",
        Form::Special,
        "",
        &[],
        "Elements of the matches, separated by commas; mandatory and modifying ones stay, and a match is tagged SUBSETTED. Not \
         with a _summary other than count and false",
    )
    .used_as(Use::Elements),
    Parameter::filter(
        "_total",
        Form::Special,
        "",
        &[],
        "none leaves the total out; estimate and accurate, like no _total at all, give the exact one",
    )
    .used_as(Use::Total),
];
