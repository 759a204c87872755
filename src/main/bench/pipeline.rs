//! One thread and no network: the ten views of a record read, screened, mapped and released, beside a bare pass of the
//! XML reader over the same bytes.

use mig_fhir::clock::Clock;
use mig_fhir::ids::{NhsNumber, Sealer};
use mig_fhir::kinds::View;
use mig_fhir::mapping::{self, Context};
use mig_fhir::policy::Supplier;
use mig_fhir::record::{Limits, read};
use mig_fhir::release::{self, Exclusions, Lists, Rules, Sources};
use mig_fhir::simulator::holdings::Holding;
use quick_xml::NsReader;
use quick_xml::events::Event;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What one record gave.
pub struct Pipeline {
    /// Bytes of the ten views.
    pub bytes: usize,
    /// Entries in them; one in two views counts twice.
    pub entries: usize,
    /// Resources released.
    pub released: usize,
    /// One pass through everything.
    pub whole: Duration,
    /// Of which reading, screening, mapping, releasing.
    pub stages: [Duration; 4],
    /// The same stages with a list that is not applied to these records: what screening and releasing cost without it.
    pub unlisted: [Duration; 4],
    /// One bare pass of the XML reader.
    pub bare: Duration,
}

/// Measures, warm-up first.
pub fn measure(holding: &Holding, list: &Exclusions, sealer: &Sealer, counted: Duration) -> Result<Pipeline, String> {
    let patient = NhsNumber::parse(&holding.nhs_number).ok_or("no NHS number")?;
    let now = Clock::system().now();
    let views: Vec<(View, String)> =
        View::ALL.iter().map(|view| (*view, holding.cut(*view, (None, None), now.date(), 3))).collect();
    let bytes = views.iter().map(|(_, xml)| xml.len()).sum();
    let practice = holding.practice.as_deref().unwrap_or("unknown");
    let exempt: Vec<Supplier> = Supplier::ALL.iter().copied().filter(|one| *one != Supplier::Other).collect();
    let off = Lists::load(&Sources::default(), Rules { exempt, ..Rules::default() });
    let off = off.map_err(|_| "the built-in list is not sound")?.on(now.date()).for_supplier(&holding.supplier);
    let pass_with = |list: &Exclusions| {
        let mut stages = [Duration::ZERO; 4];
        let (mut entries, mut released) = (0, 0);
        for (view, xml) in &views {
            let mut at = Instant::now();
            let mut lap = |stage: usize| {
                let now = Instant::now();
                if let Some(slot) = stages.get_mut(stage) {
                    *slot += now - at;
                }
                at = now;
            };
            let record = read(xml.as_bytes(), Limits::default()).map_err(|error| error.to_string())?;
            entries += record.events.len() + record.encounters.len();
            lap(0);
            let screened = release::screen(record, list, &holding.supplier);
            lap(1);
            let context = Context { patient, sealer, view: *view, practice: (practice, None), now };
            let mapped = mapping::map(&screened, &context);
            lap(2);
            released += black_box(release::release(mapped.held, list, View::ALL, patient)).len();
            lap(3);
        }
        Ok::<_, String>((stages, entries, released))
    };
    let (_, entries, released) = pass_with(list)?;
    let (mut stages, mut unlisted, mut passes) = ([Duration::ZERO; 4], [Duration::ZERO; 4], 0);
    let (start, mut whole) = (Instant::now(), Duration::ZERO);
    // In turn, so that what slows the machine slows both.
    while passes == 0 || start.elapsed() < counted * 2 {
        let begun = Instant::now();
        for (sum, one) in stages.iter_mut().zip(pass_with(list)?.0) {
            *sum += one;
        }
        whole += begun.elapsed();
        for (sum, one) in unlisted.iter_mut().zip(pass_with(&off)?.0) {
            *sum += one;
        }
        passes += 1;
    }
    let whole = whole / passes;
    let (stages, unlisted) = (stages.map(|sum| sum / passes), unlisted.map(|sum| sum / passes));
    let documents: Vec<&str> = views.iter().map(|(_, xml)| xml.as_str()).collect();
    Ok(Pipeline { bytes, entries, released, whole, stages, unlisted, bare: bare(&documents, counted / 2)? })
}

fn bare(documents: &[&str], counted: Duration) -> Result<Duration, String> {
    let pass = || {
        for xml in documents {
            let mut reader = NsReader::from_str(xml);
            loop {
                match reader.read_resolved_event() {
                    Ok((_, Event::Eof)) => break,
                    Ok(event) => {
                        black_box(event);
                    }
                    Err(error) => return Err(error.to_string()),
                }
            }
        }
        Ok(())
    };
    pass()?;
    let (start, mut passes) = (Instant::now(), 0);
    while passes == 0 || start.elapsed() < counted {
        pass()?;
        passes += 1;
    }
    Ok(start.elapsed() / passes)
}
