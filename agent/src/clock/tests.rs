use std::sync::Arc;
use std::time::Duration;

use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use tokio::sync::watch;

use super::{Clock, SystemClock};

/// A clock that moves only when it is told to.
#[derive(Clone)]
pub(crate) struct ManualClock(Arc<watch::Sender<Now>>);

impl ManualClock {
    pub(crate) fn at(wall: WallTime) -> Self {
        Self(Arc::new(watch::Sender::new(Now { wall, mono: MonoTime::from_ms(1_000_000) })))
    }

    /// Lets time pass on both clocks.
    pub(crate) fn pass(&self, span: Span) {
        self.0.send_modify(|now| *now = Now { wall: now.wall.plus(span), mono: now.mono.plus(span) });
    }

    /// Sets the wall clock.
    pub(crate) fn set(&self, wall: WallTime) {
        self.0.send_modify(|now| now.wall = wall);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.0.borrow()
    }

    async fn until(&self, wall: Option<WallTime>, mono: Option<MonoTime>) {
        let mut seen = self.0.subscribe();
        let reached =
            |now: &Now| wall.is_some_and(|at| at <= now.wall) || mono.is_some_and(|at| at <= now.mono);
        seen.wait_for(reached).await.expect("the clock lives as long as its borrower");
    }
}

#[tokio::test]
async fn past_time_is_not_slept_for() {
    let clock = SystemClock;
    let now = clock.now();
    tokio::time::timeout(Duration::from_secs(5), async {
        clock.until(Some(now.wall), None).await;
        clock.until(None, Some(now.mono)).await;
        clock.until(Some(WallTime::MIN), Some(MonoTime::from_ms(u64::MAX))).await;
    })
    .await
    .expect("neither time lies ahead");
}

#[tokio::test]
async fn sleep_ends_at_or_after_its_time() {
    let clock = SystemClock;
    let before = clock.now();
    let wall = before.wall.plus(Span::from_ms(30));
    let mono = before.mono.plus(Span::from_ms(60));
    clock.until(Some(wall), None).await;
    assert!(clock.now().wall >= wall);
    clock.until(None, Some(mono)).await;
    assert!(clock.now().mono >= mono);
}

#[tokio::test]
async fn farthest_times_do_not_overflow() {
    let clock = SystemClock;
    let sleep = clock.until(Some(WallTime::MAX), Some(MonoTime::from_ms(u64::MAX)));
    tokio::time::timeout(Duration::from_millis(20), sleep).await.expect_err("it sleeps");
}

#[tokio::test]
async fn manual_clock_wakes_sleeper_when_set() {
    let clock = ManualClock::at(WallTime::from_unix_secs(1000));
    let sleeper = clock.clone();
    let task = tokio::spawn(async move { sleeper.until(Some(WallTime::from_unix_secs(2000)), None).await });
    clock.pass(Span::from_secs(10));
    clock.set(WallTime::from_unix_secs(2000));
    tokio::time::timeout(Duration::from_secs(5), task).await.expect("it is time").expect("no panic");
}
