//! A vault in memory and made-up identities.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use certrotate_core::config::Template;
use certrotate_core::disk::{Content, DiskCommand, DiskDone, DiskFault, Inventory, Name};
use certrotate_core::id::{CertHandle, FileNumber, Generation, KeyHandle};
use certrotate_core::time::WallTime;
use certrotate_store::{PairName, Store, Vault};
use certrotate_x509::{Bundle, CertChain, PendingRequest, SecretKey, bundle, pending};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use zeroize::Zeroizing;

pub(crate) const ISSUED: WallTime = WallTime::from_unix_secs(1_800_000_000);
pub(crate) const MADE: WallTime = WallTime::from_unix_secs(1_799_999_990);

enum Key {
    Request(Box<PendingRequest>),
    Alone(SecretKey),
}

impl Key {
    fn secret(&self) -> &SecretKey {
        match self {
            Self::Request(request) => request.key(),
            Self::Alone(key) => key,
        }
    }
}

/// Keeps all that it is given.
#[derive(Default)]
pub(crate) struct Memory {
    keys: RefCell<HashMap<KeyHandle, Key>>,
    chains: RefCell<HashMap<CertHandle, CertChain>>,
}

impl Memory {
    fn next(&self) -> u64 {
        (self.keys.borrow().len() + self.chains.borrow().len()) as u64
    }

    fn keep_key(&self, key: Key) -> KeyHandle {
        let handle = KeyHandle(self.next());
        self.keys.borrow_mut().insert(handle, key);
        handle
    }

    /// A new key with its request.
    pub(crate) fn request(&self) -> KeyHandle {
        self.keep_pending(PendingRequest::make(&Template::kubelet_client("worker-1")).unwrap())
    }

    /// A certificate for a key, as if a signer had sent it.
    pub(crate) fn certify(&self, key: KeyHandle) -> CertHandle {
        let keys = self.keys.borrow();
        let pair = rcgen::KeyPair::try_from(keys[&key].secret().pkcs8_der()).unwrap();
        let pem = rcgen::CertificateParams::new([]).unwrap().self_signed(&pair).unwrap().pem();
        let (chain, _) = CertChain::read(pem.as_bytes(), None).unwrap();
        let handle = CertHandle(self.next());
        self.chains.borrow_mut().insert(handle, chain);
        handle
    }

    /// How many keys and chains were kept.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.keys.borrow().len(), self.chains.borrow().len())
    }
}

impl Vault for Memory {
    fn content(&self, content: &Content) -> Option<Zeroizing<Vec<u8>>> {
        let (keys, chains) = (self.keys.borrow(), self.chains.borrow());
        match *content {
            Content::Pending { generation, key, made } => match keys.get(&key)? {
                Key::Request(request) => Some(pending::encode(request, generation, made)),
                Key::Alone(_) => None,
            },
            Content::Bundle { generation, key, cert, issued } => {
                let header = certrotate_core::disk::BundleHeader { generation, issued };
                Some(bundle::encode(chains.get(&cert)?, keys.get(&key)?.secret(), header))
            }
        }
    }

    fn keep_bundle(&self, bundle: Bundle) -> (KeyHandle, CertHandle) {
        let key = self.keep_key(Key::Alone(bundle.key));
        let cert = CertHandle(self.next());
        self.chains.borrow_mut().insert(cert, bundle.chain);
        (key, cert)
    }

    fn keep_pending(&self, request: PendingRequest) -> KeyHandle {
        self.keep_key(Key::Request(Box::new(request)))
    }
}

pub(crate) fn pair() -> PairName {
    PairName::new("kubelet-client").unwrap()
}

/// A store on `directory`, not yet locked.
pub(crate) fn unlocked(directory: &Path) -> Store<Memory> {
    Store::new(directory, pair(), None, Memory::default())
}

/// A store on `directory/pki`, locked.
pub(crate) fn locked(home: &tempfile::TempDir) -> Store<Memory> {
    let mut store = unlocked(&home.path().join("pki"));
    done(&mut store, DiskCommand::Lock);
    store
}

pub(crate) fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn temporary(generation: u32, file: u32) -> Name {
    Name::Temporary { generation: Generation(generation), file: FileNumber(file) }
}

pub(crate) fn pending_name(generation: u32, file: u32) -> Name {
    Name::Pending { generation: Generation(generation), file: FileNumber(file) }
}

pub(crate) fn bundle_name(generation: u32, file: u32) -> Name {
    Name::Bundle { issued: ISSUED, generation: Generation(generation), file: FileNumber(file) }
}

pub(crate) fn pending_content(store: &Store<Memory>, generation: u32) -> Content {
    Content::Pending { generation: Generation(generation), key: store.vault().request(), made: MADE }
}

pub(crate) fn bundle_content(store: &Store<Memory>, generation: u32) -> Content {
    let key = store.vault().request();
    let cert = store.vault().certify(key);
    Content::Bundle { generation: Generation(generation), key, cert, issued: ISSUED }
}

/// Runs a command that has to succeed.
pub(crate) fn done(store: &mut Store<Memory>, command: DiskCommand) {
    match store.run(&command) {
        Ok(DiskDone::Done) => {}
        other => panic!("{command:?} came to {other:?}"),
    }
}

/// Runs a command that has to fail, and gives the kind and the line for people.
pub(crate) fn fails(store: &mut Store<Memory>, command: DiskCommand) -> (DiskFault, String) {
    match store.run(&command) {
        Ok(done) => panic!("{command:?} came to {done:?}"),
        Err(fault) => (fault.kind, fault.to_string()),
    }
}

pub(crate) fn scan(store: &mut Store<Memory>) -> Inventory {
    match store.run(&DiskCommand::Scan) {
        Ok(DiskDone::Scanned(inventory)) => *inventory,
        other => panic!("the scan came to {other:?}"),
    }
}

/// Creates, writes, syncs and renames; returns the bytes.
pub(crate) fn put(store: &mut Store<Memory>, name: Name, content: Content) -> Vec<u8> {
    let by_way_of = temporary(name.generation().unwrap().0, u32::MAX);
    done(store, DiskCommand::Create { name: by_way_of });
    done(store, DiskCommand::Write { name: by_way_of, content });
    done(store, DiskCommand::SyncFile { name: by_way_of });
    done(store, DiskCommand::Rename { from: by_way_of, to: name });
    fs::read(store.path_of(name)).unwrap()
}

/// The names in a directory, sorted.
pub(crate) fn listing(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// The permission bits.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Returns whether the process is root; otherwise prints the name of the skipped test on stderr.
pub(crate) fn root_for(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED, as this needs root: {what}");
    }
    root
}

pub(crate) fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
