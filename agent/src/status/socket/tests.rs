use certrotate_core::time::{MonoTime, Now, WallTime};

use super::*;
use crate::clock::SystemClock;

const LOCKS: &str = "\
1: POSIX  ADVISORY  WRITE 11 fd:01:131 0 EOF
2: FLOCK  ADVISORY  WRITE 4711 fd:01:131 0 EOF
3: FLOCK  ADVISORY  READ  4712 00:2a:131 0 EOF
3: -> FLOCK  ADVISORY  WRITE 4713 fd:01:131 0 EOF
";

#[test]
fn lock_holder_is_found_by_device_and_inode() {
    assert_eq!(holder(LOCKS, "fd:01:131"), Some(4711));
    assert_eq!(holder(LOCKS, "00:2a:131"), Some(4712));
    assert_eq!(holder(LOCKS, "fd:01:132"), None);
}

#[test]
fn held_lock_is_found_in_proc_locks() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(lock_holder(dir.path()), None);
    let handle = std::fs::File::open(dir.path()).unwrap();
    handle.lock().unwrap();
    // Where the device has another number in the list, nothing is published; never anything wrong.
    let published = lock_holder(dir.path());
    assert!(published.is_none_or(|pid| pid == std::process::id()), "{published:?}");
}

#[tokio::test]
async fn published_status_is_received_for_its_directory_and_pair() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let published = Published { pid: 7, common_name: "system:node:node-1".into(), ..Published::default() };
    let recorder = StatusRecorder::new(published.clone());
    let path = dir.path().to_owned();
    assert_eq!(ask(&path, "kubelet-client").await, None, "no process listens yet");
    let recorder_of_server = recorder.clone();
    let place = path.clone();
    let task =
        tokio::spawn(async move { serve(&place, "kubelet-client", &recorder_of_server, &SystemClock).await });
    tokio::task::yield_now().await;
    let heard = ask(&path, "kubelet-client").await.expect("it answers");
    assert_eq!(Published { now: 0, ..heard }, published);
    assert_eq!(ask(other.path(), "kubelet-client").await, None);
    assert_eq!(ask(&path, "other").await, None);
    let second =
        serve(&path, "kubelet-client", &recorder, &SystemClock).await.expect_err("the name is taken");
    assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
    task.abort();
}

#[test]
fn published_status_has_the_time_of_the_question() {
    let now = Now { wall: WallTime::from_unix_secs(5), mono: MonoTime::from_ms(1) };
    assert_eq!(StatusRecorder::default().at(now).now, 5000);
}
