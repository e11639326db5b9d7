//! The operator's log: one line for each event of core, which names the thing and the remedy.

pub(crate) mod steps;
mod texts;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use certrotate_core::disk::{DiskFault, Name, Place};
use certrotate_core::event::{Event, Severity};
use certrotate_core::id::{Generation, RequestDigest};
use certrotate_core::issuer::{Credential, IssuerFault};
use certrotate_core::judge::Refusal;
use certrotate_core::time::{Span, WallTime};
use certrotate_store::PairName;
use certrotate_x509::request_name;

use crate::fault_texts::FaultTexts;
use texts::{
    BOOTSTRAP_IS_USED, expired, handle_gone, other_subject, request_abandoned, request_foreign,
    request_of_expired, request_pending, request_stuck,
};

/// Turns events into lines, with the file names and texts that core does not have.
#[derive(Clone, Debug)]
pub struct Reporter {
    directory: PathBuf,
    pair: PairName,
    server: String,
    texts: FaultTexts,
}

impl Reporter {
    /// Returns a reporter for the files of `pair` in `directory` and the API server at `server`.
    #[must_use]
    pub fn new(directory: &Path, pair: PairName, server: String, texts: FaultTexts) -> Self {
        Self { directory: directory.to_owned(), pair, server, texts }
    }

    /// Logs an event and returns its line.
    pub fn report(&self, event: &Event) -> String {
        let line = self.line(event);
        match event.severity() {
            Severity::Error => tracing::error!("{line}"),
            Severity::Warning => tracing::warn!("{line}"),
            Severity::Info => tracing::info!("{line}"),
        }
        line
    }

    /// Returns the line for an event. It takes the texts that the ports left for it.
    #[must_use]
    pub fn line(&self, event: &Event) -> String {
        match *event {
            Event::OtherSubject { generation } => other_subject(generation),
            Event::Expired { generation, not_after } => expired(generation, not_after),
            Event::Adopted { generation, place } => self.adopted(generation, place),
            Event::IdentityInMemory { generation, not_after } => {
                self.identity_in_memory(generation, not_after)
            }
            Event::RequestInMemory { ref request } => self.request_in_memory(request),
            Event::FileRefused { name, ref refusal } => self.file_refused(name, refusal),
            Event::FileUnreadable { name, fault } => self.file_unreadable(name, fault),
            Event::CurrentLinkForeign { again_in } => self.current_link_foreign(again_in),
            Event::CurrentLinkUnusable { ref refusal } => self.current_link_unusable(refusal.as_ref()),
            Event::Quarantined { from, to } => self.quarantined(from, to),
            Event::DiskFailed { fault, again_in, .. } => self.disk_failed(fault, again_in),
            Event::DiskTimedOut { .. } => self.disk_timed_out(),
            Event::CallFailed { credential, fault, again_in } => {
                format!("{}; trying again in {again_in}", self.call(credential, fault))
            }
            Event::CallTimedOut { credential, again_in } => self.call_timed_out(credential, again_in),
            Event::RequestPending { ref request } => request_pending(request),
            Event::RequestAbandoned { ref request } => request_abandoned(request),
            Event::RequestOfExpired { ref request } => request_of_expired(request),
            Event::RequestDenied { ref request, again_in } => self.request_denied(request, again_in),
            Event::RequestFailed { ref request, again_in } => self.request_failed(request, again_in),
            Event::RequestForeign { ref request, again_in } => request_foreign(request, again_in),
            Event::RequestStuck { ref request, again_in } => request_stuck(request, again_in),
            Event::HandleGone { ref request, again_in } => handle_gone(request, again_in),
            Event::CertificateRefused { ref request, ref refusal, again_in } => {
                self.certificate_refused(request, refusal, again_in)
            }
            // Core says it all.
            _ => event.to_string(),
        }
    }

    // Where a key is.

    fn adopted(&self, generation: Generation, place: Place) -> String {
        let file = self.directory.join(self.pair.place(place));
        let file = file.display();
        match place {
            Place::Exposed(_) => format!(
                "{file} was readable by others, or belongs to another user: certificate {generation} is in a file of its own now, and {file} is removed; if another user may have read its key, rotate now: kill -USR1"
            ),
            Place::Current | Place::Dated(_) | Place::Split => format!(
                "the key and certificate in {file} are adopted as certificate {generation}: copied, and nothing else was changed"
            ),
        }
    }

    fn identity_in_memory(&self, generation: Generation, not_after: WallTime) -> String {
        format!(
            "certificate {generation} is in memory only until {not_after}, because {} cannot be written; the write is repeated; repair the disk before this process ends, or the certificate is lost",
            self.directory.display()
        )
    }

    fn request_in_memory(&self, request: &RequestDigest) -> String {
        format!(
            "request {} is made with a key that is in memory only, because {} cannot be written; repair the disk",
            request_name(request),
            self.directory.display()
        )
    }

    // Files.

    fn path(&self, name: Name) -> PathBuf {
        self.directory.join(self.pair.file_name(name))
    }

    /// The remark of the last scan about this file, else the usual one.
    fn remark(&self, name: Name, usual: &str) -> String {
        self.texts.remark(&self.path(name)).unwrap_or_else(|| usual.to_owned())
    }

