//! The agent's key store, with a seeded bug: the sources of the agent with `overlay.patch` applied by the build script.
#![forbid(unsafe_code)]
#![expect(dead_code, reason = "the rest of the agent, which uses these modules, is not here")]

include!(concat!(env!("SEEDED_SOURCE"), "/lib.rs"));
