//! What the ports know and core does not: the text behind a fault, for the line that reports it.

use std::sync::{Arc, Mutex, PoisonError};

/// The latest texts. Cheap to clone: a clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Details(Arc<Mutex<Texts>>);

#[derive(Debug, Default)]
struct Texts {
    disk: Option<String>,
    call: Option<String>,
    remarks: Vec<String>,
}

const LONGEST: usize = 400;

impl Details {
    fn change<T>(&self, change: impl FnOnce(&mut Texts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the last disk operation failed.
    pub fn set_disk(&self, text: String) {
        self.change(|texts| texts.disk = Some(text));
    }

    /// Why the last call failed, or what an approver or signer wrote about the request.
    pub fn set_call(&self, text: &str) {
        self.change(|texts| texts.call = Some(one_line(text)));
    }

    /// What the last scan found amiss.
    pub fn set_remarks(&self, remarks: Vec<String>) {
        self.change(|texts| texts.remarks = remarks);
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

    /// Takes the remarks of the last scan.
    #[must_use]
    pub fn take_remarks(&self) -> Vec<String> {
        self.change(|texts| std::mem::take(&mut texts.remarks))
    }
}

/// A text from outside, fit for a log: one line, printable, of bounded length.
#[must_use]
pub fn one_line(text: &str) -> String {
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut line: String = text.trim().chars().map(printable).take(LONGEST).collect();
    if text.trim().chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
