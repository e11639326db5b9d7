//! A certificates API with an approver and a signer, and what can go wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use certrotate_core::api::{ApiFault, CsrObject, Issued};
use certrotate_core::config::Template;
use certrotate_core::facts::{CertFacts, Chain, Subject, Usages};
use certrotate_core::id::{CertHandle, KeyDigest, LeafDigest, RequestDigest};
use certrotate_core::time::{Span, WallTime};

/// A certificate that is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// For another key.
    Key,
    /// For another node.
    Subject,
    /// Without client auth.
    Usage,
    /// With server auth besides.
    ExtraUsage,
    /// A CA.
    Ca,
    /// Of another CA.
    Chain,
    /// Over already.
    Expired,
    /// Beginning in an hour.
    Early,
    /// With hardly any life left.
    Short,
    /// Starting and ending so many milliseconds after the issue.
    Between(i64, i64),
    /// Not to be read.
    Unreadable,
}

/// What the approver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approver {
    /// Approves, and the signer signs, at once.
    Auto,
    /// Does nothing.
    Absent,
    /// Approves, but nobody signs.
    NoSigner,
    /// Denies.
    Denies,
    /// Approves, and the signer fails the request.
    Fails,
}

/// The server and what it holds.
#[derive(Clone, Debug)]
pub struct Server {
    /// The objects by name.
    pub objects: BTreeMap<RequestDigest, CsrObject>,
    /// Answers given to the next calls instead of the true ones.
    pub answers: Vec<ApiFault>,
    /// An answer given to every call, as long as it stands here.
    pub outage: Option<ApiFault>,
    /// Whether calls are not answered at all.
    pub silent: bool,
    /// Whether watches are forbidden.
    pub no_watch: bool,
    /// Whether every watch is closed at once.
    pub watch_ends: bool,
    /// What the approver does.
    pub approver: Approver,
    /// What is wrong with the certificates that are issued.
    pub bad: Option<Bad>,
    /// How long approver and signer let a request wait.
    pub latency: Span,
    /// Whether objects are removed as kube-controller-manager's cleaner does it (`pkg/controller/certificates/cleaner`):
    /// issued, denied and failed ones after an hour, pending ones after a day, approved ones never.
    pub cleaner: bool,
    /// How long certificates live.
    pub lifetime: Span,
    /// How long before the issue they start.
    pub backdate: Span,
    /// The end of the CA: no chain is valid after it.
    pub ca_end: WallTime,
    /// The longest lifetime that may be asked for; more is 422.
    pub longest_wish: Option<Span>,
    /// Whether a live identity is not accepted (401).
    pub refuse_live: bool,
    /// Whether the bootstrap credential is not accepted (401).
    pub refuse_bootstrap: bool,
    /// How often the server was called.
    pub calls: u64,
    /// How many certificates were issued; the n-th has the leaf digest [`leaf`]`(n)`.
    pub issued: u64,
    created: u64,
    /// When the objects were made.
    made: BTreeMap<RequestDigest, WallTime>,
    /// Every key that was ever asked for, with its first request.
    keys: BTreeMap<KeyDigest, RequestDigest>,
    key_shared: bool,
    /// What the node reported as stuck.
    pub given_up: BTreeSet<RequestDigest>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            answers: Vec::new(),
            outage: None,
            silent: false,
            no_watch: false,
            watch_ends: false,
            approver: Approver::Auto,
            bad: None,
            latency: Span::ZERO,
            cleaner: true,
            lifetime: Span::from_hours(24),
            backdate: Span::from_mins(5),
            ca_end: WallTime::MAX,
            longest_wish: None,
            refuse_live: false,
            refuse_bootstrap: false,
            calls: 0,
            issued: 0,
            created: 0,
            made: BTreeMap::new(),
            keys: BTreeMap::new(),
            key_shared: false,
            given_up: BTreeSet::new(),
        }
    }
}

