//! Files that others replace, break or block while the real program runs: client CA, server CA, kubeconfigs and tokens.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use certrotate_controlplane::{ControlPlane, Handle, Options};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);
/// The limit for the end after SIGTERM.
const SECOND: Duration = Duration::from_secs(1);
/// Mounts a file system at `hung` that never answers: nothing serves the descriptor, which the program inherits.
const HANG: &str = "exec 3<>/dev/fuse; \
     mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hung hung || exit 77;";

struct Bench {
    plane: Handle,
    dir: tempfile::TempDir,
}

/// A running agent and its log; killed at the end.
struct Agent {
    child: Child,
    lines: UnboundedReceiver<String>,
    log: String,
}

impl Drop for Agent {
    fn drop(&mut self) {
        // The child may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn start_plane(dir: PathBuf, lifetime: Duration, port: u16) -> Handle {
    let (cluster_signing_duration, backdate) = (lifetime, Duration::ZERO);
    let options = Options { dir: Some(dir), port, cluster_signing_duration, backdate, ..Options::default() };
    ControlPlane::start(options).await.expect("the control plane starts")
}

impl Bench {
    /// A control plane, and its bootstrap kubeconfig as `boot`, with the CA in `server-ca.crt` and the token in `token`.
    async fn new(lifetime: Duration) -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let plane = start_plane(dir.path().join("plane"), lifetime, 0).await;
        let bench = Self { plane, dir };
        bench.write("server-ca.crt", bench.plane.ca_pem());
        bench.write("client-ca.crt", bench.plane.ca_pem());
        bench.write("token", bench.plane.bootstrap_token());
        bench.write("boot", &bench.boot());
        bench
    }

    fn boot(&self) -> String {
        let whole = self.plane.bootstrap_kubeconfig();
        let lines = whole.lines().map(|line| match line.trim_start() {
            rest if rest.starts_with("certificate-authority-data:") => {
                line.replace(rest, "certificate-authority: server-ca.crt")
            }
            rest if rest.starts_with("token:") => line.replace(rest, "tokenFile: token"),
            _ => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the scratch is writable");
    }

    /// `prelude`, then `certrotate run` with the files of this bench, in its directory.
    fn command(&self, prelude: &str, args: &[&str]) -> Command {
        let mut command = Command::new(if prelude == HANG { "unshare" } else { "sh" });
        if prelude == HANG {
            command.args(["-rm", "sh"]);
        }
        let script = format!("{prelude} exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_certrotate"), "run", "--node-name", "node-1"]);
        for (flag, value) in [
            ("--cert-dir", "pki"),
            ("--bootstrap-kubeconfig", "boot"),
            ("--kubeconfig", "own"),
            ("--client-ca-file", "client-ca.crt"),
        ] {
            if !args.contains(&flag) {
                command.args([flag, value]);
            }
        }
        command.args(args).current_dir(self.dir.path()).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    async fn once(&self, prelude: &str, args: &[&str]) -> (Option<i32>, String) {
        let mut command = self.command(prelude, &[&["--once", "--timeout", "2s"], args].concat());
        let output = tokio::task::spawn_blocking(move || command.output());
        let output: Output = tokio::time::timeout(LONG, output)
            .await
            .expect("it ends")
            .expect("waiting does not panic")
            .expect("it starts");
        (output.status.code(), String::from_utf8(output.stderr).expect("the log is text"))
    }

    fn start(&self, args: &[&str]) -> Agent {
        self.start_after("", args)
    }

    fn start_after(&self, prelude: &str, args: &[&str]) -> Agent {
        let mut child = self.command(prelude, args).spawn().expect("it starts");
        let (sender, lines) = unbounded_channel();
        let log = BufReader::new(child.stderr.take().expect("it is a pipe"));
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Agent { child, lines, log: String::new() }
    }
}

impl Agent {
    /// Waits for a line with this text, and returns it.
    async fn line(&mut self, text: &str) -> String {
        let waiting = async {
            while let Some(line) = self.lines.recv().await {
                writeln!(self.log, "{line}").expect("a string takes everything");
                if line.contains(text) {
                    return line;
                }
            }
            String::new()
        };
        let found = tokio::time::timeout(LONG, waiting).await.unwrap_or_default();
        assert!(!found.is_empty(), "no line with {text:?}:\n{}", self.log);
        found
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("it runs");
        kill_process(pid, signal).expect("it is ours");
    }

