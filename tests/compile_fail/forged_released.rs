//~ E0451
//! `Released` has private fields: only `release::release` makes one.
use mig_fhir::{ids::LogicalId, kinds::Kind, release::Released};

pub fn forged(id: LogicalId) -> Released {
    Released {
        kind: Kind::Condition,
        id,
        json: Default::default(),
        with_problem: false,
        references: vec![],
        index: Default::default(),
    }
}
