//! The model's disk, and the state of the process that uses it.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hasher};

use certrotate_core::config::{Config, ConfigSpec};
use certrotate_core::disk::{Content, DiskCommand, DiskFault, Name};
use certrotate_core::id::{CertHandle, KeyHandle};
use certrotate_model::World;
use certrotate_model::cert::{Cert, key_digest, leaf};
use certrotate_model::disk::{Bundle, File, How, Pending};

use super::materials::{Seen, template};
use super::op::{TARGETS, improper, proper};
use super::{CERTS, ExternalChange, KEYS, Materials};

/// The visible state of a name, compared between model and directory.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Visible {
    /// A file, and whether all users can read it.
    File(Bytes, bool),
    /// A link to this name of ours.
    Link(Name),
    /// A link elsewhere.
    LinkElsewhere,
    /// A directory.
    Directory,
}

/// The bytes of a file, by their digest. A part equals every content that is not empty.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bytes {
    /// This many bytes, with this digest.
    Whole(usize, u64),
    /// An unknown part of a content.
    Part,
}

impl Bytes {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Self::Whole(bytes.len(), hasher.finish())
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Part, Self::Whole(size, _)) | (Self::Whole(size, _), Self::Part) => *size > 0,
            (Self::Part, Self::Part) => true,
            (Self::Whole(one, its), Self::Whole(other, theirs)) => one == other && its == theirs,
        }
    }
}

/// The state of a created file until it is synced or removed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Created {
    Open,
    Failed,
}

/// The model's disk, and the state of the process that has the store.
pub(super) struct Symbols {
    world: World,
    locked: bool,
    created: HashMap<Name, Created>,
}

/// The content of an external file.
pub(super) const GARBAGE: &[u8] = b"something else\n";

impl Default for Symbols {
    fn default() -> Self {
        let config = Config::new(ConfigSpec::new(template())).expect("the template is complete");
        let mut world = World::quiet(config);
        let (not_before, not_after) = (world.now.wall, world.now.wall);
        world.server.certs = (1..=CERTS as u32)
            .map(|key| Cert { key, template: 0, flaw: None, not_before, not_after })
            .collect();
        Self { world, locked: false, created: HashMap::new() }
    }
}

impl Symbols {
    /// Runs a command. Refuses it as a store does: without the lock, without an open descriptor, or
    /// after a failed write or sync. The disk judges every other command.
    pub(super) fn run(&mut self, command: &DiskCommand) -> Result<Seen, DiskFault> {
        // The kernel may write back at any time, and the model's disk has no room for many changes.
        if self.world.disk.changes() > 3 {
            self.world.disk.run(&DiskCommand::SyncDir, How::Well, File::Empty)?;
        }
        self.locked |= *command == DiskCommand::Lock;
        let failed = |name: &Name| self.created.get(name) == Some(&Created::Failed);
        let open = |name: &Name| self.created.get(name) == Some(&Created::Open);
        let refused = match command {
            DiskCommand::Lock | DiskCommand::Scan | DiskCommand::SyncDir | DiskCommand::Unlink { .. } => {
                false
            }
            DiskCommand::Create { name } => failed(name),
            DiskCommand::Write { name, .. } | DiskCommand::SyncFile { name } => !open(name),
            DiskCommand::Rename { from: one, to: other }
            | DiskCommand::Symlink { name: one, target: other } => failed(one) || failed(other),
        };
        if !self.locked || refused {
            return Err(DiskFault::Io);
        }
        let content = match command {
            DiskCommand::Write { content, .. } => file(content),
            _ => File::Empty,
        };
        let result = self.world.disk.run(command, How::Well, content);
        self.note(command, result.is_ok());
        result?;
        if *command != DiskCommand::Scan {
            return Ok(Seen::Done);
        }
        let key = |digest: &_| (1..=KEYS).find(|number| key_digest(*number) == *digest).unwrap_or(0);
        let cert = |digest: &_| (1..=CERTS).find(|number| leaf(*number) == *digest).unwrap_or(0);
        let inventory = self.world.inventory();
        Ok(Seen::of(&inventory, |digest| KeyHandle(key(digest)), |digest| CertHandle(cert(digest))))
    }

