//! Any bytes as requests to the API, and as certificate requests to the signer: what the fuzz targets run, and the tests over
//! their corpora. No input may cause a panic, a hang, a malformed answer or the leak of a secret.

use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use http::{Method, Response};
use http_body_util::BodyExt as _;
use k8s_openapi::ByteString;
use rcgen::SigningKey as _;
use serde_json::Value;
use x509_parser::pem::Pem;
use zeroize::Zeroizing;

use crate::apiserver::access::authenticator::Authenticator;
use crate::apiserver::access::token::TokenUse;
use crate::apiserver::http::answer::{Body, error_response};
use crate::apiserver::http::context::Context;
use crate::apiserver::http::routes;
use crate::apiserver::object::Object;
use crate::apiserver::store::objects::Store;
use crate::apiserver::store::page::Ask;
use crate::apiserver::user::{AUTHENTICATED, BOOTSTRAPPERS, MASTERS, NODES, User};
use crate::apiserver::wire::call::Call;
use crate::base::clock::Clock;
use crate::base::csr::{Csr, push_condition};
use crate::base::time::seconds_down;
use crate::faults::handle::Faults;
use crate::signing::criteria::Rules;
use crate::signing::pki::authority::Authority;
use crate::signing::pki::{der, issue, pkcs10};
use crate::signing::signer;
use crate::signing::signer::Policy;
use crate::statistics::requests::Recorder;

#[cfg(test)]
mod tests;

/// Requests that are taken from one input.
const MOST: usize = 32;
/// Frames of a watch or a list that are read.
const FRAMES: usize = 64;
const SECRET: &str = "0123456789abcdef";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_521_600)
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        Authority::create(now(), Duration::from_secs(365 * 24 * 60 * 60))
            .expect("the system gives random bytes")
    })
}

fn context() -> Arc<Context> {
    let authenticator = Authenticator::new(authority().der()).expect("the authority is a trust anchor");
    authenticator.add_token(&format!("abcdef.{SECRET}"), TokenUse::until(now() + Duration::from_secs(60)));
    let store = Arc::new(Store::new(Vec::new(), 0, None));
    let (_, stop) = tokio::sync::watch::channel(false);
    Arc::new(Context {
        clock: Clock::new(now),
        faults: Faults::new(Arc::<Store>::clone(&store)),
        store,
        leases: Arc::new(Store::new(Vec::new(), 0, None)),
        authenticator,
        recorder: Recorder::default(),
        stop,
    })
}

/// Requests, one after the other. Each begins with a line `USER METHOD PATH CONTENT-TYPE ACCEPT`, `-` standing for nothing; the
/// body follows, up to a line `---`. Users are `admin`, `node`, `bootstrap`, `jane`; every other name is anonymous.
pub fn http(bytes: &[u8]) {
    thread_local! {
        static RUNTIME: OnceCell<tokio::runtime::Runtime> = const { OnceCell::new() };
    }
    RUNTIME.with(|runtime| {
        let runtime = runtime.get_or_init(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime without I/O")
        });
        let _inside = runtime.enter();
        let context = context();
        let mut version = 0;
        // Who puts the secret into a request may find it in an answer.
        let is_secret_given = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        for request in split(bytes).into_iter().take(MOST) {
            let text = one(&context, request);
            assert!(is_secret_given || !text.contains(SECRET), "{text}");
            assert!(context.store.version() >= version, "versions go up");
            version = context.store.version();
        }
        stands::<Csr>(&context.store);
        stands::<crate::apiserver::kinds::lease::Lease>(&context.leases);
        let ready = Call { method: Method::GET, path: "/readyz".to_owned(), ..Call::default() };
        let answer = routes::dispatch(&context, None, &ready).expect("it still answers");
        assert_eq!(answer.status(), 200);
    });
}

/// The parts between lines `---`.
fn split(bytes: &[u8]) -> Vec<&[u8]> {
    const MARK: &[u8] = b"\n---\n";
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(end) = rest.windows(MARK.len()).position(|window| window == MARK) {
        parts.push(&rest[..end]);
        rest = &rest[end + MARK.len()..];
    }
    parts.push(rest);
    parts
}

fn user(name: &str) -> Option<User> {
    let (name, group) = match name {
        "admin" => ("admin", MASTERS),
        "node" => ("system:node:n", NODES),
        "bootstrap" => ("system:bootstrap:abcdef", BOOTSTRAPPERS),
        "jane" => ("jane", "certrotate:approvers"),
        _ => return None,
    };
    let groups = vec![group.to_owned(), AUTHENTICATED.to_owned()];
    Some(User { name: name.to_owned(), groups, ..User::default() })
}

