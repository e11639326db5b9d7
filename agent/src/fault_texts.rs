//! The texts of faults: the ports have them, core does not, and the line that reports the fault shows them.

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The latest texts. Cheap to clone: a clone shares them.
#[derive(Clone, Debug, Default)]
pub struct FaultTexts(Arc<Mutex<Texts>>);

#[derive(Debug, Default)]
struct Texts {
    disk: Option<String>,
    call: Option<String>,
    remarks: Vec<String>,
}

/// The most characters of a foreign text that are logged.
const LONGEST: usize = 400;

impl FaultTexts {
    fn change<T>(&self, change: impl FnOnce(&mut Texts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Leaves the reason why a disk command failed.
    pub fn set_disk(&self, text: String) {
        tracing::debug!("{text}");
        self.change(|texts| texts.disk = Some(text));
    }

    /// Leaves the reason why a call failed, or the message of an approver or a signer.
    pub fn set_call(&self, text: &str) {
        let text = one_line(text);
        tracing::debug!("{text}");
        self.change(|texts| texts.call = Some(text));
    }

    /// Leaves the remarks of a scan: a line for each suspect file, which begins with its path.
    pub fn set_remarks(&self, remarks: &[String]) {
        for remark in remarks {
            tracing::debug!("{remark}");
        }
        self.change(|texts| remarks.clone_into(&mut texts.remarks));
    }

    /// Takes the text of the last disk fault.
    #[must_use]
    pub fn take_disk(&self) -> Option<String> {
        self.change(|texts| texts.disk.take())
    }

    /// Takes the text of the last call.
    #[must_use]
    pub fn take_call(&self) -> Option<String> {
        self.change(|texts| texts.call.take())
    }

    /// Returns the remark of the last scan about this file.
    #[must_use]
    pub fn remark(&self, path: &Path) -> Option<String> {
        let path = path.display().to_string();
        self.change(|texts| {
            let about = texts.remarks.iter().find_map(|remark| remark.strip_prefix(&path))?;
            about.split_once(": ").map(|(_, text)| text.to_owned())
        })
    }
}

/// Returns a foreign text made fit for a log: one line, printable, of bounded length.
#[must_use]
pub fn one_line(text: &str) -> String {
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut letters = text.trim().chars().map(printable);
    let mut line: String = letters.by_ref().take(LONGEST).collect();
    if letters.next().is_some() {
        line.push('…');
    }
    line
}
