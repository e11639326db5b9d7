//! Structs of C that have pointers, as values of core.

use certrotate_core::config::Template;
use certrotate_core::disk::{BundleFound, BundleHeader, PairFound, PendingFound};
use certrotate_core::facts::{Attribute, CertFacts, San, Subject};
use certrotate_core::id::{CertHandle, Generation, KeyDigest, KeyHandle, LeafDigest, RequestDigest};
use certrotate_core::issuer::{RequestRecord, RequestState};
use certrotate_core::time::{Span, WallTime};

use super::pointers::{list, text, value, versioned};
use crate::failure::Failure;
use crate::types::codes::{self, SanKind, Status};
use crate::types::{self, Sans};
use crate::{convert, limits};

/// # Safety
///
/// The contract of the module [`super`], for every pointer in the struct. It holds for every function of this file.
unsafe fn subject(subject: types::Subject) -> Result<Subject, Failure> {
    // SAFETY: the contract of the module, here and below.
    let organizations = unsafe {
        list(
            "subject.organizations",
            subject.organizations,
            subject.organization_count,
            limits::ORGANIZATIONS,
        )
    }?;
    let common_name = unsafe { text("subject.common_name", subject.common_name, limits::TEXT_BYTES) }?;
    let organizations = organizations
        .iter()
        .map(|one| unsafe { text("subject.organizations", *one, limits::TEXT_BYTES) }.map(String::from));
    let organizations = organizations.collect::<Result<_, _>>()?;
    let others =
        unsafe { list("subject.others", subject.others, subject.other_count, limits::ATTRIBUTES) }?.iter();
    let others = others.map(|other| unsafe { attribute(*other) }).collect::<Result<_, _>>()?;
    Ok(Subject { common_name: common_name.into(), organizations, others })
}

unsafe fn attribute(attribute: types::Attribute) -> Result<Attribute, Failure> {
    // SAFETY: the contract of the module, here and below.
    let oid = unsafe { text("attribute.oid", attribute.oid, limits::TEXT_BYTES) }?;
    let value = if attribute.text.bytes.is_null() {
        None
    } else {
        Some(unsafe { text("attribute.text", attribute.text, limits::TEXT_BYTES) }?.into())
    };
    Ok(Attribute { oid: oid.into(), text: value })
}

unsafe fn sans(sans: Sans) -> Result<Vec<San>, Failure> {
    // SAFETY: the contract of the module.
    unsafe { list("sans.items", sans.items, sans.count, limits::SANS) }?
        .iter()
        .map(|san| unsafe { one_san(*san) })
        .collect()
}

unsafe fn one_san(san: types::San) -> Result<San, Failure> {
    if san.kind == SanKind::Other as u32 {
        return Ok(San::Other);
    }
    let kinds = [SanKind::Dns, SanKind::Ip, SanKind::Email, SanKind::Uri];
    let kind = kinds.into_iter().find(|kind| *kind as u32 == san.kind);
    let kind = kind.ok_or_else(|| Failure::invalid("san.kind", san.kind))?;
    // SAFETY: the contract of the module.
    let name = unsafe { text("san.text", san.text, limits::TEXT_BYTES) }?;
    Ok(match kind {
        SanKind::Dns => San::Dns(name.into()),
        SanKind::Email => San::Email(name.into()),
        SanKind::Uri => San::Uri(name.into()),
        SanKind::Other => San::Other,
        SanKind::Ip => San::Ip(name.parse().map_err(|_| {
            Failure::new(Status::Invalid, "san.text is no IP address; write it as 10.0.0.1 or fd00::1")
        })?),
    })
}

unsafe fn facts(pointer: *const types::Facts) -> Result<CertFacts, Failure> {
    // SAFETY: the contract of the module, here and below.
    let facts = unsafe { versioned("facts", pointer) }?;
    Ok(CertFacts {
        leaf: LeafDigest(facts.leaf.bytes),
        key: KeyDigest(facts.key_digest.bytes),
        subject: unsafe { subject(facts.subject) }?,
        sans: unsafe { sans(facts.sans) }?,
        usages: convert::usages("facts.usages", facts.usages)?,
        ca: facts.is_ca != 0,
        not_before: WallTime::from_unix_ms(facts.not_before),
        not_after: WallTime::from_unix_ms(facts.not_after),
        chain: convert::chain("facts.chain", facts.chain)?,
    })
}

pub(super) unsafe fn record(pointer: *const types::RequestRecord) -> Result<RequestRecord, Failure> {
    // SAFETY: the contract of the module, here and below.
    let record = unsafe { versioned("record", pointer) }?;
    let key = if record.key_digest.is_null() {
        None
    } else {
        Some(KeyDigest(unsafe { value("record.key_digest", record.key_digest) }?.bytes))
    };
    Ok(RequestRecord {
        key,
        signer: unsafe { text("record.signer", record.signer, limits::TEXT_BYTES) }?.into(),
        usages: convert::usages("record.usages", record.usages)?,
        requester: unsafe { text("record.requester", record.requester, limits::TEXT_BYTES) }?.into(),
        state: if record.state == codes::RequestState::Issued as u32 {
            RequestState::Issued { cert: CertHandle(record.cert), facts: unsafe { facts(record.facts) }? }
        } else {
            convert::request_state(record.state)?
        },
    })
}

pub(super) unsafe fn bundle(pointer: *const types::Bundle) -> Result<BundleFound, Failure> {
    // SAFETY: the contract of the module, here and below.
    let bundle = unsafe { versioned("bundle", pointer) }?;
    Ok(BundleFound {
        header: BundleHeader {
            generation: Generation(bundle.generation),
            issued: WallTime::from_unix_ms(bundle.issued),
        },
        key_digest: KeyDigest(bundle.key_digest.bytes),
        facts: unsafe { facts(bundle.facts) }?,
        key: KeyHandle(bundle.key),
        cert: CertHandle(bundle.cert),
        private: bundle.is_private != 0,
    })
}

pub(super) unsafe fn pending(pointer: *const types::Pending) -> Result<PendingFound, Failure> {
    // SAFETY: the contract of the module, here and below.
    let pending = unsafe { versioned("pending", pointer) }?;
    let made_for = unsafe { versioned("pending.made_for", pending.made_for) }?;
    Ok(PendingFound {
        generation: Generation(pending.generation),
        made: WallTime::from_unix_ms(pending.made),
        key_digest: KeyDigest(pending.key_digest.bytes),
        request: RequestDigest(pending.request.bytes),
        template: Template {
            subject: unsafe { subject(made_for.subject) }?,
            sans: unsafe { sans(made_for.sans) }?,
            usages: convert::usages("made_for.usages", made_for.usages)?,
            signer: unsafe { text("made_for.signer", made_for.signer, limits::TEXT_BYTES) }?.into(),
            duration: (made_for.has_duration != 0).then_some(Span::from_ms(made_for.duration)),
            shortest_duration: Span::from_ms(made_for.shortest_duration),
        },
        key: KeyHandle(pending.key),
        private: pending.is_private != 0,
    })
}

pub(super) unsafe fn pair(pointer: *const types::Pair) -> Result<PairFound, Failure> {
    // SAFETY: the contract of the module, here and below.
    let pair = unsafe { versioned("pair", pointer) }?;
    Ok(PairFound {
        place: convert::place(&pair)?,
        key_digest: KeyDigest(pair.key_digest.bytes),
        facts: unsafe { facts(pair.facts) }?,
        key: KeyHandle(pair.key),
        cert: CertHandle(pair.cert),
    })
}
