//! Tests with a faulty descriptor in the place of a created file's.

use certrotate_core::id::{CertHandle, KeyHandle};
use certrotate_x509::{Bundle, PendingRequest};
use zeroize::Zeroizing;

use super::*;
use certrotate_core::disk::DiskFault;
use certrotate_core::id::{FileNumber, Generation};
use certrotate_core::time::WallTime;
use rustix::io::{FdFlags, fcntl_getfd};

const NAME: Name = Name::Temporary { generation: Generation(1), file: FileNumber(1) };
const OTHER: Name = Name::Temporary { generation: Generation(1), file: FileNumber(2) };
const CONTENT: Content =
    Content::Pending { generation: Generation(1), key: KeyHandle(1), made: WallTime::from_unix_secs(0) };

/// A vault with this many bytes for every content.
struct Bytes(usize);

impl Vault for Bytes {
    fn content(&self, _: &Content) -> Option<Zeroizing<Vec<u8>>> {
        Some(Zeroizing::new(vec![b'x'; self.0]))
    }

    fn keep_bundle(&self, _: Bundle) -> (KeyHandle, CertHandle) {
        unreachable!("nothing intact is in these directories")
    }

    fn keep_pending(&self, _: PendingRequest) -> KeyHandle {
        unreachable!("nothing intact is in these directories")
    }
}

/// Makes a locked store that has created [`NAME`], writes `size` bytes, and holds `descriptor` for
/// the file.
fn store_with(size: usize, descriptor: OwnedFd) -> (tempfile::TempDir, Store<Bytes>) {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::new(home.path().join("pki"), PairName::new("x").unwrap(), None, Bytes(size));
    store.run(&DiskCommand::Lock).unwrap();
    store.run(&DiskCommand::Create { name: NAME }).unwrap();
    store.created.insert(store.pair.file_name(NAME), Created::Open(descriptor));
    (home, store)
}

/// Checks that every command except unlinking fails and changes nothing, until the name is
/// unlinked.
fn is_given_up(store: &mut Store<Bytes>) {
    for command in [
        DiskCommand::Write { name: NAME, content: CONTENT },
        DiskCommand::SyncFile { name: NAME },
        DiskCommand::Rename { from: NAME, to: OTHER },
        DiskCommand::Rename { from: OTHER, to: NAME },
        DiskCommand::Symlink { name: OTHER, target: NAME },
        DiskCommand::Symlink { name: NAME, target: OTHER },
        DiskCommand::Create { name: NAME },
    ] {
        let fault = store.run(&command).unwrap_err();
        assert_eq!((fault.kind, &fault.cause), (DiskFault::Io, &Cause::Failed), "{command:?}");
    }
    assert!(store.path_of(NAME).exists() && !store.path_of(OTHER).exists());
    store.run(&DiskCommand::Unlink { name: NAME }).unwrap();
    assert!(store.created.is_empty() && !store.path_of(NAME).exists());
    for command in [
        DiskCommand::Create { name: NAME },
        DiskCommand::Write { name: NAME, content: CONTENT },
        DiskCommand::SyncFile { name: NAME },
    ] {
        store.run(&command).unwrap();
    }
}

#[test]
fn a_file_whose_write_failed_is_given_up() {
    let full = fs::open("/dev/full", OFlags::WRONLY, Mode::empty()).unwrap();
    let (_home, mut store) = store_with(100, full);
    let fault = store.run(&DiskCommand::Write { name: NAME, content: CONTENT }).unwrap_err();
    assert_eq!((fault.kind, fault.cause), (DiskFault::NoSpace, Cause::Os(Errno::NOSPC)));
    is_given_up(&mut store);
}

#[test]
fn a_short_write_is_not_continued_and_the_file_is_given_up() {
    let (reader, writer) = std::io::pipe().unwrap();
    let writer = OwnedFd::from(writer);
    fs::fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    let given = 16 << 20;
    let (_home, mut store) = store_with(given, writer);
    let fault = store.run(&DiskCommand::Write { name: NAME, content: CONTENT }).unwrap_err();
    let Cause::Short { written, given: of } = fault.cause else { panic!("{fault}") };
    assert_eq!((fault.kind, of), (DiskFault::NoSpace, given));
    // The descriptor is closed, so the pipe ends after the one write.
    let read = std::io::copy(&mut std::io::BufReader::new(reader), &mut std::io::sink()).unwrap();
    assert_eq!(read, written as u64);
    is_given_up(&mut store);
}

#[test]
fn a_file_whose_sync_failed_is_given_up_and_never_synced_again() {
    // A pipe cannot be synced.
    let (reader, writer) = std::io::pipe().unwrap();
    let (_home, mut store) = store_with(100, writer.into());
    store.run(&DiskCommand::Write { name: NAME, content: CONTENT }).unwrap();
    let fault = store.run(&DiskCommand::SyncFile { name: NAME }).unwrap_err();
    assert_eq!((fault.kind, fault.cause), (DiskFault::Io, Cause::Os(Errno::INVAL)));
    assert_eq!(std::io::copy(&mut &reader, &mut std::io::sink()).unwrap(), 100, "and closed");
    is_given_up(&mut store);
}

#[test]
fn a_file_that_cannot_be_unlinked_stays_given_up() {
    let (_home, mut store) = store_with(1, std::io::pipe().unwrap().1.into());
    std::fs::remove_file(store.path_of(NAME)).unwrap();
    std::fs::create_dir(store.path_of(NAME)).unwrap();
    store.run(&DiskCommand::Unlink { name: NAME }).unwrap_err();
    let fault = store.run(&DiskCommand::Write { name: NAME, content: CONTENT }).unwrap_err();
    assert_eq!(fault.cause, Cause::Failed);
    std::fs::remove_dir(store.path_of(NAME)).unwrap();
    store.run(&DiskCommand::Unlink { name: NAME }).unwrap();
    store.run(&DiskCommand::Create { name: NAME }).unwrap();
    assert_eq!(store.created.len(), 1);
}

#[test]
fn no_descriptor_is_inherited_by_a_child() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::new(home.path(), PairName::new("x").unwrap(), None, Bytes(1));
    store.run(&DiskCommand::Lock).unwrap();
    store.run(&DiskCommand::Create { name: NAME }).unwrap();
    let Some(Created::Open(file)) = store.created.get("x-tmp-1.1") else { panic!("the descriptor is open") };
    for descriptor in [file.as_fd(), store.lock.as_ref().unwrap().as_fd()] {
        assert!(fcntl_getfd(descriptor).unwrap().contains(FdFlags::CLOEXEC));
    }
}

#[test]
fn a_synced_file_is_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::new(home.path(), PairName::new("x").unwrap(), None, Bytes(1));
    store.run(&DiskCommand::Lock).unwrap();
    store.run(&DiskCommand::Create { name: NAME }).unwrap();
    assert_eq!(store.created.len(), 1);
    store.run(&DiskCommand::SyncFile { name: NAME }).unwrap();
    assert!(store.created.is_empty());
}
