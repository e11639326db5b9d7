use certrotate_core::disk::{Content, Name};
use certrotate_core::id::{FileNumber, Generation, KeyHandle};
use certrotate_core::time::Span;

use super::*;

#[test]
fn orders_are_read_as_they_are_written_and_nothing_else_is() {
    for orders in [
        Orders::default(),
        Orders { wall: -3_600_000, slept: 5, full: true },
        Orders { wall: i64::MAX, slept: u64::MAX, full: false },
    ] {
        assert_eq!(orders.to_string().parse(), Ok(orders));
    }
    for line in
        ["", "wall=1", "wall=1 slept=2 disk=empty", "wall=x slept=0 disk=good", "slept=0 wall=0 disk=full"]
    {
        let why = line.parse::<Orders>().expect_err("refused");
        assert!(why.contains("is not of the form"), "{why}");
    }
}

#[test]
fn without_orders_clock_and_disk_are_as_they_are() {
    let plain = Rehearsal::default();
    let (before, now, after) = (SystemClock.now(), plain.now(), SystemClock.now());
    assert!(before.mono <= now.mono && now.mono <= after.mono);
    assert!(!plain.0.borrow().full);
}

#[test]
fn a_step_of_the_wall_clock_leaves_mono_time_alone_and_a_sleep_moves_it() {
    let rehearsal = Rehearsal::default();
    rehearsal.order(Orders { wall: -86_400_000, ..Orders::default() });
    let (before, now) = (SystemClock.now(), rehearsal.now());
    assert!(before.wall.since(now.wall) > Span::from_hours(23), "{before:?} {now:?}");
    assert!(now.mono.since(before.mono) < Span::from_hours(1));
    rehearsal.order(Orders { slept: 86_400_000, ..Orders::default() });
    assert!(rehearsal.now().mono.since(before.mono) >= Span::from_hours(24));
}

#[test]
fn a_full_disk_refuses_bytes_and_nothing_else() {
    let rehearsal = Rehearsal::default();
    let name = Name::Temporary { generation: Generation(1), file: FileNumber(1) };
    let content =
        Content::Pending { generation: Generation(1), key: KeyHandle(1), made: WallTime::from_unix_secs(0) };
    let write = DiskCommand::Write { name, content };
    assert_eq!(rehearsal.refuses(&write), None);
    rehearsal.order(Orders { full: true, ..Orders::default() });
    assert_eq!(rehearsal.refuses(&write), Some(DiskFault::NoSpace));
    for other in [DiskCommand::Scan, DiskCommand::Create { name }, DiskCommand::Unlink { name }] {
        assert_eq!(rehearsal.refuses(&other), None);
    }
}

#[tokio::test]
async fn an_order_ends_a_sleep_that_it_makes_wrong() {
    let rehearsal = Rehearsal::default();
    let tomorrow = rehearsal.wall().plus(Span::from_hours(24));
    let sleeping = rehearsal.clone();
    let task = tokio::spawn(async move { sleeping.until(Some(tomorrow), None).await });
    tokio::task::yield_now().await;
    rehearsal.order(Orders { wall: 86_400_000, ..Orders::default() });
    tokio::time::timeout(std::time::Duration::from_secs(30), task).await.expect("it ends").expect("no panic");
    assert!(rehearsal.wall() >= tomorrow);
}
