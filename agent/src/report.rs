//! What an operator reads: one line for each thing that core reports, which names it and says what to do about it.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use certrotate_core::api::{ApiFault, Credential};
use certrotate_core::disk::{DiskFault, Name, Place};
use certrotate_core::id::RequestDigest;
use certrotate_core::judge::Refusal;
use certrotate_core::notice::Notice;
use certrotate_store::PairName;
use certrotate_x509::request_name;
use tracing::Level;

use crate::details::Details;

/// Turns notices into lines, with the names and texts that core does not know.
#[derive(Clone, Debug)]
pub struct Reporter {
    directory: PathBuf,
    pair: PairName,
    server: String,
    details: Details,
}

/// How much a notice should alarm.
#[must_use]
pub fn level(notice: &Notice) -> Level {
    match notice {
        Notice::Live { .. }
        | Notice::Held { .. }
        | Notice::Adopted { place: Place::Live | Place::Dated(_) | Place::Split, .. }
        | Notice::AttemptStarted { .. }
        | Notice::RequestPending { .. }
        | Notice::RequestDropped { .. } => Level::INFO,
        Notice::KeyFailed { .. }
        | Notice::DiskTimedOut { .. }
        | Notice::CallFailed { .. }
        | Notice::CallTimedOut { .. }
        | Notice::FileCorrupt { .. }
        | Notice::Outdated { .. }
        | Notice::Unwanted { .. }
        | Notice::Adopted { place: Place::Exposed(_), .. }
        | Notice::Quarantined { .. } => Level::WARN,
        Notice::FileRefused { .. }
        | Notice::FileUnreadable { .. }
        | Notice::LiveNameForeign { .. }
        | Notice::Expired { .. }
        | Notice::NotYetValid { .. }
        | Notice::Unsaved { .. }
        | Notice::UnsavedRequest { .. }
        | Notice::ClockImplausible { .. }
        | Notice::ClockInDoubt { .. }
        | Notice::RequestDenied { .. }
        | Notice::RequestFailed { .. }
        | Notice::RequestForeign { .. }
        | Notice::RequestStuck { .. }
        | Notice::CertificateRefused { .. }
        | Notice::DiskFailed { .. } => Level::ERROR,
    }
}

impl Reporter {
    /// A reporter about the files of `pair` in `directory` and the API server at `server`.
    #[must_use]
    pub fn new(directory: &Path, pair: PairName, server: String, details: Details) -> Self {
        Self { directory: directory.to_owned(), pair, server, details }
    }

    /// Logs a notice, and gives its line.
    pub fn report(&self, notice: &Notice) -> String {
        let line = self.line(notice);
        match level(notice) {
            Level::ERROR => tracing::error!("{line}"),
            Level::WARN => tracing::warn!("{line}"),
            _ => tracing::info!("{line}"),
        }
        line
    }

    /// The line for a notice. It takes the texts that were left for it.
    #[must_use]
    pub fn line(&self, notice: &Notice) -> String {
        match notice {
            Notice::Live { generation, not_after, renew_at, shorter } => {
                let shorter = if *shorter { "; it ends before the one that it replaces" } else { "" };
                format!(
                    "certificate {generation} is live until {not_after}, to be renewed at {renew_at}{shorter}"
                )
            }
            Notice::Outdated { generation } => format!(
                "certificate {generation} has other alternative names or usages than are asked for now; it is served until its successor is there"
            ),
            Notice::Unwanted { generation } => format!(
                "certificate {generation} is for another subject than is asked for now and is withdrawn; a new one is asked for with the bootstrap kubeconfig"
            ),
            Notice::RequestDropped { request } => format!(
                "{0} is not wanted any more, since something else is asked for now; to remove it: kubectl delete csr {0}",
                request_name(request)
            ),
            Notice::AttemptStarted { generation } => {
                format!("making key and request for certificate {generation}")
            }
            Notice::Expired { generation, not_after } => format!(
                "certificate {generation} ended at {not_after} and is withdrawn; a new one is asked for with the bootstrap kubeconfig"
            ),
            Notice::NotYetValid { generation, not_before } => format!(
                "certificate {generation} starts at {not_before}, but the local clock shows less; it is withheld until then; check the clock"
            ),
            Notice::Held { .. } | Notice::ClockImplausible { .. } | Notice::ClockInDoubt { .. } => {
                self.clock(notice)
            }
            Notice::Adopted { .. } | Notice::Unsaved { .. } | Notice::UnsavedRequest { .. } => {
                self.kept(notice)
            }
            Notice::KeyFailed { again_in } => {
                format!("no key could be made; trying again in {again_in}; check the system's randomness")
            }
            Notice::CallFailed { credential, fault, again_in } => {
                format!("{}; trying again in {again_in}", self.call(*credential, *fault))
            }
            Notice::CallTimedOut { credential, again_in } => format!(
                "the API server {} did not answer {} in time; trying again in {again_in}",
                self.server,
                who(*credential)
            ),
            Notice::FileRefused { .. }
            | Notice::FileCorrupt { .. }
            | Notice::FileUnreadable { .. }
            | Notice::LiveNameForeign { .. }
            | Notice::Quarantined { .. }
            | Notice::DiskTimedOut { .. }
            | Notice::DiskFailed { .. } => self.disk(notice),
            Notice::RequestPending { .. }
            | Notice::RequestDenied { .. }
            | Notice::RequestFailed { .. }
            | Notice::RequestForeign { .. }
            | Notice::RequestStuck { .. }
            | Notice::CertificateRefused { .. } => self.request(notice),
        }
    }

