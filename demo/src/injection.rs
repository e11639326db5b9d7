//! Fault injection for an agent process: a clock that is wrong, and a disk that is full.
//!
//! The chaos run starts `certrotate-demo agent` and sends the injected faults as lines on its standard input. The shipped
//! program has no such input: its clock is [`SystemClock`], and its disk is the store.

use std::io::BufRead as _;
use std::sync::Arc;

use certrotate::clock::{Clock, SystemClock};
use certrotate::directory::{Disk, DiskError};
use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault};
use certrotate_core::time::{MonoTime, Now, WallTime};
use tokio::sync::watch;

#[cfg(test)]
mod tests;

/// The faults in force. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InjectedFaults {
    /// The error of the wall clock, in milliseconds.
    pub(crate) wall_ms: i64,
    /// The time that the machine was suspended, in milliseconds. It counts in monotonic time, which never goes back.
    pub(crate) suspended_ms: u64,
    /// Whether every write fails for lack of space.
    pub(crate) disk_full: bool,
}

impl std::fmt::Display for InjectedFaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let disk = if self.disk_full { "full" } else { "good" };
        write!(f, "wall={} suspended={} disk={disk}", self.wall_ms, self.suspended_ms)
    }
}

impl std::str::FromStr for InjectedFaults {
    type Err = String;

    /// Reads the form that `Display` writes.
    fn from_str(line: &str) -> Result<Self, String> {
        let malformed =
            || format!("the injected faults {line:?} are not of the form wall=0 suspended=0 disk=good");
        let mut words = line.split_ascii_whitespace();
        let mut value = |name: &str| {
            words.next().and_then(|word| word.strip_prefix(name)?.strip_prefix('=')).ok_or_else(malformed)
        };
        let wall_ms = value("wall")?.parse().map_err(|_| malformed())?;
        let suspended_ms = value("suspended")?.parse().map_err(|_| malformed())?;
        let disk_full = match value("disk")? {
            "full" => true,
            "good" => false,
            _ => return Err(malformed()),
        };
        Ok(Self { wall_ms, suspended_ms, disk_full })
    }
}

/// A clock and a switch of the disk, driven by the faults in force. Cheap to clone: a clone follows the same faults.
#[derive(Clone, Debug)]
pub(crate) struct FaultInjection(Arc<watch::Sender<InjectedFaults>>);

impl Default for FaultInjection {
    /// No fault.
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(InjectedFaults::default())))
    }
}

impl FaultInjection {
    /// Reads the first line of standard input now, and the others as they come. Each stands until the next.
    ///
    /// # Errors
    ///
    /// The first line is malformed, or the system gives no thread.
    pub(crate) fn from_stdin() -> Result<Self, String> {
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| format!("standard input cannot be read: {error}"))?;
        let injection = Self::default();
        injection.set(line.trim().parse()?);
        let shared = injection.clone();
        let listen = move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                match line.parse() {
                    Ok(faults) => shared.set(faults),
                    Err(error) => tracing::error!("{error}"),
                }
            }
        };
        let thread = std::thread::Builder::new().name("faults".into());
        thread.spawn(listen).map_err(|error| format!("the system gives no thread: {error}"))?;
        Ok(injection)
    }

    /// Puts these faults in force.
    pub(crate) fn set(&self, faults: InjectedFaults) {
        tracing::debug!("injected faults: {faults}");
        self.0.send_replace(faults);
    }
}

fn shifted(time: WallTime, by_ms: i64) -> WallTime {
    WallTime::from_unix_ms(time.unix_ms().saturating_add(by_ms))
}

impl Clock for FaultInjection {
    fn now(&self) -> Now {
        let (now, faults) = (SystemClock.now(), *self.0.borrow());
        Now {
            wall: shifted(now.wall, faults.wall_ms),
            mono: MonoTime::from_ms(now.mono.ms().saturating_add(faults.suspended_ms)),
        }
    }

    async fn until(&self, wall: Option<WallTime>, mono: Option<MonoTime>) {
        let mut faults = self.0.subscribe();
        let InjectedFaults { wall_ms, suspended_ms, .. } = *faults.borrow_and_update();
        let wall = wall.map(|at| shifted(at, wall_ms.saturating_neg()));
        let mono = mono.map(|at| MonoTime::from_ms(at.ms().saturating_sub(suspended_ms)));
        tokio::select! {
            () = SystemClock.until(wall, mono) => {}
            // As with a real clock that is set, a change ends the sleep. `self` keeps the sender alive.
            _ = faults.changed() => {}
        }
    }
}

/// A disk whose writes fail while the injected faults say that it is full.
#[derive(Debug)]
pub(crate) struct FaultyDisk<D> {
    disk: D,
    injection: FaultInjection,
}

impl<D: Disk> FaultyDisk<D> {
    pub(crate) fn new(disk: D, injection: FaultInjection) -> Self {
        Self { disk, injection }
    }
}

impl<D: Disk> Disk for FaultyDisk<D> {
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskError> {
        // A full disk still creates, renames and removes names: only file content needs space.
        if matches!(command, DiskCommand::Write { .. }) && self.injection.0.borrow().disk_full {
            return Err(DiskError {
                fault: DiskFault::NoSpace,
                text: "cannot write: an injected fault says that the disk is full; wait until it is not"
                    .into(),
            });
        }
        self.disk.run(command)
    }

    fn remarks(&self) -> &[String] {
        self.disk.remarks()
    }
}
