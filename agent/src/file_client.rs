//! A client from a kubeconfig file that may change at any time: a replaced token, a renewed certificate.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::connection::{BoxError, FixedClient};
use crate::edges::Dial;
use crate::kubeconfig::{Endpoint, Kubeconfig, KubeconfigError, Secret};
use crate::last_good::LastGood;
use crate::offload::Offload;

/// Reads the file for each client. While it and the files that it names are unchanged, the connections are reused.
pub(crate) struct FileClient {
    path: PathBuf,
    network: Arc<dyn Dial>,
    offload: Offload,
    last: LastGood<Client>,
}

/// A client, and what it was made of.
#[derive(Debug)]
struct Client {
    endpoint: Endpoint,
    secret: Secret,
    client: FixedClient,
}

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.endpoint == other.endpoint && self.secret == other.secret
    }
}

impl fmt::Debug for FileClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileClient").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FileClient {
    /// Returns a source of clients that connect over this network. `offload` reads the file, and none now.
    pub(crate) fn new(path: PathBuf, network: Arc<dyn Dial>, offload: Offload) -> Self {
        Self { path, network, offload, last: LastGood::default() }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the token of the last client, empty if it has none: no text for the log may have it.
    pub(crate) fn last_token(&self) -> Zeroizing<String> {
        let last = self.last.get();
        let token = last.as_ref().and_then(|last| last.client.token());
        Zeroizing::new(token.unwrap_or_default().to_owned())
    }

    /// Returns a client for the present content of the file; for the last good content if the file cannot be used, for
    /// instance because it is being written.
    ///
    /// # Errors
    ///
    /// The file, or the file with its credential, is missing: the credential was withdrawn. Or it was never good.
    pub(crate) async fn get(&self) -> Result<FixedClient, BoxError> {
        let name = format!("kubeconfig {}", self.path.display());
        let path = self.path.clone();
        let read = self.offload.run_async(move || read(&path)).await;
        match read.unwrap_or_else(|error| Err(KubeconfigError::new(&self.path, error.into()))) {
            Ok((endpoint, secret)) => {
                let client = match self.last.get() {
                    Some(last) if last.endpoint == endpoint && last.secret == secret => last.client.clone(),
                    Some(_) | None => FixedClient::over(&self.network, &endpoint, secret.duplicate())?,
                };
                Ok(self.last.accept(Client { endpoint, secret, client }, &name, describe).client.clone())
            }
            Err(error) if error.is_credential_missing() => {
                self.last.forget();
                Err(error.into())
            }
            Err(error) => match self.last.fall_back(&error.problem, &name) {
                Some(last) => Ok(last.client.clone()),
                None => Err(error.into()),
            },
        }
    }
}

impl fmt::Display for FileClient {
    /// The file and its last good content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = self.last.get().map_or_else(|| "not usable".to_owned(), |client| describe(&client));
        write!(f, "kubeconfig {}: {content}", self.path.display())
    }
}

/// Reads the kubeconfig and all files that it names.
pub(crate) fn read(path: &Path) -> Result<(Endpoint, Secret), KubeconfigError> {
    let kubeconfig = Kubeconfig::read(path)?;
    Ok((kubeconfig.endpoint()?, kubeconfig.secret()?))
}

fn describe(client: &Client) -> String {
    let credential = match client.secret {
        Secret::Token(_) => "a token",
        Secret::Certificate { .. } => "a client certificate",
    };
    format!("{}, {credential}", client.endpoint.describe())
}
