//! The handles of a driver's keys and chains, and the model's numbers behind them.
//!
//! The model gives a key one number for good. A driver never uses a handle twice, so each answer gets new ones.

use std::collections::BTreeMap;

use certrotate_core::disk::{Content, DiskCommand, DiskDone, Found};
use certrotate_core::id::{CertHandle, Handle, KeyHandle};
use certrotate_core::input::{Action, Input};
use certrotate_core::issuer::{Call, RequestState};

#[derive(Clone, Debug, Default)]
pub(super) struct Handles {
    last: u64,
    keys: BTreeMap<KeyHandle, KeyHandle>,
    certs: BTreeMap<CertHandle, CertHandle>,
}

impl Handles {
    /// Gives new handles to the keys and chains of an answer.
    pub(super) fn give(&mut self, input: &mut Input) {
        match input {
            Input::KeyMade { result: Ok(made), .. } => self.key(&mut made.key),
            Input::CallAnswered { result: Ok(object), .. } => {
                if let RequestState::Issued { cert, .. } = &mut object.state {
                    self.cert(cert);
                }
            }
            Input::DiskAnswered { result: Ok(DiskDone::Scanned(inventory)), .. } => {
                for entry in &mut inventory.entries {
                    match &mut entry.found {
                        Found::Bundle(found) => {
                            self.key(&mut found.key);
                            self.cert(&mut found.cert);
                        }
                        Found::Pending(found) => self.key(&mut found.key),
                        Found::Unread | Found::Corrupt | Found::Unreadable(_) => {}
                    }
                }
                for pair in &mut inventory.outside {
                    self.key(&mut pair.key);
                    self.cert(&mut pair.cert);
                }
            }
            Input::Tick
            | Input::DiskAnswered { .. }
            | Input::KeyMade { .. }
            | Input::CallAnswered { .. }
            | Input::RotateNow
            | Input::Reconfigure(_)
            | Input::Shutdown => {}
        }
    }

    fn key(&mut self, key: &mut KeyHandle) {
        self.last += 1;
        self.keys.insert(KeyHandle(self.last), *key);
        *key = KeyHandle(self.last);
    }

    fn cert(&mut self, cert: &mut CertHandle) {
        self.last += 1;
        self.certs.insert(CertHandle(self.last), *cert);
        *cert = CertHandle(self.last);
    }

    /// Returns the action with the model's numbers; `None` if a key or chain of it was erased.
    pub(super) fn numbered(&self, action: &Action) -> Option<Action> {
        let mut action = action.clone();
        match &mut action {
            Action::Disk { command: DiskCommand::Write { content, .. }, .. } => match content {
                Content::Pending { key, .. } => *key = *self.keys.get(key)?,
                Content::Bundle { key, cert, .. } => {
                    (*key, *cert) = (*self.keys.get(key)?, *self.certs.get(cert)?);
                }
            },
            Action::Call { call: Call::Create { key }, .. } => *key = *self.keys.get(key)?,
            Action::Disk { .. }
            | Action::MakeKey { .. }
            | Action::Call { .. }
            | Action::Cancel { .. }
            | Action::GoLive { .. }
            | Action::Withdraw { .. }
            | Action::Report(_)
            | Action::Exit(_) => {}
        }
        Some(action)
    }

    /// The driver erased these.
    pub(super) fn erase(&mut self, handles: &[Handle]) {
        for handle in handles {
            match handle {
                Handle::Key(key) => drop(self.keys.remove(key)),
                Handle::Cert(cert) => drop(self.certs.remove(cert)),
            }
        }
    }

    /// The process ended, and its memory is gone. Handles go on counting: a late answer of this run meets no new one.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.certs.clear();
    }
}
