use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};

use certrotate_core::time::{MonoTime, Now, WallTime};

use super::*;
use crate::clock::SystemClock;

const LOCKS: &str = "\
1: POSIX  ADVISORY  WRITE 11 fd:01:131 0 EOF
2: FLOCK  ADVISORY  WRITE 4711 fd:01:131 0 EOF
3: FLOCK  ADVISORY  READ  4712 00:2a:131 0 EOF
3: -> FLOCK  ADVISORY  WRITE 4713 fd:01:131 0 EOF
";
const PAIR: &str = "kubelet-client";
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);

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
    assert!(!is_in_other_network(std::process::id()));
}

fn serve_in_background(dir: &Path, published: &Published) -> tokio::task::JoinHandle<()> {
    let (place, recorder) = (dir.to_owned(), StatusRecorder::new(published.clone()));
    tokio::spawn(async move { serve(&place, PAIR, &recorder, &SystemClock).await })
}

async fn until_answered(dir: &Path) -> Published {
    let asking = async {
        loop {
            if let Ok(published) = ask(dir, PAIR).await {
                return published;
            }
            sleep(RECONNECT_PAUSE).await;
        }
    };
    timeout(LONG, asking).await.expect("it answers")
}

/// The socket of an agent's name, which another process has bound first.
fn taken_name(dir: &Path) -> (StdListener, SocketAddr) {
    let address = address(&stat(dir).unwrap(), PAIR);
    let name = address.to_str().unwrap().trim_start_matches('\0').to_owned();
    let address = SocketAddr::from_abstract_name(name).unwrap();
    (StdListener::bind_addr(&address).unwrap(), address)
}

#[tokio::test]
async fn published_status_is_received_for_its_directory_and_pair() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let published = Published { pid: 7, common_name: "system:node:node-1".into(), ..Published::default() };
    assert_eq!(ask(dir.path(), PAIR).await, Err(NoAnswer::Unbound), "no agent is there yet");
    let task = serve_in_background(dir.path(), &published);
    let heard = until_answered(dir.path()).await;
    assert_eq!(Published { now: 0, ..heard }, published);
    assert_eq!(ask(other.path(), PAIR).await, Err(NoAnswer::Unbound));
    assert_eq!(ask(dir.path(), "other").await, Err(NoAnswer::Unbound));
    task.abort();
}

#[tokio::test]
async fn taken_name_is_bound_once_it_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let (squatter, _) = taken_name(dir.path());
    let published = Published { pid: 7, ..Published::default() };
    let task = serve_in_background(dir.path(), &published);
    // It has the name, and does not answer.
    assert_eq!(ask_within(dir.path(), PAIR, SHORT).await, Err(NoAnswer::Silent));
    drop(squatter);
    assert_eq!(until_answered(dir.path()).await.pid, 7);
    task.abort();
}

#[tokio::test]
async fn full_backlog_is_reported_within_the_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let (listener, address) = taken_name(dir.path());
    // The longest backlog that Linux gives is net.core.somaxconn; a connection beyond it would block.
    let longest = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let longest: usize = longest.trim().parse().unwrap();
    let mut clients = Vec::new();
    for _ in 0..=longest {
        match timeout(SHORT, UnixStream::connect(self::address(&stat(dir.path()).unwrap(), PAIR))).await {
            Ok(Ok(client)) => clients.push(client),
            Ok(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
            // Out of descriptors: the backlog is longer than this process may have open.
            other => return drop((other, listener, address)),
        }
    }
    assert_eq!(ask_within(dir.path(), PAIR, SHORT).await, Err(NoAnswer::Full));
    drop(listener);
}

#[tokio::test]
async fn clients_that_do_not_read_delay_no_other_one() {
    let dir = tempfile::tempdir().unwrap();
    // An answer that no socket buffer holds.
    let jumps = (0..200_000).map(|number| (number, number)).collect();
    let task = serve_in_background(dir.path(), &Published { jumps, ..Published::default() });
    let address = address(&stat(dir.path()).unwrap(), PAIR);
    let connected = async {
        while UnixStream::connect(&address).await.is_err() {
            sleep(RECONNECT_PAUSE).await;
        }
    };
    timeout(LONG, connected).await.expect("it listens");
    let mut silent = Vec::new();
    for _ in 0..MAX_CLIENTS - 2 {
        silent.push(UnixStream::connect(&address).await.unwrap());
    }
    let mut reader = UnixStream::connect(&address).await.unwrap();
    let mut text = Vec::new();
    timeout(PATIENCE / 2, reader.read_to_end(&mut text)).await.expect("it is served meanwhile").unwrap();
    assert!(text.ends_with(b"}"), "whole");
    drop(silent);
    task.abort();
}

#[tokio::test]
async fn malformed_answer_is_no_status() {
    let dir = tempfile::tempdir().unwrap();
    let (listener, _) = taken_name(dir.path());
    let answering = std::thread::spawn(move || {
        use io::Write as _;
        let (mut client, _): (StdStream, _) = listener.accept().unwrap();
        client.write_all(b"not json").unwrap();
    });
    assert_eq!(ask(dir.path(), PAIR).await, Err(NoAnswer::Malformed));
    answering.join().unwrap();
}

#[test]
fn published_status_has_the_time_of_the_question() {
    let now = Now { wall: WallTime::from_unix_secs(5), mono: MonoTime::from_ms(1) };
    assert_eq!(StatusRecorder::default().at(now).now, 5000);
}
