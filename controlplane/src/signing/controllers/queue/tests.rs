use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Name {
    Name::from(text)
}

#[tokio::test]
async fn busy_name_is_queued_once_more_and_never_in_parallel() {
    let (mut queue, a) = (Queue::default(), name("a"));
    queue.add(&a);
    queue.add(&a);
    assert_eq!(queue.take(), Some(name("a")));
    queue.add(&a);
    queue.add(&a);
    assert_eq!(queue.take(), None);
    queue.done(&a, None);
    assert_eq!(queue.take(), Some(name("a")));
    queue.done(&a, None);
    assert_eq!(queue.take(), None);
}

#[tokio::test]
async fn waits_double_from_200_ms_to_a_minute_and_begin_anew_after_a_success() {
    let (mut queue, a, now) = (Queue::default(), name("a"), Instant::now());
    let mut waits = Vec::new();
    for _ in 0..40 {
        queue.add(&a);
        queue.take();
        waits.push(queue.failed(&a, now).as_millis());
    }
    assert_eq!(waits[..4], [200, 400, 800, 1600]);
    assert_eq!(waits[39], 60_000);
    assert!(waits.is_sorted());
    queue.add(&a);
    queue.take();
    queue.done(&a, None);
    queue.add(&a);
    queue.take();
    assert_eq!(queue.failed(&a, now).as_millis(), 200);
}

#[tokio::test]
async fn what_is_due_is_ready_and_the_rest_has_a_time() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    let second = Duration::from_secs(1);
    for (text, at) in [("a", 1), ("b", 2), ("c", 3)] {
        queue.add(&name(text));
        queue.take();
        queue.done(&name(text), Some(now + second * at));
    }
    assert_eq!(queue.wake(now), Some(now + second));
    assert_eq!(queue.take(), None);
    queue.forget(&name("b"));
    assert_eq!(queue.wake(now + second * 2), Some(now + second * 3));
    assert_eq!((queue.take(), queue.take()), (Some(name("a")), None));
    // An event comes before the time: the time counts no more.
    queue.add(&name("c"));
    assert_eq!(queue.take(), Some(name("c")));
    queue.done(&name("c"), None);
    assert_eq!(queue.wake(now + second * 9), None);
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Add(u8),
    Take,
    Done(u8, Option<u8>),
    Fail(u8),
    Forget(u8),
    Wait(u8),
}

fn event() -> impl Strategy<Value = Event> {
    let which = 0_u8..4;
    prop_oneof![
        which.clone().prop_map(Event::Add),
        Just(Event::Take),
        (which.clone(), proptest::option::of(0_u8..9)).prop_map(|(n, at)| Event::Done(n, at)),
        which.clone().prop_map(Event::Fail),
        which.prop_map(Event::Forget),
        (0_u8..9).prop_map(Event::Wait),
    ]
}

proptest! {
    /// In any order of events: no name has two workers, and a name that was added and not forgotten gets one.
    #[test]
    fn nobody_is_lost_and_nobody_is_looked_at_twice_at_a_time(
        events in proptest::collection::vec(event(), 0..80)
    ) {
        let mut queue = Queue::default();
        let start = Instant::now();
        let mut now = start;
        let mut busy = HashSet::new();
        // Names that must still get a worker.
        let mut owed = HashSet::new();
        for event in events {
            match event {
                Event::Add(n) => {
                    queue.add(&name(&n.to_string()));
                    owed.insert(n);
                }
                Event::Take => if let Some(taken) = queue.take() {
                    let n: u8 = taken.parse().unwrap();
                    prop_assert!(busy.insert(n), "{n} is looked at twice at a time");
                    owed.remove(&n);
                },
                Event::Done(n, at) => if busy.remove(&n) {
                    queue.done(&name(&n.to_string()), at.map(|s| now + Duration::from_secs(s.into())));
                },
                Event::Fail(n) => if busy.remove(&n) {
                    queue.failed(&name(&n.to_string()), now);
                    owed.insert(n);
                },
                Event::Forget(n) => {
                    queue.forget(&name(&n.to_string()));
                    owed.remove(&n);
                }
                Event::Wait(seconds) => {
                    now += Duration::from_secs(seconds.into());
                    queue.wake(now);
                }
            }
        }
        for n in &busy {
            queue.done(&name(&n.to_string()), None);
        }
        queue.wake(now + LONGEST);
        while let Some(taken) = queue.take() {
            owed.remove(&taken.parse().unwrap());
        }
        prop_assert!(owed.is_empty(), "{owed:?} are never looked at");
        prop_assert!(queue.ready.is_empty() && queue.queued.is_empty());
    }
}
