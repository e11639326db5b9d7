//! A client by a kubeconfig file that may change at any time: a token is replaced, a certificate renewed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::connection::{BoxError, FixedClient};
use crate::kubeconfig::{Endpoint, Kubeconfig, Secret};

/// Reads the file anew for each client; as long as it and the files it names say the same, its connections serve.
#[derive(Debug)]
pub(crate) struct FileClient {
    path: PathBuf,
    last: Mutex<Option<(Endpoint, Secret, FixedClient)>>,
}

impl FileClient {
    /// Nothing is read before the first client is asked for.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, last: Mutex::default() }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The client that the file describes now.
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
