//! Durations as flags and the admin paths write them.

use std::time::Duration;

use crate::base::error::Error;

#[cfg(test)]
mod tests;

/// Longest duration: keeps every sum of a time and a duration inside the range of X.509.
pub(crate) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Reads a duration as Go writes it (`10s`, `1h30m`, `1.5h`, `300ms`) and, beyond Go, days (`365d`).
///
/// # Errors
///
/// [`Error::Option`] if `text` is not one, or longer than 100 years.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    let wrong = || Error::Option {
        name: "duration",
        why: format!("{text:?} is not a duration such as 10s, 1h30m or 365d"),
    };
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let number = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (digits, tail) = rest.split_at(number);
        let unit = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(unit);
        let factor = match unit {
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        seconds += digits.parse::<f64>().map_err(|_| wrong())? * factor;
        rest = tail;
    }
    if text.is_empty() || seconds > LONGEST.as_secs_f64() {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// Whether certificates can live this long and start that much earlier.
pub(crate) fn check_lifetimes(cluster_signing_duration: Duration, backdate: Duration) -> Result<(), Error> {
    at_least_a_second("--cluster-signing-duration", cluster_signing_duration)?;
    within_reach("--backdate", backdate)
}

pub(crate) fn at_least_a_second(name: &'static str, value: Duration) -> Result<(), Error> {
    if value < Duration::from_secs(1) {
        let why = "must be at least one second".to_owned();
        return Err(Error::Option { name, why });
    }
    within_reach(name, value)
}

fn within_reach(name: &'static str, value: Duration) -> Result<(), Error> {
    if value > LONGEST {
        let why = "must be at most 100 years (876000h)".to_owned();
        return Err(Error::Option { name, why });
    }
    Ok(())
}
