//! File names of ours, and the mapping between them and core's [`Name`].

#[cfg(test)]
mod tests;

use core::fmt;
use core::str::FromStr;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use certrotate_core::disk::{Name, Place};
use certrotate_core::id::{FileNumber, Generation};
use certrotate_core::time::WallTime;

/// The longest pair name, in bytes. With its suffix a name stays far below the 255 bytes that file
/// systems accept.
pub const MAX_PAIR_NAME: usize = 64;

/// What the files of one certificate and its key have in common: `kubelet-client` in
/// `kubelet-client-current.pem` (Kubernetes `pkg/kubelet/certificate/kubelet.go`).
///
/// ASCII letters, digits, `-` and `.`; the first is a letter or digit; [`MAX_PAIR_NAME`] bytes at most. No name
/// of one pair is ever taken for a name of another, also where one pair's name begins with the other's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairName(String);

impl PairName {
    /// Checks a pair name.
    ///
    /// # Errors
    ///
    /// The first rule of [`PairNameError`] that the name breaks.
    pub fn new(name: impl Into<String>) -> Result<Self, PairNameError> {
        let name = name.into();
        let first = name.bytes().next().ok_or(PairNameError::Empty)?;
        if name.len() > MAX_PAIR_NAME {
            return Err(PairNameError::TooLong);
        }
        if !first.is_ascii_alphanumeric() {
            return Err(PairNameError::First);
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.') {
            return Err(PairNameError::Character);
        }
        Ok(Self(name))
    }

    /// Returns the pair name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the file name of `name`: the pair name, `-`, and the text of core's `Display`.
    #[must_use]
    pub fn file_name(&self, name: Name) -> String {
        format!("{}-{name}", self.0)
    }

    /// Returns the time in a kubelet's file name `<pair>-YYYY-MM-DD-hh-mm-ss.pem` (client-go
    /// `util/certificate/certificate_store.go`); `None` for any other name.
    #[must_use]
    pub fn parse_dated(&self, file_name: &OsStr) -> Option<WallTime> {
        let text = core::str::from_utf8(file_name.as_bytes()).ok()?;
        let rest = text.strip_prefix(&self.0)?.strip_prefix('-')?.strip_suffix(".pem")?;
        let mut fields = rest.split('-');
        let mut civil = [0_u16; 6];
        for field in &mut civil {
            *field = fields.next().filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
        }
        let time = wall_time(civil).filter(|_| fields.next().is_none())?;
        (self.dated(time) == text).then_some(time)
    }

    /// Returns the kubelet's file name for this time.
    #[must_use]
    pub fn dated(&self, time: WallTime) -> String {
        let (year, month, day, hour, minute, second) = time.civil();
        format!("{}-{year:04}-{month:02}-{day:02}-{hour:02}-{minute:02}-{second:02}.pem", self.0)
    }

    /// Returns the file names of a certificate and its key in two files, as a kubelet reads them.
    #[must_use]
    pub fn split(&self) -> (String, String) {
        (format!("{}.crt", self.0), format!("{}.key", self.0))
    }

    /// Returns the file name of a place; of two files, that of the certificate.
    #[must_use]
    pub fn place(&self, place: Place) -> String {
        match place {
            Place::Current => self.file_name(Name::Current),
            Place::Dated(time) => self.dated(time),
            Place::Split => self.split().0,
            Place::Exposed(name) => self.file_name(name),
        }
    }

    /// Returns the [`Name`] of a file name of this pair. The spelling must equal that of
    /// [`PairName::file_name`]: no leading zeros, an existing date. Any other name is not ours and
    /// is left alone.
    #[must_use]
    pub fn parse(&self, file_name: &OsStr) -> Option<Name> {
        let text = core::str::from_utf8(file_name.as_bytes()).ok()?;
        let rest = text.strip_prefix(&self.0)?.strip_prefix('-')?;
        let name = parse_rest(rest)?;
        // Numbers and dates have many spellings; one of them is ours.
        (self.file_name(name) == text).then_some(name)
    }
}

fn parse_rest(rest: &str) -> Option<Name> {
    if rest == "current.pem" {
        return Some(Name::Current);
    }
    if let Some(numbers) = rest.strip_prefix("pending-") {
        let (generation, file) = parse_numbers(numbers)?;
        return Some(Name::Pending { generation, file });
    }
    if let Some(numbers) = rest.strip_prefix("tmp-") {
        let (generation, file) = parse_numbers(numbers)?;
        return Some(Name::Temporary { generation, file });
    }
    if let Some(numbers) = rest.strip_prefix("quarantine-") {
        let (generation, file) = parse_numbers(numbers)?;
        return Some(Name::Quarantine { generation, file });
    }
    let mut fields = rest.strip_suffix(".pem")?.splitn(7, '-');
    let mut civil = [0_u16; 6];
    for field in &mut civil {
        *field = fields.next()?.parse().ok()?;
    }
    let (generation, file) = parse_numbers(fields.next()?)?;
    Some(Name::Bundle { issued: wall_time(civil)?, generation, file })
}

fn parse_numbers(text: &str) -> Option<(Generation, FileNumber)> {
    let (generation, file) = text.split_once('.')?;
    Some((Generation(generation.parse().ok()?), FileNumber(file.parse().ok()?)))
}

/// Inverts [`WallTime::civil`]; `None` for a year above 9999, whose text would have another shape.
/// The 31st of a shorter month becomes a day of the next, and an hour too many one of the next day.
/// The spelling then differs, and the caller compares it.
fn wall_time([year, month, day, hour, minute, second]: [u16; 6]) -> Option<WallTime> {
    if year > 9999 {
        return None;
    }
    // Years are counted from March here, so that the leap day comes last.
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let march_year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400);
    let days = 365 * march_year + leap_days + day_of_year - 719_468;
    let in_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some(WallTime::from_unix_secs(days * 86_400 + in_day))
}

impl fmt::Display for PairName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PairName {
    type Err = PairNameError;

    fn from_str(text: &str) -> Result<Self, PairNameError> {
        Self::new(text)
    }
}

/// Why a pair name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PairNameError {
    /// It is empty.
    Empty,
    /// It is longer than [`MAX_PAIR_NAME`] bytes.
    TooLong,
    /// It begins with neither a letter nor a digit.
    First,
    /// It has a character that is not an ASCII letter, a digit, `-` or `.`.
    Character,
}

impl fmt::Display for PairNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the pair name is empty; give one such as kubelet-client"),
            Self::TooLong => {
                write!(f, "the pair name is longer than {MAX_PAIR_NAME} bytes; give a shorter one")
            }
            Self::First => {
                f.write_str("the pair name begins with neither a letter nor a digit; begin it with one")
            }
            Self::Character => f.write_str(
                "the pair name has a character other than letters, digits, '-' and '.'; leave it out",
            ),
        }
    }
}

impl core::error::Error for PairNameError {}
