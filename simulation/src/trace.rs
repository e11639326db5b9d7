//! The trace of a run: its lines, and their digest.

use crate::fault::clock;

/// The lines so far. Two runs with the same digest are the same run.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    lines: Vec<String>,
    digest: u64,
    /// The scratch directory, whose name differs from run to run.
    directory: String,
}

impl Trace {
    pub(crate) fn new(directory: String) -> Self {
        Self { lines: Vec::new(), digest: 0xcbf2_9ce4_8422_2325, directory }
    }

    pub(crate) fn note(&mut self, ms: u64, text: &str) {
        let line = format!("{:>14}  {}", clock(ms), text.replace(&self.directory, "DIR"));
        self.hash(&line);
        self.lines.push(line);
    }

    /// Adds to the digest, and nothing to the lines.
    pub(crate) fn hash(&mut self, text: &str) {
        // FNV-1a, 64 bits.
        for byte in text.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }
}
