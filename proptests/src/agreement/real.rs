//! The real directory and the store on it.

use std::collections::BTreeMap;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use certrotate_core::disk::{Content, DiskCommand, DiskDone, DiskFault, Name};
use certrotate_core::id::{CertHandle, KeyHandle};
use certrotate_store::{PairName, Store, Vault};
use certrotate_x509::{Bundle, PendingRequest};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::op::{TARGETS, improper, proper};
use super::symbols::{Bytes, GARBAGE, Visible};
use super::{Directory, ExternalChange, Materials};

/// The pair name of the files.
const PAIR: &str = "kubelet-client";

/// The directory of a store, beside a directory of another program.
#[derive(Debug)]
pub struct Place {
    home: TempDir,
    pair: PairName,
}

thread_local! {
    /// Watches the files of one place after the other: to close a watch takes the kernel longer
    /// than all the rest.
    static WATCH: OwnedFd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("files can be watched");
}

/// The result of a command, and the file whose mode it changed.
pub(super) struct Watched<T> {
    pub(super) result: T,
    pub(super) touched: Option<String>,
}

impl Place {
    /// Makes a place, in memory if there is such a file system: system calls behave the same there,
    /// only faster.
    pub(super) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let home = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        let home = home.expect("a temporary directory can be made");
        for directory in ["pki", "elsewhere"] {
            let made = fs::DirBuilder::new().mode(0o700).create(home.path().join(directory));
            made.expect("it is a fresh directory");
        }
        let path = home.path().join("pki");
        WATCH.with(|watch| inotify::add_watch(watch, path, WatchFlags::ATTRIB)).expect("it was just made");
        let pair = PairName::new(PAIR).expect("it is a pair name");
        Self { home, pair }
    }

    /// Returns the certificate directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.home.path().join("pki")
    }

    fn file(&self, name: Name) -> PathBuf {
        self.path().join(self.pair.file_name(name))
    }

    fn elsewhere(&self, name: Name) -> PathBuf {
        self.home.path().join("elsewhere").join(self.pair.file_name(name))
    }

    /// Runs a command and checks whether it changed the mode of a file: a file that is created with
    /// its mode never needs a change.
    pub(super) fn watched<T>(run: impl FnOnce() -> T) -> Watched<T> {
        let _before = touched();
        let result = run();
        Watched { result, touched: touched() }
    }

    pub(super) fn change_externally(&self, change: ExternalChange, name: Name) {
        let (path, elsewhere) = (self.file(name), self.elsewhere(name));
        remove(&path);
        remove(&elsewhere);
        let bytes = |content: Content| Materials::get().bytes(&content).expect("there are such numbers");
        let linked = |target: &Path| symlink(target, &path).expect("the name is free");
        match change {
            ExternalChange::Remove => {}
            ExternalChange::Garbage => write(&path, GARBAGE),
            ExternalChange::Empty => write(&path, b""),
            ExternalChange::Truncated => {
                let whole = bytes(proper(name));
                write(&path, &whole[..whole.len() / 2]);
            }
            ExternalChange::Proper => write(&path, &bytes(proper(name))),
            ExternalChange::Public => {
                write(&path, &bytes(proper(name)));
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
            }
            ExternalChange::Linked => {
                write(&path, &bytes(proper(name)));
                fs::hard_link(&path, &elsewhere).expect("the name is free");
            }
            ExternalChange::Improper => write(&path, &bytes(improper(name))),
            ExternalChange::LinkElsewhere => {
                write(&elsewhere, &bytes(proper(name)));
                linked(&elsewhere);
            }
            ExternalChange::LinkToBundle => linked(Path::new(&self.pair.file_name(TARGETS[0]))),
            ExternalChange::LinkToTemporary => linked(Path::new(&self.pair.file_name(TARGETS[1]))),
            ExternalChange::Directory => fs::create_dir(&path).expect("the name is free"),
        }
    }

    pub(super) fn visible(&self) -> BTreeMap<Name, Visible> {
        let listing = fs::read_dir(self.path()).expect("the directory can be listed");
        let names = listing.map(|entry| {
            let name = entry.expect("it can be listed to its end").file_name();
            self.pair.parse(&name).unwrap_or_else(|| panic!("{name:?} is no name of ours"))
        });
        names.map(|name| (name, self.look(name))).collect()
    }

    fn look(&self, name: Name) -> Visible {
        let path = self.file(name);
        let stat = fs::symlink_metadata(&path).expect("it was just listed");
        if stat.is_symlink() {
            let target = fs::read_link(&path).expect("it is a link");
            return self.pair.parse(target.as_os_str()).map_or(Visible::LinkElsewhere, Visible::Link);
        }
        if stat.is_dir() {
            return Visible::Directory;
        }
        let public = match stat.permissions().mode() & 0o7777 {
            0o600 => false,
            0o644 => true,
            mode => panic!("{name} has mode {mode:o}"),
        };
        let bytes = fs::read(&path).expect("it can be read");
        Visible::File(Bytes::new(&bytes), public)
    }
}

/// Returns the file whose mode changed since the last call.
fn touched() -> Option<String> {
    WATCH.with(|watch| {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(watch, &mut buffer);
        let mut touched = None;
        while let Ok(transition) = reader.next() {
            if let (true, Some(name)) =
                (transition.events().contains(ReadFlags::ATTRIB), transition.file_name())
            {
                touched = Some(format!("the mode of {} is changed", name.to_string_lossy()));
            }
        }
        touched
    })
}

fn write(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut file| file.write_all(bytes)).expect("the name is free");
}

fn remove(path: &Path) {
    let Ok(stat) = fs::symlink_metadata(path) else { return };
    let removed = if stat.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
    removed.expect("it is ours, and empty if it is a directory");
}

/// The shipped store.
#[derive(Debug)]
pub struct Shipped {
    path: PathBuf,
    store: Store<Numbers>,
}

/// Handles are the numbers of the [`Materials`].
#[derive(Debug)]
struct Numbers;

impl Vault for Numbers {
    fn content(&self, content: &Content) -> Option<Zeroizing<Vec<u8>>> {
        Materials::get().bytes(content).map(Zeroizing::new)
    }

    fn keep_bundle(&self, bundle: Bundle) -> (KeyHandle, CertHandle) {
        let materials = Materials::get();
        (materials.key(&bundle.key.digest()), materials.cert(&bundle.facts.leaf))
    }

    fn keep_pending(&self, request: PendingRequest) -> KeyHandle {
        Materials::get().key(&request.key_digest())
    }
}

impl Shipped {
    /// Makes a store in this place.
    #[must_use]
    pub fn new(place: &Place) -> Self {
        let path = place.path();
        Self { store: open(&path), path }
    }
}

fn open(path: &Path) -> Store<Numbers> {
    Store::new(path, PairName::new(PAIR).expect("it is a pair name"), None, Numbers)
}

impl Directory for Shipped {
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskFault> {
        self.store.run(command).map_err(|fault| fault.kind)
    }

    fn restart(&mut self) {
        self.store = open(&self.path);
    }
}
