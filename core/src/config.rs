//! The configuration, validated once.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use crate::facts::{San, Subject, Usages};
use crate::time::{Span, WallTime};
use crate::timing::Timing;

mod error;

pub use error::ConfigError;

/// The requested certificate. The issued one must be equal to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Template {
    /// The subject.
    pub subject: Subject,
    /// The subject alternative names; order does not matter.
    pub sans: Vec<San>,
    /// The usages. A signer may add `key encipherment`: it does no harm.
    pub usages: Usages,
    /// `spec.signerName`.
    pub signer: String,
    /// The requested lifetime (`spec.expirationSeconds`), which a signer may ignore. `None` leaves the lifetime to the signer.
    pub duration: Option<Span>,
}

impl Template {
    /// Returns the template of a node's client certificate, as the kubelet requests it: CN `system:node:NAME`,
    /// O `system:nodes`, digital signature and client auth (an EC key does not encipher), signer
    /// `kubernetes.io/kube-apiserver-client-kubelet` (Kubernetes `pkg/kubelet/certificate/kubelet.go`).
    #[must_use]
    pub fn kubelet_client(node: &str) -> Self {
        let mut common_name = String::from("system:node:");
        common_name.push_str(node);
        Self {
            subject: Subject {
                common_name,
                organizations: Vec::from([String::from("system:nodes")]),
                others: 0,
            },
            sans: Vec::new(),
            usages: Usages::DIGITAL_SIGNATURE.with(Usages::CLIENT_AUTH),
            signer: String::from("kubernetes.io/kube-apiserver-client-kubelet"),
            duration: None,
        }
    }
}

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
    /// Whether a pair outside our bundles is adopted, such as one of a kubelet or from a backup.
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
        if spec.template.subject.common_name.is_empty() {
            return Err(ConfigError::NoCommonName);
        }
        if spec.template.usages.is_empty() {
            return Err(ConfigError::NoUsages);
        }
        if spec.template.signer.is_empty() {
            return Err(ConfigError::NoSigner);
        }
        // certificates.k8s.io refuses less (pkg/apis/certificates/validation/validation.go).
        if spec.template.duration.is_some_and(|asked| asked < Span::from_secs(600)) {
            return Err(ConfigError::DurationTooShort);
        }
        spec.timing.check()?;
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
