//! The real program under strace, killed before each call by which its disk thread changes something or makes it durable: on its way
//! to the first certificate, and in a renewal. The `realfs` crate does the same with every call there is, on the same core and store.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use certrotate_controlplane::{ControlPlane, Handle, Options};
use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Set by scripts/disk, which installs strace: where it is set, nothing may be skipped.
const MUST: &str = "CERTROTATE_DISK_MUST";

fn strace_is_there() -> bool {
    let there = Command::new("strace").arg("--version").stdout(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    assert!(
        there || std::env::var_os(MUST).is_none(),
        "strace is missing; install it (apt-get install strace)"
    );
    if !there {
        eprintln!("SKIPPED, as strace is missing: kills at each system call of the real program");
    }
    there
}

/// A node's directory, and the server that it asks.
struct Place {
    home: tempfile::TempDir,
    plane: Handle,
    bootstrap: PathBuf,
}

impl Place {
    async fn new() -> Self {
        let home = tempfile::tempdir().expect("a scratch directory");
        let options = Options {
            dir: Some(home.path().join("plane")),
            // The pause between two issuances is a sixtieth of this.
            cluster_signing_duration: Duration::from_secs(60),
            ..Options::default()
        };
        let plane = ControlPlane::start(options).await.expect("the control plane starts");
        let bootstrap = plane.bootstrap_kubeconfig_path().expect("it has a directory");
        Self { home, plane, bootstrap }
    }

    fn directory(&self) -> PathBuf {
        self.home.path().canonicalize().expect("it exists").join("pki")
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("strace.log")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn arguments(&self, command: &mut Command, more: &[&str]) {
        command.args(["run", "--node-name", "node-1", "--bootstrap-kubeconfig"]).arg(&self.bootstrap);
        command.arg("--cert-dir").arg(self.directory()).args(more);
    }

    /// The program under strace, which looks only at calls on the directory and on files under temporary names.
    fn traced(&self, inject: Option<&Point>, more: &[&str]) -> Child {
        // Detached, so that the child is the program itself.
        let mut command = self.command("strace");
        command.args(["-D", "-f", "-y", "-o"]).arg(self.log());
        command.args(["-e", "trace=openat,write,fsync,renameat,renameat2,symlinkat,unlinkat,mkdir,mkdirat"]);
        command.arg("-P").arg(self.directory());
        for (generation, file) in (1..3).flat_map(|generation| (1..5).map(move |file| (generation, file))) {
            let name = format!("kubelet-client-tmp-{generation}.{file}");
            command.arg("-P").arg(self.directory().join(name));
        }
        if let Some(Point { call, nth }) = inject {
            command.args(["-e", &format!("inject={call}:signal=KILL:when={nth}")]);
        }
        command.arg(env!("CARGO_BIN_EXE_certrotate"));
        self.arguments(&mut command, more);
        command.spawn().expect("strace starts")
    }

    fn untraced(&self, more: &[&str]) -> Child {
        let mut command = self.command(env!("CARGO_BIN_EXE_certrotate"));
        self.arguments(&mut command, more);
        command.spawn().expect("the program starts")
    }

    /// Returns the output of strace after the program has exited.
    fn trace(&self) -> String {
        let text = || std::fs::read_to_string(self.log()).unwrap_or_default();
        within("strace says how it ended", || text().contains("+++ "));
        text()
    }

    fn live_generation(&self) -> Option<u32> {
        let target = std::fs::read_link(self.directory().join("kubelet-client-current.pem")).ok()?;
        let name = target.to_str()?.strip_suffix(".pem")?;
        name.rsplit('-').next()?.split('.').next()?.parse().ok()
    }

    /// Opens the current link as another program does. The bundle is whole; before the first
    /// certificate the link is absent.
    fn read_live(&self) -> Option<u32> {
        match std::fs::read(self.directory().join("kubelet-client-current.pem")) {
            Ok(bytes) => {
                let bundle = certrotate_x509::bundle::decode(&bytes, None);
                let bundle = bundle.unwrap_or_else(|why| panic!("S3: {} bytes: {why}", bytes.len()));
                assert_eq!(bundle.key.digest(), bundle.facts.key, "S3: of one generation");
                Some(bundle.header.generation.0)
            }
            Err(_) => None,
        }
    }

    fn created(&self) -> u64 {
        self.plane.stats().csrs_created
    }
}

/// Checks the condition repeatedly: other processes send no event.
fn within(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "not within the time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn has_ended(child: &mut Child) -> bool {
    child.try_wait().expect("it was started").is_some()
}

/// A call to be killed at: the n-th of its name.
#[derive(Clone, Debug)]
struct Point {
    call: String,
    nth: u32,
}

/// The calls in a trace that change something or make it durable, and how many are syncs.
fn points(trace: &str) -> (Vec<Point>, usize) {
    let mut counts = std::collections::BTreeMap::<&str, u32>::new();
    let mut points = Vec::new();
    for line in trace.lines() {
        // The number of the thread comes first.
        let Some((call, rest)) = line.split_once(' ').and_then(|(_, line)| line.trim_start().split_once('('))
        else {
            continue;
        };
        // A call of one thread that a line of another interrupts has a second line, which begins with `<... `.
        if !call.chars().all(|letter| letter.is_ascii_alphanumeric()) {
            continue;
        }
        let nth = counts.entry(call).or_default();
        *nth += 1;
        if call != "openat" || rest.contains("O_CREAT") {
            points.push(Point { call: call.to_owned(), nth: *nth });
        }
    }
    let syncs = counts.get("fsync").copied().unwrap_or_default();
    (points, syncs as usize)
}

/// Reads the current link continuously until it is dropped.
struct Reader {
    ended: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Reader {
    fn start(live: PathBuf) -> Self {
        let (ended, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, count) = (Arc::clone(&ended), Arc::clone(&reads));
        let thread = std::thread::spawn(move || {
            let (mut there, mut known) = (false, Vec::new());
            while !until.load(Ordering::Relaxed) {
                match std::fs::read(&live) {
                    Ok(bytes) if bytes == known => {}
                    Ok(bytes) => {
                        certrotate_x509::bundle::decode(&bytes, None).expect("S3: whole whenever it is read");
                        (there, known) = (true, bytes);
                    }
                    Err(error) => assert!(!there, "S3: it was there, and then: {error}"),
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { ended, reads, thread: Some(thread) }
    }

    fn end(mut self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is ended once");
        thread.join().expect("the reader saw nothing that must not be");
        self.reads.load(Ordering::Relaxed)
    }
}

/// Does it on a thread of its own: the control plane needs this one.
async fn beside(place: Place, what: impl FnOnce(&Place) + Send + 'static) {
    let blocking = tokio::task::spawn_blocking(move || {
        what(&place);
        place
    });
    let place = blocking.await.expect("what is checked holds");
    place.plane.shutdown().await;
}

fn once(place: &Place) {
    let output = place.untraced(&["--once", "--timeout", "60s"]).wait_with_output().expect("it was started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn s3_s8_kill_before_each_call_of_first_issue_makes_one_request() {
    if !strace_is_there() {
        return;
    }
    beside(Place::new().await, |place| {
        let mut child = place.traced(None, &["--once", "--timeout", "60s"]);
        within("the first certificate", || has_ended(&mut child));
        let (points, syncs) = points(&place.trace());
        // None at the start, because the directory is empty; two before asking, three after. docs/disk.md has the reasons. The
        // entry in the directory above is not looked at.
        assert_eq!((place.read_live(), syncs), (Some(1), 5));
        assert!(points.len() >= 14, "{points:?}");
        for point in &points {
            std::fs::remove_dir_all(place.directory()).expect("it was made");
            let (before, reader) = (place.created(), Reader::start(live_path(place)));
            let mut child = place.traced(Some(point), &["--once", "--timeout", "60s"]);
            within("it is killed", || has_ended(&mut child));
            assert!(place.trace().contains("+++ killed by SIGKILL"), "{point:?}: {}", place.trace());
            assert!(matches!(place.read_live(), None | Some(1)));
            once(place);
            assert_eq!((place.read_live(), place.created() - before), (Some(1), 1), "{point:?}");
            reader.end();
        }
    })
    .await;
}

fn live_path(place: &Place) -> PathBuf {
    place.directory().join("kubelet-client-current.pem")
}

/// Waits until the node says that it serves, and then asks it to rotate until it is over.
fn rotate(mut child: Child, over: impl Fn() -> bool) {
    let id = Pid::from_raw(child.id().try_into().expect("a process number")).expect("not zero");
    let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let (serves, served) = mpsc::channel();
    let log = std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok).filter(|line| line.contains("is live until")) {
            // Only the first one is waited for.
            let _ = serves.send(line);
        }
    });
    // Before it serves it does not wait for signals; an error is its end.
    if served.recv_timeout(PATIENCE).is_ok() {
        within("it rotates and is over", || {
            // It may be over already.
            let _ = kill_process(id, Signal::USR1);
            over() || has_ended(&mut child)
        });
    }
    let _ = kill_process(id, Signal::TERM);
    within("it ends", || has_ended(&mut child));
    log.join().expect("reading does not panic");
}

#[tokio::test]
async fn s3_s8_kill_before_each_call_of_renewal_resumes_the_request() {
    if !strace_is_there() {
        return;
    }
    beside(Place::new().await, |place| {
        once(place);
        rotate(place.traced(None, &[]), || place.live_generation() == Some(2));
        let (points, syncs) = points(&place.trace());
        assert_eq!((place.read_live(), syncs), (Some(2), 6), "one at the start, five in the rotation");
        for point in &points {
            std::fs::remove_dir_all(place.directory()).expect("it was made");
            once(place);
            let (before, reader) = (place.created(), Reader::start(live_path(place)));
            rotate(place.traced(Some(point), &[]), || false);
            assert!(place.trace().contains("+++ killed by SIGKILL"), "{point:?}: {}", place.trace());
            assert!(matches!(place.read_live(), Some(1 | 2)), "{point:?}");
            let asked = place.created() - before;
            assert!(asked <= 1, "S8: {point:?}");
            if asked == 1 || is_pending(&place.directory()) {
                let again = place.untraced(&[]);
                finish(again, || place.live_generation() == Some(2));
                assert_eq!((place.read_live(), place.created() - before), (Some(2), 1), "{point:?}");
            } else {
                once(place);
                assert_eq!((place.read_live(), place.created() - before), (Some(1), 0), "{point:?}");
            }
            assert!(reader.end() > 0);
        }
    })
    .await;
}

fn is_pending(directory: &Path) -> bool {
    let names = std::fs::read_dir(directory).expect("it is there");
    names.flatten().any(|entry| entry.file_name().to_string_lossy().contains("-pending-2."))
}

/// Lets it run until that is so, and ends it.
fn finish(mut child: Child, so: impl Fn() -> bool) {
    let log = child.stderr.take().expect("it is piped");
    let drain = std::thread::spawn(move || BufReader::new(log).lines().map_while(Result::ok).for_each(drop));
    within("the interrupted renewal", &so);
    let id = Pid::from_raw(child.id().try_into().expect("a process number")).expect("not zero");
    kill_process(id, Signal::TERM).expect("it is ours");
    within("it ends", || has_ended(&mut child));
    drain.join().expect("reading does not panic");
}
