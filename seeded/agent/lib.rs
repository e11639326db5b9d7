//! The agent, with a seeded bug: its sources with `overlay.patch` applied by the build script.
#![forbid(unsafe_code)]

include!(concat!(env!("SEEDED_SOURCE"), "/lib.rs"));
