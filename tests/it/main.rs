//! The integration tests: one binary, scenarios over HTTP against the real service, store and simulator.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "test code: a panic is the finding"
)]
#![allow(
    clippy::large_futures,
    clippy::too_many_lines,
    clippy::match_same_arms,
    clippy::needless_range_loop,
    reason = "a scenario is one piece, and its table has a line a case"
)]

mod accounting;
mod admin;
mod alerts;
mod assurance;
mod attacks;
mod canary;
mod claims;
mod commands;
mod compile_fail;
mod data_codes;
mod database;
mod docs;
mod document;
mod far_side;
mod format;
mod faithful;
mod instances;
mod kept_pages;
mod golden_pairs;
mod hostile_map;
mod kept_views;
mod kill;
mod module_order;
mod no_leak;
mod no_leak_routes;
mod outages;
mod overheard;
mod pipeline;
mod plantings;
mod precise;
mod refusals;
mod reports;
mod scenarios;
mod search;
mod soak;
mod storm;
mod stories;
mod tampered;
mod unknown_patient;
mod viewer;
mod volume;
mod wire;
mod world;
