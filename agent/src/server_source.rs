//! The API server and its CAs, from the node's own kubeconfig or else the bootstrap one. Both may change at any time.

use std::path::PathBuf;
use std::sync::Arc;

use crate::connection::LiveClient;
use crate::file_client;
use crate::kubeconfig::{self, Endpoint, FileError, Kubeconfig, KubeconfigError, Problem, Standing};
use crate::last_good::LastGood;
use crate::offload::{Offload, blocking};

/// Finds the server, and finds it again at each use. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ServerSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The node's own kubeconfig, and the current link that it must name.
    own: Option<(PathBuf, PathBuf)>,
    own_reads: Offload,
    bootstrap: Option<PathBuf>,
    bootstrap_reads: Offload,
    found: LastGood<Found>,
}

/// A usable kubeconfig, and the server in it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) kubeconfig: Kubeconfig,
    pub(crate) endpoint: Endpoint,
    is_own: bool,
}

impl PartialEq for Found {
    /// Another file with the same server is no change.
    fn eq(&self, other: &Self) -> bool {
        self.endpoint == other.endpoint
    }
}

/// Why there is no server.
#[derive(Debug)]
pub(crate) enum NoServer {
    /// No kubeconfig is given, or the node's own one does not exist and there is no other.
    NotGiven,
    /// A kubeconfig cannot be used.
    Unusable(KubeconfigError),
}

impl ServerSource {
    /// Returns a source. It reads no file yet.
    pub(crate) fn new(own: Option<(PathBuf, PathBuf)>, bootstrap: Option<PathBuf>) -> Self {
        let (own_reads, bootstrap_reads) = (Offload::default(), Offload::default());
        Self(Arc::new(Inner { own, own_reads, bootstrap, bootstrap_reads, found: LastGood::default() }))
    }

    /// Finds the server at the start, and warns of a kubeconfig that is broken and not needed for that.
    ///
    /// It blocks, at most for a deadline for each file.
    ///
    /// # Errors
    ///
    /// No kubeconfig names a server; or the node's own one is good and names another pair, which a person must decide.
    pub(crate) fn start(&self) -> Result<Arc<Found>, NoServer> {
        match self.own() {
            Some(Ok(Some(own))) => {
                self.warn_of_bootstrap();
                Ok(self.accept(own))
            }
            None | Some(Ok(None)) => self.bootstrap().map(|found| self.accept(found)),
            Some(Err(error)) if matches!(error.problem, Problem::NotOurs { .. }) => {
                Err(NoServer::Unusable(error))
            }
            Some(Err(error)) => match self.bootstrap() {
                Ok(found) => {
                    tracing::warn!(
                        "{error}; it is left alone, the server is taken from the bootstrap kubeconfig, and the file is read again"
                    );
                    Ok(self.accept(found))
                }
                Err(NoServer::Unusable(_) | NoServer::NotGiven) => Err(NoServer::Unusable(error)),
            },
        }
    }

    /// Finds the server again; the last good one if the files cannot be used now. It blocks as [`ServerSource::start`] does.
    fn refresh(&self) -> Option<Arc<Found>> {
        let last = self.0.found.get();
        let problem = match self.own() {
            Some(Ok(Some(own))) => return Some(self.accept(own)),
            Some(Err(error)) if last.as_ref().is_some_and(|last| last.is_own) => error,
            None | Some(Ok(None) | Err(_)) => match self.bootstrap() {
                Ok(found) => return Some(self.accept(found)),
                Err(NoServer::Unusable(error)) => error,
                Err(NoServer::NotGiven) => return last,
            },
        };
        let name = format!("kubeconfig {}", problem.path.display());
        self.0.found.fall_back(&problem.problem, &name)
    }

    /// Lets this client use the present server and CAs.
    pub(crate) async fn update(&self, client: &LiveClient) {
        let source = self.clone();
        if let Ok(Some(found)) = blocking(move || source.refresh()).await {
            client.set_endpoint(found.endpoint.clone());
        }
    }

    /// Returns the kubeconfig that named the server last.
    pub(crate) fn last(&self) -> Option<Arc<Found>> {
        self.0.found.get()
    }

    fn accept(&self, found: Found) -> Arc<Found> {
        let name = format!("the API server in kubeconfig {}", found.kubeconfig.path.display());
        self.0.found.accept(found, &name, |found| found.endpoint.describe())
    }

    /// Reads the node's own kubeconfig: `None` if none is given, `Ok(None)` if it does not exist.
    fn own(&self) -> Option<Result<Option<Found>, KubeconfigError>> {
        let (path, link) = self.0.own.clone()?;
        let silent = |error: FileError| KubeconfigError::new(&path, error.into());
        let read = {
            let path = path.clone();
            self.0.own_reads.run(move || match kubeconfig::standing(&path, &link)? {
                Standing::Ours(kubeconfig) => found(*kubeconfig, true).map(Some),
                Standing::Absent => Ok(None),
            })
        };
        Some(read.unwrap_or_else(|error| Err(silent(error))))
    }

    fn bootstrap(&self) -> Result<Found, NoServer> {
        let path = self.0.bootstrap.clone().ok_or(NoServer::NotGiven)?;
        let silent = |error: FileError| KubeconfigError::new(&path, error.into());
        let read = {
            let path = path.clone();
            self.0.bootstrap_reads.run(move || found(Kubeconfig::read(&path)?, false))
        };
        read.unwrap_or_else(|error| Err(silent(error))).map_err(NoServer::Unusable)
    }

    /// The bootstrap kubeconfig is not needed as long as there is a live certificate. Installers remove or empty it after
    /// the join.
    fn warn_of_bootstrap(&self) {
        let Some(path) = self.0.bootstrap.clone() else { return };
        let read = {
            let path = path.clone();
            self.0.bootstrap_reads.run(move || file_client::read(&path).map(|_| ()))
        };
        match read {
            Ok(Ok(())) => {}
            Ok(Err(KubeconfigError { problem: Problem::Unread(FileError::Missing), .. })) => tracing::warn!(
                "there is no bootstrap kubeconfig at {}; if the certificate expires, the node cannot bootstrap without it",
                path.display()
            ),
            Ok(Err(error)) => warn_of_unneeded(&error),
            Err(error) => warn_of_unneeded(&KubeconfigError::new(&path, error.into())),
        }
    }
}

fn warn_of_unneeded(error: &KubeconfigError) {
    tracing::warn!(
        "bootstrap {error}; it is not needed now and is read again when it is; if the certificate expires, the node cannot bootstrap without it"
    );
}

fn found(kubeconfig: Kubeconfig, is_own: bool) -> Result<Found, KubeconfigError> {
    let endpoint = kubeconfig.endpoint()?;
    Ok(Found { kubeconfig, endpoint, is_own })
}
