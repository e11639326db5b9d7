//! Why a configuration is refused; below both the configuration and its timing parameters.

use core::fmt;

use crate::time::Span;

/// Why a configuration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// The template has neither a common name nor a subject alternative name.
    NoName,
    /// The template has no usage.
    NoUsages,
    /// The template is for server authentication and has no subject alternative name. Clients read no other name of a server
    /// (RFC 9525, section 2).
    NoServerName,
    /// A text of the template is empty.
    Empty(&'static str),
    /// The template has too many items of a kind.
    TooMany {
        /// Their kind.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The greatest number.
        most: usize,
    },
    /// A text of the template is too long, or all of them together are.
    TooLong {
        /// Which text.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The greatest length.
        most: usize,
    },
    /// An attribute of the subject has no object identifier, has no text, or is a common name or an organization.
    Attribute,
    /// A subject alternative name is of another kind, or is not ASCII.
    San,
    /// The requested lifetime is below one second or below [`Template::shortest_duration`].
    ///
    /// [`Template::shortest_duration`]: super::Template::shortest_duration
    DurationTooShort {
        /// The requested lifetime.
        requested: Span,
        /// The shortest lifetime.
        shortest: Span,
    },
    /// No certificate of the requested lifetime has enough lifetime left to be accepted.
    ///
    /// See [`LifetimeLeft::min`](crate::timing::LifetimeLeft::min).
    DurationBelowLifetimeLeft {
        /// The requested lifetime.
        requested: Span,
        /// The least remaining lifetime.
        least: Span,
    },
    /// A timing parameter is zero, or a maximum is below its first value; the field is named.
    Time(&'static str),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str(
                "the template has neither a common name nor a subject alternative name; give it one of them",
            ),
            Self::NoUsages => {
                f.write_str("the template has no usage; a client certificate needs \"client auth\"")
            }
            Self::NoServerName => f.write_str(
                "the template is for server auth and has no subject alternative name; give the DNS names or addresses of the server",
            ),
            Self::Empty(what) => {
                write!(f, "the template has an empty {what}; give its text, or leave the {what} out")
            }
            Self::TooMany { what, count, most } => {
                write!(f, "the template has {count} {what}; leave out all but {most}")
            }
            Self::TooLong { what, bytes, most } => {
                write!(f, "the {what} has {bytes} bytes; shorten it to {most} bytes")
            }
            Self::Attribute => f.write_str(
                "an attribute of the subject cannot be requested; give an object identifier such as 2.5.4.11 and a text, and common name and organizations in their own fields",
            ),
            Self::San => f.write_str(
                "a subject alternative name cannot be requested; give DNS names, addresses, e-mails or URIs in ASCII",
            ),
            Self::DurationTooShort { requested, shortest } => write!(
                f,
                "the requested duration of {requested} is below {shortest}, the shortest that the issuer accepts; request more or none"
            ),
            Self::DurationBelowLifetimeLeft { requested, least } => write!(
                f,
                "the requested duration of {requested} is not above lifetime_left.min, which is {least}: every certificate would be refused; request more, or lower lifetime_left.min"
            ),
            Self::Time(name) => {
                write!(f, "the time {name} is zero or its maximum is below its first value; raise it")
            }
        }
    }
}

impl core::error::Error for ConfigError {}
