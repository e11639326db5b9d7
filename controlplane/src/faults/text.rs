//! Faults in words: the flag `--fault` and the admin endpoint speak the same.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::base::duration::parse_duration;
use crate::base::error::Error;
use crate::base::sync::lock;
use crate::faults::handle::{Answer, Faults};
use crate::faults::spoil::Spoil;

#[cfg(test)]
mod tests;

/// One fault, as it is written: `delay=200ms`, `answer=429,retry-after=2s,times=3`, `deny-all`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// `delay=DUR`: every answer is delayed.
    Delay(Duration),
    /// `answer=CODE[,retry-after=DUR][,times=N]`: instead of the real answer.
    Answer {
        /// The HTTP status.
        code: u16,
        /// The value of Retry-After.
        retry_after: Option<Duration>,
        /// The number of answers; `None`: until cleared.
        times: Option<u32>,
    },
    /// `drop-answers=N`: the next POSTs are carried out and not answered.
    DropAnswers(u32),
    /// `refuse-connections=DUR`: connections are closed as soon as they are accepted.
    RefuseConnections(Duration),
    /// `deny-all`: every open request is denied.
    DenyAll,
    /// `fail-all`: approved requests are marked Failed.
    FailAll,
    /// `pause-approving`: nothing is approved.
    PauseApproving,
    /// `close-watches`: each watch ends after one event.
    CloseWatches,
    /// `forbid-watches`: watches are answered 403.
    ForbidWatches,
    /// `drop-watches`: all watches end now.
    DropWatches,
    /// `compact`: the log of changes is dropped now.
    Compact,
    /// `forget=NAME`: the CSR is deleted now.
    Forget(String),
    /// `wrong-key`, `wrong-subject`, `wrong-usage`, `ca-true`, `foreign-ca`, `expired=DUR`, `not-yet-valid=DUR`,
    /// `short-lived=DUR`: certificates are issued like that.
    Spoil(Spoil),
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let wrong = |why: &str| Error::Option { name: "--fault", why: format!("{text:?} {why}") };
        let duration = || parse_duration(value.ok_or_else(|| wrong("needs a duration, such as =10s"))?);
        let number = |value: &str| value.parse().map_err(|_| wrong("needs a number"));
        let plain = match name {
            "deny-all" => Some(Self::DenyAll),
            "fail-all" => Some(Self::FailAll),
            "pause-approving" => Some(Self::PauseApproving),
            "close-watches" => Some(Self::CloseWatches),
            "forbid-watches" => Some(Self::ForbidWatches),
            "drop-watches" => Some(Self::DropWatches),
            "compact" => Some(Self::Compact),
            "wrong-key" => Some(Self::Spoil(Spoil::WrongKey)),
            "wrong-subject" => Some(Self::Spoil(Spoil::WrongSubject)),
            "wrong-usage" => Some(Self::Spoil(Spoil::WrongUsage)),
            "ca-true" => Some(Self::Spoil(Spoil::CaTrue)),
            "foreign-ca" => Some(Self::Spoil(Spoil::ForeignCa)),
            _ => None,
        };
        if let Some(plain) = plain {
            return if value.is_none() { Ok(plain) } else { Err(wrong("takes no value")) };
        }
        Ok(match name {
            "delay" => Self::Delay(duration()?),
            "refuse-connections" => Self::RefuseConnections(duration()?),
            "expired" => Self::Spoil(Spoil::Expired(duration()?)),
            "not-yet-valid" => Self::Spoil(Spoil::NotYetValid(duration()?)),
            "short-lived" => Self::Spoil(Spoil::ShortLived(duration()?)),
            "drop-answers" => Self::DropAnswers(number(value.unwrap_or_default())?),
            "forget" => {
                Self::Forget(value.filter(|v| !v.is_empty()).ok_or_else(|| wrong("needs a name"))?.to_owned())
            }
            "answer" => answer(value.unwrap_or_default(), &wrong)?,
            _ => return Err(wrong(&format!("is none of {}", NAMES.join(", ")))),
        })
    }
}

const NAMES: [&str; 20] = [
    "delay=DUR",
    "answer=CODE[,retry-after=DUR][,times=N]",
    "drop-answers=N",
    "refuse-connections=DUR",
    "deny-all",
    "fail-all",
    "pause-approving",
    "close-watches",
    "forbid-watches",
    "drop-watches",
    "compact",
    "forget=NAME",
    "wrong-key",
    "wrong-subject",
    "wrong-usage",
    "ca-true",
    "foreign-ca",
    "expired=DUR",
    "not-yet-valid=DUR",
    "short-lived=DUR",
];

