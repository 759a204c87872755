//! The built-in patients of the demo (CONTRACT section 12). Synthetic people only.

use super::Holding;
use super::dates::fill_placeholders;
use crate::simulator::generate::{Options, generate};
use time::Date;

/// Scenario, description for people, record.
const FILES: [(&str, &str, &str); 10] = [
    (
        "rich",
        "A long, many-sided record of an EMIS practice: something in every view",
        include_str!("../patients/rich.xml"),
    ),
    (
        "opted-out",
        "Told the practice not to share: refused, even with consent",
        include_str!("../patients/opted-out.xml"),
    ),
    ("not-sharing", "The practice is no sharer under the agreement", include_str!("../patients/not-sharing.xml")),
    ("untraced", "The NHS number is not traced: answers as unknown", include_str!("../patients/untraced.xml")),
    ("emis", "An ordinary record of an EMIS practice", include_str!("../patients/emis.xml")),
    (
        "systmone",
        "A SystmOne practice: CTV3 and SNOMED codes, private entries",
        include_str!("../patients/systmone.xml"),
    ),
    ("vision", "A Vision practice: Read codes with term codes", include_str!("../patients/vision.xml")),
    ("excluded", "Many excluded and private entries among ordinary ones", include_str!("../patients/excluded.xml")),
    ("slow", "The practice's system answers too late", include_str!("../patients/slow.xml")),
    ("faulting", "The practice's system answers views with a fault", include_str!("../patients/faulting.xml")),
];

/// The seed and the size of the `large` patient.
const LARGE: (u64, usize) = (20_000, 2_000);

/// Every built-in patient. One that cannot be read is left out; a test reads them all.
pub(super) fn patients(today: Date) -> Vec<Holding> {
    let mut patients = Vec::with_capacity(FILES.len() + 1);
    for (scenario, description, xml) in FILES {
        let Ok(holding) = Holding::read(fill_placeholders(xml, today)) else { continue };
        patients.push(dressed(holding, scenario, description));
    }
    let (seed, events) = LARGE;
    let made = generate(seed, events, &Options { today, ..Options::default() });
    if let Ok(holding) = Holding::read(made.xml) {
        patients.push(dressed(holding, "large", "A record of about two thousand entries"));
    }
    patients
}

fn dressed(mut holding: Holding, scenario: &str, description: &str) -> Holding {
    scenario.clone_into(&mut holding.scenario);
    description.clone_into(&mut holding.description);
    match scenario {
        "opted-out" => holding.opted_out = true,
        "untraced" => holding.traced = false,
        // Longer than the three seconds that a search or read may take.
        "slow" => holding.delay_ms = 5_000,
        "faulting" => holding.fault = Some("2200".to_owned()),
        _ => {}
    }
    holding
}
