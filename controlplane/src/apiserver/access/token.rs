//! Bootstrap tokens: their form, and what they are valid for.

use std::time::SystemTime;

use crate::base::error::Error;
use crate::base::random::random;

/// The validity of a bootstrap token (`staging/src/k8s.io/cluster-bootstrap/token/api/types.go`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenUse {
    /// The expiry of the token.
    pub end: SystemTime,
    /// Whether it is a credential (`usage-bootstrap-authentication`). One that only signs cluster information is none.
    pub authentication: bool,
    /// Groups beside `system:bootstrappers` (`auth-extra-groups`); each begins with `system:bootstrappers:`.
    pub groups: Vec<String>,
}

impl TokenUse {
    /// A credential until `end`, without groups of its own.
    #[must_use]
    pub fn until(end: SystemTime) -> Self {
        Self { end, authentication: true, groups: Vec::new() }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let good = |group: &&String| group.starts_with("system:bootstrappers:");
        match self.groups.iter().find(|group| !good(group)) {
            None => Ok(()),
            Some(group) => {
                let why = format!("the group {group:?} does not begin with system:bootstrappers:");
                Err(Error::Option { name: "--bootstrap-token", why })
            }
        }
    }
}

/// Id and secret of a bootstrap token (`[a-z0-9]{6}.[a-z0-9]{16}`).
pub(crate) fn split(token: &str) -> Option<(&str, &str)> {
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    token
        .split_once('.')
        .filter(|(id, secret)| id.len() == 6 && secret.len() == 16 && plain(id) && plain(secret))
}

/// A new random bootstrap token.
pub(crate) fn new_token() -> Result<String, Error> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
    let bytes = random::<22>()?;
    let text: String = bytes.iter().map(|b| char::from(ALPHABET[usize::from(b % 32)])).collect();
    Ok(format!("{}.{}", &text[..6], &text[6..]))
}