fn answer(value: &str, wrong: &impl Fn(&str) -> Error) -> Result<Fault, Error> {
    let mut parts = value.split(',');
    let code = parts.next().and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
    let code = code.ok_or_else(|| wrong("needs a status from 400 to 599"))?;
    let (mut retry_after, mut times) = (None, None);
    for part in parts {
        match part.split_once('=') {
            Some(("retry-after", value)) => retry_after = Some(parse_duration(value)?),
            Some(("times", value)) => {
                times = Some(value.parse().map_err(|_| wrong("needs a number of times"))?)
            }
            _ => return Err(wrong("has a part that is neither retry-after=DUR nor times=N")),
        }
    }
    Ok(Fault::Answer { code, retry_after, times })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timed = |f: &mut fmt::Formatter<'_>, name: &str, duration: &Duration| {
            write!(f, "{name}={}", written(*duration))
        };
        match self {
            Self::Delay(duration) => timed(f, "delay", duration),
            Self::Answer { code, retry_after, times } => {
                write!(f, "answer={code}")?;
                if let Some(duration) = retry_after {
                    write!(f, ",retry-after={}", written(*duration))?;
                }
                times.map_or(Ok(()), |times| write!(f, ",times={times}"))
            }
            Self::DropAnswers(times) => write!(f, "drop-answers={times}"),
            Self::RefuseConnections(duration) => timed(f, "refuse-connections", duration),
            Self::DenyAll => f.write_str("deny-all"),
            Self::FailAll => f.write_str("fail-all"),
            Self::PauseApproving => f.write_str("pause-approving"),
            Self::CloseWatches => f.write_str("close-watches"),
            Self::ForbidWatches => f.write_str("forbid-watches"),
            Self::DropWatches => f.write_str("drop-watches"),
            Self::Compact => f.write_str("compact"),
            Self::Forget(name) => write!(f, "forget={name}"),
            Self::Spoil(spoil) => match spoil {
                Spoil::WrongKey => f.write_str("wrong-key"),
                Spoil::WrongSubject => f.write_str("wrong-subject"),
                Spoil::WrongUsage => f.write_str("wrong-usage"),
                Spoil::CaTrue => f.write_str("ca-true"),
                Spoil::ForeignCa => f.write_str("foreign-ca"),
                Spoil::Expired(duration) => timed(f, "expired", duration),
                Spoil::NotYetValid(duration) => timed(f, "not-yet-valid", duration),
                Spoil::ShortLived(duration) => timed(f, "short-lived", duration),
            },
        }
    }
}

/// A duration that [`parse_duration`] reads.
fn written(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

impl Faults {
    /// Sets one.
    pub fn set(&self, fault: &Fault) -> &Self {
        match fault {
            Fault::Delay(duration) => self.delay(*duration),
            Fault::Answer { code, retry_after, times } => self.answer(*code, *retry_after, *times),
            Fault::DropAnswers(times) => self.drop_answers(*times),
            Fault::RefuseConnections(duration) => self.refuse_connections_for(*duration),
            Fault::DenyAll => self.deny_all(true),
            Fault::FailAll => self.fail_all(true),
            Fault::PauseApproving => self.pause_approving(true),
            Fault::CloseWatches => self.close_watches_after_one_event(true),
            Fault::ForbidWatches => self.forbid_watches(true),
            Fault::DropWatches => self.drop_watches(),
            Fault::Compact => self.compact(),
            Fault::Forget(name) => {
                // A CSR that is already gone satisfies the fault too.
                let _there = self.forget(name);
                self
            }
            Fault::Spoil(spoil) => self.spoil(*spoil),
        }
    }

    /// Returns the faults that are set, without those that act once.
    #[must_use]
    pub fn active(&self) -> Vec<Fault> {
        let set = lock(&self.0.set).clone();
        let mut active = Vec::new();
        if set.delay > Duration::ZERO {
            active.push(Fault::Delay(set.delay));
        }
        if let Some(Answer { code, retry_after, left }) = set.answer {
            let retry_after = retry_after.map(Duration::from_secs);
            active.push(Fault::Answer { code: code.as_u16(), retry_after, times: left });
        }
        if set.drop_posts > 0 {
            active.push(Fault::DropAnswers(set.drop_posts));
        }
        for (on, fault) in [
            (set.deny_all, Fault::DenyAll),
            (set.fail_all, Fault::FailAll),
            (set.pause_approving, Fault::PauseApproving),
            (set.close_watches, Fault::CloseWatches),
            (set.forbid_watches, Fault::ForbidWatches),
        ] {
            if on {
                active.push(fault);
            }
        }
        active.extend(set.spoils.into_iter().map(Fault::Spoil));
        active
    }
}
