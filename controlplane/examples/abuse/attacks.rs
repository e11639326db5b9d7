//! Every kind of abuse. Each holds what it has opened while the well-behaved client measures.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use http::Method;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::good::create;
use crate::wire::{Body, CSRS, Error, Sender, Target, whole};

/// How long an attack holds its connections.
const HOLD: Duration = Duration::from_secs(2);
/// Bound of each step of an attack.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest answer to a refused request.
const LARGEST_ANSWER: usize = 128 << 10;
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// What the attacks have at hand.
pub(crate) struct Attacker {
    pub(crate) user: Target,
    pub(crate) request: Value,
}

/// Runs the attack of this name; an error says which answer was wrong.
pub(crate) async fn run(attacker: &Attacker, name: &str) -> Result<(), Error> {
    let user = &attacker.user;
    let attack = async {
        match name {
            "owners" => refused(user, PROTOBUF, owners()).await,
            "usages" => refused(user, JSON, usages(attacker)).await,
            "unread-480" => unread(user, 2).await,
            "unread-25000" => unread(user, 104).await,
            "unread-http1" => unread_http1(user).await,
            "silent-h2" => silent(user).await,
            "slow-heads" => slow_heads(user).await,
            "slow-bodies" => unfinished(user, CSRS, (40, 20, 64)).await,
            "bodies-user" => unfinished(user, CSRS, (6, 100, 3 << 20)).await,
            "bodies-anonymous" => unfinished(&user.anonymous(), "/healthz", (6, 100, 3 << 20)).await,
            "heads-user" => heads(user).await,
            "connections" => connections(user).await,
            "impersonation" => impersonation(user).await,
            "log" => log(user).await,
            "names" => names(attacker).await,
            "resets" => resets(user).await,
            other => Err(format!("no attack is named {other}").into()),
        }
    };
    timeout(PATIENCE, attack).await.map_err(|_| format!("not over in {PATIENCE:?}"))?
}

/// All names, in the order in which they run.
pub(crate) const ALL: [(&str, &str); 16] = [
    ("owners", "400,000 empty owner references in protobuf"),
    ("usages", "100,000 unknown usages"),
    ("unread-480", "480 watches and lists with a window of one byte"),
    ("unread-25000", "24,960 of them on 104 connections"),
    ("unread-http1", "400 unread HTTP/1.1 lists"),
    ("silent-h2", "1,000 TLS connections with ALPN h2, then silence"),
    ("slow-heads", "200 heads, a byte at a time"),
    ("slow-bodies", "800 bodies that stay short of their end"),
    ("bodies-user", "600 bodies of 3 MiB without an end"),
    ("bodies-anonymous", "the same without credentials"),
    ("heads-user", "9,600 heads of 60 KiB before unfinished bodies"),
    ("connections", "600 connections of one user"),
    ("impersonation", "2,000 requests with Impersonate-User"),
    ("log", "2,500 broken handshakes and wrong credentials"),
    ("names", "2,000 objects and 4,000 watches with long names"),
    ("resets", "10,000 streams that are reset at once"),
];

