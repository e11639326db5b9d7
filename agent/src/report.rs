//! What an operator reads: one line for each thing that core reports, which names it and says what to do about it.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use certrotate_core::api::{ApiFault, Credential};
use certrotate_core::disk::{DiskFault, Name, Place};
use certrotate_core::event::Event;
use certrotate_core::id::RequestDigest;
use certrotate_core::judge::Refusal;
use certrotate_store::PairName;
use certrotate_x509::request_name;
use tracing::Level;

use crate::fault_texts::FaultTexts;

/// Turns events into lines, with the names and texts that core does not know.
#[derive(Clone, Debug)]
pub struct Reporter {
    directory: PathBuf,
    pair: PairName,
    server: String,
    texts: FaultTexts,
}

/// How much a event should alarm.
#[must_use]
pub fn level(event: &Event) -> Level {
    match event {
        Event::Live { .. }
        | Event::Held { .. }
        | Event::Adopted { place: Place::Current | Place::Dated(_) | Place::Split, .. }
        | Event::AttemptStarted { .. }
        | Event::RequestPending { .. }
        | Event::RequestAbandoned { .. } => Level::INFO,
        Event::KeyFailed { .. }
        | Event::DiskTimedOut { .. }
        | Event::CallFailed { .. }
        | Event::CallTimedOut { .. }
        | Event::FileCorrupt { .. }
        | Event::OldTemplate { .. }
        | Event::OtherSubject { .. }
        | Event::Adopted { place: Place::Exposed(_), .. }
        | Event::Quarantined { .. } => Level::WARN,
        Event::FileRefused { .. }
        | Event::FileUnreadable { .. }
        | Event::CurrentLinkForeign { .. }
        | Event::Expired { .. }
        | Event::NotYetValid { .. }
        | Event::IdentityInMemory { .. }
        | Event::RequestInMemory { .. }
        | Event::ClockInvalid { .. }
        | Event::ClockSuspect { .. }
        | Event::RequestDenied { .. }
        | Event::RequestFailed { .. }
        | Event::RequestForeign { .. }
        | Event::RequestStuck { .. }
        | Event::CertificateRefused { .. }
        | Event::DiskFailed { .. } => Level::ERROR,
    }
}

impl Reporter {
    /// A reporter about the files of `pair` in `directory` and the API server at `server`.
    #[must_use]
    pub fn new(directory: &Path, pair: PairName, server: String, texts: FaultTexts) -> Self {
        Self { directory: directory.to_owned(), pair, server, texts }
    }

    /// Logs a event, and gives its line.
    pub fn report(&self, event: &Event) -> String {
        let line = self.line(event);
        match level(event) {
            Level::ERROR => tracing::error!("{line}"),
            Level::WARN => tracing::warn!("{line}"),
            _ => tracing::info!("{line}"),
        }
        line
    }

    /// The line for a event. It takes the texts that were left for it.
    #[must_use]
    pub fn line(&self, event: &Event) -> String {
        match event {
            Event::Live { generation, not_after, renew_at, shorter } => {
                let shorter = if *shorter { "; it ends before the one that it replaces" } else { "" };
                format!(
                    "certificate {generation} is live until {not_after}, to be renewed at {renew_at}{shorter}"
                )
            }
            Event::OldTemplate { generation } => format!(
                "certificate {generation} has other alternative names or usages than are asked for now; it is served until its successor is there"
            ),
            Event::OtherSubject { generation } => format!(
                "certificate {generation} is for another subject than is asked for now and is withdrawn; a new one is asked for with the bootstrap kubeconfig"
            ),
            Event::RequestAbandoned { request } => format!(
                "{0} is not wanted any more, since something else is asked for now; to remove it: kubectl delete csr {0}",
                request_name(request)
            ),
            Event::AttemptStarted { generation } => {
                format!("making key and request for certificate {generation}")
            }
            Event::Expired { generation, not_after } => format!(
                "certificate {generation} ended at {not_after} and is withdrawn; a new one is asked for with the bootstrap kubeconfig"
            ),
            Event::NotYetValid { generation, not_before } => format!(
                "certificate {generation} starts at {not_before}, but the local clock shows less; it is withheld until then; check the clock"
            ),
            Event::Held { .. } | Event::ClockInvalid { .. } | Event::ClockSuspect { .. } => self.clock(event),
            Event::Adopted { .. } | Event::IdentityInMemory { .. } | Event::RequestInMemory { .. } => {
                self.kept(event)
            }
            Event::KeyFailed { again_in } => {
                format!("no key could be made; trying again in {again_in}; check the system's randomness")
            }
            Event::CallFailed { credential, fault, again_in } => {
                format!("{}; trying again in {again_in}", self.call(*credential, *fault))
            }
            Event::CallTimedOut { credential, again_in } => format!(
                "the API server {} did not answer {} in time; trying again in {again_in}",
                self.server,
                who(*credential)
            ),
            Event::FileRefused { .. }
            | Event::FileCorrupt { .. }
            | Event::FileUnreadable { .. }
            | Event::CurrentLinkForeign { .. }
            | Event::Quarantined { .. }
            | Event::DiskTimedOut { .. }
            | Event::DiskFailed { .. } => self.disk(event),
            Event::RequestPending { .. }
            | Event::RequestDenied { .. }
            | Event::RequestFailed { .. }
            | Event::RequestForeign { .. }
            | Event::RequestStuck { .. }
            | Event::CertificateRefused { .. } => self.request(event),
        }
    }

