//! The API server: TLS and HTTP over streams in memory.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use certrotate_core::id::LeafDigest;
use futures_util::stream::unfold;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::DuplexStream;
use tokio_rustls::TlsAcceptor;

use crate::caller::Caller;
use crate::fault::{Answer, Lasting};
use crate::objects::{short, status};
use crate::pki::leaf_digest;
use crate::plan::USER;
use crate::world::World;

/// An error that ends a connection.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// The collection of the certificates API.
const COLLECTION: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
/// More bytes than the agent reads of one answer.
const HUGE: usize = 4_300_000;

/// Serves one connection.
pub(crate) async fn serve(world: World, stream: DuplexStream) {
    if world.lock().bites(Lasting::Mute) {
        // It keeps the stream open.
        std::future::pending::<()>().await;
    }
    let config = Arc::clone(&world.lock().tls);
    let http2 = world.lock().plan.http2;
    let Ok(tls) = TlsAcceptor::from(config).accept(stream).await else { return };
    let leaf =
        tls.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|der| leaf_digest(der));
    let wall = certrotate::clock::Clock::wall(world.clock());
    let guard = leaf.map(|leaf| world.lock().checks.opened(leaf, wall));
    let service_world = world.clone();
    let service = service_fn(move |request| answer(service_world.clone(), leaf, request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).auto_date_header(false);
    builder.http2().timer(TokioTimer::new()).auto_date_header(false);
    let builder = if http2 { builder.http2_only() } else { builder.http1_only() };
    // Errors are those of the client, or injected.
    let _ended = builder.serve_connection(TokioIo::new(tls), service).await;
    if let Some(id) = guard {
        world.lock().checks.closed(id);
    }
}

async fn answer(
    world: World,
    leaf: Option<LeafDigest>,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
    let caller = caller(&world, leaf, token);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let query = uri.query().unwrap_or_default().to_owned();
    let name = name_of(uri.path(), &query);
    let is_watch = query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1");
    let verb = match (&method, is_watch, uri.path() == COLLECTION) {
        (&Method::POST, ..) => "create",
        (_, true, _) => "watch",
        (_, _, true) => "list",
        _ => "get",
    };
    let now = world.clock().clone();
    {
        let mut state = world.lock();
        state.counts.requests += 1;
        state.checks.request(&now, verb, caller);
    }
    let body = request.into_body().collect().await?.to_bytes();
    let injected = injected(&world, verb);
    let name = if verb == "create" { name_in(&body) } else { name };
    if let Some(name) = name.as_deref().filter(|_| verb == "create") {
        world.lock().checks.sent(name);
    }
    let asked = Asked { verb, caller, name, query, body };
    let line = format!("request: {verb} {} by {}", asked.name.as_deref().map_or("", short), caller.text());
    let result = injected_or_real(&world, injected, &asked).await;
    let outcome = match &result {
        Ok(response) => response.status().as_u16().to_string(),
        Err(_) => "no answer".to_owned(),
    };
    let faulty = injected.map_or(String::new(), |answer| format!(" ({answer:?})"));
    world.note(&format!("{line} -> {outcome}{faulty}"));
    if let Ok(response) = &result {
        let now = world.clock().true_ms();
        let mut state = world.lock();
        let arrives = !state.active().any(|fault| fault.is_of_connections());
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = header.filter(|_| arrives).and_then(|seconds| seconds.parse().ok());
        state.checks.answered(now, (verb, caller), response.status().as_u16(), retry_after);
    }
    result
}

struct Asked {
    verb: &'static str,
    caller: Caller,
    name: Option<String>,
    query: String,
    body: Bytes,
}

async fn injected_or_real(
    world: &World,
    injected: Option<Answer>,
    asked: &Asked,
) -> Result<Response<Body>, BoxError> {
    match injected {
        None => Ok(real(world, asked)),
        Some(Answer::Delayed(ms)) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(real(world, asked))
        }
        Some(Answer::Silent) => std::future::pending().await,
        Some(Answer::Lost) => {
            let _carried_out = real(world, asked);
            Err("the answer is lost".into())
        }
        Some(Answer::CutBody) => {
            let (parts, body) = real(world, asked).into_parts();
            if asked.verb == "watch" {
                return Err("the watch is cut".into());
            }
            let bytes = body.collect().await?.to_bytes();
            let half = bytes.slice(..bytes.len() / 2);
            let pieces = unfold(Some(half), async |half| match half {
                Some(half) => Some((Ok(Frame::data(half)), None)),
                // Polled once more: the connection ends in the middle.
                None => Some((Err(BoxError::from("the body is cut")), None)),
            });
            Ok(Response::from_parts(parts, StreamBody::new(pieces).boxed_unsync()))
        }
        Some(Answer::Status(code, retry_after)) => {
            let mut response = reply(code, &status(code, "injected"));
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            Ok(response)
        }
        Some(Answer::LoginPage) => {
            Ok(page("text/html", b"<html><body>Please log in</body></html>\n".to_vec()))
        }
        Some(Answer::Garbage) => Ok(page("application/json", vec![0xff, 0x00, 0xc3, 0x28, b'{'])),
        Some(Answer::Huge) => Ok(page("application/json", vec![b' '; HUGE])),
        Some(Answer::EmptyObject) => Ok(page("application/json", b"{}".to_vec())),
    }
}

