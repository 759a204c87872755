//! A trail that somebody changed in the store, behind the service's back: `audit verify` finds it, and no report is made of it.

use crate::database;
use crate::wire::told;
use crate::world::{self, World, run};
use std::collections::BTreeSet;
use std::path::Path;

const PLAIN: u64 = 960;

/// For each column a change of one row that leaves it another value, whatever that was.
const CHANGES: [(&str, &str); 16] = [
    ("seq", "seq + 1000"),
    ("chain", "'another'"),
    ("key_id", "'k9'"),
    ("prev", "mac"),
    ("mac", "prev"),
    ("kind", "CASE kind WHEN 'opened' THEN 'interrupted' ELSE 'opened' END"),
    ("attempt", "attempt || 'x'"),
    ("recorded", "recorded - 86400000"),
    ("patient", "CASE WHEN patient IS NULL THEN mac ELSE NULL END"),
    ("user_id", "'999000000000'"),
    ("organisation", "'RX999'"),
    ("practice", "CASE WHEN practice IS NULL THEN 'A99981' ELSE NULL END"),
    ("resource_type", "'Basic'"),
    ("interaction", "'vread'"),
    ("outcome", "COALESCE(outcome, 0) + 4"),
    ("payload", "payload || ' '"),
];

/// A day's work, and the number of the newest row.
async fn worked() -> (World, i64) {
    let world = World::start(world::holdings([world::patient(PLAIN, |_| {})])).await;
    let number = world::number(PLAIN);
    let (who, overriding) = (world.clinician(), world.clinician());
    world.permit(&who, &number).await;
    for kind in ["Condition", "AllergyIntolerance", "Condition", "Observation"] {
        world.search(kind, &number, "").by(&who).ok().await;
    }
    world.post_consent(&overriding, &world.override_body(&overriding, &number, "Emergency")).await;
    world.search("Condition", &number, "").by(&overriding).ok().await;
    database::settle(world.folder()).await;
    let (_, out, err) = told(&["audit", "verify", "--data", path(world.folder())]);
    let rows = out.strip_prefix("verified: ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    (world, rows.unwrap_or_else(|| panic!("{out}{err}")))
}

fn path(folder: &Path) -> &str {
    folder.to_str().expect("text")
}

/// Both commands refuse: the one names a broken row, the other writes nothing at all.
fn found(folder: &Path, what: &str) {
    let (code, out, err) = told(&["audit", "verify", "--data", path(folder)]);
    assert_eq!(code, Some(1), "{what}: {out}{err}");
    assert!(out.starts_with("broken at row ") && out.lines().count() == 1, "{what}: {out}");
    let report = ["audit", "report", "practice-access", "--by", "an.operator", "--organisation", world::VIEWER];
    let (code, out, err) = told(&[&report[..], &["--data", path(folder)]].concat());
    assert_eq!((code, out.as_str()), (Some(1), ""), "{what}: {err}");
    let says = err.contains("is not as it was written") || err.contains("does not reach its newest anchor");
    assert!(says, "{what}: {err}");
}

#[test]
fn whatever_is_changed_deleted_moved_or_cut_is_found_by_verify_and_no_report_is_made_of_it() {
    run(async {
        let (world, newest) = worked().await;
        let folder = world.folder();
        let known: BTreeSet<String> = database::columns(folder, "audit").await.into_iter().collect();
        let changed: BTreeSet<String> = CHANGES.iter().map(|(column, _)| (*column).to_owned()).collect();
        assert_eq!(changed, known, "each column has its change");
        database::tamper(folder, "CREATE TABLE kept_aside AS SELECT * FROM audit").await;
        let as_it_was = "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept_aside";
        let middle = newest / 2;
        for (column, value) in CHANGES {
            for seq in [1, middle, newest] {
                let sql = format!("UPDATE audit SET {column} = {value} WHERE seq = {seq}");
                database::tamper(folder, &sql).await;
                found(folder, &sql);
                database::tamper(folder, as_it_was).await;
            }
        }
        let swapped = |one: i64, other: i64| {
            format!(
                "UPDATE audit SET seq = -1 WHERE seq = {one}; UPDATE audit SET seq = {one} WHERE seq = {other}; \
                 UPDATE audit SET seq = {other} WHERE seq = -1"
            )
        };
        for sql in [
            "DELETE FROM audit WHERE seq = 1".to_owned(),
            format!("DELETE FROM audit WHERE seq = {middle}"),
            format!("DELETE FROM audit WHERE seq = {newest}"),
            format!("DELETE FROM audit WHERE seq > {middle}"),
            format!("DELETE FROM audit WHERE seq < {middle}"),
            "DELETE FROM audit".to_owned(),
            swapped(1, 2),
            swapped(middle, middle + 1),
            swapped(1, newest),
            swapped(newest - 1, newest),
            // Closed up again, so that no number is missing.
            format!("DELETE FROM audit WHERE seq = {middle}; UPDATE audit SET seq = {middle} WHERE seq = {newest}"),
        ] {
            database::tamper(folder, &sql).await;
            found(folder, &sql);
            database::tamper(folder, as_it_was).await;
        }
        // It was the tampering that was found, and nothing else.
        let (code, out, err) = told(&["audit", "verify", "--data", path(folder)]);
        assert_eq!((code, out.starts_with(&format!("verified: {newest} rows"))), (Some(0), true), "{out}{err}");
    });
}

#[test]
fn a_store_that_is_not_there_is_no_empty_trail_in_good_order() {
    run(async {
        let (world, _) = worked().await;
        let settings = std::fs::read_to_string(world.folder().join("config.toml")).expect("settings");
        // Where instances share a database there is no file to mistype.
        if !settings.contains("store.sqlite") {
            return;
        }
        let (config, store) = (world.folder().join("mistyped.toml"), world.folder().join("stoer.sqlite"));
        std::fs::write(&config, settings.replace("store.sqlite", "stoer.sqlite")).expect("written");
        let report = ["audit", "report", "practice-access", "--by", "an.operator", "--organisation", world::VIEWER];
        for command in [&["audit", "verify"][..], &report, &["agreements", "export"]] {
            let (code, out, err) = told(&[command, &["--config", path(&config)]].concat());
            assert_eq!((code, out.as_str()), (Some(1), ""), "{command:?}: {err}");
            assert!(err.contains("store.path: there is no store"), "{command:?}: {err}");
            assert!(!store.exists(), "{command:?} made one");
            let (code, _, err) = told(&[command, &["--data", path(world.folder())]].concat());
            assert_eq!(code, Some(0), "{command:?} of the one that is there: {err}");
        }
    });
}
