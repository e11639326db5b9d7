//! A client from a kubeconfig file that may change at any time: a replaced token, a renewed certificate.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::connection::{BoxError, FixedClient};
use crate::kubeconfig::{Endpoint, Kubeconfig, Secret};

/// Reads the file for each client. While it and the files that it names are unchanged, the connections are reused.
#[derive(Debug)]
pub(crate) struct FileClient {
    path: PathBuf,
    last: Mutex<Option<(Endpoint, Secret, FixedClient)>>,
}

impl FileClient {
    /// Returns a source of clients. It reads no file yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, last: Mutex::default() }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the token of the last client, empty if it has none: no text for the log may have it.
    pub(crate) fn last_token(&self) -> Zeroizing<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let token = last.as_ref().and_then(|(_, _, client)| client.token());
        Zeroizing::new(token.unwrap_or_default().to_owned())
    }

    /// Returns a client for the present content of the file.
    pub(crate) fn get(&self) -> Result<FixedClient, BoxError> {
        let kubeconfig = Kubeconfig::read(&self.path)?;
        let (endpoint, secret) = (kubeconfig.endpoint()?, kubeconfig.secret()?);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, used, client)) = &*last
            && *known == endpoint
            && *used == secret
        {
            return Ok(client.clone());
        }
        let client = FixedClient::new(&endpoint, kubeconfig.secret()?)?;
        *last = Some((endpoint, secret, client.clone()));
        Ok(client)
    }
}