    /// Where a key is that is in use.
    fn kept(&self, notice: &Notice) -> String {
        match notice {
            Notice::Adopted { generation, place: place @ Place::Exposed(_) } => format!(
                "{} could be read by others, or belongs to another user: certificate {generation} is in a file of its own now, and that one is removed; if anybody may have read its key, rotate now: kill -USR1",
                self.directory.join(self.pair.place(*place)).display()
            ),
            Notice::Adopted { generation, place } => format!(
                "the key and certificate in {} are adopted as certificate {generation}: copied, and nothing else was changed",
                self.directory.join(self.pair.place(*place)).display()
            ),
            Notice::Unsaved { generation, not_after } => format!(
                "certificate {generation} is served from memory until {not_after}, because {} does not take it; it is written again and again; mend the disk before this process ends, or the certificate is lost",
                self.directory.display()
            ),
            Notice::UnsavedRequest { request } => format!(
                "request {} is made with a key that is in memory only, because {} does not take it; mend the disk",
                request_name(request),
                self.directory.display()
            ),
            _ => String::new(),
        }
    }

    fn clock(&self, notice: &Notice) -> String {
        match notice {
            Notice::Held { generation, not_before } => format!(
                "certificate {generation} starts at {not_before}; it is saved, goes live then, and nothing else is asked for until then"
            ),
            Notice::ClockInDoubt { not_before, wait } => format!(
                "the local clock shows less than {not_before}, when the certificate on disk starts, and there is no other; waiting for the clock to be set, for {wait} at most; check the clock"
            ),
            Notice::ClockImplausible { built } => format!(
                "the local clock shows less than {built}, when this program was built; nothing is asked for or removed until the clock is set"
            ),
            _ => String::new(),
        }
    }

    fn path(&self, name: Name) -> PathBuf {
        self.directory.join(self.pair.file_name(name))
    }

    fn disk(&self, notice: &Notice) -> String {
        let show = |name: Name| self.path(name).display().to_string();
        let amiss = |name: Name, usual: &str| {
            self.details.remark(&self.path(name)).unwrap_or_else(|| usual.to_owned())
        };
        match notice {
            // What happens then is another line.
            Notice::FileRefused { name, refusal: refusal @ Refusal::NotYetValid { .. } } => {
                format!("{} is not used: {refusal}; check the clock", show(*name))
            }
            Notice::FileRefused { name, refusal } => format!(
                "{} is not used: {refusal}; a new certificate is asked for with the bootstrap kubeconfig",
                show(*name)
            ),
            Notice::FileCorrupt { name } => {
                format!(
                    "{} is damaged and not used: {}; remove it",
                    show(*name),
                    amiss(*name, "it was changed")
                )
            }
            Notice::FileUnreadable { name, fault } => format!(
                "{} cannot be read ({}) and is left alone; check the file system",
                show(*name),
                fault_text(*fault)
            ),
            Notice::LiveNameForeign { again_in } => format!(
                "{} is not touched: {}; move it away, or give another --cert-dir; looking again in {again_in}",
                show(Name::Live),
                amiss(Name::Live, "it is not a link that certrotate made")
            ),
            Notice::Quarantined { from, to } => format!(
                "{} is not used: {}; it was moved to {}: look at it, then remove it",
                show(*from),
                amiss(*from, "it is not what its name says"),
                show(*to)
            ),
            Notice::DiskFailed { fault, again_in, .. } => {
                let text = self.details.take_disk();
                let text = text.unwrap_or_else(|| {
                    format!("{}: {}; check the disk", self.directory.display(), fault_text(*fault))
                });
                format!("{text}; trying again in {again_in}")
            }
            _ => format!(
                "the disk of {} did not answer in time; looking at the directory again; check the file system",
                self.directory.display()
            ),
        }
    }

