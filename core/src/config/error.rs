//! Why a configuration is refused; below both the configuration and its timing parameters.

use core::fmt;

/// Why a configuration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// The subject has no common name.
    NoCommonName,
    /// The template has no usage.
    NoUsages,
    /// There is no signer name.
    NoSigner,
    /// The requested lifetime is below the API's minimum of 600 seconds.
    DurationTooShort,
    /// A timing parameter is zero, or a maximum is below its first value; the field is named.
    Time(&'static str),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommonName => f.write_str("the subject has no common name; give the node's name"),
            Self::NoUsages => {
                f.write_str("the template has no usage; a client certificate needs \"client auth\"")
            }
            Self::NoSigner => f.write_str("there is no signer name; give one such as example.com/my-signer"),
            Self::DurationTooShort => f.write_str(
                "the requested duration is below 600 seconds, which the API refuses; request more or none",
            ),
            Self::Time(name) => {
                write!(f, "the time {name} is zero or its maximum is below its first value; raise it")
            }
        }
    }
}

impl core::error::Error for ConfigError {}
