//! Real disks that refuse writes, at the start and later, and then recover. Needs root, because it
//! mounts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use certrotate_core::id::Generation;
use certrotate_realfs::disk::Manner;
use certrotate_realfs::judge;
use certrotate_realfs::kill;
use certrotate_realfs::node::Ended;
use certrotate_realfs::plane::Verdict;
use certrotate_realfs::power;
use certrotate_realfs::reader::Raw;
use certrotate_realfs::scenario::run_in;
use certrotate_realfs::volume::{Cut, Kind, Volume};
use certrotate_realfs::world::{Report, Session, World};
use common::DamagedDisk;

/// `scripts/disk` sets it: then no test may be skipped.
const MUST: &str = "CERTROTATE_DISK_MUST";

/// A child shares every lock from its fork to its exec, so these tests run one after the other.
static ONE_BY_ONE: Mutex<()> = Mutex::new(());

struct Tmpfs {
    path: PathBuf,
    _home: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments).arg(path).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

impl Tmpfs {
    /// Mounts one. Returns `None` and prints a line if mounting is refused.
    fn new(options: &str) -> Option<Self> {
        let turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("disk");
        fs::create_dir(&path).unwrap();
        if !mount(&["-t", "tmpfs", "-o", options, "tmpfs"], &path) {
            assert!(std::env::var_os(MUST).is_none(), "mount is refused: run as root");
            eprintln!("SKIPPED, as mount is refused here: a tmpfs with {options}");
            return None;
        }
        Some(Self { path, _home: home, _turn: turn })
    }

    fn remount(&self, option: &str) {
        assert!(mount(&["-o", &format!("remount,{option}")], &self.path));
    }

    fn directory(&self) -> PathBuf {
        self.path.join("pki")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Drop cannot report an error.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn fill(disk: &Tmpfs) {
    // One page at a time, until no page is free.
    for number in 0.. {
        if fs::write(disk.path.join(format!("filler-{number}")), [0; 4096]).is_err() {
            return;
        }
    }
}

fn free(disk: &Tmpfs) {
    for entry in fs::read_dir(&disk.path).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("filler") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

/// How a disk starts and stops to refuse, and the text of the fault line.
type Refusal = (fn(&Tmpfs), fn(&Tmpfs), &'static str);

const REFUSALS: [Refusal; 2] = [
    (fill, free, "no space left on device"),
    (|disk| disk.remount("ro"), |disk| disk.remount("rw"), "read-only file system"),
];

fn run(disk: &Tmpfs, world: &mut impl World, session_now: certrotate_core::time::WallTime) -> Ended {
    run_in(&disk.directory(), Manner::Shipped, world, session_now).0
}

fn judge(disk: &Tmpfs, world: &DamagedDisk<'_>, text: &str) {
    let session = &world.session;
    assert!(world.is_undone(), "it refused long enough: {}", session.report_text());
    assert!(session.is_through(), "{}", session.report_text());
    let place = disk.path.display().to_string();
    assert!(
        session.faults().any(|line| line.contains(text) && line.contains(&place)),
        "{}",
        session.report_text()
    );
    assert!(
        !session.reports.iter().any(|(_, report)| *report == Report::Withdrawn),
        "S5: {}",
        session.report_text()
    );
    assert_eq!((session.plane.requests(), session.most_open), (2, 1), "S8");
    assert!(matches!(judge::judge_raw(&disk.directory(), session), Ok(Raw::Whole(..))));
    judge::judge_names(&disk.directory(), true).unwrap();
}

#[test]
fn refusing_disk_at_first_start_delays_the_first_certificate() {
    for (refuse, allow, text) in REFUSALS {
        let Some(disk) = Tmpfs::new("size=256k,mode=0700") else { return };
        refuse(&disk);
        let session = Session::new(&[Verdict::Good, Verdict::Good]);
        let start = session.now;
        let mut world = DamagedDisk::before(session).undone(|| allow(&disk));
        assert_eq!(run(&disk, &mut world, start), Ended::AtRest, "{}", world.session.report_text());
        judge(&disk, &world, text);
    }
}

#[test]
fn s5_refusing_disk_at_start_keeps_the_identity_and_renews_later() {
    for (refuse, allow, text) in REFUSALS {
        let Some(disk) = Tmpfs::new("size=256k,mode=0700") else { return };
        let mut session = Session::new(&[Verdict::Good]);
        let start = session.now;
        assert_eq!(run(&disk, &mut session, start), Ended::AtRest);
        session.plane.plan(Verdict::Good);
        session.forget();
        refuse(&disk);
        let start = session.now;
        let mut world = DamagedDisk::before(session).undone(|| allow(&disk));
        assert_eq!(run(&disk, &mut world, start), Ended::AtRest, "{}", world.session.report_text());
        assert!(
            matches!(world.session.reports[0].1, Report::Live(..)),
            "first of all: {}",
            world.session.report_text()
        );
        judge(&disk, &world, text);
    }
}

#[test]
fn s5_certificate_is_stored_when_the_refusing_disk_recovers() {
    for (refuse, allow, text) in REFUSALS {
        let Some(disk) = Tmpfs::new("size=256k,mode=0700") else { return };
        let session = Session::new(&[Verdict::Good, Verdict::Good]);
        let start = session.now;
        let mut world = DamagedDisk::at_second_request(session, || refuse(&disk)).undone(|| allow(&disk));
        assert_eq!(run(&disk, &mut world, start), Ended::AtRest, "{}", world.session.report_text());
        judge(&disk, &world, text);
    }
}

/// The image lies on a full disk: written data is lost, and only `fsync` reports it. ext4 then
/// refuses every change until the next mount.
#[test]
fn s7_request_is_resumed_after_a_real_sync_failure_and_a_reboot() {
    let Some(disk) = Tmpfs::new("size=64m,mode=0700") else { return };
    if let Err(why) = power::is_possible(Kind::Ext4) {
        assert!(std::env::var_os(MUST).is_none(), "{why}");
        eprintln!("SKIPPED, as {why}: a sync that fails for real");
        return;
    }
    let volume = Volume::new(Kind::Ext4, &disk.path).unwrap();
    let directory = volume.path().join("pki");
    let session = Session::new(&[Verdict::Good, Verdict::Good, Verdict::Good]);
    let start = session.now;
    let mut world =
        DamagedDisk::at_second_request(session, || fill(&disk)).undone(|| free(&disk)).off_after(8);
    let (ended, node) = run_in(&directory, Manner::Shipped, &mut world, start);
    drop(node);
    assert!(ended == Ended::Off && world.is_undone(), "{ended}: {}", world.session.report_text());
    let first = world.session.faults().next().unwrap().to_owned();
    assert!(first.starts_with("cannot sync ") && first.contains("/kubelet-client-tmp-2.2: "), "{first}");
    let mut session = world.session;
    assert!(
        !session.reports.iter().any(|(_, report)| *report == Report::Withdrawn),
        "S5: {}",
        session.report_text()
    );

    volume.cut(Cut::Lost).unwrap();
    assert!(matches!(judge::judge_raw(&directory, &session), Ok(Raw::Whole(Generation(1), _))), "S3");
    kill::take_from_there(&directory, Manner::Shipped, &mut session).unwrap();
}
