//! The files that other programs replace.

use std::time::{Duration, SystemTime};

use certrotate_controlplane::ClientIdentity;

use crate::cell::State::{Live, Restart, Start};
use crate::cell::{Cell, Changed, Disappears, Error, Flood, Garbage, Hang, Slow, World, cell, none};

pub(crate) fn cells() -> Vec<Cell> {
    [bootstrap_kubeconfig(), own_kubeconfig(), token(), server_ca(), client_ca(), key()].concat()
}

const NOT_SLOW: &str = "the agent reads regular files only, and a file system that is slow is one that hangs";

fn bootstrap_kubeconfig() -> Vec<Cell> {
    let place = "bootstrap kubeconfig";
    vec![
        cell(place, Error, "mode 0", |w| w.mode("boot", 0)).says("permission denied"),
        cell(place, Error, "mode 0", |w| w.mode("boot", 0)).at(Start).says("permission denied").exits(2),
        cell(place, Error, "mode 0", |w| w.mode("boot", 0)).at(Restart).says("permission denied"),
        cell(place, Error, "a link to itself", |w| w.link("boot", "boot")).says("boot cannot be used now"),
        cell(place, Error, "a directory", |w| w.directory("boot")).says("it is a directory"),
        cell(place, Hang, "a link to a file system that never answers", |w| w.hang("boot"))
            .says("did not answer within 3 s"),
        cell(place, Hang, "the same", |w| w.hang("boot"))
            .at(Start)
            .says("did not answer within 3 s")
            .exits(2),
        cell(place, Hang, "a FIFO without a writer", |w| w.fifo("boot")).says("it is a FIFO"),
        none(place, Slow, NOT_SLOW),
        cell(place, Flood, "2 GiB of zeros", |w| w.flood("boot")).says("larger than 1048576 bytes"),
        cell(place, Flood, "a link to /dev/zero", |w| w.link("boot", "/dev/zero")).says("it is a device"),
        cell(place, Garbage, "4 KiB of arbitrary bytes", |w| w.garbage("boot"))
            .says("boot cannot be used now"),
        cell(place, Garbage, "its first half", |w| w.halve("boot")).says("boot cannot be used now"),
        cell(place, Garbage, "empty", |w| w.write("boot", "")).says("boot cannot be used now"),
        cell(place, Disappears, "removed", |w| w.remove("boot")).says("there is no such file").waits(10),
        cell(place, Disappears, "removed", |w| w.remove("boot")).at(Start).says("no such file").exits(2),
        cell(place, Disappears, "removed", |w| w.remove("boot")).at(Live),
        cell(place, Changed, "another token", |w| {
            w.write(
                "boot",
                w.boot().replace("tokenFile: token", &format!("token: {}", w.plane.bootstrap_token())),
            );
            w.remove("token");
        }),
        cell(place, Changed, "an exec plugin", |w| {
            w.write("boot", w.boot().replace("tokenFile: token", "exec: {command: aws}"));
        })
        .says("boot cannot be used now"),
    ]
}

fn own_kubeconfig() -> Vec<Cell> {
    let place = "own kubeconfig";
    vec![
        cell(place, Error, "mode 0", |w| w.mode("own", 0)).at(Live).says("own cannot be used now"),
        cell(place, Error, "mode 0", |w| w.mode("own", 0)).at(Restart).says("it is left alone"),
        cell(place, Hang, "a link to a file system that never answers", |w| w.hang("own"))
            .at(Live)
            .says("did not answer within 3 s"),
        cell(place, Hang, "the same", |w| w.hang("own")).at(Restart).says("did not answer within 3 s"),
        none(place, Slow, NOT_SLOW),
        cell(place, Flood, "2 GiB of zeros", |w| w.flood("own")).at(Live).says("own cannot be used now"),
        cell(place, Garbage, "4 KiB of arbitrary bytes", |w| w.garbage("own"))
            .at(Live)
            .says("own cannot be used now"),
        cell(place, Garbage, "its first half", |w| w.halve("own")).at(Restart).says("it is left alone"),
        cell(place, Disappears, "removed", |w| w.remove("own")).at(Live).says("wrote "),
        cell(place, Changed, "names another pair", |w| {
            let own = std::fs::read_to_string(w.path("own")).expect("it is there");
            w.write("own", own.replace("current.pem", "other.pem"));
        })
        .at(Restart)
        .says("move it away")
        .mend(|w| w.write_own())
        .exits(2),
    ]
}

fn token() -> Vec<Cell> {
    let place = "token file";
    vec![
        cell(place, Error, "mode 0", |w| w.mode("token", 0)).says("permission denied"),
        cell(place, Error, "mode 0", |w| w.mode("token", 0)).at(Start).says("permission denied").waits(10),
        cell(place, Hang, "a link to a file system that never answers", |w| w.hang("token"))
            .says("did not answer within 3 s"),
        cell(place, Hang, "the same", |w| w.hang("token"))
            .at(Start)
            .says("did not answer within 3 s")
            .waits(20),
        cell(place, Hang, "a FIFO without a writer", |w| w.fifo("token"))
            .at(Start)
            .says("it is a FIFO")
            .waits(10),
        none(place, Slow, NOT_SLOW),
        cell(place, Flood, "2 GiB of zeros", |w| w.flood("token")).says("larger than 1048576 bytes"),
        cell(place, Garbage, "4 KiB of arbitrary bytes", |w| w.garbage("token"))
            .says("boot cannot be used now"),
        cell(place, Garbage, "empty", |w| w.write("token", "\n")).says("boot cannot be used now"),
        cell(place, Disappears, "removed", |w| w.remove("token")).says("there is no such file").waits(10),
        cell(place, Changed, "a token that the server does not know", |w| {
            w.write("token", "abcdef.0123456789abcdef")
        })
        .says("does not accept the bootstrap credential")
        .waits(10),
    ]
}

