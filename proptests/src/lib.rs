<<<<<<< HEAD
//! Property tests over the certrotate crates: random scenarios in the simulated world (`tests/scenarios.rs`), an operator's
//! view of a node (`tests/state_machine.rs`), relations between runs (`tests/relations.rs`), what happened to others and
//! to us as golden scenarios (`tests/golden.rs`), real certificates against a symbolic judgement ([`differential`]), traces as text
//! ([`trace`]), and the corpora of `fuzz/` on a stable compiler (`tests/corpus.rs`).
//!
//! A property that is about one crate lives beside what it is about: `certrotate_model::scenario` for scenarios,
//! `certrotate_model::recovery` for what start-up makes of a directory, `certrotate_x509::fuzz` for files, `certrotate::fuzz` for what the
//! agent reads. Fuzz targets run the very same functions. A scenario that once broke an invariant is kept in `golden/`, under the
//! sentence that it broke, and played again by every test run.
=======
//! Property tests over the certrotate crates: random scenarios for the machine in its simulated world
//! (`tests/scenarios.rs`), relations between runs (`tests/relations.rs`), real certificates against a symbolic judgement ([`differential`]), traces as text ([`trace`]),
//! and the corpora of `fuzz/` on a stable compiler (`tests/corpus.rs`).
//!
//! A property that is about one crate lives beside what it is about: `certrotate_model::scenario` for scenarios,
//! `certrotate_x509::fuzz` for files, `certrotate::fuzz` for what the agent reads. The two here are about several crates at once.
//! Fuzz targets run the very same functions. A scenario in which something once did not hold is kept in `model/scenarios`, under
//! a sentence that says what went wrong, and played again by every test run.
>>>>>>> harness
//!
//! # Example
//!
//! ```
//! // The first two bytes choose a setup, each pair after them is an event.
<<<<<<< HEAD
//! certrotate_model::scenario::run(&[0, 5, 200, 14, 7, 8, 30]);
=======
//! certrotate_model::scenario::run(&[0, 5, 0, 7, 31, 2, 0, 7]);
>>>>>>> harness
//! ```

pub mod differential;
pub mod told;
pub mod trace;
