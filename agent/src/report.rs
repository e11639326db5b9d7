//! What an operator reads: one line for each thing that core reports, with what to do about it.

use certrotate_core::api::{ApiFault, Credential};
use certrotate_core::disk::DiskFault;
use certrotate_core::notice::Notice;
use certrotate_x509::request_name;
use tracing::{error, info, warn};

/// Logs a notice.
pub fn notice(notice: &Notice) {
    match notice {
        Notice::Live { .. } | Notice::AttemptStarted { .. } => info!("{}", text(notice)),
        Notice::RequestPending { .. } | Notice::KeyFailed { .. } | Notice::DiskTimedOut { .. } => {
            warn!("{}", text(notice));
        }
        Notice::CallFailed { .. } | Notice::CallTimedOut { .. } | Notice::Quarantined { .. } => {
            warn!("{}", text(notice))
        }
        Notice::FileRefused { .. }
        | Notice::FileCorrupt { .. }
        | Notice::FileUnreadable { .. }
        | Notice::LiveNameForeign { .. }
        | Notice::Expired { .. }
        | Notice::NotYetValid { .. }
        | Notice::RequestDenied { .. }
        | Notice::RequestFailed { .. }
        | Notice::RequestForeign { .. }
        | Notice::RequestStuck { .. }
        | Notice::CertificateRefused { .. }
        | Notice::DiskFailed { .. } => error!("{}", text(notice)),
    }
}

/// The line for a notice.
#[must_use]
pub fn text(notice: &Notice) -> String {
    match notice {
        Notice::Live { generation, not_after, renew_at, shorter } => {
            let shorter = if *shorter { "; it ends before the one that it replaces" } else { "" };
            format!(
                "certificate {generation} is live until {not_after}, to be renewed at {renew_at}{shorter}"
            )
        }
        Notice::AttemptStarted { generation } => {
            format!("making key and request for certificate {generation}")
        }
        Notice::FileRefused { name, refusal } => {
            format!(
                "{name} is not used: {refusal}; a new certificate is asked for with the bootstrap kubeconfig"
            )
        }
        Notice::FileCorrupt { name } => format!("{name} is damaged and not used"),
        Notice::FileUnreadable { name, fault } => {
            format!("{name} cannot be read ({}) and is left alone; check the file system", disk(*fault))
        }
        Notice::LiveNameForeign { again_in } => format!(
            "current.pem is not a link that certrotate made, and is not touched; move it away, or give another --cert-dir; looking again in {again_in}"
        ),
        Notice::Quarantined { from, to } => format!(
            "{from} is damaged (empty, cut short, changed or not made by certrotate) and was moved to {to}; look at it, then remove it"
        ),
        Notice::Expired { generation, not_after } => format!(
            "certificate {generation} ended at {not_after} and is withdrawn; a new one is asked for with the bootstrap kubeconfig"
        ),
        Notice::NotYetValid { generation, not_before } => format!(
            "certificate {generation} starts at {not_before}, but the local clock shows less; it is withheld until then; check the clock"
        ),
        Notice::KeyFailed { again_in } => format!("no key could be made; trying again in {again_in}"),
        Notice::DiskTimedOut { command } => {
            format!(
                "the disk did not answer in time ({command:?}); looking at the directory again; check the file system"
            )
        }
        Notice::DiskFailed { fault, again_in, .. } => {
            format!("a disk operation failed: {}; trying again in {again_in}", disk(*fault))
        }
        Notice::CallFailed { .. } | Notice::CallTimedOut { .. } => call(notice),
        Notice::RequestPending { .. }
        | Notice::RequestDenied { .. }
        | Notice::RequestFailed { .. }
        | Notice::RequestForeign { .. }
        | Notice::RequestStuck { .. }
        | Notice::CertificateRefused { .. } => request(notice),
    }
}

fn request(notice: &Notice) -> String {
    match notice {
        Notice::RequestPending { request } => {
            let name = request_name(request);
            format!(
                "{name} waits for approval; if nobody approves by rule: kubectl certificate approve {name}"
            )
        }
        Notice::RequestDenied { request, again_in } => format!(
            "{} was denied; asking again with a new key in {again_in}, or at once after kill -USR1",
            request_name(request)
        ),
        Notice::RequestFailed { request, again_in } => format!(
            "the signer failed {}; see kubectl describe csr; asking again with a new key in {again_in}",
            request_name(request)
        ),
        Notice::RequestForeign { request, again_in } => format!(
            "{} on the server is somebody else's (other key, signer or usages); asking under another name in {again_in}",
            request_name(request)
        ),
        Notice::RequestStuck { request, again_in } => format!(
            "{} was approved but never signed; check that a signer runs; asking again with a new key in {again_in}",
            request_name(request)
        ),
        Notice::CertificateRefused { request, refusal, again_in } => format!(
            "the certificate issued for {} is refused: {refusal}; nothing was written; check the signer; asking again with a new key in {again_in}",
            request_name(request)
        ),
        other => format!("{other:?}"),
    }
}

fn call(notice: &Notice) -> String {
    match notice {
        Notice::CallFailed { credential, fault, again_in } => {
            let who = who(*credential);
            let what = match fault {
                ApiFault::NoCredential => format!("{who} cannot be used; check the kubeconfig"),
                ApiFault::Unreachable => {
                    "the API server cannot be reached; check its address and its certificate".into()
                }
                ApiFault::Unauthorized => {
                    format!(
                        "the API server does not accept {who} (401); is it expired, or for another cluster?"
                    )
                }
                ApiFault::Forbidden => format!("{who} may not do that (403); check its roles"),
                ApiFault::NotFound => "the request is not on the server (404); it is made again".into(),
                ApiFault::AlreadyExists => "the request exists already (409)".into(),
                ApiFault::TooManyRequests { .. } => "the API server asks for patience (429)".into(),
                ApiFault::Invalid => "the API server finds the request invalid (422)".into(),
                ApiFault::ServerError { .. } => "the API server failed (5xx)".into(),
                ApiFault::WatchEnded | ApiFault::Unexpected => {
                    "the API server's answer was not understood".into()
                }
            };
            format!("{what}; trying again in {again_in}")
        }
        Notice::CallTimedOut { credential, again_in } => {
            format!(
                "the API server did not answer in time (asked as {}); trying again in {again_in}",
                who(*credential)
            )
        }
        other => format!("{other:?}"),
    }
}

fn who(credential: Credential) -> String {
    match credential {
        Credential::Bootstrap => "the bootstrap credential".into(),
        Credential::Live(generation) => format!("the live certificate {generation}"),
    }
}

fn disk(fault: DiskFault) -> &'static str {
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
