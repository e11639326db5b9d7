//! Measures a rotation on a real disk, beside a plain write, fsync, rename and fsync of the
//! directory of the same bytes. It asserts nothing.
//!
//! `cargo bench -p certrotate-realfs --bench rotation` uses the file system of the working
//! directory, or of `REALFS_DIR`.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use certrotate_core::disk::{DiskCommand, Name};
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::WallTime;
use certrotate_realfs::CURRENT_LINK;
use certrotate_realfs::disk::Manner;
use certrotate_realfs::plane::{Shown, Verdict};
use certrotate_realfs::scenario::run_in;
use certrotate_realfs::snapshot;
use certrotate_realfs::strace::Runner;
use certrotate_realfs::world::{Report, Session, World};

const ROTATIONS: usize = 200;

fn main() {
    let place = std::env::var_os("REALFS_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let home = tempfile::tempdir_in(place).expect("a scratch directory");
    let home = home.path().canonicalize().expect("it exists");
    println!("{:<66}{:>10}{:>8}", "what", "measured", "aim");
    match Runner::new(&home, PathBuf::from(env!("CARGO_BIN_EXE_realfs")))
        .map_err(|error| error.to_string())
        .and_then(|runner| snapshot::renewal(&runner, &home))
    {
        Ok((calls, syncs, critical)) => {
            row("system calls of a rotation on the directory, by strace", &calls.to_string(), "");
            row("  of them syncs", &syncs.to_string(), "5");
            row("  of these between certificate in hand and served", &critical.to_string(), "3");
        }
        Err(why) => println!("not counted: {why}"),
    }
    let directory = home.join("pki");
    let plain = home.join("plain");
    fs::create_dir(&plain).expect("a directory");
    let mut bench = Bench {
        session: Session::new(&[Verdict::Good; ROTATIONS + 1]),
        directory: directory.clone(),
        plain,
        plains: Vec::new(),
    };
    let start = bench.session.now;
    let (ended, disk) = run_in(&directory, Manner::Shipped, &mut bench, start);
    assert!(bench.session.is_through(), "it ended {ended}");
    let (wholes, criticals) = rotations(disk.commands());
    let (plain, whole, critical) = (median(bench.plains), median(wholes), median(criticals));
    let ratio = |time: Duration| format!("{:.2}", time.as_secs_f64() / plain.as_secs_f64());
    row(
        &format!("plain write, fsync, rename, fsync of directory; median of {ROTATIONS}"),
        &micros(plain),
        "",
    );
    row("a rotation's disk operations, median", &micros(whole), "");
    row("  of them between certificate in hand and served", &micros(critical), "");
    row("the whole, in plain ones", &ratio(whole), "3");
    row("the critical path, in plain ones", &ratio(critical), "1.7");
}

fn row(what: &str, measured: &str, aim: &str) {
    println!("{what:<66}{measured:>10}{aim:>8}");
}

fn micros(time: Duration) -> String {
    format!("{} µs", time.as_micros())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Returns the time of each rotation's commands, and of those after the certificate arrived. The
/// first identity counts as no rotation.
fn rotations(commands: &[(DiskCommand, Duration)]) -> (Vec<Duration>, Vec<Duration>) {
    let (mut wholes, mut criticals) = (Vec::new(), Vec::new());
    let (mut whole, mut critical) = (Duration::ZERO, Duration::ZERO);
    let (mut switched, mut first) = (false, true);
    for (command, time) in commands {
        match command {
            // The start is no part of a rotation.
            DiskCommand::Lock | DiskCommand::Scan => {
                (whole, critical) = (Duration::ZERO, Duration::ZERO);
                continue;
            }
            // A later file than the pending one begins the commands after the certificate arrived.
            DiskCommand::Create { .. } => critical = Duration::ZERO,
            DiskCommand::Rename { to: Name::Current, .. } => switched = true,
            _ => {}
        }
        whole += *time;
        critical += *time;
        if switched && *command == DiskCommand::SyncDir {
            if !first {
                wholes.push(whole);
                criticals.push(critical);
            }
            (whole, critical, switched, first) = (Duration::ZERO, Duration::ZERO, false, false);
        }
    }
    (wholes, criticals)
}

/// A world that writes the same bytes the plain way after each certificate, so that both meet the
/// same disk.
struct Bench {
    session: Session,
    directory: PathBuf,
    plain: PathBuf,
    plains: Vec<Duration>,
}

fn write_plainly(directory: &Path, bytes: &[u8]) -> std::io::Result<Duration> {
    let handle = File::open(directory)?;
    let began = Instant::now();
    let temporary = directory.join("temporary");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, directory.join("plain.pem"))?;
    handle.sync_all()?;
    Ok(began.elapsed())
}

impl World for Bench {
    fn create(&mut self, name: &str, csr_pem: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        self.session.create(name, csr_pem, now)
    }

    fn get(&mut self, name: &str, now: WallTime) -> Result<Shown, IssuerFault> {
        self.session.get(name, now)
    }

    fn report(&mut self, report: Report, now: WallTime) {
        if matches!(report, Report::Live(..)) {
            let bytes = fs::read(self.directory.join(CURRENT_LINK)).expect("it is live");
            self.plains.push(write_plainly(&self.plain, &bytes).expect("the disk takes it"));
        }
        self.session.report(report, now);
    }

    fn rested(&mut self, now: WallTime) -> bool {
        self.session.rested(now)
    }
}