fn varint(mut number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

fn owners() -> Vec<u8> {
    let inner = [0x6a, 0].repeat(400_000);
    let object = [&[0x0a][..], &varint(inner.len()), &inner].concat();
    let kind = b"\x0a\x16certificates.k8s.io/v1\x12\x19CertificateSigningRequest";
    [b"k8s\0\x0a", &varint(kind.len())[..], kind, b"\x12", &varint(object.len()), &object].concat()
}

fn usages(attacker: &Attacker) -> Vec<u8> {
    let mut object = attacker.request.clone();
    object["spec"]["usages"] = (0..100_000).map(|n| json!(format!("{n:x}"))).collect();
    object.to_string().into_bytes()
}

/// Posts the body on four connections; each answer must be a short refusal.
async fn refused(user: &Target, kind: &str, body: Vec<u8>) -> Result<(), Error> {
    let body = Bytes::from(body);
    each(0..4, async |_| {
        let sender = user.h2(None).await?;
        for _ in 0..5 {
            let (code, answer) = sender.post(kind, body.clone()).await?;
            if !(400..500).contains(&code) || answer.len() > LARGEST_ANSWER {
                return Err(format!("status {code} with {} bytes", answer.len()).into());
            }
        }
        Ok(())
    })
    .await
    .map(drop)
}

/// Runs them at the same time; the first error counts.
async fn each<F: Future<Output = Result<T, Error>>, T>(
    numbers: std::ops::Range<usize>,
    action: impl Fn(usize) -> F,
) -> Result<Vec<T>, Error> {
    join_all(numbers.map(action)).await.into_iter().collect()
}

/// Opens 240 lists and watches on each connection. One byte of each answer may come, so each produces its first piece.
async fn unread(user: &Target, connections: usize) -> Result<(), Error> {
    let open = each(0..connections, async |_| {
        let sender = user.h2(Some(1)).await?;
        let answers = join_all((0..240).map(|n| {
            let path = if n % 2 == 0 { CSRS.to_owned() } else { format!("{CSRS}?watch=true") };
            let sender = sender.clone();
            async move { sender.send(sender.request(Method::GET, &path), whole("")).await }
        }));
        // Beyond a budget, answers are refusals or the connection ends: what counts is what the server holds.
        Ok((answers.await, sender))
    })
    .await?;
    hold(open).await
}

async fn hold<T>(open: T) -> Result<(), Error> {
    sleep(HOLD).await;
    drop(open);
    Ok(())
}

async fn unread_http1(user: &Target) -> Result<(), Error> {
    let open = each(0..400, async |_| {
        let mut stream = user.h1().await?;
        let token = user.authorization();
        let head = format!("GET {CSRS} HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        Ok(stream)
    })
    .await?;
    hold(open).await
}

/// Each connection must be closed by the server.
async fn silent(user: &Target) -> Result<(), Error> {
    let open = each(0..1_000, async |_| Ok(user.silent_h2().await.ok())).await?;
    let closed = open.into_iter().flatten().map(|mut stream| async move {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = stream.read_to_end(&mut rest).await;
    });
    timeout(Duration::from_secs(20), join_all(closed)).await.map_err(|_| "silent connections stay open")?;
    Ok(())
}

async fn slow_heads(user: &Target) -> Result<(), Error> {
    let open = each(0..200, async |_| {
        let mut stream = user.h1().await?;
        for byte in b"GET / HTTP/1.1\r\nhost: x\r\n" {
            stream.write_all(&[*byte]).await?;
            sleep(Duration::from_millis(50)).await;
        }
        Ok(stream)
    })
    .await?;
    hold(open).await
}

/// A body of so many bytes, of which the last one never comes.
fn endless(size: usize) -> Body {
    const PIECE: usize = 16 << 10;
    let piece = Bytes::from(vec![b' '; PIECE.min(size - 1)]);
    let pieces = stream::iter(vec![piece; ((size - 1) / PIECE).max(1)]);
    let frames = pieces.chain(stream::pending()).map(|piece| Ok(Frame::data(piece)));
    BodyExt::boxed(StreamBody::new(frames))
}

/// So many connections, each with so many bodies of this size.
async fn unfinished(
    user: &Target,
    path: &str,
    (connections, streams, size): (usize, usize, usize),
) -> Result<(), Error> {
    let open = each(0..connections, async |_| {
        let sender = user.h2(None).await?;
        let requests = join_all((0..streams).map(|_| {
            let request = sender.request(Method::POST, path).header("content-type", JSON);
            sender.send(request, endless(size))
        }));
        // The answers come late, or never.
        Ok(timeout(HOLD * 2, requests).await.is_ok())
    })
    .await?;
    hold(open).await
}

async fn heads(user: &Target) -> Result<(), Error> {
    let open = each(0..40, async |_| {
        let sender = user.h2(None).await?;
        let requests = join_all((0..240).map(|_| {
            let mut request = sender.request(Method::POST, CSRS);
            for _ in 0..20 {
                // The same again: one byte on the wire.
                request = request.header("x-filler", "f".repeat(3_000));
            }
            sender.send(request, endless(2))
        }));
        Ok(timeout(HOLD * 2, requests).await.is_ok())
    })
    .await?;
    hold(open).await
}

async fn connections(user: &Target) -> Result<(), Error> {
    let open = each(0..600, async |_| {
        let answer = async {
            let sender = user.h2(None).await?;
            let (code, _) = sender.get("/whoami").await?;
            Ok::<_, Error>((sender, code))
        };
        // The server may close what is too much.
        Ok(answer.await.ok())
    })
    .await?;
    let taken = open.iter().flatten().filter(|(_, code)| *code == 200).count();
    if taken > 512 {
        return Err(format!("{taken} connections of one user").into());
    }
    hold(open).await
}

async fn impersonation(user: &Target) -> Result<(), Error> {
    let sender = user.h2(None).await?;
    each(0..2_000, async |n| {
        let request = sender.request(Method::GET, CSRS).header("impersonate-user", format!("user-{n}"));
        let (code, _) = sender.answer(request, whole("")).await?;
        if code == 403 { Ok(()) } else { Err(format!("status {code}").into()) }
    })
    .await
    .map(drop)
}

async fn log(user: &Target) -> Result<(), Error> {
    each(0..500, async |_| {
        let mut stream = user.tcp().await?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await?;
        Ok(())
    })
    .await?;
    let sender = user.anonymous().h2(None).await?;
    each(0..2_000, async |n| {
        let request = sender
            .request(Method::GET, CSRS)
            .header("authorization", format!("Bearer {n:06}.0123456789abcdef"));
        let (code, _) = sender.answer(request, whole("")).await?;
        if code == 401 { Ok(()) } else { Err(format!("status {code}").into()) }
    })
    .await
    .map(drop)
}

fn long_name(number: usize) -> String {
    format!("{number}.{}", vec!["n".repeat(60); 4].join("."))
}

async fn names(attacker: &Attacker) -> Result<(), Error> {
    let sender = attacker.user.h2(None).await?;
    let made = stream::iter(0..2_000)
        .map(|n| {
            let (sender, name) = (sender.clone(), long_name(n));
            async move { create(&sender, &attacker.request, &name).await }
        })
        .buffer_unordered(64);
    let errors: Vec<_> = made.filter_map(async |made| made.err()).collect().await;
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    each(0..20, async |n| {
        let sender = attacker.user.h2(None).await?;
        for number in 0..200 {
            let name = long_name(n * 200 + number);
            let path = format!("{CSRS}?watch=true&fieldSelector=metadata.name%3D{name}");
            drop(sender.send(sender.request(Method::GET, &path), whole("")).await?);
        }
        Ok(())
    })
    .await
    .map(drop)
}

/// The server may end the connection: rapid resets are an attack of their own.
async fn resets(user: &Target) -> Result<(), Error> {
    each(0..10, async |_| {
        let sender: Sender = user.h2(None).await?;
        for _ in 0..1_000 {
            let sent = sender.send(sender.request(Method::GET, CSRS), whole(""));
            if timeout(Duration::from_micros(50), sent).await.is_ok_and(|sent| sent.is_err()) {
                break;
            }
        }
        Ok(())
    })
    .await
    .map(drop)
}
