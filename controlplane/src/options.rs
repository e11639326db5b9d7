//! What a control plane can be told.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::auth::BootstrapToken;
use crate::cleaner::Ages;
use crate::controllers::options::SigningFiles;
use crate::error::Error;
use crate::faults::Fault;

#[cfg(test)]
mod tests;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Keeps every sum of a time and a duration far inside what X.509 can express.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How a control plane runs. [`Options::default`] is a control plane in memory on any free port.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where CA, tokens and requests are kept and the kubeconfigs are written; `None`: nowhere, all is lost at the end.
    pub dir: Option<PathBuf>,
    /// The loopback port; 0 takes the port of the last run on the same directory if it is free, else any.
    pub port: u16,
    /// Who approves requests.
    pub approve: Approval,
    /// Default and maximum lifetime of an issued certificate (`--cluster-signing-duration`).
    pub cluster_signing_duration: Duration,
    /// How far before its issue a certificate starts; 5 minutes in kube-controller-manager.
    pub backdate: Duration,
    /// How long a new bootstrap token lives; kubeadm's default is 24 hours.
    pub token_ttl: Duration,
    /// The CA files of the signers; none: they sign with the CA that the control plane makes for itself.
    pub signing_files: SigningFiles,
    /// When the cleaner deletes requests; `None`: never.
    pub ages: Option<Ages>,
    /// Stricter than Kubernetes: a bootstrapper is denied the name of a node that holds a valid certificate.
    pub refuse_taken_names: bool,
    /// How long a new certificate authority lives.
    pub ca_lifetime: Duration,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// Bootstrap tokens beside the one that is made and kept; they are not kept over a restart.
    pub bootstrap_tokens: Vec<BootstrapToken>,
    /// What tells the time.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: None,
            port: 0,
            approve: Approval::Auto,
            cluster_signing_duration: 365 * DAY,
            backdate: Duration::from_secs(5 * 60),
            token_ttl: DAY,
            signing_files: SigningFiles::default(),
            ages: Some(Ages::default()),
            refuse_taken_names: false,
            ca_lifetime: 3650 * DAY,
            faults: Vec::new(),
            bootstrap_tokens: Vec::new(),
            clock: Clock::system(),
        }
    }
}

impl Options {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        self.signing_files.validate()?;
        check(self.cluster_signing_duration, self.backdate)?;
        at_least_a_second("--token-ttl", self.token_ttl)?;
        at_least_a_second("CA lifetime", self.ca_lifetime)
    }
}

/// Whether certificates can live this long and start that much earlier.
pub(crate) fn check(cluster_signing_duration: Duration, backdate: Duration) -> Result<(), Error> {
    at_least_a_second("--cluster-signing-duration", cluster_signing_duration)?;
    within_reach("--backdate", backdate)
}

fn at_least_a_second(name: &'static str, value: Duration) -> Result<(), Error> {
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

/// Who approves the requests that meet the node client criteria (`pkg/controller/certificates/approver`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Approval {
    /// The approver, at once.
    Auto,
    /// A person: `kubectl certificate approve NAME`.
    Manual,
    /// The approver, this long after it first saw the request.
    After(Duration),
}

impl FromStr for Approval {
    type Err = Error;

    /// Reads `auto`, `manual` or `after=DUR`, `DUR` as [`parse_duration`] takes it.
    fn from_str(text: &str) -> Result<Self, Error> {
        match (text, text.strip_prefix("after=")) {
            ("auto", _) => Ok(Self::Auto),
            ("manual", _) => Ok(Self::Manual),
            (_, Some(duration)) => Ok(Self::After(parse_duration(duration)?)),
            _ => Err(Error::Option {
                name: "--approve",
                why: format!("{text:?} is none of auto, manual, after=DUR"),
            }),
        }
    }
}

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

/// What tells the control plane the time: the system's clock, or a test's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The system's wall clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(SystemTime::now)
    }

    /// A clock of one's own, so that a test can expire a certificate without waiting for it.
    pub fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
