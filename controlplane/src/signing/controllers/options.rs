//! The options of the controllers: signers, their authorities, and how strict they are.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::duration::check_lifetimes;
use crate::base::error::Error;
use crate::signing::approver::Approval;
use crate::signing::cleaner::Ages;
use crate::signing::controllers::reconcile::{Controllers, Setup};
use crate::signing::criteria::{API_CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY_UNKNOWN, Rules};
use crate::signing::pki::source::{CaFiles, Source};
use crate::signing::signer::Policy;
use crate::signing::{signer, signer_name};

#[cfg(test)]
mod tests;

/// Default and maximum lifetime of an issued certificate, as in kube-controller-manager.
pub(crate) const DEFAULT_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Default time from notBefore to the issue of a certificate, as in kube-controller-manager.
pub(crate) const DEFAULT_BACKDATE: Duration = Duration::from_secs(5 * 60);

/// The CA files of the signers of Kubernetes' own names: one pair for all of them, or a pair for each that is to run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SigningFiles {
    /// `--cluster-signing-cert-file` and `--cluster-signing-key-file`.
    pub all: Option<CaFiles>,
    /// `--cluster-signing-kubelet-serving-cert-file`, `…-key-file`.
    pub kubelet_serving: Option<CaFiles>,
    /// `--cluster-signing-kubelet-client-cert-file`, `…-key-file`.
    pub kubelet_client: Option<CaFiles>,
    /// `--cluster-signing-kube-apiserver-client-cert-file`, `…-key-file`.
    pub kube_apiserver_client: Option<CaFiles>,
    /// `--cluster-signing-legacy-unknown-cert-file`, `…-key-file`.
    pub legacy_unknown: Option<CaFiles>,
}

/// The files of one signer (`cmd/kube-controller-manager/app/certificates.go`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Chosen<'a> {
    /// A pair of its own.
    Own(&'a CaFiles),
    /// The pair of all.
    Shared(&'a CaFiles),
    /// Other signers have pairs of their own and this one has not: it does not run.
    Skipped,
    /// No file is named at all.
    Unset,
}

impl SigningFiles {
    /// The files of the signer with these rules.
    pub(crate) fn of(&self, rules: Rules) -> Chosen<'_> {
        let own = match rules {
            Rules::KubeletServing => &self.kubelet_serving,
            Rules::KubeletClient => &self.kubelet_client,
            Rules::ApiClient => &self.kube_apiserver_client,
            Rules::Any => &self.legacy_unknown,
        };
        match (own, &self.all) {
            (Some(own), _) => Chosen::Own(own),
            (None, _) if self.any_specific() => Chosen::Skipped,
            (None, Some(all)) => Chosen::Shared(all),
            (None, None) => Chosen::Unset,
        }
    }

    fn any_specific(&self) -> bool {
        let specific =
            [&self.kubelet_serving, &self.kubelet_client, &self.kube_apiserver_client, &self.legacy_unknown];
        specific.into_iter().any(Option::is_some)
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        if self.all.is_some() && self.any_specific() {
            return Err(Error::Option {
                name: "--cluster-signing-cert-file",
                why: "and a pair of files for a single signer exclude each other: give one or the other"
                    .to_owned(),
            });
        }
        Ok(())
    }
}

/// Options of the controllers of one custom signer name, on a cluster that has signers for the names of Kubernetes.
#[derive(Clone, Debug)]
pub struct ControllerOptions {
    /// The name, `domain/path`.
    pub signer_name: String,
    /// The rules for its requests.
    pub rules: Rules,
    /// Its authority.
    pub ca: CaFiles,
    /// Who approves. Only requests under [`Rules::KubeletClient`] are ever approved by rule.
    pub approve: Approval,
    /// Default and maximum lifetime of an issued certificate.
    pub cluster_signing_duration: Duration,
    /// How far before its issue a certificate starts.
    pub backdate: Duration,
    /// When objects are deleted; `None`: never.
    pub ages: Option<Ages>,
    /// Stricter than Kubernetes: a bootstrapper is denied a node name for which a valid certificate was issued.
    pub refuse_taken_names: bool,
    /// The source of the wall-clock time.
    pub clock: Clock,
}

impl ControllerOptions {
    /// The defaults of kube-controller-manager.
    #[must_use]
    pub fn new(signer_name: impl Into<String>, rules: Rules, ca: CaFiles) -> Self {
        Self {
            signer_name: signer_name.into(),
            rules,
            ca,
            approve: Approval::Auto,
            cluster_signing_duration: DEFAULT_LIFETIME,
            backdate: DEFAULT_BACKDATE,
            ages: Some(Ages::default()),
            refuse_taken_names: false,
            clock: Clock::system(),
        }
    }
}

impl Controllers {
    /// Controllers that act through whatever port [`Controllers::run`] is given.
    ///
    /// # Errors
    ///
    /// The name is no signer's, or one of Kubernetes' own with other rules; or the files hold no CA that can sign.
    pub fn new(options: ControllerOptions) -> Result<Self, Error> {
        let ControllerOptions { signer_name, rules, ca, approve, backdate, .. } = options;
        let longest = options.cluster_signing_duration;
        let wrong = |why| Error::Option { name: "--signer-name", why };
        rules.fit(&signer_name).map_err(wrong)?;
        if let Some(defect) = signer_name::check(&signer_name).first() {
            return Err(wrong(format!("{signer_name:?}: {defect}")));
        }
        check_lifetimes(longest, backdate)?;
        let source = Source::files(ca, None)?;
        Ok(Self {
            signers: BTreeMap::from([(signer_name, Setup { rules, source })]),
            approval: approve,
            policy: Policy { longest, backdate, long: signer::LONG },
            ages: options.ages,
            refuse_taken_names: options.refuse_taken_names,
            clock: options.clock,
            faults: None,
            memory: Default::default(),
        })
    }
}

/// The signers of Kubernetes' own names, each with the files that are named for it, else with `made`.
pub(crate) fn own_signers(
    files: &SigningFiles,
    made: &Source,
    open: impl Fn(&CaFiles) -> Result<Source, Error>,
) -> Result<BTreeMap<String, Setup>, Error> {
    let shared = files.all.as_ref().map(&open).transpose()?;
    let mut signers = BTreeMap::new();
    for name in [KUBELET_SERVING, KUBELET_CLIENT, API_CLIENT, LEGACY_UNKNOWN] {
        let Some(rules) = Rules::of(name) else { continue };
        let source = match files.of(rules) {
            Chosen::Skipped => continue,
            Chosen::Own(files) => open(files)?,
            Chosen::Shared(_) => shared.clone().unwrap_or_else(|| made.clone()),
            Chosen::Unset => made.clone(),
        };
        signers.insert(name.to_owned(), Setup { rules, source });
    }
    Ok(signers)
}
