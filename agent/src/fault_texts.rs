//! The texts of faults: the ports have them, core does not, and the line that reports the fault shows them.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

/// The latest texts. Cheap to clone: a clone shares them.
#[derive(Clone, Default)]
pub struct FaultTexts(Arc<Mutex<Texts>>);

impl fmt::Debug for FaultTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultTexts").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Texts {
    disk: Option<String>,
    call: Option<String>,
    remarks: Vec<String>,
    /// The latest token; empty if there is none. A server may repeat it.
    token: Zeroizing<String>,
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

    /// Removes this token from the texts of calls from now on.
    pub(crate) fn conceal(&self, token: &str) {
        self.change(|texts| {
            if texts.token.as_str() != token {
                texts.token = Zeroizing::new(token.to_owned());
            }
        });
    }

    /// Leaves the reason why a call failed, or the message of an approver or a signer.
    pub fn set_call(&self, text: &str) {
        // Before the text is cut: a part of a token would not be found.
        let text = one_line(&self.change(|texts| without_token(text, &texts.token)));
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

/// Returns a foreign text made fit for a log: one line of at most 400 characters.
#[must_use]
pub fn one_line(text: &str) -> String {
    bounded(text, LONGEST)
}

/// Returns a foreign text as one line of at most `most` characters of it. Characters that end a line, control a terminal, are
/// invisible, or turn the direction of the text are escaped.
#[must_use]
pub(crate) fn bounded(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut letters = text.trim().chars();
    for letter in letters.by_ref().take(most) {
        match letter {
            '\'' | '"' | '\\' => line.push(letter),
            _ => line.extend(letter.escape_debug()),
        }
    }
    if letters.next().is_some() {
        line.push('…');
    }
    line
}

/// The shortest part of a token that is removed from a text; a shorter one is as likely a word.
const SHORTEST_SECRET: usize = 8;

/// Returns a text without the token and without its parts between dots: the secret of a bootstrap token, the signature of a JWT.
#[must_use]
pub(crate) fn without_token(text: &str, token: &str) -> String {
    if token.is_empty() {
        return text.to_owned();
    }
    let mut cleaned = text.replace(token, "(token)");
    for part in token.split('.').filter(|part| part.len() >= SHORTEST_SECRET) {
        cleaned = cleaned.replace(part, "(token)");
    }
    cleaned
}
