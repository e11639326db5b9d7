//! The driver's ports apart from [`crate::clock::Clock`] and [`crate::keystore::Keys`], and the answers that come through them.

use certrotate_core::disk::DiskCommand;
use certrotate_core::event::Event;
use certrotate_core::id::{CertHandle, Generation, KeyHandle, OpId};
use certrotate_core::input::Input;
use certrotate_core::issuer::{Call, Credential, IssuerFault, RequestRecord};

use crate::keystore::Staged;

/// An answer on its way to core, with the keys and chains that it refers to.
///
/// The keys and chains join the key store only in the step that gives the answer to core. An answer that never comes to a
/// step erases its own.
#[derive(Debug)]
pub struct Answer {
    /// The input for core.
    pub input: Input,
    pub(crate) staged: Staged,
}

impl From<Input> for Answer {
    fn from(input: Input) -> Self {
        Self { input, staged: Staged::default() }
    }
}

/// Calls the issuer: a port of the driver.
pub trait Issuer {
    /// Makes a call and returns its result, with the chain that the object holds.
    ///
    /// A watch returns when the object changes in a way that matters, or when the server closes the watch. The
    /// driver drops the future when core cancels the call.
    fn call(
        &self,
        call: Call,
        credential: Credential,
    ) -> impl Future<Output = (Result<RequestRecord, IssuerFault>, Staged)> + Send + 'static;
}

/// Queues disk commands: a port of the driver.
///
/// Commands run one after the other, in the order of submission. Each is answered by one [`Input::DiskAnswered`].
pub trait Directory {
    /// Queues a command and returns at once.
    fn submit(&self, op: OpId, command: DiskCommand);
}

/// Receives the live identity and the events for the operator: a port of the driver.
pub trait IdentitySink {
    /// Presents this identity from now on.
    fn go_live(&self, generation: Generation, key: KeyHandle, cert: CertHandle);
    /// Presents no identity from now on.
    fn withdraw(&self);
    /// Logs an event and returns the logged line.
    fn report(&self, event: &Event) -> String;
}
