//! The machine that C has, in the words of core.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use certrotate_core::facts::Chain;
use certrotate_core::{
    Action, Call, CertFacts, CertHandle, DiskCommand, DiskDone, DiskFault, Handle, Input, Inventory,
    IssuerFault, KeyDigest, KeyFault, KeyHandle, LeafDigest, MadeKey, MonoTime, Now, RequestDigest,
    RequestRecord, RequestState, Template, WallTime,
};

use crate::drive::Platform;
use crate::ffi;

/// The machine. Its disk is empty at the start. This example cannot read its own files back.
pub(crate) struct Board {
    pub(crate) template: Template,
    /// The public key of each key that was not erased yet.
    pub(crate) keys: Vec<(KeyHandle, KeyDigest)>,
    pub(crate) last_handle: u64,
    pub(crate) has_written: bool,
}

impl Board {
    fn next(&mut self) -> u64 {
        self.last_handle += 1;
        self.last_handle
    }

    fn make_key(&mut self) -> Result<MadeKey, KeyFault> {
        let made = ffi::make_key().ok_or(KeyFault::Failed)?;
        let (key, key_digest) = (KeyHandle(self.next()), KeyDigest(made.key_digest));
        self.keys.push((key, key_digest));
        Ok(MadeKey { key, key_digest, request: RequestDigest(made.request_digest) })
    }

    fn disk(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskFault> {
        if !ffi::disk(&format!("{command:?}")) {
            return Err(DiskFault::Io);
        }
        match command {
            DiskCommand::Scan if self.has_written => Err(DiskFault::Io),
            DiskCommand::Scan => Ok(DiskDone::Scanned(Box::new(Inventory::empty()))),
            command => {
                self.has_written |= command.mutates();
                Ok(DiskDone::Done)
            }
        }
    }

    fn call(&mut self, call: Call) -> Result<RequestRecord, IssuerFault> {
        let is_create = match call {
            Call::Create { .. } => true,
            Call::Get { .. } => false,
            Call::Watch { .. } => return Err(IssuerFault::WatchEnded),
        };
        let reply = ffi::call(is_create);
        // One attempt is open at a time, with the newest key.
        let key = self.keys.last().map(|(_, digest)| *digest).ok_or(IssuerFault::HandleGone)?;
        let state = match reply.status {
            ffi::PENDING => RequestState::Pending,
            ffi::ISSUED => RequestState::Issued {
                cert: CertHandle(self.next()),
                facts: CertFacts {
                    leaf: LeafDigest(reply.leaf_digest),
                    key,
                    subject: self.template.subject.clone(),
                    sans: self.template.sans.clone(),
                    usages: self.template.usages,
                    ca: false,
                    not_before: WallTime::from_unix_secs(reply.not_before),
                    not_after: WallTime::from_unix_secs(reply.not_after),
                    chain: Chain::Unchecked,
                },
            },
            _ => return Err(IssuerFault::Unreachable),
        };
        let Template { signer, usages, .. } = &self.template;
        Ok(RequestRecord {
            key: Some(key),
            signer: signer.clone(),
            usages: *usages,
            requester: String::new(),
            state,
        })
    }
}

impl Platform for Board {
    fn now(&mut self) -> Now {
        let clock = ffi::clock();
        Now::new(WallTime::from_unix_ms(clock.wall_ms), MonoTime::from_ms(clock.mono_ms))
    }

    fn carry_out(&mut self, action: &Action) -> Option<Input> {
        match *action {
            Action::Disk { op, ref command } => {
                return Some(Input::DiskAnswered { op, result: self.disk(command) });
            }
            Action::MakeKey { op, .. } => return Some(Input::KeyMade { op, result: self.make_key() }),
            Action::Call { op, call, .. } => {
                return Some(Input::CallAnswered { op, result: self.call(call) });
            }
            Action::GoLive { generation, .. } => ffi::present(generation.0),
            Action::Withdraw { .. } => ffi::present(0),
            Action::Report(ref event) => ffi::print(&format!("{event}")),
            Action::Cancel { .. } | Action::Exit(_) => {}
        }
        None
    }

    fn erase(&mut self, handles: &[Handle]) {
        self.keys.retain(|(key, _)| !handles.contains(&Handle::Key(*key)));
    }

    fn wait(&mut self, longest: Duration) -> Option<Input> {
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Some(if ffi::wait(longest) { Input::Tick } else { Input::Shutdown })
    }
}
