use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{HUNG_THREADS, Offload};
use crate::files::FileError;

#[test]
fn f123_hung_work_is_left_behind_and_holds_one_thread() {
    let offload = Offload::new(Duration::from_millis(50));
    let (release, hung) = mpsc::channel::<()>();
    let silent = Err(FileError::Silent { seconds: 0 });
    assert_eq!(offload.run(move || hung.recv().is_ok()), silent);
    assert_eq!(offload.run(|| true), silent, "the slot is taken: no second thread");
    release.send(()).unwrap();
    let patient = Offload { deadline: Duration::from_secs(20), ..offload };
    assert_eq!(patient.run(|| true), Ok(true), "the slot is free when the work ends");
}

#[test]
fn hung_file_gets_further_threads_at_growing_intervals() {
    let deadline = Duration::from_secs(20);
    let patient = Offload { deadline, ..Offload::default() };
    let hasty = Offload { deadline: Duration::from_millis(20), ..patient.clone() };
    // The time since the last thread began is set, not waited for.
    let last_began = |ago| patient.slot.taken.lock().unwrap().began = Some(Instant::now() - ago);
    let is_full = || patient.slot.taken.lock().unwrap().is_full(&patient);

    let (release, hung) = mpsc::channel::<()>();
    assert!(hasty.run(move || hung.recv().is_ok()).is_err());
    assert!(is_full(), "the first thread has its whole deadline");
    last_began(deadline);
    assert_eq!(patient.run(|| 1), Ok(1), "the deadline is over: the name may lead elsewhere now");

    let (release_2, hung) = mpsc::channel::<()>();
    last_began(deadline);
    assert!(hasty.run(move || hung.recv().is_ok()).is_err());
    last_began(deadline * 3);
    assert!(is_full(), "the second one hangs too: four times the deadline");
    last_began(deadline * 4);
    assert_eq!(patient.run(|| 3), Ok(3));

    patient.slot.taken.lock().unwrap().number = HUNG_THREADS;
    last_began(deadline * 4_u32.pow(HUNG_THREADS));
    assert!(is_full(), "the number is bounded");
    drop((release, release_2));
}

#[test]
fn panic_in_the_work_frees_the_slot() {
    let offload = Offload::new(Duration::from_secs(20));
    assert!(offload.run(|| panic!("on purpose")).is_err());
    assert_eq!(offload.run(|| 1), Ok(1));
}

#[tokio::test]
async fn event_loop_runs_while_work_blocks() {
    let offload = Offload::new(Duration::from_secs(20));
    let (release, blocked) = mpsc::channel::<()>();
    let work = offload.run_async(move || blocked.recv().is_ok());
    let (done, ()) = tokio::join!(work, async { release.send(()).unwrap() });
    assert_eq!(done, Ok(true));
}
