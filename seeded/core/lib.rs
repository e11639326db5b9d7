//! The state machine, with seeded bugs: the sources of the shipped crate with `overlay.patch` applied by the build script.
#![no_std]
#![forbid(unsafe_code)]

include!(concat!(env!("SEEDED_SOURCE"), "/lib.rs"));
