//! Property tests over the certrotate crates: random scenarios for the machine in its simulated world
//! (`tests/scenarios.rs`), an operator's view of a node (`tests/state_machine.rs`), relations between runs (`tests/relations.rs`),
//! what happened to others as golden scenarios (`tests/golden.rs`), real certificates against a symbolic judgement
//! ([`differential`]), a real directory against the model's disk ([`agreement`]), traces as text ([`trace`]), the kill matrix
//! (`tests/matrix.rs`), and the corpora of `fuzz/` on a stable compiler (`tests/corpus.rs`).
//!
//! A property that is about one crate lives beside what it is about: `certrotate_model::scenario` for scenarios,
//! `certrotate_x509::fuzz` for files, `certrotate::fuzz` for what the agent reads. Those here are about several crates at once.
//! Fuzz targets run the very same functions. A scenario in which something once did not hold is kept in `model/scenarios`, under
//! a sentence that says what went wrong, and played again by every test run; so are those in `golden`, each of which fails
//! with a bug that it names.
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
