//! The way to the API server: name lookup, connection, TLS.

use std::time::Duration;

use crate::bench::NAME;
use crate::cell::State::{Live, Pending, Start, Waiting};
use crate::cell::{Cell, Changed, Disappears, Error, Flood, Garbage, Hang, Slow, cell, none};
use crate::gate::Mode;
use crate::manner::Manner;

pub(crate) fn cells() -> Vec<Cell> {
    [lookup(), connect(), tls()].concat()
}

fn lookup() -> Vec<Cell> {
    let place = "name lookup";
    vec![
        cell(place, Error, "no address in /etc/hosts", |w| w.write("etc/hosts", ""))
            .at(Start)
            .says("has no address")
            .waits(10),
        cell(place, Hang, "/etc/hosts is a link to a file system that never answers", |w| {
            w.hang("etc/hosts")
        })
        .at(Start)
        .says("the lookup of api.cluster.test had no result within 10 s")
        .waits(20),
        none(place, Slow, "a slow lookup is one that hangs, or succeeds within 10 s"),
        cell(place, Flood, "200 addresses, of which only the last one is the server's", |w| {
            let others = (1..200).map(|last| format!("127.1.1.{last} {NAME}\n")).collect::<String>();
            w.write("etc/hosts", format!("{others}{} {NAME}\n", w.gate.address.ip()));
        })
        .at(Start)
        .says("cannot be reached")
        .waits(10),
        cell(place, Flood, "one address, 1000 times", |w| {
            w.write("etc/hosts", format!("{} {NAME}\n", w.gate.address.ip()).repeat(1000));
        })
        .at(Start),
        cell(place, Garbage, "/etc/hosts with 4 KiB of arbitrary bytes", |w| w.garbage("etc/hosts"))
            .at(Start)
            .says("has no address")
            .waits(10),
        cell(place, Disappears, "the name, after a lookup that succeeded", |w| w.write("etc/hosts", ""))
            .at(Waiting),
        cell(place, Changed, "an address where nothing listens", |w| {
            w.write("etc/hosts", format!("127.1.1.1 {NAME}\n"))
        })
        .at(Waiting)
        .says("127.1.1.1")
        .waits(10),
    ]
    .into_iter()
    .map(|cell| if cell.case.is_some() { cell.by_name() } else { cell })
    .collect()
}

fn connect() -> Vec<Cell> {
    let place = "connection";
    let no_data = "a TCP handshake carries no data; see TLS";
    vec![
        cell(place, Error, "refused", |w| w.gate.set(Mode::Refused))
            .at(Start)
            .says("cannot be reached")
            .waits(10),
        cell(place, Error, "refused", |w| w.gate.set(Mode::Refused))
            .at(Live)
            .says("Connection refused")
            .waits(10),
        cell(place, Error, "reset", |w| w.gate.set(Mode::Reset))
            .at(Start)
            .says("cannot be reached")
            .waits(10),
        cell(place, Hang, "the server's queue is full: packets are dropped", |w| w.gate.set(Mode::Swallowed))
            .at(Start)
            .says("no connection within 10 s")
            .waits(20),
        cell(place, Hang, "the same", |w| w.gate.set(Mode::Swallowed))
            .at(Live)
            .says("no connection within 10 s")
            .waits(20),
        cell(place, Slow, "bytes arrive after 2 s", |w| w.gate.set(Mode::Late(Duration::from_secs(2))))
            .at(Start),
        none(place, Flood, no_data),
        none(place, Garbage, no_data),
        cell(place, Disappears, "closed while the request waits for approval", |w| {
            w.gate.set(Mode::Refused);
        })
        .at(Pending)
        .says("Connection refused")
        .waits(10)
        .mend(|w| {
            w.gate.set(Mode::Open);
            w.plane.faults().clear();
        }),
        cell(place, Changed, "another server at the address", |w| {
            w.gate.set(Mode::Tls { known: false, days: (-1, 9), manner: Manner::Silent });
        })
        .at(Live)
        .says("another CA has the same name")
        .waits(10),
    ]
    .into_iter()
    .map(Cell::before_the_start)
    .collect()
}

fn tls() -> Vec<Cell> {
    let place = "TLS";
    vec![
        cell(place, Error, "the server's certificate is of an unknown CA", |w| {
            w.gate.set(Mode::Tls { known: false, days: (-1, 9), manner: Manner::Silent });
        })
        .says("cannot be reached")
        .waits(10),
        cell(place, Error, "a fatal alert", |w| w.gate.set(Mode::Raw(b"\x15\x03\x03\x00\x02\x02\x28")))
            .says("cannot be reached")
            .waits(10),
        cell(place, Hang, "no answer to the hello", |w| {
            w.gate.set(Mode::Tls { known: true, days: (-1, 9), manner: Manner::NoTls });
        })
        .says("did not finish TLS within 10 s")
        .waits(20),
        cell(place, Hang, "no more bytes in the middle of the handshake", |w| {
            w.gate.set(Mode::Cut { after: 100, closed: false });
        })
        .says("did not finish TLS within 10 s")
        .waits(20),
        cell(place, Slow, "32 bytes each 10 ms", |w| w.gate.set(Mode::Slow(32))),
        cell(place, Slow, "one byte each 10 ms: longer than the deadline", |w| w.gate.set(Mode::Slow(1)))
            .says("did not finish TLS within 10 s")
            .waits(20),
        cell(place, Flood, "handshake records without end", |w| {
            w.gate.set(Mode::Raw(b"\x16\x03\x03\x00\x08\x0b\xff\xff\xff\x00\x00\x00\x00"));
        })
        .says("cannot be reached")
        .waits(10),
        cell(place, Garbage, "HTTP without TLS", |w| {
            w.gate.set(Mode::Tls { known: true, days: (-1, 9), manner: Manner::Plain });
        })
        .says("does not speak TLS")
        .waits(10),
        cell(place, Garbage, "zeros without end", |w| w.gate.set(Mode::Raw(&[0; 4096])))
            .says("cannot be reached")
            .waits(10),
        cell(place, Disappears, "closed in the middle of the handshake", |w| {
            w.gate.set(Mode::Cut { after: 100, closed: true });
        })
        .says("cannot be reached")
        .waits(10),
        cell(place, Changed, "a certificate that is not valid yet", |w| {
            w.gate.set(Mode::Tls { known: false, days: (2, 9), manner: Manner::Silent });
        })
        .says("cannot be reached")
        .waits(10),
    ]
    .into_iter()
    .map(Cell::before_the_start)
    .collect()
}
