//! Scenarios as text: counterexamples and golden traces that people read, keep in git and replay.
//!
//! The first line is the setup, two bytes in hexadecimal; each line after it is a transition, two bytes too. What follows a `#` is
//! for people: on a line of its own it says why the file is kept, after bytes it says what they mean. The bytes are what
//! counts, but words that say something else than the bytes are an error: so a file that was written for another alphabet is
//! noticed, and does not silently become another scenario.
//!
//! # Example
//!
//! ```
//! use certrotate_model::scenario::Scenario;
//!
//! let scenario = Scenario::decode(&[0x80, 1, 0, 3, 31, 7]);
//! let text = scenario.to_text("a power cut at rest");
//! let lines = [
//!     "8001  # certificates live 1d0h, first certificate live, seed 1",
//!     "# a power cut at rest",
//!     "0003  # Step(3)",
//!     "1f07  # PowerCut(7)",
//! ];
//! assert_eq!(text.lines().collect::<Vec<_>>(), lines);
//! assert_eq!(Scenario::from_text(&text), Ok(scenario));
//! ```

use std::fmt;
use std::fmt::Write as _;

use crate::scenario::{MOST_TRANSITIONS, Scenario, Setup};
use crate::transition::Transition;

/// The most lines of a golden scenario: it is to be read.
pub const MOST_GOLDEN_LINES: usize = 40;

/// Why a text is no scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextError {
    /// There is no line with bytes.
    Empty,
    /// This line does not begin with four hexadecimal digits.
    NotBytes(usize, String),
    /// What the bytes of this line mean, and what its words say.
    OtherWords {
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        words: String,
        /// The line as it should be.
        should: String,
    },
    /// There are so many transitions, and no engine plays more than [`MOST_TRANSITIONS`].
    TooMany(usize),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str(
                "line 1: there is nothing to play; begin with the two bytes of the setup, such as `8001`",
            ),
            Self::NotBytes(line, found) => write!(
                f,
                "line {line}: {found:?} is not two bytes in hexadecimal; write four digits, such as `0003  # Step(3)`, \
                 or begin the line with # if it is for people"
            ),
            Self::OtherWords { line, words, should } => write!(
                f,
                "line {line}: the bytes do not mean {words:?}; write `{should}` if the bytes are right, and correct \
                 them if the words are: the alphabet may have changed since the file was written"
            ),
            Self::TooMany(count) => {
                write!(
                    f,
                    "{count} transitions, and {MOST_TRANSITIONS} are the most; shorten it with the simulator's reducer"
                )
            }
        }
    }
}

impl std::error::Error for TextError {}

impl Scenario {
    /// The scenario as text, with why it is kept; see the [module](self).
    ///
    /// # Panics
    ///
    /// If setup or transitions have no bytes: they were not decoded from any.
    #[must_use]
    pub fn to_text(&self, why: &str) -> String {
        let mut text = setup_line(self.setup);
        for line in why.lines() {
            let _ = write!(text, "\n# {line}");
        }
        for transition in &self.transitions {
            let _ = write!(text, "\n{}", transition_line(*transition));
        }
        text.push('\n');
        text
    }

    /// The scenario that a text means.
    ///
    /// # Errors
    ///
    /// The first line that is not as it should be, with the remedy.
    pub fn from_text(text: &str) -> Result<Self, TextError> {
        let mut setup = None;
        let mut transitions = Vec::new();
        for (index, whole) in text.lines().enumerate() {
            let line = index + 1;
            let (bytes, words) = match whole.split_once('#') {
                Some((bytes, words)) => (bytes.trim(), words.trim()),
                None => (whole.trim(), ""),
            };
            if bytes.is_empty() {
                continue;
            }
            let [one, two] =
                pair(bytes).ok_or_else(|| TextError::NotBytes(line, bytes.chars().take(16).collect()))?;
            let should = if setup.is_none() {
                let meant = Setup::decode(one, two);
                setup = Some(meant);
                format!("{bytes}  # {meant}")
            } else {
                let meant = Transition::decode(one, two);
                transitions.push(meant);
                format!("{bytes}  # {meant:?}")
            };
            if !words.is_empty() && !should.ends_with(&format!("# {words}")) {
                return Err(TextError::OtherWords { line, words: words.to_owned(), should });
            }
        }
        if transitions.len() > MOST_TRANSITIONS {
            return Err(TextError::TooMany(transitions.len()));
        }
        Ok(Self { setup: setup.ok_or(TextError::Empty)?, transitions })
    }
}

fn setup_line(setup: Setup) -> String {
    let [choice, seed] = setup.encode();
    format!("{choice:02x}{seed:02x}  # {setup}")
}

fn transition_line(transition: Transition) -> String {
    let [code, arg] = transition.encode();
    format!("{code:02x}{arg:02x}  # {transition:?}")
}

fn pair(digits: &str) -> Option<[u8; 2]> {
    let four = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    four.then(|| u16::from_str_radix(digits, 16).ok().map(u16::to_be_bytes)).flatten()
}

/// Bytes in hexadecimal, with or without spaces; `None` if that is not what it is.
#[must_use]
pub fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits.bytes().filter(|it| !it.is_ascii_whitespace()).collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    let value = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8; 2]| u8::try_from(value(pair[0])? * 16 + value(pair[1])?).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests;
