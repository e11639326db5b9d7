//! A bootstrap token as it is written on a command line.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::apiserver::access::token::{TokenUse, split};
use crate::base::duration::parse_duration;
use crate::base::error::Error;

#[cfg(test)]
mod tests;

/// Kubeadm's default.
const TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// `ID.SECRET[,ttl=DUR][,usage=authentication|signing][,group=system:bootstrappers:NAME]`; `usage` and `group` may come
/// again. Its `Debug` form does not show the secret.
#[derive(Clone, Eq, PartialEq)]
pub struct BootstrapToken {
    pub(crate) token: Zeroizing<String>,
    ttl: Duration,
    authentication: bool,
    groups: Vec<String>,
}

impl BootstrapToken {
    /// Returns its validity when it is added at `now`.
    pub(crate) fn good_for(&self, now: SystemTime) -> TokenUse {
        TokenUse { end: now + self.ttl, authentication: self.authentication, groups: self.groups.clone() }
    }
}

impl FromStr for BootstrapToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // The text is a secret, so an error never quotes it.
        let wrong = |why: &str| Error::Option { name: "--bootstrap-token", why: why.to_owned() };
        let mut parts = text.split(',');
        let token = parts.next().unwrap_or_default();
        split(token)
            .ok_or_else(|| wrong("a token is six characters, a dot and sixteen characters of a-z and 0-9"))?;
        let mut read = Self {
            token: Zeroizing::new(token.to_owned()),
            ttl: TTL,
            authentication: true,
            groups: Vec::new(),
        };
        let mut usages = Vec::new();
        for part in parts {
            match part.split_once('=') {
                Some(("ttl", duration)) => read.ttl = parse_duration(duration)?,
                Some(("usage", usage @ ("authentication" | "signing"))) => usages.push(usage),
                Some(("group", group)) => read.groups.push(group.to_owned()),
                _ => {
                    return Err(wrong(
                        "a part is none of ttl=DUR, usage=authentication, usage=signing, group=GROUP",
                    ));
                }
            }
        }
        read.authentication = usages.is_empty() || usages.contains(&"authentication");
        read.good_for(SystemTime::UNIX_EPOCH).check()?;
        Ok(read)
    }
}

impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.token.split('.').next().unwrap_or_default();
        let mut form = f.debug_struct("BootstrapToken");
        form.field("id", &id).field("ttl", &self.ttl).field("authentication", &self.authentication);
        form.field("groups", &self.groups).finish_non_exhaustive()
    }
}
