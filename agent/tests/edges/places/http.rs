//! The answers of the API server: head, body, watch, redirection.

use crate::cell::State::{Live, Pending};
use crate::cell::{Cell, Changed, Disappears, Error, Flood, Garbage, Hang, Slow, World, cell, none};
use crate::gate::Mode;
use crate::manner::Manner;

pub(crate) fn cells() -> Vec<Cell> {
    let answers = [head(), body(), redirection()].concat().into_iter().map(Cell::before_the_start);
    answers.chain(watch()).collect()
}

/// The gate answers every request in this manner.
fn all(world: &World, manner: Manner) {
    world.gate.set(Mode::Tls { known: true, days: (-1, 9), manner });
}

fn answers(world: &World, bytes: &[u8]) {
    all(world, Manner::Answers(bytes.to_vec()));
}

fn head() -> Vec<Cell> {
    let place = "head of an answer";
    vec![
        cell(place, Error, "503 with Retry-After: 1", |w| {
            answers(w, b"HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nbusy");
        })
        .says("failed: 503")
        .waits(10),
        cell(place, Error, "429 with Retry-After: one year", |w| {
            answers(w, b"HTTP/1.1 429 Wait\r\nretry-after: 31536000\r\ncontent-length: 0\r\n\r\n");
        })
        .says("limits requests")
        .waits(0)
        .remedy("15 min, not measured"),
        cell(place, Hang, "none", |w| all(w, Manner::Silent))
            .says("took the request and did not answer")
            .waits(20),
        cell(place, Slow, "one byte each 20 ms, repeatedly", |w| {
            all(w, Manner::Trickles { first: b"", then: b"HTTP/1.1 200 OK\r\nx-slow: 1\r\nx" });
        })
        .says("within 25 s")
        .waits(20),
        cell(place, Flood, "headers without end", |w| {
            all(
                w,
                Manner::Floods {
                    first: b"HTTP/1.1 200 OK\r\n",
                    then: b"x-header: a value of some length\r\n",
                },
            );
        })
        .says("head of the answer is too large")
        .waits(10),
        cell(place, Flood, "interim answers without end", |w| {
            all(w, Manner::Floods { first: b"", then: b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" });
        })
        .says("within 25 s")
        .waits(20),
        cell(place, Garbage, "a banner of SSH", |w| answers(w, b"SSH-2.0-OpenSSH_9.2\r\n"))
            .says("is not HTTP")
            .waits(10),
        cell(place, Disappears, "closed after the request", |w| answers(w, b"")).says("was closed").waits(10),
        cell(place, Changed, "401, then the token is accepted again", |w| {
            w.plane.faults().answer(401, None, Some(1));
        })
        .says("does not accept the bootstrap credential"),
        cell(place, Changed, "HTTP/1.1 instead of HTTP/2", |w| {
            w.gate.set(Mode::Except { text: "nothing", manner: Manner::Silent });
        }),
    ]
}

fn body() -> Vec<Cell> {
    let place = "body of an answer";
    vec![
        cell(place, Error, "403, and a Status with a forged log line", |w| {
            answers(w, b"HTTP/1.1 403 No\r\ncontent-type: application/json\r\ncontent-length: 88\r\n\r\n{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"x\\n2026-11-28T00:00:00Z  INFO is live\"}\n ");
        })
        .says("forbids it to the bootstrap credential")
        .waits(10),
        cell(place, Hang, "a promised body that does not come", |w| {
            all(w, Manner::Trickles { first: b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", then: b"" });
        })
        .says("within 28 s")
        .waits(20),
        cell(place, Slow, "one byte each 20 ms", |w| {
            all(w, Manner::Trickles { first: b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", then: b" " });
        })
        .says("within 28 s")
        .waits(20),
        cell(place, Slow, "of a 403, one byte each 20 ms", |w| {
            all(w, Manner::Trickles { first: b"HTTP/1.1 403 No\r\n\r\n", then: b" " });
        })
        .says("credential: 403")
        .waits(10),
        cell(place, Flood, "without end", |w| {
            all(w, Manner::Floods { first: b"HTTP/1.1 200 OK\r\n\r\n", then: b"{{{{{{{{{{{{{{{{" });
        })
        .says("more than 4194304 bytes")
        .waits(10),
        cell(place, Garbage, "a login page that repeats the request", |w| all(w, Manner::Echoes))
            .says("of type text/html")
            .waits(10),
        cell(place, Garbage, "{}", |w| {
            answers(w, b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
        })
        .says("without apiVersion and kind")
        .waits(10),
        cell(place, Garbage, "compressed, although nothing requests that", |w| {
            answers(w, b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00");
        })
        .says("not requested")
        .waits(10),
        cell(place, Disappears, "closed in the middle", |w| {
            answers(w, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{");
        })
        .says("end of file before message length")
        .waits(10),
        cell(place, Disappears, "of the creation: the server creates, and closes", |w| {
            w.plane.faults().drop_answers(1);
        })
        .says("cannot be reached"),
        cell(place, Changed, "a certificate with another key", |w| {
            w.plane.faults().spoil(certrotate_controlplane::Spoil::WrongKey);
        })
        .at(Live)
        .says("is refused")
        .waits(10)
        .mend(|w| {
            w.plane.faults().clear_spoils();
            w.running().signal(rustix::process::Signal::USR1);
        })
        .remedy(" after USR1")
        .well("certificate 3 is live"),
    ]
}

/// The gate answers watches in this manner, and the request is approved.
fn watched(world: &World, manner: Manner) {
    world.gate.set(Mode::Except { text: "watch=true", manner });
    world.plane.faults().clear();
}

fn watch() -> Vec<Cell> {
    let place = "watch";
    vec![
        cell(place, Error, "403", |w| {
            watched(w, Manner::Answers(b"HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno".to_vec()));
        }),
        cell(place, Hang, "no event", |w| watched(w, Manner::Silent)),
        cell(place, Slow, "an event that grows by one byte each 20 ms", |w| {
            watched(w, Manner::Trickles { first: b"HTTP/1.1 200 OK\r\n\r\n", then: b"{\"type\": \"ADDED\"," });
        }),
        cell(place, Flood, "bytes without an end of line", |w| {
            watched(w, Manner::Floods { first: b"HTTP/1.1 200 OK\r\n\r\n", then: b"xxxxxxxxxxxxxxxx" });
        }),
        cell(place, Flood, "bookmarks without end", |w| {
            watched(w, Manner::Floods { first: b"HTTP/1.1 200 OK\r\n\r\n", then: b"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"CertificateSigningRequest\",\"apiVersion\":\"certificates.k8s.io/v1\",\"metadata\":{\"resourceVersion\":\"1\"}}}\n" });
        }),
        cell(place, Garbage, "lines that are no events", |w| {
            watched(w, Manner::Answers(b"HTTP/1.1 200 OK\r\n\r\nhello\nworld\n".to_vec()));
        }),
        cell(place, Disappears, "closed at once", |w| {
            watched(w, Manner::Answers(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()));
        }),
        cell(place, Changed, "410 Gone as an event", |w| {
            watched(w, Manner::Answers(b"HTTP/1.1 200 OK\r\n\r\n{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"code\":410,\"reason\":\"Expired\"}}\n".to_vec()));
        }),
    ]
    .into_iter()
    .map(|cell| cell.at(Pending))
    .collect()
}

fn redirection() -> Vec<Cell> {
    let place = "redirection";
    let no_follow = "the agent follows no redirection";
    vec![
        cell(place, Error, "302 without a location", |w| {
            answers(w, b"HTTP/1.1 302 X\r\ncontent-length: 0\r\n\r\n");
        })
        .says("302 Kubernetes sends no such status")
        .waits(10),
        none(place, Hang, no_follow),
        none(place, Slow, no_follow),
        cell(place, Flood, "to a location of 60,000 bytes", |w| {
            let location = "x".repeat(60_000);
            let text =
                format!("HTTP/1.1 307 X\r\nlocation: https://{location}/\r\ncontent-length: 0\r\n\r\n");
            answers(w, text.as_bytes());
        })
        .says("redirects to")
        .waits(10),
        cell(place, Garbage, "to a location with control characters of C1", |w| {
            answers(w, b"HTTP/1.1 302 X\r\nlocation: \xc2\x85\xc2\x9b31m\r\ncontent-length: 0\r\n\r\n");
        })
        .says("302 it redirects to")
        .waits(10),
        none(place, Disappears, no_follow),
        cell(place, Changed, "to another server, which would see the token", |w| {
            answers(w, b"HTTP/1.1 302 X\r\nlocation: https://127.0.0.1:1/login\r\ncontent-length: 0\r\n\r\n");
        })
        .says("it redirects to https://127.0.0.1:1/login")
        .waits(10),
    ]
}