    fn request(&self, notice: &Notice) -> String {
        let name = |request: &RequestDigest| request_name(request);
        let said = || self.details.take_call().map(|text| format!(" ({text})")).unwrap_or_default();
        match notice {
            Notice::RequestDenied { request, again_in } => format!(
                "{} was denied{}; asking again with a new key in {again_in}, or at once after kill -USR1",
                name(request),
                said()
            ),
            Notice::RequestFailed { request, again_in } => format!(
                "the signer failed {0}{1}; see kubectl describe csr {0}; asking again with a new key in {again_in}",
                name(request),
                said()
            ),
            Notice::RequestForeign { request, again_in } => format!(
                "{} on the server is somebody else's (other key, signer or usages); asking under another name in {again_in}",
                name(request)
            ),
            Notice::RequestStuck { request, again_in } => format!(
                "{} was approved but never signed; check that a signer runs; asking again with a new key in {again_in}",
                name(request)
            ),
            Notice::CertificateRefused { request, refusal, again_in } => {
                let said = if *refusal == Refusal::Unreadable { said() } else { String::new() };
                format!(
                    "the certificate issued for {} is refused: {refusal}{said}; nothing was written; check the signer; asking again with a new key in {again_in}",
                    name(request)
                )
            }
            Notice::RequestPending { request } => format!(
                "{0} waits for approval; if nobody approves by rule: kubectl certificate approve {0}",
                name(request)
            ),
            other => format!("{other:?}"),
        }
    }

    fn call(&self, credential: Credential, fault: ApiFault) -> String {
        let (who, server) = (who(credential), &self.server);
        let said = self.details.take_call().map(|text| format!(": {text}")).unwrap_or_default();
        match fault {
            ApiFault::NoCredential => format!("{who} cannot be used{said}"),
            ApiFault::Unreachable => format!(
                "the API server {server} cannot be reached{said}; check address and certificate-authority in the kubeconfig"
            ),
            ApiFault::Unauthorized => format!(
                "the API server {server} does not accept {who}{said}; if it is expired or for another cluster, replace it"
            ),
            ApiFault::Forbidden => {
                format!("the API server {server} forbids it to {who}{said}; check its roles")
            }
            ApiFault::NotFound => {
                format!("the API server {server} does not have the request{said}; it is made again")
            }
            ApiFault::AlreadyExists => format!("the API server {server} has the request already{said}"),
            ApiFault::TooManyRequests { .. } => format!("the API server {server} asks for patience{said}"),
            ApiFault::Invalid => format!(
                "the API server {server} finds the request invalid{said}; check its version and admission rules"
            ),
            ApiFault::ServerError { .. } => format!("the API server {server} failed{said}; see its log"),
            ApiFault::WatchEnded | ApiFault::Unexpected => {
                format!(
                    "the answer of {server} was not understood{said}; check the address in the kubeconfig"
                )
            }
        }
    }
}

fn who(credential: Credential) -> String {
    match credential {
        Credential::Bootstrap => "the bootstrap credential".into(),
        Credential::Live(generation) => format!("the live certificate {generation}"),
    }
}

fn fault_text(fault: DiskFault) -> &'static str {
    match fault {
        DiskFault::NoSpace => "no space is left",
        DiskFault::ReadOnly => "the file system is read-only",
        DiskFault::Denied => "permission denied",
        DiskFault::Exists => "the name is taken",
        DiskFault::NotFound => "no such file",
        DiskFault::Locked => "another process has the directory",
        DiskFault::Unsafe => "the directory is unsafe",
        DiskFault::NoDirectory => "there is no directory",
        DiskFault::Io => "input/output error",
    }
}
