//! The real parts: a certificate directory, keys, an issuer, the system's clocks and a slot for TLS.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certrotate_core::config::Template;
use certrotate_core::id::{CertHandle, Generation, Handle, KeyHandle, OpId, RunId};
use certrotate_core::input::{Action, Disposition, Input, KeyFault};
use certrotate_core::issuer::{Call, Credential};
use certrotate_core::rotator::Step;
use certrotate_core::time::Now;
use certrotate_keys::{KeyStore, Staged, Staging};
use certrotate_store::{PairName, PairNameError, Store};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::answer::Answer;
use crate::clocks;
use crate::live::{Identity, Live};
use crate::parts::{Outgoing, Parts, Sleep};

/// An issuer, without its transport.
pub trait Issuer: Send + Sync {
    /// Begins a call. Its answer has the keys and chains that it names.
    fn call(&self, keys: &KeyStore, op: OpId, call: Call, credential: Credential) -> Outgoing;
}

/// The parts of one identity. Cheap to clone: a clone has the same parts.
#[derive(Clone)]
pub struct Node(Arc<Shared>);

struct Shared {
    name: &'static str,
    keys: KeyStore,
    staging: Staging,
    store: Mutex<Store<Staging>>,
    issuer: Box<dyn Issuer>,
    live: Live,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("name", &self.0.name).finish_non_exhaustive()
    }
}

impl Node {
    /// Returns the parts of the identity `name` (the pair name of its files) in this directory.
    ///
    /// # Errors
    ///
    /// The name is no pair name.
    pub fn new(
        name: &'static str,
        directory: &Path,
        template: Template,
        issuer: impl Issuer + 'static,
        live: Live,
    ) -> Result<Self, PairNameError> {
        let keys = KeyStore::new(template);
        let staging = Staging::new(keys.clone());
        let store = Store::new(directory, PairName::new(name)?, None, staging.clone());
        let (store, issuer) = (Mutex::new(store), Box::new(issuer));
        Ok(Self(Arc::new(Shared { name, keys, staging, store, issuer, live })))
    }

    /// Returns the slot of its live identity.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    fn go_live(&self, generation: Generation, key: KeyHandle, cert: CertHandle) -> Result<(), String> {
        let lent = self.0.keys.lend(key, cert, |key, chain, facts| {
            let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.pkcs8_der()));
            Identity::new(generation, (facts.not_before, facts.not_after), &der, chain.ders().to_vec())
        });
        let identity =
            lent.map_err(|gone| gone.to_string())?.map_err(|error: rustls::Error| error.to_string())?;
        self.0.live.set(Some(identity));
        Ok(())
    }
}

impl Parts for Node {
    fn run_id(&self) -> RunId {
        crate::run_id()
    }

    fn now(&self) -> Now {
        clocks::now()
    }

    fn accept(&self, staged: Staged, input: &Input) {
        if let Err(full) = self.0.keys.accept(staged, input) {
            eprintln!("{}: {full}", self.0.name);
        }
    }

    fn stepped(&self, _: Now, input: &Input, step: &Step) {
        if let (Input::Reconfigure(config), Disposition::Applied) = (input, step.disposition) {
            self.0.keys.set_template(config.template());
        }
    }

    fn finish(&self, action: &Action) -> Answer {
        match *action {
            Action::Disk { op, command } => {
                // Nothing panics while it is locked.
                let result = self.0.store.lock().unwrap_or_else(PoisonError::into_inner).run(&command);
                let result = result.map_err(|fault| {
                    eprintln!("{}: {fault}", self.0.name);
                    fault.kind
                });
                Answer { input: Input::DiskAnswered { op, result }, staged: self.0.staging.take() }
            }
            Action::MakeKey { op, duration } => match self.0.keys.make(duration) {
                Ok((made, staged)) => Answer { input: Input::KeyMade { op, result: Ok(made) }, staged },
                Err(error) => {
                    eprintln!("{}: no key: {error}", self.0.name);
                    Input::KeyMade { op, result: Err(KeyFault::Failed) }.into()
                }
            },
            // A tick does no harm. The loop gives no other action here.
            _ => Input::Tick.into(),
        }
    }

    fn call(&self, op: OpId, call: Call, credential: Credential) -> Outgoing {
        self.0.issuer.call(&self.0.keys, op, call, credential)
    }

    fn apply(&self, action: &Action) {
        match *action {
            Action::GoLive { generation, key, cert } => {
                if let Err(error) = self.go_live(generation, key, cert) {
                    eprintln!("{}: certificate {generation} cannot be presented: {error}", self.0.name);
                    self.0.live.set(None);
                }
            }
            Action::Withdraw { .. } => self.0.live.set(None),
            Action::Report(ref event) => {
                println!("{}: {event}", self.0.name);
            }
            // The loop cancels a call; everything else is answered.
            _ => {}
        }
    }

    fn erase(&self, handles: &[Handle]) {
        self.0.keys.erase(handles);
    }

    fn sleep(&self, longest: Duration) -> Sleep {
        Sleep::Until(longest)
    }
}
