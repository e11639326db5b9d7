//! All requests, page by page, and then every change, across every failure of the server.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use certrotate_controlplane::{Change, PortError};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http_body_util::Limited;
use hyper::body::Incoming;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest as Csr;
use kube_core::WatchEvent;
use kube_core::params::{ListParams, WatchParams};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, warn};

use super::api::Cluster;
use crate::kubernetes::{CallError, Events};
use crate::limits;

/// Objects per answer. Even with the largest requests that a server accepts, a page is far below the size limit.
const PAGE: u32 = 500;
/// Wait after the first failure; it doubles to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

pub(super) fn changes(cluster: Cluster) -> BoxStream<'static, Change> {
    let follower = Follower {
        cluster,
        version: None,
        events: None,
        opened: Instant::now(),
        ready: VecDeque::new(),
        failures: 0,
    };
    stream::unfold(follower, |mut follower| async move { Some((follower.next().await, follower)) }).boxed()
}

type CsrEvents = Events<Limited<Incoming>, Csr>;

struct Follower {
    cluster: Cluster,
    /// All changes up to this version are reported; `None`: the next step is a list.
    version: Option<String>,
    events: Option<CsrEvents>,
    /// When the last watch began.
    opened: Instant,
    ready: VecDeque<Change>,
    failures: u32,
}

impl Follower {
    async fn next(&mut self) -> Change {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return change;
            }
            match (&mut self.events, self.version.clone()) {
                (Some(events), _) => {
                    // The server closes the watch earlier. One that went silent counts as closed, too.
                    let event = timeout_at(self.opened + limits::WATCH, events.next()).await;
                    self.take_in(event.unwrap_or(None)).await;
                }
                (None, None) => match self.list().await {
                    Ok(change) => return change,
                    Err(error) => self.wait("list", &error).await,
                },
                (None, Some(version)) => match self.watch(&version).await {
                    Ok(events) => self.events = Some(events),
                    Err(error) => self.wait("watch", &error).await,
                },
            }
        }
    }

    async fn list(&mut self) -> Result<Change, PortError> {
        let mut all = Vec::new();
        let mut params = ListParams::default().fields(&self.selector()).limit(PAGE);
        loop {
            let api = self.cluster.requests().await?;
            let page = self.cluster.within(api.list(&params)).await?;
            all.extend(page.items.into_iter().map(Arc::new));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => {
                    self.version = page.metadata.resource_version;
                    return Ok(Change::All(all));
                }
            }
        }
    }

    async fn watch(&mut self, version: &str) -> Result<CsrEvents, PortError> {
        let seconds = u32::try_from(limits::WATCH_REQUESTED.as_secs()).unwrap_or(u32::MAX);
        let params = WatchParams::default().fields(&self.selector()).timeout(seconds);
        let api = self.cluster.requests().await?;
        let version = version.to_owned();
        let opened = async { api.watch(&params, &version).await };
        let events = self.cluster.within(opened).await?;
        self.opened = Instant::now();
        Ok(events)
    }

    fn selector(&self) -> String {
        format!("spec.signerName={}", self.cluster.0.signer)
    }

    async fn take_in(&mut self, event: Option<Result<WatchEvent<Csr>, CallError>>) {
        match event {
            Some(Ok(WatchEvent::Added(csr) | WatchEvent::Modified(csr))) => {
                self.seen(csr.metadata.resource_version.clone());
                self.ready.push_back(Change::Now(Arc::new(csr)));
            }
            Some(Ok(WatchEvent::Deleted(csr))) => {
                self.seen(csr.metadata.resource_version.clone());
                self.ready.push_back(Change::Gone(csr.metadata.name.unwrap_or_default()));
            }
            Some(Ok(WatchEvent::Bookmark(bookmark))) => self.seen(Some(bookmark.metadata.resource_version)),
            Some(Ok(WatchEvent::Error(status))) => {
                debug!(code = status.code, "the watch must restart with a list");
                self.events = None;
                self.version = None;
                self.pause().await;
            }
            Some(Err(error)) => {
                self.events = None;
                self.wait("watch", &self.cluster.failed(&error)).await;
            }
            // The watch timed out. The pause grows between watches that a server closes at once.
            None => {
                self.events = None;
                if self.opened.elapsed() > LONGEST {
                    self.failures = 0;
                } else {
                    self.pause().await;
                }
            }
        }
    }

    fn seen(&mut self, version: Option<String>) {
        self.failures = 0;
        self.version = version.or(self.version.take());
    }

    async fn wait(&mut self, what: &str, error: &PortError) {
        if self.failures == 0 {
            warn!(%error, "cannot {what} the requests; trying again");
        } else {
            debug!(%error, failures = self.failures, "cannot {what} the requests; trying again");
        }
        // Changes since this version are lost: only a list shows what was deleted.
        if *error == PortError::Stale {
            self.version = None;
        }
        self.pause().await;
    }

    async fn pause(&mut self) {
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        sleep(wait).await;
    }
}