    /// Where a key is that is in use.
    fn kept(&self, event: &Event) -> String {
        match event {
            Event::Adopted { generation, place: place @ Place::Exposed(_) } => format!(
                "{} could be read by others, or belongs to another user: certificate {generation} is in a file of its own now, and that one is removed; if anybody may have read its key, rotate now: kill -USR1",
                self.directory.join(self.pair.place(*place)).display()
            ),
            Event::Adopted { generation, place } => format!(
                "the key and certificate in {} are adopted as certificate {generation}: copied, and nothing else was changed",
                self.directory.join(self.pair.place(*place)).display()
            ),
            Event::IdentityInMemory { generation, not_after } => format!(
                "certificate {generation} is served from memory until {not_after}, because {} does not take it; it is written again and again; mend the disk before this process ends, or the certificate is lost",
                self.directory.display()
            ),
            Event::RequestInMemory { request } => format!(
                "request {} is made with a key that is in memory only, because {} does not take it; mend the disk",
                request_name(request),
                self.directory.display()
            ),
            _ => String::new(),
        }
    }

    fn clock(&self, event: &Event) -> String {
        match event {
            Event::Held { generation, not_before } => format!(
                "certificate {generation} starts at {not_before}; it is saved, goes live then, and nothing else is asked for until then"
            ),
            Event::ClockSuspect { not_before, wait } => format!(
                "the local clock shows less than {not_before}, when the certificate on disk starts, and there is no other; waiting for the clock to be set, for {wait} at most; check the clock"
            ),
            Event::ClockInvalid { built } => format!(
                "the local clock shows less than {built}, when this program was built; nothing is asked for or removed until the clock is set"
            ),
            _ => String::new(),
        }
    }

    fn path(&self, name: Name) -> PathBuf {
        self.directory.join(self.pair.file_name(name))
    }

    fn disk(&self, event: &Event) -> String {
        let show = |name: Name| self.path(name).display().to_string();
        let amiss =
            |name: Name, usual: &str| self.texts.remark(&self.path(name)).unwrap_or_else(|| usual.to_owned());
        match event {
            // What happens then is another line.
            Event::FileRefused { name, refusal: refusal @ Refusal::NotYetValid { .. } } => {
                format!("{} is not used: {refusal}; check the clock", show(*name))
            }
            Event::FileRefused { name, refusal } => format!(
                "{} is not used: {refusal}; a new certificate is asked for with the bootstrap kubeconfig",
                show(*name)
            ),
            Event::FileCorrupt { name } => {
                format!(
                    "{} is damaged and not used: {}; remove it",
                    show(*name),
                    amiss(*name, "it was changed")
                )
            }
            Event::FileUnreadable { name, fault } => format!(
                "{} cannot be read ({}) and is left alone; check the file system",
                show(*name),
                fault_text(*fault)
            ),
            Event::CurrentLinkForeign { again_in } => format!(
                "{} is not touched: {}; move it away, or give another --cert-dir; looking again in {again_in}",
                show(Name::Current),
                amiss(Name::Current, "it is not a link that certrotate made")
            ),
            Event::Quarantined { from, to } => format!(
                "{} is not used: {}; it was moved to {}: look at it, then remove it",
                show(*from),
                amiss(*from, "it is not what its name says"),
                show(*to)
            ),
            Event::DiskFailed { fault, again_in, .. } => {
                let text = self.texts.take_disk();
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

    fn request(&self, event: &Event) -> String {
        let name = |request: &RequestDigest| request_name(request);
        let said = || self.texts.take_call().map(|text| format!(" ({text})")).unwrap_or_default();
        match event {
            Event::RequestDenied { request, again_in } => format!(
                "{} was denied{}; asking again with a new key in {again_in}, or at once after kill -USR1",
                name(request),
                said()
            ),
            Event::RequestFailed { request, again_in } => format!(
                "the signer failed {0}{1}; see kubectl describe csr {0}; asking again with a new key in {again_in}",
                name(request),
                said()
            ),
            Event::RequestForeign { request, again_in } => format!(
                "{} on the server is somebody else's (other key, signer or usages); asking under another name in {again_in}",
                name(request)
            ),
            Event::RequestStuck { request, again_in } => format!(
                "{} was approved but never signed; check that a signer runs; asking again with a new key in {again_in}",
                name(request)
            ),
            Event::CertificateRefused { request, refusal, again_in } => {
                let said = if *refusal == Refusal::Unreadable { said() } else { String::new() };
                format!(
                    "the certificate issued for {} is refused: {refusal}{said}; nothing was written; check the signer; asking again with a new key in {again_in}",
                    name(request)
                )
            }
            Event::RequestPending { request } => format!(
                "{0} waits for approval; if nobody approves by rule: kubectl certificate approve {0}",
                name(request)
            ),
            other => format!("{other:?}"),
        }
    }

    fn call(&self, credential: Credential, fault: ApiFault) -> String {
        let (who, server) = (who(credential), &self.server);
        let said = self.texts.take_call().map(|text| format!(": {text}")).unwrap_or_default();
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