    /// Ends the agent by SIGTERM, and returns its exit status and the time that it took.
    async fn terminate(mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        self.signal(Signal::TERM);
        let waiting = tokio::task::spawn_blocking(move || self.child.wait().map(|status| status.code()));
        let ended = tokio::time::timeout(LONG, waiting).await.expect("it ends").expect("no panic");
        (ended.expect("it was started"), begun.elapsed())
    }
}

#[tokio::test]
async fn f120_client_ca_replaced_while_running_is_used() {
    let bench = Bench::new(Duration::from_secs(10)).await;
    let mut agent = bench.start(&[]);
    agent.line("certificate 1 is live").await;
    let old = bench.plane.ca_pem().to_owned();
    bench.plane.roll_over_ca().expect("it has another CA");
    let new = bench.plane.signing_ca_pem();
    assert_ne!(new, old, "another CA signs");
    bench.write("client-ca.crt", &format!("{old}{new}"));
    agent.line("client-ca.crt changed: ").await;
    agent.line("certificate 2 is live").await;
    assert!(!agent.log.contains("refused"), "{}", agent.log);
}

#[tokio::test]
async fn f120_live_certificate_outlives_the_removal_of_its_ca() {
    let bench = Bench::new(Duration::from_secs(15)).await;
    let mut agent = bench.start(&[]);
    agent.line("certificate 1 is live").await;
    bench.plane.roll_over_ca().expect("it has another CA");
    bench.write("client-ca.crt", &bench.plane.signing_ca_pem());
    agent.line("client-ca.crt changed: ").await;
    agent.line("certificate 2 is live").await;
    assert!(!agent.log.contains("expired"), "{}", agent.log);
    let stats = bench.plane.stats();
    assert_eq!((stats.expired_uses, stats.unauthorized), (0, 0));
    let as_node = stats.csrs.iter().filter(|csr| csr.requestor == "system:node:node-1").count();
    assert_eq!(as_node, 1, "renewed as the node: {:?}", stats.csrs);
}

#[tokio::test]
async fn f120_half_written_client_ca_keeps_the_last_good_one() {
    let bench = Bench::new(Duration::from_secs(10)).await;
    let mut agent = bench.start(&[]);
    agent.line("certificate 1 is live").await;
    let good = bench.plane.ca_pem().to_owned();
    bench.write("client-ca.crt", &format!("{good}{}", &good[..good.len() / 2]));
    agent.signal(Signal::HUP);
    let said = agent.line("client-ca.crt cannot be used now").await;
    assert!(said.contains("the last good version stays in use"), "{said}");
    agent.line("certificate 2 is live").await;
    std::fs::remove_file(bench.path("client-ca.crt")).expect("it is there");
    agent.line("certificate 3 is live").await;
    bench.write("client-ca.crt", &good);
    agent.signal(Signal::HUP);
    agent.line("client-ca.crt is usable again: 1 certificate").await;
    assert!(!agent.log.contains("refused"), "{}", agent.log);
}

#[tokio::test]
async fn f120_server_ca_and_token_replaced_while_running_are_used() {
    let bench = Bench::new(Duration::from_secs(10)).await;
    let mut agent = bench.start(&[]);
    agent.line("wrote ").await;
    // The cluster is built anew behind the same address: another CA, other tokens.
    let (port, Bench { plane, dir }) = (bench.plane.address().port(), bench);
    plane.shutdown().await;
    let plane = start_plane(dir.path().join("new"), Duration::from_secs(3600), port).await;
    let bench = Bench { plane, dir };
    bench.write("server-ca.crt", bench.plane.ca_pem());
    bench.write("client-ca.crt", bench.plane.ca_pem());
    bench.write("token", bench.plane.bootstrap_token());
    agent.line("certificate 2 is live").await;
    assert!(bench.plane.stats().csrs_created >= 1, "by the new cluster");
}

#[tokio::test]
async fn f121_hangup_reloads_and_says_what_is_in_use() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    let mut agent = bench.start(&[]);
    agent.line("wrote ").await;
    agent.signal(Signal::HUP);
    agent.line("client CA file client-ca.crt: 1 certificate").await;
    agent.line("kubeconfig own: server https://").await;
    agent.line("bootstrap kubeconfig boot: server https://").await;
    bench.write("token", "abcdef.0123456789abcdef");
    agent.signal(Signal::HUP);
    let changed = agent.line("kubeconfig boot changed").await;
    assert!(!changed.contains("0123456789abcdef"), "{changed}");
    let (code, took) = agent.terminate().await;
    assert_eq!(code, Some(0));
    assert!(took < SECOND, "{took:?}");
}

#[tokio::test]
async fn f122_file_that_is_not_needed_never_stops_a_node() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    assert_eq!(bench.once("", &[]).await.0, Some(0));
    let (boot, own) = (bench.boot(), std::fs::read_to_string(bench.path("own")).expect("it was written"));
    let exec = boot.replace("tokenFile: token", "exec: {command: aws}");
    let fifo = |name: &str| {
        rustix::fs::mkfifoat(rustix::fs::CWD, bench.path(name), rustix::fs::Mode::RUSR).expect("a FIFO");
    };
    for (what, name, text) in [
        ("empty", "boot", ""),
        ("half written", "boot", &boot[..boot.len() / 2]),
        ("exec", "boot", exec.as_str()),
        ("not text", "boot", "\u{0}\u{1}"),
        ("FIFO", "boot", "FIFO"),
        ("empty token", "token", ""),
        ("empty", "own", ""),
        ("half written", "own", &own[..own.len() / 2]),
        ("FIFO", "own", "FIFO"),
    ] {
        std::fs::remove_file(bench.path(name)).expect("it is there");
        if text == "FIFO" {
            fifo(name)
        } else {
            bench.write(name, text)
        }
        let (code, log) = bench.once("", &[]).await;
        assert_eq!(code, Some(0), "{what} {name}: {log}");
        assert!(log.contains("WARN") && log.contains("read again"), "{what} {name}: {log}");
        if text != "FIFO" {
            let now = std::fs::read_to_string(bench.path(name)).expect("it is there");
            assert_eq!(now, text, "{what} {name} is untouched");
        }
        std::fs::remove_file(bench.path(name)).expect("it is there");
        let good = if name == "boot" {
            &boot
        } else if name == "own" {
            &own
        } else {
            bench.plane.bootstrap_token()
        };
        bench.write(name, good);
    }
    let csrs = bench.plane.stats().csrs_created;
    assert_eq!(csrs, 1, "the certificate on disk was used each time");
}

