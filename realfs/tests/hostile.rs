//! External files under our names: the node touches nothing outside and never hangs. Either it
//! works, or a fault line names the file that is in the way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use certrotate_realfs::disk::Manner;
use certrotate_realfs::judge;
use certrotate_realfs::node::Ended;
use certrotate_realfs::plane::Verdict;
use certrotate_realfs::reader::Raw;
use certrotate_realfs::scenario::run_in;
use certrotate_realfs::world::{Report, Session};
use common::DamagedDisk;

/// An external file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    LinkToFile,
    LinkToDirectory,
    LinkToNothing,
    HardLink,
    Directory,
    FullDirectory,
    Fifo,
    Socket,
    Foreign,
    WideMode,
    SetUid,
    Huge,
    Empty,
}

const THINGS: [Thing; 13] = [
    Thing::LinkToFile,
    Thing::LinkToDirectory,
    Thing::LinkToNothing,
    Thing::HardLink,
    Thing::Directory,
    Thing::FullDirectory,
    Thing::Fifo,
    Thing::Socket,
    Thing::Foreign,
    Thing::WideMode,
    Thing::SetUid,
    Thing::Huge,
    Thing::Empty,
];

/// The current link, and every other name that the first certificate takes. The time in the names
/// is the world's beginning.
const NAMES: [&str; 7] = [
    "current.pem",
    "2027-01-15-08-00-00-1.2.pem",
    "pending-1.1",
    "tmp-1.1",
    "tmp-1.2",
    "tmp-1.3",
    "quarantine-1.1",
];

struct Place {
    home: tempfile::TempDir,
}

const SECRET: &str = "not certrotate's to read or write";

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("outside")).unwrap();
        put(&home.path().join("outside/file"), 0o644);
        fs::create_dir(home.path().join("outside/directory")).unwrap();
        fs::create_dir(home.path().join("pki")).unwrap();
        fs::set_permissions(home.path().join("pki"), fs::Permissions::from_mode(0o700)).unwrap();
        Self { home }
    }

    fn directory(&self) -> PathBuf {
        self.home.path().join("pki")
    }

    fn outside(&self) -> PathBuf {
        self.home.path().join("outside")
    }

    /// Returns false if this kind of file cannot be made here.
    fn put_external(&self, thing: Thing, name: &str) -> bool {
        let path = self.directory().join(format!("kubelet-client-{name}"));
        let outside = self.outside();
        match thing {
            Thing::LinkToFile => symlink(outside.join("file"), path).unwrap(),
            Thing::LinkToDirectory => symlink(outside.join("directory"), path).unwrap(),
            Thing::LinkToNothing => symlink(outside.join("new"), path).unwrap(),
            Thing::HardLink => fs::hard_link(outside.join("file"), path).unwrap(),
            Thing::Directory => fs::create_dir(path).unwrap(),
            Thing::FullDirectory => {
                fs::create_dir(&path).unwrap();
                fs::write(path.join("inside"), SECRET).unwrap();
            }
            Thing::Fifo => rustix::fs::mknodat(
                rustix::fs::CWD,
                &path,
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
                0,
            )
            .unwrap(),
            Thing::Socket => drop(UnixListener::bind(path).unwrap()),
            Thing::Foreign => {
                fs::write(&path, SECRET).unwrap();
                if chown(&path, Some(65_534), None).is_err() {
                    fs::remove_file(&path).unwrap();
                    eprintln!("SKIPPED, as this needs root: a file of another user");
                    return false;
                }
            }
            Thing::WideMode => put(&path, 0o644),
            Thing::SetUid => put(&path, 0o4600),
            Thing::Huge => File::create(&path).unwrap().set_len(1 << 40).unwrap(),
            Thing::Empty => drop(File::create(&path).unwrap()),
        }
        true
    }

    /// Checks that nothing outside changed. The node may remove an existing second name of a file,
    /// but never makes one.
    fn outside_is_untouched(&self, links: Option<u64>) {
        let file = fs::metadata(self.outside().join("file")).unwrap();
        assert_eq!(fs::read_to_string(self.outside().join("file")).unwrap(), SECRET);
        assert_eq!(file.mode() & 0o7777, 0o644);
        assert!(links.is_none_or(|links| file.nlink() == links));
        let names: Vec<_> =
            fs::read_dir(self.outside()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(fs::read_dir(self.outside().join("directory")).unwrap().count(), 0);
    }
}

