//! The configuration, validated once.

use alloc::sync::Arc;
use core::hash::{Hash, Hasher};

use crate::time::WallTime;
use crate::timing::Timing;

mod error;
mod template;

pub use error::ConfigError;
pub use template::{MAX_NAME, MAX_NAMES, MAX_TEMPLATE, Template};

/// A configuration to be checked; see [`Config::new`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConfigSpec {
    /// The requested certificate.
    pub template: Template,
    /// Whether a client CA is configured, so that [`crate::facts::Chain::Unchecked`] is refused.
    pub chain_required: bool,
    /// Whether a live identity is renewed before expiry. If not, the next one is requested when it expires.
    pub rotate: bool,
    /// Whether a pair outside our bundles is adopted, such as one that another program wrote or a backup has.
    #[cfg_attr(feature = "serde", serde(default = "yes"))]
    pub adopt: bool,
    /// Draws the jitter of retries, never of renewals. Different on every node.
    pub seed: u64,
    /// The timing parameters.
    pub timing: Timing,
    /// When this program was built. A wall clock before this is invalid.
    pub built: WallTime,
}

/// Traces of versions without this choice.
#[cfg(feature = "serde")]
const fn yes() -> bool {
    true
}

impl ConfigSpec {
    /// The defaults for a template: no client CA, renewal and adoption on, seed 0, the default times, no build time.
    #[must_use]
    pub fn new(template: Template) -> Self {
        Self {
            template,
            chain_required: false,
            rotate: true,
            adopt: true,
            seed: 0,
            timing: Timing::default(),
            built: WallTime::from_unix_ms(0),
        }
    }
}

/// A valid configuration, cheap to clone, to compare with itself and to hash.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "ConfigSpec", try_from = "ConfigSpec"))]
pub struct Config(Arc<Checked>);

#[derive(Debug, PartialEq, Eq)]
struct Checked {
    spec: ConfigSpec,
    /// Of `spec`. It replaces `spec` in the hash of a state, which an engine takes millions of times.
    digest: u64,
}

impl Hash for Config {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.digest);
    }
}

impl Config {
    /// Checks `spec`.
    ///
    /// # Errors
    ///
    /// The first field that is out of its range; see [`ConfigError`].
    pub fn new(spec: ConfigSpec) -> Result<Self, ConfigError> {
        spec.template.check()?;
        spec.timing.check()?;
        let least = spec.timing.lifetime_left.min;
        if let Some(requested) = spec.template.duration.filter(|requested| *requested <= least) {
            return Err(ConfigError::DurationBelowLifetimeLeft { requested, least });
        }
        let digest = crate::digest::of(&spec);
        Ok(Self(Arc::new(Checked { spec, digest })))
    }

    /// The specification that was checked.
    #[must_use]
    pub fn spec(&self) -> &ConfigSpec {
        &self.0.spec
    }

    /// The requested certificate.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.0.spec.template
    }

    /// The timing parameters.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.0.spec.timing
    }
}

impl From<Config> for ConfigSpec {
    fn from(config: Config) -> Self {
        config.spec().clone()
    }
}

impl TryFrom<ConfigSpec> for Config {
    type Error = ConfigError;

    fn try_from(spec: ConfigSpec) -> Result<Self, ConfigError> {
        Self::new(spec)
    }
}

#[cfg(test)]
mod tests;