impl Server {
    /// How many objects were ever created.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.created
    }

    /// How many different requests there ever were: an object that is made again counts once.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.keys.len()
    }

    /// Whether two different requests had the same key.
    #[must_use]
    pub fn key_shared(&self) -> bool {
        self.key_shared
    }

    /// How many requests are open: neither a certificate nor denied nor failed. Without those that the node
    /// gave up because they were approved long ago and got no certificate: it may not delete them, and nobody else does.
    #[must_use]
    pub fn open(&self) -> usize {
        let open = |it: &CsrObject| it.certificate.is_none() && !it.denied && !it.failed;
        self.objects.iter().filter(|(request, it)| open(it) && !self.given_up.contains(request)).count()
    }

    /// The fault that the call meets before anybody looks at it.
    pub fn fault(&mut self, bootstrap: bool) -> Option<ApiFault> {
        self.calls += 1;
        if !self.answers.is_empty() {
            return Some(self.answers.remove(0));
        }
        let refused = if bootstrap { self.refuse_bootstrap } else { self.refuse_live };
        self.outage.or(refused.then_some(ApiFault::Unauthorized))
    }

    /// Creates an object.
    ///
    /// # Errors
    ///
    /// 409 where the name exists, 422 where more lifetime is asked for than is allowed.
    pub fn create(
        &mut self,
        request: RequestDigest,
        key: KeyDigest,
        template: &Template,
        wall: WallTime,
    ) -> Result<CsrObject, ApiFault> {
        self.clean(wall);
        if self.objects.contains_key(&request) {
            return Err(ApiFault::AlreadyExists);
        }
        if self.longest_wish.is_some_and(|longest| template.duration.is_some_and(|asked| asked > longest)) {
            return Err(ApiFault::Invalid);
        }
        self.created += 1;
        self.made.insert(request, wall);
        self.key_shared |= *self.keys.entry(key).or_insert(request) != request;
        let object = CsrObject {
            key: Some(key),
            signer: template.signer.clone(),
            usages: template.usages,
            approved: false,
            denied: false,
            failed: false,
            certificate: None,
        };
        self.objects.insert(request, object.clone());
        self.control(template, wall);
        Ok(object)
    }

    /// Removes what is old.
    fn clean(&mut self, wall: WallTime) {
        for request in self.objects.keys() {
            self.made.entry(*request).or_insert(wall);
        }
        if !self.cleaner {
            return;
        }
        let made = &self.made;
        self.objects.retain(|request, it| {
            let age = wall.since(made.get(request).copied().unwrap_or(wall));
            let ended = it.denied || it.failed || it.certificate.is_some();
            !(ended && age >= Span::from_hours(1) || !ended && !it.approved && age >= Span::from_hours(24))
        });
        self.made.retain(|request, _| self.objects.contains_key(request));
    }

    /// Lets cleaner, approver and signer act.
    pub fn control(&mut self, template: &Template, wall: WallTime) {
        self.clean(wall);
        let open: Vec<RequestDigest> = self.objects.keys().copied().collect();
        for request in open {
            let Some(object) = self.objects.get(&request) else { continue };
            let age = wall.since(self.made.get(&request).copied().unwrap_or(wall));
            if object.denied || object.failed || object.certificate.is_some() || age < self.latency {
                continue;
            }
            let (approved, denied, failed) = match self.approver {
                Approver::Auto | Approver::NoSigner => (true, false, false),
                Approver::Absent => (object.approved, false, false),
                Approver::Denies => (false, true, false),
                Approver::Fails => (true, false, true),
            };
            let signed = self.approver == Approver::Auto;
            let key = object.key.unwrap_or(KeyDigest([0; 32]));
            let certificate = signed.then(|| self.issue(key, template, wall));
            if let Some(object) = self.objects.get_mut(&request) {
                (object.approved, object.denied, object.failed) = (approved, denied, failed);
                object.certificate = certificate;
            }
        }
    }

    fn issue(&mut self, key: KeyDigest, template: &Template, wall: WallTime) -> Issued {
        self.issued += 1;
        let second = wall.whole_second();
        let backdated = WallTime::from_unix_ms(second.unix_ms().saturating_sub_unsigned(self.backdate.ms()));
        let mut facts = CertFacts {
            leaf: leaf(self.issued),
            key,
            subject: template.subject.clone(),
            sans: template.sans.clone(),
            usages: template.usages,
            ca: false,
            not_before: backdated,
            not_after: wall.plus(self.lifetime).min(self.ca_end),
            chain: Chain::Trusted,
        };
        match self.bad {
            None => {}
            Some(Bad::Unreadable) => return Issued::Unreadable,
            Some(Bad::Key) => facts.key = KeyDigest([0xee; 32]),
            Some(Bad::Subject) => {
                let common_name = format!("{}0", facts.subject.common_name);
                facts.subject = Subject { common_name, ..facts.subject };
            }
            Some(Bad::Usage) => facts.usages = facts.usages.without(Usages::CLIENT_AUTH),
            Some(Bad::ExtraUsage) => facts.usages = facts.usages.with(Usages::SERVER_AUTH),
            Some(Bad::Ca) => facts.ca = true,
            Some(Bad::Chain) => facts.chain = Chain::Untrusted,
            Some(Bad::Expired) => facts.not_after = wall,
            Some(Bad::Between(start, end)) => {
                facts.not_before = WallTime::from_unix_ms(wall.unix_ms().saturating_add(start));
                facts.not_after = WallTime::from_unix_ms(wall.unix_ms().saturating_add(end));
            }
            Some(Bad::Early) => facts.not_before = wall.plus(Span::from_hours(1)),
            Some(Bad::Short) => {
                // Backdated by nearly all of its life, as a truncating CA would; issued long before it was seen.
                facts.not_after = wall.plus(Span::from_ms(1));
            }
        }
        Issued::Readable { cert: CertHandle(self.issued), facts }
    }
}

/// A leaf digest for the n-th certificate, spread evenly over all values.
#[must_use]
pub fn leaf(number: u64) -> LeafDigest {
    let mut digest = [0; 32];
    for (chunk, salt) in digest.chunks_mut(8).zip(1u64..) {
        let mut mixed = number.wrapping_add(salt << 56).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ mixed >> 31).to_be_bytes());
    }
    LeafDigest(digest)
}
