//! Traces as text: JSON Lines, a header and then one record per step (`certrotate_core::trace`).
//!
//! # Example
//!
//! ```
//! use certrotate_core::config::{Config, ConfigSpec, Template};
//! use certrotate_core::id::RunId;
//! use certrotate_core::input::Input;
//! use certrotate_core::time::Now;
//! use certrotate_core::trace::{TraceHeader, TraceRecord};
//! use certrotate_proptests::trace;
//!
//! let config = Config::new(ConfigSpec::new(Template::kubelet_client("node-1")))?;
//! let header = TraceHeader::new(&config, RunId(1));
//! let record = TraceRecord::of_step(&mut header.rotator()?, 1, Now::default(), Input::Tick);
//! let text = trace::write(&header, &[record.clone()]);
//! assert_eq!(trace::read(text.as_bytes()), (Some(header), vec![record]));
//! trace::check(text.as_bytes());
//! # Ok::<(), certrotate_core::config::ConfigError>(())
//! ```

use std::fmt::Debug;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::id::RunId;
use certrotate_core::trace::{TraceHeader, TraceRecord};
use certrotate_core::view::Phase;
use serde_json::{from_slice, from_str, to_string};

/// Returns a trace as text.
///
/// # Panics
///
/// JSON cannot represent the trace, which is a defect in core's types.
#[must_use]
pub fn write(header: &TraceHeader, records: &[TraceRecord]) -> String {
    let header = to_string(header).expect("a header has text for its keys");
    let records = records.iter().map(|record| to_string(record).expect("so has a record"));
    std::iter::once(header).chain(records).map(|line| line + "\n").collect()
}

/// Returns the header in the first line, if it is one, and every other line that is a record.
#[must_use]
pub fn read(text: &[u8]) -> (Option<TraceHeader>, Vec<TraceRecord>) {
    let mut lines = text.split(|byte| *byte == b'\n');
    let header = lines.next().and_then(|line| from_slice(line).ok());
    (header, lines.filter_map(|line| from_slice(line).ok()).collect())
}

/// Checks core with any text in the place of a trace: a fuzz target.
///
/// Every header and record that was read is written and read again without a difference. The
/// function gives the inputs to a state machine: any sequence of inputs is legal. A second machine
/// must take the same steps, and an expired identity must never be live.
///
/// # Panics
///
/// A check fails.
pub fn check(text: &[u8]) {
    let (header, records) = read(text);
    let header = header.unwrap_or_else(default_header);
    assert_eq!(from_str(&again(&header)).ok(), Some(header.clone()), "a header is read as it was written");
    // A refused configuration has no state machine.
    let Ok(mut machine) = header.rotator() else { return };
    let mut second = machine.clone();
    for read in records {
        assert_eq!(from_str(&again(&read)).ok(), Some(read.clone()), "a record is read as it was written");
        let record = TraceRecord::of_step(&mut machine, read.seq, read.now, read.input);
        assert_eq!(
            from_str(&again(&record)).ok(),
            Some(record.clone()),
            "the record of a step is read as it was written"
        );
        assert_eq!(record.replay(&mut second), Ok(()), "a replayed step has the same result");
        let view = machine.view();
        if view.serving && view.phase != Phase::Ended {
            assert!(machine.live(record.now.wall).is_some(), "S1: the live identity is valid");
        }
        let _ = (machine.handles().count(), machine.clock_check());
    }
}

fn again(value: &(impl serde::Serialize + Debug)) -> String {
    to_string(value).unwrap_or_else(|error| panic!("{error}: {value:?}"))
}

fn default_header() -> TraceHeader {
    let spec = ConfigSpec::new(Template::kubelet_client("node-1"));
    let config = Config::new(spec).expect("the template is complete and the times are the defaults");
    TraceHeader::new(&config, RunId(1))
}
