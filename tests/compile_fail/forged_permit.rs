//~ E0451
//! A permit has private fields: only `policy::decide` makes one.
use mig_fhir::policy::{Clearance, Location, Permit};

pub fn forged<'a>(clearance: Clearance<'a>, location: Location) -> Permit<'a> {
    let practice = location.practice.clone().unwrap();
    Permit { clearance, views: vec![], agreed: vec![], location, practice, agreement: (String::new(), 0) }
}