fn put(path: &Path, mode: u32) {
    fs::write(path, SECRET).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn run(place: &Place, session: &mut Session) -> Ended {
    let start = session.now;
    run_in(&place.directory(), Manner::Shipped, session, start).0
}

/// A person has to move it: an entry that cannot be removed by unlinking, or is neither a link nor a file.
fn is_in_the_way(thing: Thing, name: &str) -> bool {
    let directories = [Thing::Directory, Thing::FullDirectory];
    let special = [Thing::Fifo, Thing::Socket];
    match name {
        "current.pem" => [directories, special].concat().contains(&thing),
        _ => name.starts_with("tmp-") && directories.contains(&thing),
    }
}

#[test]
fn external_file_under_our_name_is_reported_and_never_followed() {
    for name in NAMES {
        for thing in THINGS {
            let place = Place::new();
            if !place.put_external(thing, name) {
                continue;
            }
            let external = place.directory().join(format!("kubelet-client-{name}"));
            let mut session = Session::new(&[Verdict::Good, Verdict::Good]);
            let ended = run(&place, &mut session);
            place.outside_is_untouched(if thing == Thing::HardLink { None } else { Some(1) });

            let said = session.faults().any(|line| line.contains(&*external.to_string_lossy()));
            let unread = name.starts_with("tmp-") || name.starts_with("quarantine-");
            if is_in_the_way(thing, name) {
                assert_eq!(ended, Ended::Lost, "{thing:?} at {name} is a person's to move");
                assert!(said, "{thing:?} at {name}: {}", session.report_text());
                // A blocked temporary name also blocks the pending file: core makes one request
                // with a key in memory.
                let in_memory = usize::from(name.starts_with("tmp-"));
                assert_eq!(
                    session.plane.requests(),
                    in_memory,
                    "{thing:?} at {name}: {}",
                    session.report_text()
                );
                remove(&external);
                assert_eq!(run(&place, &mut session), Ended::AtRest, "{thing:?} at {name} was moved");
            } else {
                assert_eq!(ended, Ended::AtRest, "{thing:?} at {name}: {}", session.report_text());
                assert!(said || unread, "{thing:?} at {name}: {}", session.report_text());
            }
            assert!(session.is_through(), "{thing:?} at {name}: {}", session.report_text());
            assert!(matches!(judge::judge_raw(&place.directory(), &session), Ok(Raw::Whole(..))));
            judge::judge_names(&place.directory(), true).unwrap();
        }
    }
}

fn remove(path: &Path) {
    if fs::symlink_metadata(path).unwrap().is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn replaced_directory_is_left_alone_until_the_old_one_is_back() {
    let place = Place::new();
    let (path, aside) = (place.directory(), place.home.path().join("aside"));
    let replace = || {
        fs::rename(&path, &aside).unwrap();
        fs::create_dir(&path).unwrap();
        symlink(place.outside().join("file"), path.join("kubelet-client-tmp-2.2")).unwrap();
    };
    let put_back = || {
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["kubelet-client-tmp-2.2"], "nothing came to the new one");
        fs::remove_dir_all(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    };
    let session = Session::new(&[Verdict::Good, Verdict::Good, Verdict::Good]);
    let mut world = DamagedDisk::at_second_request(session, replace).undone(put_back);
    let start = world.session.now;
    let (ended, _) = run_in(&path, Manner::Shipped, &mut world, start);
    assert_eq!(ended, Ended::AtRest, "{}", world.session.report_text());
    assert!(world.is_undone() && world.session.is_through());
    assert!(world.session.faults().any(|line| line.contains("was moved or replaced")));
    assert!(!world.session.reports.iter().any(|(_, report)| *report == Report::Withdrawn));
    assert_eq!(world.session.plane.requests(), 3, "no certificate was requested twice");
    place.outside_is_untouched(Some(1));
    judge::judge_raw(&path, &world.session).unwrap();
}

#[test]
fn hundred_thousand_foreign_files_are_left_alone() {
    const FOREIGN: usize = 100_000;
    let place = Place::new();
    let odd: [&[u8]; 6] = [
        b"kubelet-client-\xff-1.1",
        b"kubelet-client-tmp-1.1\xfe",
        b"kubelet-client-tmp-01.1",
        b"kubelet-client-pending-4294967296.1",
        b"kubelet-client-2027-02-30-08-00-00-1.1.pem",
        b"kubelet-client-current.pem\n",
    ];
    for number in 0..FOREIGN {
        drop(File::create(place.directory().join(format!("kubelet-server-{number}.pem"))).unwrap());
    }
    for name in odd {
        fs::write(place.directory().join(OsStr::from_bytes(name)), SECRET).unwrap();
    }
    let mut session = Session::new(&[Verdict::Good, Verdict::Good]);
    assert_eq!(run(&place, &mut session), Ended::AtRest, "{}", session.report_text());
    assert!(session.is_through());
    assert_eq!(session.faults().count(), 0, "{}", session.report_text());
    assert_eq!(fs::read_dir(place.directory()).unwrap().count(), FOREIGN + odd.len() + 3);
    for name in odd {
        assert_eq!(fs::read(place.directory().join(OsStr::from_bytes(name))).unwrap(), SECRET.as_bytes());
    }
    judge::judge_raw(&place.directory(), &session).unwrap();
}
