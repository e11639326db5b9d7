//! Property tests over the certrotate crates: random stories told to the machine in its simulated world
//! (`tests/stories.rs`), real certificates against a symbolic judgement ([`differential`]), a real directory against the
//! model's disk ([`agreement`]), traces as text ([`trace`]), and the corpora of `fuzz/` on a stable compiler (`tests/corpus.rs`).
//!
//! A property that is about one crate lives beside what it is about: `certrotate_model::scenario` for stories,
//! `certrotate_x509::fuzz` for files, `certrotate::fuzz` for what the agent reads. Those here are about several crates at once.
//! Fuzz targets run the very same functions. A story that once broke a promise is kept in `stories/`, under the
//! sentence that it broke, and told again by every test run.
//!
//! # Example
//!
//! ```
//! // The first byte chooses a configuration, each pair after it is an event.
//! certrotate_model::scenario::run(&[0, 5, 200, 14, 7, 8, 30]);
//! ```

pub mod agreement;
pub mod differential;
pub mod trace;
