use certrotate_core::disk::{Content, Name};
use certrotate_core::id::{FileNumber, Generation, KeyHandle};
use certrotate_core::time::Span;

use super::*;

#[test]
fn injected_faults_are_read_as_written_and_nothing_else() {
    for faults in [
        InjectedFaults::default(),
        InjectedFaults { wall_ms: -3_600_000, suspended_ms: 5, disk_full: true },
        InjectedFaults { wall_ms: i64::MAX, suspended_ms: u64::MAX, disk_full: false },
    ] {
        assert_eq!(faults.to_string().parse(), Ok(faults));
    }
    for line in [
        "",
        "wall=1",
        "wall=1 suspended=2 disk=empty",
        "wall=x suspended=0 disk=good",
        "suspended=0 wall=0 disk=full",
    ] {
        let error = line.parse::<InjectedFaults>().expect_err("refused");
        assert!(error.contains("are not of the form"), "{error}");
    }
}

#[test]
fn no_fault_leaves_clock_and_disk_unchanged() {
    let injection = FaultInjection::default();
    let (before, now, after) = (SystemClock.now(), injection.now(), SystemClock.now());
    assert!(before.mono <= now.mono && now.mono <= after.mono);
    assert!(!injection.0.borrow().disk_full);
}

#[test]
fn wall_clock_step_keeps_mono_time_and_suspend_moves_it() {
    let injection = FaultInjection::default();
    injection.set(InjectedFaults { wall_ms: -86_400_000, ..InjectedFaults::default() });
    let (before, now) = (SystemClock.now(), injection.now());
    assert!(before.wall.since(now.wall) > Span::from_hours(23), "{before:?} {now:?}");
    assert!(now.mono.since(before.mono) < Span::from_hours(1));
    injection.set(InjectedFaults { suspended_ms: 86_400_000, ..InjectedFaults::default() });
    assert!(injection.now().mono.since(before.mono) >= Span::from_hours(24));
}

/// A disk that counts the commands that reach it.
struct Counter(u32);

impl Disk for Counter {
    fn run(&mut self, _: &DiskCommand) -> Result<DiskDone, DiskError> {
        self.0 += 1;
        Ok(DiskDone::Done)
    }

    fn remarks(&self) -> &[String] {
        &[]
    }
}

#[test]
fn full_disk_refuses_writes_and_nothing_else() {
    let injection = FaultInjection::default();
    let mut disk = FaultyDisk::new(Counter(0), injection.clone());
    let name = Name::Temporary { generation: Generation(1), file: FileNumber(1) };
    let content =
        Content::Pending { generation: Generation(1), key: KeyHandle(1), made: WallTime::from_unix_secs(0) };
    let write = DiskCommand::Write { name, content };
    assert_eq!(disk.run(&write), Ok(DiskDone::Done));
    injection.set(InjectedFaults { disk_full: true, ..InjectedFaults::default() });
    assert_eq!(disk.run(&write).map_err(|error| error.fault), Err(DiskFault::NoSpace));
    assert_eq!(disk.disk.0, 1, "the refused write does not reach the disk");
    for other in [DiskCommand::Scan, DiskCommand::Create { name }, DiskCommand::Unlink { name }] {
        assert_eq!(disk.run(&other), Ok(DiskDone::Done));
    }
}

#[tokio::test]
async fn clock_fault_ends_a_sleep_that_it_makes_wrong() {
    let injection = FaultInjection::default();
    let tomorrow = injection.wall().plus(Span::from_hours(24));
    let sleeper = injection.clone();
    let task = tokio::spawn(async move { sleeper.until(Some(tomorrow), None).await });
    tokio::task::yield_now().await;
    injection.set(InjectedFaults { wall_ms: 86_400_000, ..InjectedFaults::default() });
    tokio::time::timeout(std::time::Duration::from_secs(30), task).await.expect("it ends").expect("no panic");
    assert!(injection.wall() >= tomorrow);
}
