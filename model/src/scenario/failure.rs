//! The report of a failing scenario: enough to see the violation, and the command that shows the rest.

use std::fmt::Write as _;

use certrotate_core::config::ConfigSpec;

use crate::invariants::Violation;
use crate::replay::Replay;
use crate::scenario::Scenario;
use crate::world::World;

/// The most transitions, and the most steps, that a failure names.
const SHOWN: usize = 24;

impl Scenario {
    /// What a failure prints: the invariant, when and after what it broke, and the command that replays it. The scenario is
    /// played once more for it, so that nothing is kept where nothing fails.
    #[must_use]
    pub fn failure(&self, violation: &Violation) -> String {
        self.failure_in(violation, "", |_, _| {})
    }

    /// As [`Scenario::failure`], of a world that `change` makes other than it should be; `flags` of the command do the same.
    #[must_use]
    pub fn failure_in(
        &self,
        violation: &Violation,
        flags: &str,
        change: impl FnOnce(&mut ConfigSpec, &mut World),
    ) -> String {
        let replay = Replay::of_scenario(self, change, true, None);
        let mut text = format!("{violation}\n");
        match &replay.violation {
            Some(found) => {
                let _ = writeln!(text, "  {}", found.when());
                if found.violation != *violation {
                    let _ = writeln!(text, "  (played again, it is {}: the worlds differ)", found.violation);
                }
            }
            None => text.push_str("  (played again, everything holds: the worlds differ)\n"),
        }
        let faults: Vec<String> =
            replay.marks.faults.iter().map(|(name, count)| format!("{count} × {name}")).collect();
        let faults = if faults.is_empty() { "none".to_owned() } else { faults.join("; ") };
        let _ = writeln!(text, "faults so far: {faults}\nsetup: {}", self.setup);
        text.push_str(if self.transitions.is_empty() { "transitions: none\n" } else { "transitions:\n" });
        let first = self.transitions.len().saturating_sub(SHOWN);
        if first > 0 {
            let _ = writeln!(text, "       … {first} before");
        }
        for (index, transition) in self.transitions.iter().enumerate().skip(first) {
            let _ = writeln!(text, "  {:>5}  {transition:?}", index + 1);
        }
        text.push_str("last steps:\n");
        let lines = replay.lines();
        for line in &lines[lines.len().saturating_sub(SHOWN / 2)..] {
            let _ = writeln!(text, "  {line}");
        }
        text + &self.command(flags)
    }

    /// The command that replays it, with more flags.
    #[must_use]
    pub fn command(&self, flags: &str) -> String {
        let (space, hex) = (if flags.is_empty() { "" } else { " " }, self.hex());
        format!(
            "to see it again: cargo run --release -p certrotate-model -- replay{space}{flags} --hex {hex}"
        )
    }
}