fn one(context: &Arc<Context>, request: &[u8]) -> String {
    let end = request.iter().position(|byte| *byte == b'\n').unwrap_or(request.len());
    let (head, body) = request.split_at(end);
    let head = String::from_utf8_lossy(head);
    let mut words = head.split(' ').map(|word| if word == "-" { "" } else { word });
    let mut word = || words.next().unwrap_or_default();
    let user = user(word());
    let Ok(method) = Method::from_bytes(word().as_bytes()) else { return String::new() };
    let target = word();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let call = Call {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        content_type: word().to_owned(),
        accept: word().replace('|', ", "),
        if_none_match: String::new(),
        body: body.strip_prefix(b"\n").unwrap_or(body).to_vec().into(),
    };
    let response =
        routes::dispatch(context, user.as_ref(), &call).unwrap_or_else(|error| error_response(&error));
    check(response, call.query.contains("watch"))
}

/// The answer is one that a client can read: its text.
fn check(response: Response<Body>, lines: bool) -> String {
    let (parts, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    for _ in 0..FRAMES {
        match body.frame().now_or_never() {
            Some(Some(Ok(frame))) => bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Some(Some(Err(error))) => panic!("an answer is cut off: {error}"),
            Some(None) | None => break,
        }
    }
    let json = parts
        .headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if json && parts.status != 304 && !lines {
        let document: Value = serde_json::from_slice(&bytes).expect("the answer is JSON");
        if parts.status.is_client_error() || parts.status.is_server_error() {
            assert_eq!(document["kind"], "Status", "{document}");
            assert_eq!(document["code"], parts.status.as_u16(), "{document}");
            assert_ne!(document["reason"], "InternalError", "{document}");
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whatever was stored is valid, and comes back from its JSON form as it was.
fn stands<T: Object>(store: &Store<T>) {
    for object in store.page(&Ask::default()).expect("the newest version is there").objects {
        let text = serde_json::to_vec(&*object).expect("an object has a JSON form");
        let again: T = serde_json::from_slice(&text).expect("it reads it again");
        assert_eq!(again, *object);
    }
}

/// The key that signs requests of the second kind.
fn requestor() -> &'static rcgen::KeyPair {
    static KEY: OnceLock<Zeroizing<rcgen::KeyPair>> = OnceLock::new();
    // The key is no secret: the corpus has its public half, and its only use is in these targets.
    KEY.get_or_init(|| {
        Zeroizing::new(
            rcgen::KeyPair::from_pem(include_str!("fuzz/requestor.txt")).expect("a key is in the file"),
        )
    })
}

/// A certificate request. Its first byte says what the rest is: 0, PEM; 1, DER; else the inside of a CertificationRequestInfo, which
/// is signed here, so that a change in it does not end at the signature.
pub fn csr(bytes: &[u8]) {
    certificates(bytes);
}

/// How many signers issued a certificate for it.
fn certificates(bytes: &[u8]) -> usize {
    let Some((kind, rest)) = bytes.split_first() else { return 0 };
    let pem = match kind {
        0 => rest.to_vec(),
        1 => wrapped(rest),
        _ => {
            let info = der::tlv(der::SEQUENCE, rest);
            let signature = requestor().sign(&info).expect("the key signs");
            // ecdsa-with-SHA256.
            let algorithm = der::tlv(der::SEQUENCE, &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
            let bits = der::tlv(der::BIT_STRING, &[&[0][..], &signature].concat());
            wrapped(&der::tlv(der::SEQUENCE, &[info, algorithm, bits].concat()))
        }
    };
    let Ok(request) = pkcs10::read(&pem) else { return 0 };
    let mut count = 0;
    for rules in [Rules::KubeletClient, Rules::KubeletServing, Rules::ApiClient, Rules::Any] {
        let mut csr = Csr::default();
        csr.metadata.name = Some("fuzz".to_owned());
        csr.spec.request = ByteString(pem.clone());
        csr.spec.signer_name = "example.com/any".to_owned();
        let usage = if matches!(rules, Rules::KubeletServing) { "server auth" } else { "client auth" };
        csr.spec.usages = Some(vec!["digital signature".to_owned(), usage.to_owned()]);
        push_condition(&mut csr, "Approved", "", "");
        let policy = Policy {
            longest: Duration::from_secs(3600),
            backdate: Duration::from_secs(300),
            long: signer::LONG,
        };
        if let signer::Decision::Sign(order) = signer::decide(&csr, rules, policy) {
            let issued = issue::issue(authority(), &order, policy, now(), &[]);
            let issued = issued.unwrap_or_else(|unable| panic!("a fresh authority signs: {unable:?}"));
            good(&issued, &request);
            count += 1;
        }
    }
    count
}

fn wrapped(der: &[u8]) -> Vec<u8> {
    crate::signing::pki::authority::pem(der).replace("CERTIFICATE", "CERTIFICATE REQUEST").into_bytes()
}

/// The certificate is for the key and the subject of the request, and no CA's.
fn good(pem: &str, request: &pkcs10::Request) {
    let block = Pem::iter_from_buffer(pem.as_bytes()).next().expect("a block").expect("PEM");
    let certificate = block.parse_x509().expect("a certificate");
    assert_eq!(certificate.public_key().raw, request.public_key);
    assert_eq!(certificate.subject().as_raw(), request.subject);
    assert!(!certificate.is_ca());
    let start = certificate.validity().not_before.timestamp();
    assert_eq!(start, seconds_down(now()) - 300);
}
