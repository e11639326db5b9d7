//! An issuer with an approver, a signer and a cleaner, and its faults.

use std::hash::{Hash, Hasher};

use certrotate_core::id::RequestDigest;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::{Span, WallTime};

use crate::cert::{Cert, Flaw};
use crate::list::List;

/// A certificate that differs from the requested one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bad {
    /// It has a wrong content.
    Flawed(Flaw),
    /// Expired already.
    Expired,
    /// Valid from in an hour on.
    Early,
    /// With hardly any lifetime left.
    Short,
    /// With notBefore and notAfter this many milliseconds after the issue.
    Between(i64, i64),
    /// Unreadable.
    Unreadable,
}

/// What the approver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Approver {
    /// Approves, and the signer signs, at once.
    Auto,
    /// Does nothing.
    Absent,
    /// Approves, but no signer signs.
    NoSigner,
    /// Denies.
    Denies,
    /// Approves, and the signer fails the request.
    Fails,
}

/// The certificate in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Issue {
    /// The certificate of this number.
    Cert(u32),
    /// Unreadable bytes.
    Unreadable,
}

/// The key of a foreign object.
pub const SOMEBODY_ELSES: u32 = 0;

/// The key of an object whose request cannot be read.
pub const UNREADABLE: u32 = u32::MAX;

/// A CertificateSigningRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// Its name.
    pub request: RequestDigest,
    /// The number of the key in it, or [`SOMEBODY_ELSES`] or [`UNREADABLE`].
    pub key: u32,
    /// Which of the world's templates it requests.
    pub template: u8,
    /// Whether its signer is not the requested one.
    pub foreign_signer: bool,
    /// Whether its usages are more than the requested ones.
    pub foreign_usages: bool,
    /// The condition Approved.
    pub approved: bool,
    /// The condition Denied.
    pub denied: bool,
    /// The condition Failed.
    pub failed: bool,
    /// The certificate.
    pub issue: Option<Issue>,
    /// When it was made.
    pub made: WallTime,
    /// Whether the node reported it as stuck and went on to another, or another template made it so.
    pub given_up: bool,
    /// Whether the server took its creator for the node: the live identity made it, not the bootstrap credential.
    pub by_node: bool,
    /// Whether the node reported that it was made as an identity which has expired since, and went on to another.
    pub of_expired: bool,
}

impl Object {
    /// Whether it is open and not abandoned (S8). The node abandons a request that was approved long ago and got no certificate,
    /// whose template changed, or that it made as an identity which has expired since: it may not delete the object.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_undecided() && !self.given_up && !self.of_expired
    }

    /// Whether it is ours, and has neither a certificate nor the condition Denied or Failed.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        let foreign =
            matches!(self.key, SOMEBODY_ELSES | UNREADABLE) || self.foreign_signer || self.foreign_usages;
        !self.is_decided() && !foreign
    }

    /// Returns whether the server has decided.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.issue.is_some() || self.denied || self.failed
    }
}

/// The server and its objects.
#[derive(Clone, Debug)]
pub struct Server {
    /// The objects, oldest first.
    pub objects: Vec<Object>,
    /// Faults that the next calls meet instead of their true answers.
    pub answers: List<Answer, 6>,
    /// A fault that every call meets, as long as it stands here.
    pub outage: Option<IssuerFault>,
    /// Whether calls are not answered at all.
    pub silent: bool,
    /// Of how many calls one is answered, and how many are left until then; 0 if all are.
    pub rarely: (u8, u8),
    /// Whether watches are forbidden.
    pub no_watch: bool,
    /// Whether every watch is closed at once.
    pub watch_ends: bool,
    /// What the approver does.
    pub approver: Approver,
    /// The approver's behaviour for the next decision only.
    pub verdict: Option<Approver>,
    /// The defect of issued certificates.
    pub bad: Option<Bad>,
    /// The defect of the next certificate only.
    pub bad_next: Option<Bad>,
    /// How long approver and signer let a request wait.
    pub latency: Span,
    /// Whether objects are removed as kube-controller-manager's cleaner does it (`pkg/controller/certificates/cleaner`):
    /// issued, denied and failed ones after an hour, pending ones after a day, approved ones never.
    pub cleaner: bool,
    /// The lifetime of certificates.
    pub lifetime: Span,
    /// How long before the issue their notBefore is.
    pub backdate: Span,
    /// The notAfter of the CA: no chain is valid later.
    pub ca_end: WallTime,
    /// The longest lifetime that a request may have; more is invalid.
    pub longest_lifetime: Option<Span>,
    /// Whether a live identity is not accepted.
    pub refuse_live: bool,
    /// Whether the bootstrap credential is not accepted.
    pub refuse_bootstrap: bool,
    /// Whether the bootstrap credential is the node's own user, as in a kubeconfig that an installer made for this node.
    pub bootstrap_is_node: bool,
    /// How often the server was called.
    pub calls: u64,
    /// Every certificate that was issued; the n-th has the number n, and the leaf digest [`crate::cert::leaf`]`(n)`.
    pub certs: Vec<Cert>,
    /// How many of them belong to external pairs: another server issued those.
    pub(crate) foreign: u64,
    created: u64,
}

/// A fault for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer(pub IssuerFault);

impl Default for Answer {
    fn default() -> Self {
        Self(IssuerFault::Unexpected)
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            objects: Vec::new(),
            answers: List::default(),
            outage: None,
            silent: false,
            rarely: (0, 0),
            no_watch: false,
            watch_ends: false,
            approver: Approver::Auto,
            verdict: None,
            bad: None,
            bad_next: None,
            latency: Span::ZERO,
            cleaner: true,
            lifetime: Span::from_hours(24),
            backdate: Span::from_mins(5),
            ca_end: WallTime::MAX,
            longest_lifetime: None,
            refuse_live: false,
            refuse_bootstrap: false,
            bootstrap_is_node: false,
            calls: 0,
            certs: Vec::new(),
            foreign: 0,
            created: 0,
        }
    }
}

