//! Property tests over the certrotate crates: random stories told to the machine in its simulated world
//! (`tests/stories.rs`), random validity windows (`tests/windows.rs`), any bytes for the decoders
//! (`tests/bytes.rs`), traces (`tests/traces.rs`), and the corpora of `fuzz/` on a stable compiler (`tests/corpus.rs`).
//!
//! The properties themselves live beside what they are about: [`certrotate_model::scenario`] for stories,
//! `certrotate_x509::fuzz` for files, so that fuzz targets run the very same ones. A story that once
//! broke a promise is kept in `stories/`, under the sentence that it broke, and told again by every test run.
//!
//! # Example
//!
//! ```
//! // The first byte chooses a configuration, each pair after it is an event.
//! certrotate_model::scenario::run(&[0, 5, 200, 14, 7, 8, 30]);
//! ```
