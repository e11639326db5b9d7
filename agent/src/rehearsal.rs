//! Clock and disk as an agent in a rehearsal sees them: `demo --chaos` starts `certrotate run --rehearsal` and tells it on
//! standard input how both are. Without that flag there is no way in, and every method here is the plain thing.

use std::io::BufRead as _;
use std::sync::Arc;

use certrotate_core::disk::{DiskCommand, DiskFault};
use certrotate_core::time::{MonoTime, Now, WallTime};
use tokio::sync::watch;

use crate::clock::{Clock, SystemClock};

/// How clock and disk are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// By how many milliseconds the wall clock is off.
    pub wall: i64,
    /// How many milliseconds the machine was asleep: mono time, which never goes back, counts them.
    pub slept: u64,
    /// Whether no file takes a byte.
    pub full: bool,
}

impl std::fmt::Display for Orders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let disk = if self.full { "full" } else { "good" };
        write!(f, "wall={} slept={} disk={disk}", self.wall, self.slept)
    }
}

impl std::str::FromStr for Orders {
    type Err = String;

    /// Reads what `Display` writes.
    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = || format!("the rehearsal's order {line:?} is not of the form wall=0 slept=0 disk=good");
        let mut words = line.split_ascii_whitespace();
        let mut value = |name: &str| {
            words.next().and_then(|word| word.strip_prefix(name)?.strip_prefix('=')).ok_or_else(wrong)
        };
        let wall = value("wall")?.parse().map_err(|_| wrong())?;
        let slept = value("slept")?.parse().map_err(|_| wrong())?;
        let full = match value("disk")? {
            "full" => true,
            "good" => false,
            _ => return Err(wrong()),
        };
        Ok(Self { wall, slept, full })
    }
}

/// The orders that are in force. Cheap to clone: a clone hears the same.
#[derive(Clone, Debug)]
pub struct Rehearsal(Arc<watch::Sender<Orders>>);

impl Default for Rehearsal {
    /// Clock and disk as they are.
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Orders::default())))
    }
}

impl Rehearsal {
    /// Reads the first order from standard input now, and the others as they come; each is a line and stands until the
    /// next. At the end of the input the last one stays.
    ///
    /// # Errors
    ///
    /// The first line is no order, or the system gives no thread.
    pub fn from_stdin() -> Result<Self, String> {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(|error| format!("no orders: {error}"))?;
        let rehearsal = Self::default();
        rehearsal.order(line.trim().parse()?);
        let heard = rehearsal.clone();
        let listen = move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                match line.parse() {
                    Ok(orders) => heard.order(orders),
                    Err(why) => tracing::error!("{why}"),
                }
            }
        };
        let thread = std::thread::Builder::new().name("orders".into());
        thread.spawn(listen).map_err(|error| format!("the system gives no thread: {error}"))?;
        Ok(rehearsal)
    }

    /// Puts these orders in force.
    pub fn order(&self, orders: Orders) {
        tracing::debug!("in a rehearsal: {orders}");
        self.0.send_replace(orders);
    }

    /// The fault that the disk has for this command.
    pub(crate) fn refuses(&self, command: &DiskCommand) -> Option<DiskFault> {
        let writes = matches!(command, DiskCommand::Write { .. });
        (writes && self.0.borrow().full).then_some(DiskFault::NoSpace)
    }

    /// What the wall clock shows.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        shifted(SystemClock.wall(), self.0.borrow().wall)
    }
}

fn shifted(time: WallTime, by: i64) -> WallTime {
    WallTime::from_unix_ms(time.unix_ms().saturating_add(by))
}

impl Clock for Rehearsal {
    fn now(&self) -> Now {
        let (now, orders) = (SystemClock.now(), *self.0.borrow());
        Now {
            wall: shifted(now.wall, orders.wall),
            mono: MonoTime::from_ms(now.mono.ms().saturating_add(orders.slept)),
        }
    }

    async fn until(&self, wall: Option<WallTime>, mono: Option<MonoTime>) {
        let mut orders = self.0.subscribe();
        let Orders { wall: by, slept, .. } = *orders.borrow_and_update();
        let wall = wall.map(|at| shifted(at, by.saturating_neg()));
        let mono = mono.map(|at| MonoTime::from_ms(at.ms().saturating_sub(slept)));
        tokio::select! {
            () = SystemClock.until(wall, mono) => {}
            // This value keeps the sender: it never ends.
            _ = orders.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests;
