//! Property tests over the certrotate crates:
//!
//! - random scenarios for core in its simulated world (`tests/scenarios.rs`);
//! - an operator's view of a node (`tests/state_machine.rs`);
//! - relations between runs (`tests/relations.rs`);
//! - golden scenarios of known incidents (`tests/golden.rs`);
//! - real certificates against a symbolic oracle ([`differential`]);
//! - a real directory against the model's disk ([`agreement`]);
//! - traces as text ([`trace`]);
//! - the kill matrix (`tests/matrix.rs`);
//! - the corpora of `fuzz/` on a stable compiler (`tests/corpus.rs`).
//!
//! A property of one crate lives beside its subject: `certrotate_model::scenario` for scenarios,
//! `certrotate_x509::fuzz` for files, `certrotate::fuzz` for the agent's input. The properties here
//! are about several crates. Fuzz targets run the same functions.
//!
//! `model/scenarios` keeps every scenario that once violated an invariant, under a sentence that
//! states the defect. Every test run plays it again. Each scenario in `golden` fails with a bug
//! that it names.
//!
//! # Example
//!
//! ```
//! // The first two bytes choose a setup, each pair after them is a transition.
//! certrotate_model::scenario::run(&[0, 5, 0, 7, 31, 2, 0, 7]);
//! ```

pub mod agreement;
pub mod differential;
pub mod trace;
