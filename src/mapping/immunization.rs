//! Immunization: every IMM entry, however odd. One whose words say that nothing was given is not-done, never completed.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | status | completed; not-done where the code or the term says so |
//! | statusReason | the term of what was not done (ukcore-imm-001) |
//! | extension | the code, which names the procedure |
//! | vaccineCode | the product where one is coded; else unknown, with the term |
//! | occurrence | effectiveTime at its precision, else "unknown" |
//! | recorded, performer | availabilityTimeStamp, authorising |
//! | lotNumber, site | qualifiers of that name: OpenHR has no element for either |
//! | reasonReference | the problems that link to it |
//! | primarySource | left out: not recorded |

use super::classify::Shape;
use super::codes::{self, Scheme};
use super::maker::{Links, Maker};
use super::rules::Meaning;
use super::{condition, dates, parts, tags};
use crate::kinds::Kind;
use crate::record::{Code, Event};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, ImmunizationOccurrence, ImmunizationPerformer};
use mig_fhir_model::types::{self as fhir, ExtensionValue};

const PROCEDURE: &str = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-VaccinationProcedure";
const NULL: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";

/// Words of terms that say that a vaccine was not given.
const NOT_GIVEN: [&str; 11] = [
    "declined",
    "refused",
    "refusal",
    "no consent",
    "consent not given",
    "not given",
    "not done",
    "not indicated",
    "contraindicated",
    "did not attend",
    "invit",
];

pub(super) fn make<'a>(maker: &mut Maker<'a>, event: &'a Event, shape: &Shape) {
    let mut links = Links::default();
    let place = tags::place_immunization();
    let concept = maker.concept(event);
    let given = !is_not_given(event, shape);
    let (products, procedures) = parted(event.code.as_ref());
    let term = event.term.as_deref();
    let original_is_product = event.code.as_ref().is_some_and(is_product);
    let mut count = |what| maker.degrade(what);
    let procedure = match &procedures {
        // What has no code at all still says in words what was done.
        None if products.is_none() => Some(concept.clone()),
        procedures => {
            let said = codes::concept(procedures.as_ref(), term, false, &mut count).filter(|_| procedures.is_some());
            said.map(|said| if original_is_product { mapped(said) } else { said })
        }
    };
    let vaccine = products.and_then(|code| codes::concept(Some(&code), term, true, &mut |_| {}));
    let vaccine = match vaccine {
        Some(said) if original_is_product => said,
        Some(said) => mapped(said),
        None => {
            let unknown = parts::concept(NULL, "UNK", Some("unknown"));
            fhir::CodeableConcept { text: concept.text.clone(), ..unknown }
        }
    };
    let qualifiers = Qualifiers::of(event.code.as_ref());
    let id = maker.id(&event.id);
    let resource = resources::Immunization {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::Immunization), &place.tags)),
        extension: procedure
            .map(|procedure| parts::extension(PROCEDURE, ExtensionValue::CodeableConcept(Box::new(procedure))))
            .into_iter()
            .collect(),
        status: if given { "completed" } else { "not-done" }.into(),
        status_reason: (!given)
            .then(|| fhir::CodeableConcept { text: concept.text.clone(), ..Default::default() })
            .map(Box::new),
        vaccine_code: Box::new(vaccine),
        patient: maker.subject(&mut links),
        encounter: maker.encounter(&mut links, &event.id),
        occurrence: match event.effective.and_then(dates::date_time) {
            Some(date) => ImmunizationOccurrence::DateTime(date.into()),
            None => ImmunizationOccurrence::String("unknown".into()),
        },
        recorded: Maker::recorded(event).map(Into::into),
        lot_number: qualifiers.lot.map(Into::into),
        site: qualifiers.site.map(|site| Box::new(parts::worded(site))),
        performer: maker
            .staff(&mut links, event.authorising.as_deref())
            .map(|actor| ImmunizationPerformer { actor, ..Default::default() })
            .into_iter()
            .collect(),
        note: codes::qualifiers(Some(&qualifiers.rest)).chain(condition::episodicity(event)).collect(),
        reason_reference: maker.problems(&mut links, &event.id),
        ..Default::default()
    };
    let problem = super::classify::is_problem(maker.record, event);
    maker.add(Kind::Immunization, id, Resource::Immunization(Box::new(resource)), place, problem, links);
}

fn is_not_given(event: &Event, shape: &Shape) -> bool {
    let terms = event.term.iter().cloned().chain(event.code.as_ref().and_then(codes::display));
    let says = |term: String| {
        let term = term.to_ascii_lowercase();
        NOT_GIVEN.iter().any(|words| term.contains(words))
    };
    shape.means(Meaning::NotDone) || shape.means(Meaning::Contraindication) || terms.into_iter().any(says)
}

/// The codings that name a product, and those that name the procedure, each with the first of them in front.
fn parted(code: Option<&Code>) -> (Option<Code>, Option<Code>) {
    let all = code.into_iter().flat_map(|code| std::iter::once(code).chain(&code.translations));
    let (products, procedures): (Vec<&Code>, Vec<&Code>) = all.partition(|code| is_product(code));
    let joined = |codes: Vec<&Code>| {
        let bare = |code: &Code| Code { qualifiers: Vec::new(), translations: Vec::new(), ..code.clone() };
        let mut codes = codes.into_iter().map(bare);
        codes.next().map(|first| Code { translations: codes.collect(), ..first })
    };
    (joined(products), joined(procedures))
}

/// A concept of translations alone: none of its codings is what the user chose.
fn mapped(mut concept: fhir::CodeableConcept) -> fhir::CodeableConcept {
    for coding in &mut concept.coding {
        coding.user_selected = Some(false.into());
    }
    concept
}

/// A drug code of a supplier, or dm+d's own ids. A short SNOMED CT id here is a procedure, never a product.
fn is_product(code: &Code) -> bool {
    match codes::scheme(code, true) {
        // The suppliers' drug dictionaries are named so in the ConceptMap of code systems.
        Some((Scheme::Mapped(uri), _)) => uri.ends_with("-drug-codes"),
        Some((Scheme::Dmd, id)) => {
            let namespace = id.len().checked_sub(10).and_then(|start| id.get(start..start + 7));
            namespace == Some("1000001")
        }
        _ => false,
    }
}

/// Qualifiers by what they name.
#[derive(Default)]
struct Qualifiers {
    lot: Option<String>,
    site: Option<String>,
    rest: Code,
}

impl Qualifiers {
    fn of(code: Option<&Code>) -> Self {
        let mut parted = Self::default();
        let mut sites: Vec<String> = Vec::new();
        for (name, value) in code.into_iter().flat_map(|code| &code.qualifiers) {
            let said = codes::display(value);
            match (codes::display(name).map(|name| name.to_ascii_lowercase()).as_deref(), said) {
                (Some("batch number" | "batch" | "lot number"), Some(said)) if parted.lot.is_none() => {
                    parted.lot = Some(said);
                }
                (Some("site" | "body site" | "laterality"), Some(said)) => sites.push(said),
                _ => parted.rest.qualifiers.push((name.clone(), value.clone())),
            }
        }
        parted.site = (!sites.is_empty()).then(|| sites.join(", "));
        parted
    }
}
