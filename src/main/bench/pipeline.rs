//! One thread and no network: the ten views of a record read, screened, mapped and released, beside a bare pass of the
//! XML reader over the same bytes, in turn, so that both see the same machine.

use super::per_second;
use crate::say;
use mig_fhir::clock::Clock;
use mig_fhir::ids::{NhsNumber, Sealer};
use mig_fhir::kinds::View;
use mig_fhir::mapping::{self, Context};
use mig_fhir::policy::Supplier;
use mig_fhir::record::{Limits, read};
use mig_fhir::release::{self, Exclusions, Lists, Rules, Sources};
use mig_fhir::simulator::holdings::Holding;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{NsReader, XmlVersion};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What one record gave.
pub struct Pipeline {
    /// Bytes of the ten views.
    bytes: usize,
    /// Entries in them; one in two views counts twice.
    entries: usize,
    /// Resources released.
    released: usize,
    /// Reading, screening, mapping, releasing: one pass.
    stages: [Duration; 4],
    /// The same stages with a list that is not applied to these records: what screening and releasing cost without it.
    unlisted: [Duration; 4],
    /// One bare pass of the XML reader, attributes and text read.
    bare: Duration,
}

/// Everything that one pass works on.
struct Work<'a> {
    views: Vec<(View, String)>,
    sealer: &'a Sealer,
    patient: NhsNumber,
    practice: &'a str,
    supplier: &'a str,
}

/// Measures, warm-up first.
pub fn measure(holding: &Holding, list: &Exclusions, sealer: &Sealer, counted: Duration) -> Result<Pipeline, String> {
    let today = Clock::system().now().date();
    let exempt: Vec<Supplier> = Supplier::ALL.iter().copied().filter(|one| *one != Supplier::Other).collect();
    let off = Lists::load(&Sources::default(), Rules { exempt, ..Rules::default() });
    let off = off.map_err(|_| "the built-in list is not sound")?.on(today).for_supplier(&holding.supplier);
    let work = Work {
        views: View::ALL.iter().map(|view| (*view, holding.cut(*view, (None, None), today, 3))).collect(),
        sealer,
        patient: NhsNumber::parse(&holding.nhs_number).ok_or("no NHS number")?,
        practice: holding.practice.as_deref().unwrap_or("unknown"),
        supplier: &holding.supplier,
    };
    let (_, entries, released) = work.pass(list)?;
    bare(&work.views)?;
    let (mut stages, mut unlisted, mut plain, mut passes) =
        ([Duration::ZERO; 4], [Duration::ZERO; 4], Duration::ZERO, 0);
    let start = Instant::now();
    while passes == 0 || start.elapsed() < counted * 2 {
        for (sums, list) in [(&mut stages, list), (&mut unlisted, &off)] {
            for (sum, one) in sums.iter_mut().zip(work.pass(list)?.0) {
                *sum += one;
            }
        }
        let at = Instant::now();
        bare(&work.views)?;
        plain += at.elapsed();
        passes += 1;
    }
    let bytes = work.views.iter().map(|(_, xml)| xml.len()).sum();
    let (stages, unlisted) = (stages.map(|sum| sum / passes), unlisted.map(|sum| sum / passes));
    Ok(Pipeline { bytes, entries, released, stages, unlisted, bare: plain / passes })
}

impl Work<'_> {
    /// The stages' times, entries read, resources released.
    fn pass(&self, list: &Exclusions) -> Result<([Duration; 4], usize, usize), String> {
        let mut stages = [Duration::ZERO; 4];
        let (mut entries, mut released) = (0, 0);
        for (view, xml) in &self.views {
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
            let screened = release::screen(record, list, self.supplier);
            lap(1);
            let context = Context {
                patient: self.patient,
                sealer: self.sealer,
                view: *view,
                practice: (self.practice, None),
                now: Clock::system().now(),
            };
            let mapped = mapping::map(&screened, &context);
            lap(2);
            released += black_box(release::release(mapped.held, list, View::ALL, self.patient)).len();
            lap(3);
        }
        Ok((stages, entries, released))
    }
}

fn bare(views: &[(View, String)]) -> Result<(), String> {
    let attributes = |start: &BytesStart<'_>| {
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            black_box(attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?);
        }
        Ok::<_, String>(())
    };
    for (_, xml) in views {
        let mut reader = NsReader::from_str(xml);
        loop {
            let (namespace, event) = reader.read_resolved_event().map_err(|error| error.to_string())?;
            black_box(namespace);
            match event {
                Event::Start(start) | Event::Empty(start) => attributes(&start)?,
                Event::Text(text) => {
                    black_box(text.xml10_content());
                }
                Event::Eof => break,
                other => {
                    black_box(other);
                }
            }
        }
    }
    Ok(())
}

impl Pipeline {
    /// One line of figures.
    pub fn say(&self, events: usize) {
        let [reading, screening, mapping, releasing] = self.stages;
        let mapped = reading + screening + mapping;
        let whole = mapped + releasing;
        let ratio = |time: Duration| self.bare.as_secs_f64() / time.as_secs_f64();
        let rate = |time: Duration| per_second(self.bytes, time) / 1e6;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / events.max(1) as f64;
        say(&format!(
            "  {events:7}  {:9}  {:9.1}  {:9.0}  {:6.2}  {:9.1}  {:6.2}  {:9.1}  {:8.2}  {:7.2}  {:7.2}  {:8.2}  {:8}",
            self.bytes,
            rate(mapped),
            per_second(self.entries, mapped),
            ratio(mapped),
            rate(whole),
            ratio(whole),
            rate(self.bare),
            each(reading),
            each(screening),
            each(mapping),
            each(releasing),
            self.released
        ));
    }

    /// What filtering takes: screening as a whole, marks, cascade and links included, and the list's part of release.
    pub fn say_filtering(&self, events: usize) {
        let [_, screening, mapping, releasing] = self.stages;
        let unlisted = self.unlisted.last().copied().unwrap_or_default();
        let filtering = (screening + releasing.saturating_sub(unlisted)).as_secs_f64();
        let of = |time: Duration| filtering / time.as_secs_f64() * 100.0;
        say(&format!(
            "  {events:7}  {:.3} ms: {:.1} % of map and encode, {:.1} % of map alone, {:.1} % of the whole",
            filtering * 1e3,
            of(mapping + unlisted),
            of(mapping),
            of(self.stages.iter().sum())
        ));
    }

    /// The head of the table.
    pub fn say_head() {
        say(
            "\none thread: the ten views of a generated record read, screened and mapped; with JSON also released; ratio to a",
        );
        say(
            "bare quick-xml NsReader pass over the same bytes (attributes and text read); microseconds an entry, by stage",
        );
        say(
            "  entries      bytes  MB/s map'd  entries/s  ratio  MB/s JSON   ratio  MB/s bare   us read   screen      map   release  resources",
        );
    }
}