    fn note(&mut self, command: &DiskCommand, done: bool) {
        match (*command, done) {
            (DiskCommand::Create { name }, true) => drop(self.created.insert(name, Created::Open)),
            (DiskCommand::SyncFile { name } | DiskCommand::Unlink { name }, true) => {
                self.created.remove(&name);
            }
            (DiskCommand::Unlink { name }, false) if self.created.contains_key(&name) => {
                self.created.insert(name, Created::Failed);
            }
            (DiskCommand::Rename { from, to }, true) => {
                self.created.remove(&to);
                if let Some(created) = self.created.remove(&from) {
                    self.created.insert(to, created);
                }
            }
            _ => {}
        }
    }

    pub(super) fn restart(&mut self) {
        self.world.disk.process_ended();
        self.created.clear();
        self.locked = false;
    }

    /// Makes an external change. Returns `false` and changes nothing if this process holds the file
    /// open, because neither side follows external changes of an open file's name.
    pub(super) fn change_externally(&mut self, change: ExternalChange, name: Name) -> bool {
        if self.created.contains_key(&name) {
            return false;
        }
        let disk = &mut self.world.disk;
        disk.remove(name);
        match change {
            ExternalChange::Remove => {}
            ExternalChange::Garbage => disk.put_external(name, File::Garbage),
            ExternalChange::Empty => disk.put_external(name, File::Empty),
            ExternalChange::Truncated => disk.put_external(name, File::Torn),
            ExternalChange::Proper => disk.put_external(name, file(&proper(name))),
            ExternalChange::Public => {
                disk.put_external(name, file(&proper(name)));
                disk.open_to_others(name);
            }
            // The other name allows writes to the file, so it counts as a part.
            ExternalChange::Linked => disk.put_external(name, File::Torn),
            ExternalChange::Improper => disk.put_external(name, file(&improper(name))),
            ExternalChange::LinkElsewhere => disk.put_external(name, File::ForeignLink),
            ExternalChange::LinkToBundle => disk.put_external(name, File::Link(TARGETS[0])),
            ExternalChange::LinkToTemporary => disk.put_external(name, File::Link(TARGETS[1])),
            ExternalChange::Directory => disk.put_external(name, File::Directory),
        }
        true
    }

    pub(super) fn visible(&self) -> BTreeMap<Name, Visible> {
        let disk = &self.world.disk;
        let visible = |name: Name| {
            let public = disk.is_public(name);
            let of = |content: Content| {
                let bytes = Materials::get().bytes(&content).unwrap_or_default();
                Some(Visible::File(Bytes::new(&bytes), public))
            };
            match disk.read(name)? {
                File::Empty => Some(Visible::File(Bytes::new(b""), public)),
                File::Torn => Some(Visible::File(Bytes::Part, public)),
                File::Garbage => Some(Visible::File(Bytes::new(GARBAGE), public)),
                File::Bundle(Bundle { generation, issued, key, cert }) => {
                    let (key, cert) = (KeyHandle(key.into()), CertHandle(cert.into()));
                    of(Content::Bundle { generation, key, cert, issued })
                }
                File::Pending(Pending { generation, made, key }) => {
                    let key = KeyHandle(key.into());
                    of(Content::Pending { generation, key, made })
                }
                File::Link(target) => Some(Visible::Link(target)),
                File::ForeignLink => Some(Visible::LinkElsewhere),
                File::Directory => Some(Visible::Directory),
            }
        };
        disk.names().filter_map(|name| Some((name, visible(name)?))).collect()
    }
}

fn file(content: &Content) -> File {
    match *content {
        Content::Bundle { generation, key, cert, issued } => {
            File::Bundle(Bundle { generation, issued, key: key.0 as u32, cert: cert.0 as u32 })
        }
        Content::Pending { generation, key, made } => {
            File::Pending(Pending { generation, made, key: key.0 as u32 })
        }
    }
}