impl Server {
    /// Returns the number of created objects.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.created
    }

    /// Returns the number of issued certificates.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.certs.len() as u64
    }

    /// How many requests are open; see [`Object::is_open`].
    #[must_use]
    pub fn open(&self) -> usize {
        self.objects.iter().filter(|it| it.is_open()).count()
    }

    /// The certificate of that number.
    #[must_use]
    pub fn cert(&self, number: u32) -> Option<&Cert> {
        self.certs.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// The object of that name.
    #[must_use]
    pub fn find(&self, request: RequestDigest) -> Option<&Object> {
        self.objects.iter().find(|it| it.request == request)
    }

    /// Returns the injected fault of a call, if there is one.
    pub fn fault(&mut self, bootstrap: bool) -> Option<IssuerFault> {
        self.calls += 1;
        if let Some(Answer(fault)) = self.answers.pop_front() {
            return Some(fault);
        }
        if let (one_in @ 1.., left) = self.rarely {
            self.rarely.1 = left.checked_sub(1).unwrap_or(one_in - 1);
            if self.rarely.1 > 0 {
                return Some(IssuerFault::Unreachable);
            }
        }
        let refused = if bootstrap { self.refuse_bootstrap } else { self.refuse_live };
        self.outage.or(refused.then_some(IssuerFault::NotAuthenticated))
    }

    /// Creates an object.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` where the name exists, `Invalid` where the requested lifetime is longer than allowed.
    pub fn create(
        &mut self,
        object: Object,
        asked: Option<Span>,
        wall: WallTime,
    ) -> Result<Object, IssuerFault> {
        self.clean(wall);
        if self.find(object.request).is_some() {
            return Err(IssuerFault::AlreadyExists);
        }
        if self.longest_lifetime.is_some_and(|longest| asked.is_some_and(|asked| asked > longest)) {
            return Err(IssuerFault::Invalid);
        }
        self.created += 1;
        self.objects.push(object);
        self.control(wall);
        Ok(object)
    }

    /// Removes decided objects after one hour, and undecided, unapproved ones after 24 hours.
    fn clean(&mut self, wall: WallTime) {
        if !self.cleaner {
            return;
        }
        self.objects.retain(|it| {
            let age = wall.since(it.made);
            !(it.is_decided() && age >= Span::from_hours(1)
                || !it.is_decided() && !it.approved && age >= Span::from_hours(24))
        });
    }

    /// Lets cleaner, approver and signer act.
    pub fn control(&mut self, wall: WallTime) {
        self.clean(wall);
        for index in 0..self.objects.len() {
            let object = self.objects[index];
            if object.is_decided() || wall.since(object.made) < self.latency {
                continue;
            }
            let (approved, denied, failed) = match self.verdict.unwrap_or(self.approver) {
                Approver::Auto | Approver::NoSigner => (true, false, false),
                Approver::Absent => (object.approved, false, false),
                Approver::Denies => (false, true, false),
                Approver::Fails => (true, false, true),
            };
            let signs = self.verdict.unwrap_or(self.approver) == Approver::Auto;
            self.verdict = None;
            let issue = signs.then(|| self.issue(&object, wall));
            self.objects[index] = Object { approved, denied, failed, issue, ..object };
        }
    }

    /// Issues a certificate again, like a server that answers each fetch with another one.
    pub(crate) fn issue_again(&mut self, request: RequestDigest, wall: WallTime) -> Option<u32> {
        let object = *self.find(request)?;
        match self.issue(&object, wall) {
            Issue::Cert(number) => Some(number),
            Issue::Unreadable => None,
        }
    }

    fn issue(&mut self, object: &Object, wall: WallTime) -> Issue {
        let second = wall.whole_second();
        let mut cert = Cert {
            key: object.key,
            template: object.template,
            flaw: None,
            not_before: WallTime::from_unix_ms(second.unix_ms().saturating_sub_unsigned(self.backdate.ms())),
            not_after: wall.plus(self.lifetime).min(self.ca_end),
        };
        match self.bad_next.take().or(self.bad) {
            None => {}
            Some(Bad::Unreadable) => return Issue::Unreadable,
            Some(Bad::Flawed(flaw)) => cert.flaw = Some(flaw),
            Some(Bad::Expired) => cert.not_after = wall,
            Some(Bad::Between(start, end)) => {
                cert.not_before = WallTime::from_unix_ms(wall.unix_ms().saturating_add(start));
                cert.not_after = WallTime::from_unix_ms(wall.unix_ms().saturating_add(end));
            }
            Some(Bad::Early) => cert.not_before = wall.plus(Span::from_hours(1)),
            // Backdated by nearly all of its lifetime, as a truncating CA would; issued long before it was seen.
            Some(Bad::Short) => cert.not_after = wall.plus(Span::from_ms(1)),
        }
        self.certs.push(cert);
        Issue::Cert(self.certs.len() as u32)
    }
}

impl Hash for Server {
    /// Leaves out the fields that only count.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.objects.hash(state);
        self.answers.hash(state);
        (self.outage, self.silent, self.rarely, self.no_watch, self.watch_ends).hash(state);
        (self.approver, self.verdict, self.bad, self.bad_next, self.latency).hash(state);
        (self.lifetime, self.longest_lifetime, self.refuse_live, self.refuse_bootstrap).hash(state);
        let recent = self.certs.len().saturating_sub(3);
        (self.certs.len(), &self.certs[recent..]).hash(state);
    }
}
