//! The key store, with seeded bugs: the sources of the shipped crate with `overlay.patch` applied by the build script.
#![forbid(unsafe_code)]

include!(concat!(env!("SEEDED_SOURCE"), "/lib.rs"));