fn server_ca() -> Vec<Cell> {
    let place = "server CA file";
    vec![
        cell(place, Error, "mode 0", |w| w.mode("server-ca.crt", 0)).says("permission denied"),
        cell(place, Error, "mode 0", |w| w.mode("server-ca.crt", 0))
            .at(Start)
            .says("permission denied")
            .exits(2),
        cell(place, Hang, "a link to a file system that never answers", |w| w.hang("server-ca.crt"))
            .says("did not answer within 3 s"),
        cell(place, Hang, "the same", |w| w.hang("server-ca.crt")).at(Live).says("did not answer within 3 s"),
        none(place, Slow, NOT_SLOW),
        cell(place, Flood, "2 GiB of zeros", |w| w.flood("server-ca.crt")).says("larger than 1048576 bytes"),
        cell(place, Garbage, "4 KiB of arbitrary bytes", |w| w.garbage("server-ca.crt"))
            .says("cannot be used now"),
        cell(place, Disappears, "removed", |w| w.remove("server-ca.crt")).says("no such file"),
        cell(place, Changed, "only another CA", |w| w.write("server-ca.crt", w.gate.ca.clone()))
            .says("another CA")
            .waits(10),
    ]
}

fn client_ca() -> Vec<Cell> {
    let place = "client CA file";
    vec![
        cell(place, Error, "mode 0", |w| w.mode("client-ca.crt", 0)).says("permission denied"),
        cell(place, Error, "mode 0", |w| w.mode("client-ca.crt", 0))
            .at(Start)
            .says("permission denied")
            .exits(2),
        cell(place, Hang, "a link to a file system that never answers", |w| w.hang("client-ca.crt"))
            .says("did not answer within 3 s"),
        cell(place, Hang, "the same", |w| w.hang("client-ca.crt"))
            .at(Restart)
            .says("did not answer")
            .exits(2),
        none(place, Slow, NOT_SLOW),
        cell(place, Flood, "2 GiB of zeros", |w| w.flood("client-ca.crt")).says("larger than 1048576 bytes"),
        cell(place, Garbage, "4 KiB of arbitrary bytes", |w| w.garbage("client-ca.crt"))
            .says("cannot be used now"),
        cell(place, Garbage, "its first half", |w| w.halve("client-ca.crt")).at(Live).says("is cut off"),
        cell(place, Disappears, "removed", |w| w.remove("client-ca.crt")).at(Live).says("no such file"),
        cell(place, Changed, "only another CA", |w| w.write("client-ca.crt", w.gate.ca.clone()))
            .at(Live)
            .says("is refused")
            .waits(10)
            .rotated()
            .well("certificate 3 is live"),
    ]
}

fn key() -> Vec<Cell> {
    let place = "key file";
    // The bootstrap credential is a client certificate here, with its key in a file.
    vec![
        cell(place, Error, "mode 0", |w| with_key(w, |w| w.mode("key", 0)))
            .says("permission denied")
            .waits(10),
        cell(place, Hang, "a link to a file system that never answers", |w| with_key(w, |w| w.hang("key")))
            .says("did not answer within 3 s")
            .waits(20),
        none(place, Slow, NOT_SLOW),
        cell(place, Flood, "2 GiB of zeros", |w| with_key(w, |w| w.flood("key")))
            .says("larger than")
            .waits(10),
        cell(place, Garbage, "its first half", |w| with_key(w, |w| w.halve("key")))
            .says("cannot be used")
            .waits(10),
        cell(place, Disappears, "removed", |w| with_key(w, |w| w.remove("key")))
            .says("no such file")
            .waits(10),
        cell(place, Changed, "the key of another certificate", |w| {
            with_key(w, |w| w.write("key", identity(w).key.as_bytes()));
        })
        .says("cannot be used")
        .waits(10),
    ]
    .into_iter()
    .map(|cell| if cell.case.is_some() { cell.at(Start) } else { cell })
    .collect()
}

fn identity(world: &World) -> ClientIdentity {
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    let identity = world.plane.client_identity("edge", &["system:bootstrappers"], now - hour, now + hour);
    identity.expect("it is signed")
}

/// Lets the bootstrap kubeconfig name a certificate and a key, and breaks the key.
fn with_key(world: &World, damage: fn(&World)) {
    let identity = identity(world);
    world.write("cert", &identity.certificate);
    world.write("key", identity.key.as_bytes());
    let pair = "client-certificate: cert\n    client-key: key";
    world.write("boot", world.boot().replace("tokenFile: token", pair));
    damage(world);
}