    fn file_refused(&self, name: Name, refusal: &Refusal) -> String {
        let file = self.path(name);
        let file = file.display();
        if let Refusal::NotYetValid { .. } = refusal {
            // Another event says whether the certificate is held, or the clock suspect.
            return format!("{file} is not used: {refusal}; check the clock");
        }
        if let Refusal::Expired { .. } = refusal {
            return format!("{file} is not used: {refusal}; {BOOTSTRAP_IS_USED}");
        }
        format!("{file} is not used: {refusal}; a new certificate is requested with the bootstrap kubeconfig")
    }

    fn file_unreadable(&self, name: Name, fault: DiskFault) -> String {
        format!(
            "{} cannot be read ({}) and is left alone; check the file system",
            self.path(name).display(),
            fault
        )
    }

    fn current_link_foreign(&self, again_in: Span) -> String {
        format!(
            "{} is not touched: {}; move it away, or give another --cert-dir; scanning again in {again_in}",
            self.path(Name::Current).display(),
            self.remark(Name::Current, "it is not a link that certrotate made")
        )
    }

    fn current_link_unusable(&self, refusal: Option<&Refusal>) -> String {
        let remark = self.remark(Name::Current, "it leads to no certificate with its key");
        format!(
            "{} is not used: {}; certrotate goes on without it, and repoints the link when it has a certificate; the file behind it stays as it is",
            self.path(Name::Current).display(),
            refusal.map_or_else(|| remark.clone(), |refusal| format!("{remark}, and of its pair: {refusal}"))
        )
    }

    fn quarantined(&self, from: Name, to: Name) -> String {
        format!(
            "{} is not used: {}; it was moved to {}: inspect it, then remove it",
            self.path(from).display(),
            self.remark(from, "it is not what its name says"),
            self.path(to).display()
        )
    }

    fn disk_failed(&self, fault: DiskFault, again_in: Span) -> String {
        let text = self
            .texts
            .take_disk()
            .unwrap_or_else(|| format!("{}: {}; check the disk", self.directory.display(), fault));
        format!("{text}; trying again in {again_in}")
    }

    fn disk_timed_out(&self) -> String {
        format!(
            "the disk of {} did not answer in time; scanning the directory again; check the file system",
            self.directory.display()
        )
    }

    // Requests and calls.

    /// The text of the last call, in brackets.
    fn call_text(&self) -> String {
        self.texts.take_call().map(|text| format!(" ({text})")).unwrap_or_default()
    }

    fn request_denied(&self, request: &RequestDigest, again_in: Span) -> String {
        format!(
            "{} was denied{}; requesting again with a new key in {again_in}, or at once after kill -USR1",
            request_name(request),
            self.call_text()
        )
    }

    fn request_failed(&self, request: &RequestDigest, again_in: Span) -> String {
        format!(
            "the signer failed {0}{1}; see kubectl describe csr {0}; requesting again with a new key in {again_in}",
            request_name(request),
            self.call_text()
        )
    }

    fn certificate_refused(&self, request: &RequestDigest, refusal: &Refusal, again_in: Span) -> String {
        let text = match refusal {
            // The API client left the reason, or which certificate of the chain it is.
            Refusal::Unreadable
            | Refusal::Expired { .. }
            | Refusal::NotYetValid { .. }
            | Refusal::TooShort { .. } => self.call_text(),
            _ => String::new(),
        };
        format!(
            "the certificate issued for {} is refused: {refusal}{text}; nothing was written; check the signer; requesting again with a new key in {again_in}",
            request_name(request)
        )
    }

    fn call_timed_out(&self, credential: Credential, again_in: Span) -> String {
        format!(
            "the API server {} did not answer {} in time; trying again in {again_in}",
            self.server, credential
        )
    }

    fn call(&self, credential: Credential, fault: IssuerFault) -> String {
        let (who, server) = (credential, &self.server);
        let text = self.texts.take_call().map(|text| format!(": {text}")).unwrap_or_default();
        match fault {
            IssuerFault::NoCredential => format!("{who} cannot be used{text}"),
            IssuerFault::Unreachable if !text.is_empty() => {
                // The text has the remedy: `connection/explain.rs`.
                format!("the API server {server} cannot be reached{text}")
            }
            IssuerFault::Unreachable => {
                format!("the API server {server} cannot be reached; check the address in the kubeconfig")
            }
            IssuerFault::NotAuthenticated => format!(
                "the API server {server} does not accept {who}{text}; if it is expired or for another cluster, replace it"
            ),
            IssuerFault::NotPermitted => {
                format!("the API server {server} forbids it to {who}{text}; check its roles")
            }
            IssuerFault::NotFound => {
                format!("the API server {server} does not have the request{text}; it is made again")
            }
            IssuerFault::AlreadyExists => format!("the API server {server} has the request already{text}"),
            IssuerFault::Throttled { .. } => format!("the API server {server} limits requests{text}"),
            IssuerFault::Invalid => format!(
                "the API server {server} rejects the request as invalid{text}; check its version and admission rules"
            ),
            IssuerFault::Unavailable { .. } => format!("the API server {server} failed{text}; see its log"),
            IssuerFault::WatchEnded | IssuerFault::Unexpected => {
                format!(
                    "the answer of {server} was not understood{text}; check the address in the kubeconfig"
                )
            }
            _ => format!("{fault}{text}"),
        }
    }
}
