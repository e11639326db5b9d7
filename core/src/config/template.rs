//! The requested certificate, and the bounds of what can be requested.

use alloc::string::String;
use alloc::vec::Vec;

use super::ConfigError;
use crate::facts::{Attribute, San, Subject, Usages};
use crate::time::Span;

mod kubelet;

/// The most names of one kind in a template.
pub const MAX_NAMES: usize = 100;
/// The most bytes of one text of a template.
pub const MAX_NAME: usize = 1024;
/// The most bytes of all texts of a template together.
pub const MAX_TEMPLATE: usize = 16 * 1024;

/// The requested certificate. The issued one must be equal to it.
///
/// Three ways to make one: [`Template::kubelet_client`] and [`Template::kubelet_serving`] for the two certificates of a node
/// in a cluster, and [`Template::new`] for any other issuer:
///
/// ```
/// use certrotate_core::config::{Config, ConfigSpec, Template};
/// use certrotate_core::facts::{Attribute, San, Usages};
///
/// let usages = Usages::DIGITAL_SIGNATURE.with(Usages::CLIENT_AUTH).with(Usages::SERVER_AUTH);
/// let template = Template::new("workloads", usages)
///     .with_attribute(Attribute::new(Attribute::ORGANIZATIONAL_UNIT, "billing"))
///     .with_san(San::Uri("spiffe://example.org/billing".into()));
/// assert!(Config::new(ConfigSpec::new(template)).is_ok(), "a common name is not needed beside a SPIFFE ID");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Template {
    /// The subject.
    pub subject: Subject,
    /// The subject alternative names; order does not matter.
    pub sans: Vec<San>,
    /// The usages. A signer may add `key encipherment`: it does no harm.
    pub usages: Usages,
    /// The name of the signer, profile or role at the issuer. Empty if the issuer has only one.
    pub signer: String,
    /// The requested lifetime, which a signer may ignore. `None` leaves the lifetime to the signer.
    pub duration: Option<Span>,
    /// The shortest lifetime that the issuer accepts. [`Config::new`](super::Config::new) refuses a shorter `duration`.
    #[cfg_attr(feature = "serde", serde(default))]
    pub shortest_duration: Span,
}

impl Template {
    /// Returns a template without any name yet, for a signer of any issuer.
    #[must_use]
    pub fn new(signer: &str, usages: Usages) -> Self {
        Self {
            subject: Subject::default(),
            sans: Vec::new(),
            usages,
            signer: String::from(signer),
            duration: None,
            shortest_duration: Span::ZERO,
        }
    }

    /// Sets the common name.
    #[must_use]
    pub fn with_common_name(mut self, name: &str) -> Self {
        self.subject.common_name = String::from(name);
        self
    }

    /// Adds an organization.
    #[must_use]
    pub fn with_organization(mut self, name: &str) -> Self {
        self.subject.organizations.push(String::from(name));
        self
    }

    /// Adds another attribute to the subject.
    #[must_use]
    pub fn with_attribute(mut self, attribute: Attribute) -> Self {
        self.subject.others.push(attribute);
        self
    }

    /// Adds a subject alternative name.
    #[must_use]
    pub fn with_san(mut self, san: San) -> Self {
        self.sans.push(san);
        self
    }

    /// Requests this lifetime.
    #[must_use]
    pub fn with_duration(mut self, duration: Span) -> Self {
        self.duration = Some(duration);
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let Subject { common_name, organizations, others } = &self.subject;
        if common_name.is_empty() && self.sans.is_empty() {
            return Err(ConfigError::NoName);
        }
        if self.usages.is_empty() {
            return Err(ConfigError::NoUsages);
        }
        if self.usages.has(Usages::SERVER_AUTH) && self.sans.is_empty() {
            return Err(ConfigError::NoServerName);
        }
        let counts = [
            ("organizations", organizations.len()),
            ("attributes", others.len()),
            ("names", self.sans.len()),
        ];
        if let Some(&(what, count)) = counts.iter().find(|(_, count)| *count > MAX_NAMES) {
            return Err(ConfigError::TooMany { what, count, most: MAX_NAMES });
        }
        others.iter().try_for_each(check_attribute)?;
        self.check_texts()?;
        match self.duration {
            Some(requested) if requested < self.shortest_duration.max(Span::from_secs(1)) => {
                let shortest = self.shortest_duration.max(Span::from_secs(1));
                Err(ConfigError::DurationTooShort { requested, shortest })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_texts(&self) -> Result<(), ConfigError> {
        let Subject { common_name, organizations, others } = &self.subject;
        // These two may be empty.
        let optional = [("signer name", self.signer.as_str()), ("common name", common_name)];
        let organizations = organizations.iter().map(|name| ("organization", name.as_str()));
        let attributes = others.iter().filter_map(|it| Some(("attribute", it.text.as_deref()?)));
        let mut bytes = optional.iter().map(|(_, text)| text.len()).sum::<usize>();
        let mut required: Vec<_> = organizations.chain(attributes).collect();
        for san in &self.sans {
            let text = match san {
                San::Dns(text) | San::Email(text) | San::Uri(text) => text,
                San::Ip(_) => continue,
                San::Other => return Err(ConfigError::San),
            };
            if !text.is_ascii() {
                return Err(ConfigError::San);
            }
            required.push(("subject alternative name", text));
        }
        for &(what, text) in required.iter().chain(&optional) {
            if text.len() > MAX_NAME {
                return Err(ConfigError::TooLong { what, bytes: text.len(), most: MAX_NAME });
            }
        }
        for (what, text) in required {
            if text.is_empty() {
                return Err(ConfigError::Empty(what));
            }
            bytes = bytes.saturating_add(text.len());
        }
        if bytes > MAX_TEMPLATE {
            return Err(ConfigError::TooLong { what: "template as a whole", bytes, most: MAX_TEMPLATE });
        }
        Ok(())
    }
}

/// Common names and organizations have fields of their own, so that a template can be written in one way only.
fn check_attribute(attribute: &Attribute) -> Result<(), ConfigError> {
    let has_field = [Attribute::COMMON_NAME, Attribute::ORGANIZATION].contains(&attribute.oid.as_str());
    if has_field || !attribute.is_requestable() { Err(ConfigError::Attribute) } else { Ok(()) }
}
