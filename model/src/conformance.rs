//! The conformance kit: it plays scenarios with a driver and names the promise that the driver breaks.
//!
//! A driver is the loop of an embedding program around core. The kit has no access to it. It simulates what the driver acts
//! on: disk, issuer, key store, clocks and sink, which are together an [`Outside`]. It steers them by a script: answers come
//! late, twice, never, of another kind or out of order; commands fail; clocks are set; the process is killed between any two
//! operations. It takes the driver's steps again in its own core. So it knows what the driver must do, and compares.
//!
//! # Example
//!
//! The driver is [`Reference`], the loop of `docs/embedding.md`.
//!
//! ```
//! use certrotate_core::id::RunId;
//! use certrotate_model::conformance::{Reference, check};
//!
//! let reports = check(&mut Reference::after(RunId(0)));
//! assert!(reports.iter().all(|report| report.broken.is_none()));
//! ```
//!
//! # Limits
//!
//! * A driver in this process that blocks forever blocks the kit. One in another process has a deadline.
//! * Of the driver's own disk, keys and TLS the kit sees nothing: it simulates them.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::id::RunId;

mod environment;
mod handles;
mod inputs;
mod judge;
mod outside;
mod promise;
mod reference;
mod report;
mod scenario;
mod script;

pub use outside::{Driver, Outside};
pub use promise::Promise;
pub use reference::Reference;
pub use report::{Broken, Report};
pub use scenario::Scenario;

use environment::Unplayed;
use judge::Judge;

/// Plays every scenario with a driver, until one breaks a promise.
pub fn check(driver: &mut dyn Driver) -> Vec<Report> {
    let mut kit = Kit::default();
    let mut reports = Vec::new();
    for scenario in Scenario::all() {
        let report = kit.play(&scenario, driver);
        let is_broken = report.broken.is_some();
        reports.push(report);
        if is_broken {
            break;
        }
    }
    reports
}

/// Plays scenarios, and remembers the run ids of the drivers.
#[derive(Debug, Default)]
pub struct Kit {
    run_ids: BTreeSet<RunId>,
}

impl Kit {
    /// Plays one scenario.
    pub fn play(&mut self, scenario: &Scenario, driver: &mut dyn Driver) -> Report {
        self.play_to_end(scenario, driver).0
    }

    /// The same, with the part of the script that was not played.
    fn play_to_end(&mut self, scenario: &Scenario, driver: &mut dyn Driver) -> (Report, Unplayed) {
        let config = configuration();
        let judge = Judge::new(config.clone(), scenario.script.clone(), std::mem::take(&mut self.run_ids));
        let outside = Outside(Arc::new(Mutex::new(judge)));
        loop {
            let played = catch_unwind(AssertUnwindSafe(|| driver.run(config.clone(), &outside)));
            if !outside.lock().returned(played.is_err()) {
                break;
            }
        }
        let mut judge = outside.lock();
        let runs = std::mem::take(&mut judge.runs);
        self.run_ids = judge.take_run_ids();
        (Report { scenario: scenario.name, broken: judge.broken.clone(), runs }, judge.unplayed())
    }
}

/// Returns the configuration of the driver under test: a node's client certificate, and the default timing parameters.
fn configuration() -> Config {
    let mut spec = ConfigSpec::new(Template::kubelet_client("node-1"));
    spec.built = crate::scenario::BUILT;
    Config::new(spec).expect("the template is complete and the default times are in order")
}
