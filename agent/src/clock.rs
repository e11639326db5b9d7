//! Both clocks, and a sleep that neither a suspend nor a clock change makes too long.

#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// The longest sleep. Whatever happens to the clocks, the driver reads them this often (F22).
pub const LONGEST: Span = Span::from_secs(60);

/// The build time of this program, or the value of `SOURCE_DATE_EPOCH` at the build. A correct clock never shows less.
pub const BUILT: WallTime = match i64::from_str_radix(env!("CERTROTATE_BUILT"), 10) {
    Ok(seconds) => WallTime::from_unix_secs(seconds),
    Err(_) => panic!("the build script gives a number"),
};

/// Reads both clocks and sleeps: a port of the driver. [`SystemClock`] is the real one.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Reads both clocks.
    fn now(&self) -> Now;

    /// Reads the wall clock.
    fn wall(&self) -> WallTime {
        self.now().wall
    }

    /// Sleeps until either time is reached, the wall clock is set, or [`LONGEST`] has passed, whichever comes first.
    ///
    /// The sleep may be shorter: the caller reads the clocks and sleeps again.
    fn until(&self, wall: Option<WallTime>, mono: Option<MonoTime>) -> impl Future<Output = ()> + Send;
}

/// The system's clocks: CLOCK_REALTIME, and CLOCK_BOOTTIME, which counts suspended time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> WallTime {
        WallTime::from_unix_ms(millis(clock_gettime(ClockId::Realtime)))
    }

    fn now(&self) -> Now {
        let mono = u64::try_from(millis(clock_gettime(ClockId::Boottime))).unwrap_or(0);
        Now { wall: self.wall(), mono: MonoTime::from_ms(mono) }
    }

    async fn until(&self, wall: Option<WallTime>, mono: Option<MonoTime>) {
        // Armed before the clocks are read: a change in between ends the sleep rather than being missed.
        let timer = Alarm::at(self.wall().plus(LONGEST));
        let now = self.now();
        // A reading is rounded down to a millisecond: one more, so that both clocks have reached the time.
        let left = |span: Span| Span::from_ms(span.ms().saturating_add(1)).min(LONGEST);
        let wait = [
            wall.map(|at| if at <= now.wall { Span::ZERO } else { left(at.since(now.wall)) }),
            mono.map(|at| if at <= now.mono { Span::ZERO } else { left(at.since(now.mono)) }),
        ]
        .into_iter()
        .flatten()
        .fold(LONGEST, Span::min);
        let changed = async {
            match timer {
                Ok(timer) => timer.ring().await,
                // Without the alarm the short sleep alone must do.
                Err(_) => std::future::pending().await,
            }
        };
        // tokio's sleep stops in a suspend; the alarm counts through it.
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(Duration::from_millis(wait.ms())) => {}
        }
    }
}

/// A timer on civil time that also ends when that clock is set.
struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    fn at(time: WallTime) -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let at = Timespec { tv_sec: time.unix_secs(), tv_nsec: 0 };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(&fd, flags, &Itimerspec { it_interval: zero, it_value: at })?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe for descriptors that are not owned; this one is"
        )]
        Ok(Self(AsyncFd::new(fd)?))
    }

    /// Returns at the time, or when the clock is set: either makes the descriptor readable.
    async fn ring(self) {
        if self.0.readable().await.is_err() {
            // The runtime shuts down: no task wakes again.
            std::future::pending::<()>().await;
        }
    }
}

fn millis(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}
