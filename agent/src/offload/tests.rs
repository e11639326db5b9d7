use std::sync::mpsc;
use std::time::Duration;

use tokio::time::Instant;

use super::{HUNG_THREADS, Offload};
use crate::files::FileError;

fn offload(deadline: Duration) -> Offload {
    Offload::default().with_deadline(deadline).alone()
}

#[test]
fn f123_hung_work_is_left_behind_and_holds_one_thread() {
    let offload = offload(Duration::from_millis(50));
    let (release, hung) = mpsc::channel::<()>();
    let silent = Err(FileError::Silent { seconds: 0 });
    assert_eq!(offload.run(move || hung.recv().is_ok()), silent);
    assert_eq!(offload.run(|| true), silent, "the slot is taken: no second thread");
    release.send(()).unwrap();
    let patient = offload.with_deadline(Duration::from_secs(20));
    assert_eq!(patient.run(|| true), Ok(true), "the slot is free when the work ends");
}

#[test]
fn hung_file_gets_further_threads_at_growing_intervals() {
    let deadline = Duration::from_secs(20);
    let patient = Offload::default().with_deadline(deadline);
    let hasty = patient.clone().with_deadline(Duration::from_millis(20));
    // The time since the last thread began is set, not waited for.
    let last_began = |ago| patient.slot.running.lock().unwrap().began = Some(Instant::now() - ago);
    let is_full = || patient.slot.running.lock().unwrap().is_full(&patient);

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

    patient.slot.running.lock().unwrap().number = HUNG_THREADS;
    last_began(deadline * 4_u32.pow(HUNG_THREADS));
    assert!(is_full(), "the number is bounded");
    drop((release, release_2));
}

#[test]
fn panic_in_the_work_frees_the_slot() {
    let offload = offload(Duration::from_secs(20));
    assert!(offload.run(|| panic!("on purpose")).is_err());
    assert_eq!(offload.run(|| 1), Ok(1));
}

#[tokio::test]
async fn event_loop_runs_while_work_blocks() {
    let offload = offload(Duration::from_secs(20));
    let (release, blocked) = mpsc::channel::<()>();
    let work = offload.run_async(move || blocked.recv().is_ok());
    let (done, ()) = tokio::join!(work, async { release.send(()).unwrap() });
    assert_eq!(done, Ok(true));
}

#[tokio::test]
async fn f123_hung_work_of_a_task_is_left_behind_and_holds_one_thread() {
    let offload = offload(Duration::from_millis(50));
    let (release, hung) = mpsc::channel::<()>();
    let silent = Err(FileError::Silent { seconds: 0 });
    assert_eq!(offload.run_async(move || hung.recv().is_ok()).await, silent);
    assert_eq!(offload.run_async(|| true).await, silent, "the slot is taken: no second thread");
    release.send(()).unwrap();
    let patient = offload.with_deadline(Duration::from_secs(20));
    assert_eq!(patient.run_async(|| true).await, Ok(true), "the slot is free when the work ends");
    assert_eq!(patient.run(|| true), Ok(true), "for a thread, too");
}