#[tokio::test]
async fn f123_fifo_is_refused_and_term_works() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    rustix::fs::mkfifoat(rustix::fs::CWD, bench.path("fifo"), rustix::fs::Mode::RUSR).expect("a FIFO");
    for (flag, file) in [
        ("--bootstrap-kubeconfig", "fifo"),
        ("--client-ca-file", "fifo"),
        ("--client-ca-file", "/dev/zero"),
        ("--client-ca-file", "pki-missing"),
    ] {
        let (code, log) = bench.once("", &[flag, file]).await;
        assert_eq!(code, Some(2), "{flag} {file}: {log}");
        assert!(file == "pki-missing" || log.contains("not a regular file"), "{log}");
    }
    std::fs::remove_file(bench.path("token")).expect("it is there");
    std::fs::rename(bench.path("fifo"), bench.path("token")).expect("the scratch is writable");
    let mut agent = bench.start(&[]);
    agent.line("is a FIFO, not a regular file").await;
    let (code, took) = agent.terminate().await;
    assert_eq!(code, Some(0));
    assert!(took < SECOND, "{took:?}");
}

#[tokio::test]
async fn kubeconfig_is_readable_under_any_umask() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    for umask in ["777", "700", "000"] {
        let (own, pki) = (format!("etc-{umask}/own"), format!("pki-{umask}"));
        let prelude = format!("umask {umask};");
        let (code, log) = bench.once(&prelude, &["--kubeconfig", &own, "--cert-dir", &pki]).await;
        assert_eq!(code, Some(0), "{umask}: {log}");
        let mode = std::fs::metadata(bench.path(&own)).expect("it was written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{umask}");
    }
}

#[tokio::test]
async fn f125_too_few_open_files_are_an_error_and_no_panic() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    for limit in [6, 10, 16, 20] {
        let (code, log) = bench.once(&format!("ulimit -n {limit};"), &[]).await;
        assert_eq!(code, Some(1), "{limit}: {log}");
        assert!(log.contains("ulimit -n 1024") && !log.contains("panicked"), "{limit}: {log}");
    }
    let (code, log) = bench.once("ulimit -n 40;", &[]).await;
    assert_eq!(code, Some(0), "{log}");
    let (code, log) = bench.once("ulimit -Sn 6;", &["--cert-dir", "pki2", "--kubeconfig", "own2"]).await;
    assert_eq!(code, Some(0), "the soft limit is raised: {log}");
}

#[tokio::test]
async fn f123_hung_file_system_blocks_nothing_else() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    std::fs::create_dir(bench.path("hung")).expect("the scratch is writable");
    let silent = "did not answer within 3 s";
    let (code, log) = bench.once(HANG, &["--client-ca-file", "hung/ca"]).await;
    if code == Some(77) || log.contains("unshare") {
        eprintln!("NOT RUN: it needs unshare(1) with mounts of its own and /dev/fuse: {log}");
        return;
    }
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains(silent), "{log}");
    assert_eq!(bench.once("", &[]).await.0, Some(0), "a certificate to live with");
    for flag in ["--bootstrap-kubeconfig", "--kubeconfig"] {
        let (code, log) = bench.once(HANG, &[flag, "hung/file"]).await;
        assert_eq!(code, Some(0), "{flag}: {log}");
        assert!(log.contains(silent), "{flag}: {log}");
    }

    // Needed and hung: the agent waits, says so, and ends at once.
    bench.write("boot", &bench.boot().replace("tokenFile: token", "tokenFile: hung/token"));
    for (args, line) in [
        (["--cert-dir", "pki-2", "--kubeconfig", "own-2"], silent),
        (["--cert-dir", "hung/pki", "--kubeconfig", "own"], "WARN"),
    ] {
        let mut agent = bench.start_after(HANG, &args);
        agent.line(line).await;
        let (code, took) = agent.terminate().await;
        assert_eq!(code, Some(0), "{args:?}");
        assert!(took < SECOND, "{args:?}: {took:?}");
    }
}

#[tokio::test]
async fn term_works_while_an_rsa_key_is_made() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    let mut agent = bench.start(&["--key-type", "rsa4096"]);
    agent.line("making key").await;
    let (code, took) = agent.terminate().await;
    assert_eq!(code, Some(0));
    assert!(took < SECOND, "{took:?}");
}
