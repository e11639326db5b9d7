//! The API server and its CAs, from the node's own kubeconfig or else the bootstrap one. Both may change at any time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::connection::LiveClient;
use crate::file_client;
use crate::kubeconfig::{self, Endpoint, FileError, Kubeconfig, KubeconfigError, Problem, Standing};
use crate::last_good::LastGood;
use crate::offload::Offload;

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
    /// Returns a source that reads each file by one of `offload`, and none yet.
    pub(crate) fn new(
        own: Option<(PathBuf, PathBuf)>,
        bootstrap: Option<PathBuf>,
        offload: impl Fn() -> Offload,
    ) -> Self {
        let (own_reads, bootstrap_reads) = (offload(), offload());
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
        match self.own().map(|read| read.block()) {
            Some(Ok(Some(own))) => {
                self.warn_of_bootstrap();
                Ok(self.accept(own))
            }
            None | Some(Ok(None)) => self.bootstrap_now().map(|found| self.accept(found)),
            Some(Err(error)) if matches!(error.problem, Problem::NotOurs { .. }) => {
                Err(NoServer::Unusable(error))
            }
            Some(Err(error)) => match self.bootstrap_now() {
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

    /// Finds the server again; the last good one if the files cannot be used now.
    pub(crate) async fn refresh(&self) -> Option<Arc<Found>> {
        let last = self.0.found.get();
        let own = match self.own() {
            Some(read) => read.wait().await,
            None => Ok(None),
        };
        let problem = match own {
            Ok(Some(own)) => return Some(self.accept(own)),
            Err(error) if last.as_ref().is_some_and(|last| last.is_own) => error,
            Ok(None) | Err(_) => match self.bootstrap() {
                None => return last,
                Some(read) => match read.wait().await {
                    Ok(found) => return Some(self.accept(found)),
                    Err(error) => error,
                },
            },
        };
        let name = format!("kubeconfig {}", problem.path.display());
        self.0.found.fall_back(&problem.problem, &name)
    }

    /// Lets this client use the present server and CAs.
    pub(crate) async fn update(&self, client: &LiveClient) {
        if let Some(found) = self.refresh().await {
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

    /// Returns the read of the node's own kubeconfig: `None` if none is given. Its result is `None` if it does not exist.
    fn own(&self) -> Option<Read<'_, Option<Found>>> {
        let (path, link) = self.0.own.as_ref()?;
        let link = link.clone();
        Some(Read::new(&self.0.own_reads, path, move |path| match kubeconfig::standing(path, &link)? {
            Standing::Ours(kubeconfig) => found(*kubeconfig, true).map(Some),
            Standing::Absent => Ok(None),
        }))
    }

    fn bootstrap(&self) -> Option<Read<'_, Found>> {
        let path = self.0.bootstrap.as_ref()?;
        Some(Read::new(&self.0.bootstrap_reads, path, |path| found(Kubeconfig::read(path)?, false)))
    }

    fn bootstrap_now(&self) -> Result<Found, NoServer> {
        self.bootstrap().ok_or(NoServer::NotGiven)?.block().map_err(NoServer::Unusable)
    }

    /// The bootstrap kubeconfig is not needed as long as there is a live certificate. Installers remove or empty it after
    /// the join.
    fn warn_of_bootstrap(&self) {
        let Some(path) = &self.0.bootstrap else { return };
        let read = Read::new(&self.0.bootstrap_reads, path, |path| file_client::read(path).map(drop));
        match read.block() {
            Ok(()) => {}
            Err(KubeconfigError { problem: Problem::Unread(FileError::Missing), .. }) => tracing::warn!(
                "there is no bootstrap kubeconfig at {}; if the certificate expires, the node cannot bootstrap without it",
                path.display()
            ),
            Err(error) => tracing::warn!(
                "bootstrap {error}; it is not needed now and is read again when it is; if the certificate expires, the node cannot bootstrap without it"
            ),
        }
    }
}

/// The read of a kubeconfig, by a thread.
struct Read<'a, T> {
    offload: &'a Offload,
    path: &'a Path,
    work: Box<dyn FnOnce() -> Result<T, KubeconfigError> + Send>,
}

impl<'a, T: Send + 'static> Read<'a, T> {
    fn new(
        offload: &'a Offload,
        path: &'a Path,
        work: impl FnOnce(&Path) -> Result<T, KubeconfigError> + Send + 'static,
    ) -> Self {
        let own = path.to_owned();
        Self { offload, path, work: Box::new(move || work(&own)) }
    }

    /// Blocks until it is done, at most for its deadline.
    fn block(self) -> Result<T, KubeconfigError> {
        self.offload.run(self.work).unwrap_or_else(|error| Err(KubeconfigError::new(self.path, error.into())))
    }

    /// As [`Read::block`], without blocking the event loop.
    async fn wait(self) -> Result<T, KubeconfigError> {
        let read = self.offload.run_async(self.work).await;
        read.unwrap_or_else(|error| Err(KubeconfigError::new(self.path, error.into())))
    }
}

fn found(kubeconfig: Kubeconfig, is_own: bool) -> Result<Found, KubeconfigError> {
    let endpoint = kubeconfig.endpoint()?;
    Ok(Found { kubeconfig, endpoint, is_own })
}
