//! The whole agent under simulation: the shipped `Node` with time, network, API server and faults in memory.
//!
//! Everything of the agent runs as shipped: driver, key store, disk thread and store on a real directory, Kubernetes client,
//! HTTP, TLS, kubeconfig and CA files. A seed decides the faults at every edge: connections, answers, watches, approver and
//! signer, credentials, files, clocks, disk, and the ends of the process. Time is simulated, and no run sleeps.
//!
//! The invariants S1, S2, S3, S8, S9, S10 and L1 to L5 of `docs/invariants.md` are checked from outside: by what the server
//! sees, what the process presents, and the files on disk. After the last fault the node must recover: a new certificate in
//! time, then a renewal before its expiry.
//!
//! A run is a function of its seed. Keys and signatures are Ed25519, which has no randomness. TLS takes its randomness from
//! the system, but nothing depends on it: all records have a fixed length.
//!
//! # Example
//!
//! ```
//! let outcome = certrotate_simulation::run(7);
//! assert!(outcome.violation.is_none(), "{}", certrotate_simulation::report(&outcome));
//! assert_eq!(outcome.digest, certrotate_simulation::run(7).digest);
//! ```

mod approval;
mod caller;
mod checks;
mod clock;
mod counts;
mod disk;
mod events;
mod fault;
mod file_checks;
mod files;
mod network;
mod objects;
mod observer;
mod panics;
mod pki;
mod plan;
mod rng;
mod run;
mod server;
mod sudden;
mod trace;
mod workers;
mod world;

pub use checks::Violation;
pub use counts::Counts;
pub use run::{Outcome, faults, run};

/// The lines of a trace that a report shows.
const SHOWN: usize = 120;

/// Returns a violation in words: its invariant, the faults, the last lines of the trace, and the command that replays it.
#[must_use]
pub fn report(outcome: &Outcome) -> String {
    let mut text = match &outcome.violation {
        Some(violation) => format!("{} is violated: {}\n", violation.id, violation.text),
        None => "no violation\n".to_owned(),
    };
    for fault in &outcome.faults {
        text.push_str(&format!("  {fault}\n"));
    }
    let hidden = outcome.trace.len().saturating_sub(SHOWN);
    if hidden > 0 {
        text.push_str(&format!("  … {hidden} lines before\n"));
    }
    for line in outcome.trace.iter().skip(hidden) {
        text.push_str(&format!("{line}\n"));
    }
    text.push_str(&format!("again: certrotate-simulation replay {}\n", outcome.seed));
    text
}