/// The answer that a fault in force gives instead of the real one.
fn injected(world: &World, verb: &str) -> Option<Answer> {
    let mut state = world.lock();
    let faults: Vec<Lasting> = state.active().collect();
    faults.into_iter().find_map(|fault| match fault {
        Lasting::Answers(answer, percent) if state.rng.percent(percent) => {
            state.counts.bite(fault);
            Some(answer)
        }
        Lasting::WatchesForbidden if verb == "watch" => {
            state.counts.bite(fault);
            Some(Answer::Status(403, None))
        }
        Lasting::WatchesGarbled if verb == "watch" => {
            state.counts.bite(fault);
            Some(Answer::Garbage)
        }
        _ => None,
    })
}

fn caller(world: &World, leaf: Option<LeafDigest>, token: Option<&str>) -> Caller {
    let mut state = world.lock();
    match (token, leaf) {
        (Some(token), _) => {
            let expired = state.bites(Lasting::TokenExpired);
            if !expired && token == state.token.0 { Caller::Bootstrap } else { Caller::BadToken }
        }
        (None, Some(leaf)) => Caller::Certificate(leaf),
        (None, None) => Caller::Anonymous,
    }
}

fn real(world: &World, asked: &Asked) -> Response<Body> {
    let now = world.clock().true_unix_ms();
    let is_live = matches!(asked.caller, Caller::Certificate(_));
    let refused = is_live && world.lock().bites(Lasting::IdentityRefused);
    let requestor = match asked.caller {
        Caller::Bootstrap => "system:bootstrap:abcdef",
        Caller::Certificate(leaf) if !refused && world.lock().checks.is_accepted(leaf, now) => USER,
        Caller::Certificate(_) | Caller::BadToken | Caller::Anonymous => {
            return reply(401, &status(401, "Unauthorized"));
        }
    };
    let name = asked.name.as_deref();
    let (code, body) = match asked.verb {
        "create" => world.create(&asked.body, requestor),
        "watch" => return watch(world, asked),
        "list" => world.lock().objects.list(name),
        _ => world.lock().objects.get(name.unwrap_or_default()),
    };
    reply(code, &body)
}

/// A watch: a line for each change, until it is closed.
fn watch(world: &World, asked: &Asked) -> Response<Body> {
    let text = |key: &str| {
        let pairs = asked.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).next()
    };
    let after = text("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
    let seconds = text("timeoutSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(300);
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let open = world.lock().checks.watch_opened();
    let state = (world.clone(), asked.name.clone(), after, end, open);
    let lines = unfold(state, async |(world, name, after, end, open)| {
        let mut changed = world.watch_objects();
        loop {
            if world.lock().bites(Lasting::WatchesEnd) {
                return None;
            }
            let silent = world.lock().bites(Lasting::WatchesSilent);
            let (text, version) = {
                let state = world.lock();
                (state.objects.changes(name.as_deref(), after), state.objects.version())
            };
            if !text.is_empty() && !silent {
                let frame = Ok::<_, BoxError>(Frame::data(Bytes::from(text)));
                return Some((frame, (world, name, version, end, open)));
            }
            tokio::select! {
                biased;
                _ = changed.changed() => {}
                () = tokio::time::sleep_until(end) => return None,
            }
        }
    });
    let body = StreamBody::new(lines).boxed_unsync();
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

fn reply(code: u16, body: &serde_json::Value) -> Response<Body> {
    let mut response = page("application/json", body.to_string().into_bytes());
    *response.status_mut() = hyper::StatusCode::from_u16(code).unwrap_or_default();
    response
}

fn page(kind: &'static str, bytes: Vec<u8>) -> Response<Body> {
    let body = Full::new(Bytes::from(bytes)).map_err(|never: Infallible| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}

/// The name in the path, or in the field selector.
fn name_of(path: &str, query: &str) -> Option<String> {
    if let Some(name) = path.strip_prefix(COLLECTION).and_then(|rest| rest.strip_prefix('/')) {
        return Some(name.to_owned());
    }
    let selector = query.split('&').find_map(|pair| pair.strip_prefix("fieldSelector="))?;
    let name =
        selector.strip_prefix("metadata.name%3D").or_else(|| selector.strip_prefix("metadata.name="))?;
    Some(name.to_owned())
}

/// The name of the object in a create.
fn name_in(body: &[u8]) -> Option<String> {
    let object: serde_json::Value = serde_json::from_slice(body).ok()?;
    object["metadata"]["name"].as_str().map(str::to_owned)
}
