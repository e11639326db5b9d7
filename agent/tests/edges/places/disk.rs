//! The certificate directory, its lock, and the node's own kubeconfig as a file that is written.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::bench::Launch;
use crate::cell::State::{Live, Restart, Start};
use crate::cell::{Cell, Changed, Disappears, Error, Flood, Garbage, Hang, Slow, cell, none};
use crate::identity::put;

pub(crate) fn cells() -> Vec<Cell> {
    [directory(), directory_content(), lock(), writing()].concat()
}

const READ_ONLY: Launch =
    Launch { prelude: "mount --bind pki pki && mount -o remount,bind,ro pki &&", ..Launch::USUAL };
const SMALL: Launch = Launch {
    prelude: "cp -a pki copy && mount -t tmpfs -o size=64k,mode=0700 none pki && cp -a copy/. pki &&
              { head -c 1000000 /dev/zero > pki/ballast; } 2>&-;",
    ..Launch::USUAL
};
const NO_DRIVER: &str = "no file system here answers slowly; core's tests delay every answer of the disk";

fn directory() -> Vec<Cell> {
    let place = "certificate directory";
    vec![
        cell(place, Error, "read-only", |_| {})
            .at(Start)
            .launch(READ_ONLY)
            .says("read-only file system")
            .waits(10)
            .mend(|w| w.shell("mount -o remount,bind,rw pki")),
        cell(place, Error, "read-only", |w| w.shell("mount -o remount,bind,ro pki"))
            .at(Live)
            .launch(Launch { prelude: "mount --bind pki pki &&", ..Launch::USUAL })
            .says("read-only file system")
            .waits(10)
            .mend(|w| w.shell("mount -o remount,bind,rw pki")),
        cell(place, Error, "full", |_| {})
            .at(Start)
            .launch(SMALL)
            .says("no space left on device")
            .waits(10)
            .mend(|w| w.shell("rm pki/ballast")),
        cell(place, Error, "full", |_| {})
            .at(Live)
            .launch(SMALL)
            .says("no space left on device")
            .waits(10)
            .mend(|w| w.shell("rm pki/ballast")),
        cell(place, Error, "mode 0", |w| w.mode("pki", 0))
            .at(Start)
            .says("permission denied")
            .waits(10)
            .mend(|w| {
                w.mode("pki", 0o700);
            }),
        cell(place, Error, "writable for all", |w| w.mode("pki", 0o777))
            .at(Start)
            .says("mode 0777")
            .mend(|w| w.mode("pki", 0o700))
            .exits(15),
        cell(place, Error, "a file", |w| {
            w.remove("pki");
            w.write("pki", "");
        })
        .at(Start)
        .says("not a directory")
        .mend(|w| w.remove("pki"))
        .exits(15),
        cell(place, Hang, "on a file system that never answers", |_| {})
            .at(Start)
            .launch(Launch { cert_dir: "hung", ..Launch::USUAL })
            .says("did not answer in time")
            .waits(0)
            .remedy("not measured: when it answers"),
        cell(place, Hang, "a file system that never answers is mounted over it", |w| {
            w.shell("mount --bind hung pki");
        })
        .at(Live)
        .says("did not answer in time")
        .waits(0)
        .remedy("not measured: when it answers, or after a restart"),
    ]
}

fn directory_content() -> Vec<Cell> {
    let place = "certificate directory";
    vec![
        none(place, Slow, NO_DRIVER),
        cell(place, Flood, "5,000 files of other programs", |w| {
            for number in 0..5000 {
                File::create(w.path(&format!("pki/other-{number}"))).expect("there is room");
            }
        })
        .at(Live),
        cell(place, Garbage, "4 KiB of arbitrary bytes as the live bundle", |w| {
            w.garbage(&w.bundle());
            w.mode(&w.bundle(), 0o600);
        })
        .at(Restart)
        .says("it was moved to")
        .well("certificate 2 is live"),
        cell(place, Garbage, "the first half of the live bundle", |w| {
            w.halve(&w.bundle());
            w.mode(&w.bundle(), 0o600);
        })
        .at(Live),
        cell(place, Garbage, "a current link to nothing", |w| {
            w.link("pki/kubelet-client-current.pem", "nothing")
        })
        .at(Restart)
        .says("current.pem is not used"),
        cell(place, Disappears, "removed", |w| w.remove("pki")).at(Start),
        cell(place, Disappears, "moved away, and back", |w| {
            std::fs::rename(w.path("pki"), w.path("away")).expect("the scratch is writable");
        })
        .at(Live)
        .says("was moved or replaced since it was locked")
        .waits(10)
        .mend(|w| std::fs::rename(w.path("away"), w.path("pki")).expect("the scratch is writable")),
        cell(place, Changed, "another, empty directory", |w| {
            w.directory("pki");
            w.mode("pki", 0o700);
        })
        .at(Live)
        .says("was moved or replaced since it was locked")
        .waits(0)
        .remedy("a restart uses it"),
        cell(place, Changed, "a restored backup with a newer pair of this node", |w| {
            w.remove(&w.bundle());
            w.remove("pki/kubelet-client-current.pem");
            let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
            put(&w.path("pki"), &w.plane, (now - hour / 2, now + 20 * hour, now - hour / 2));
        })
        .at(Live)
        .well("serving"),
    ]
}

/// Locks the directory as another agent does.
fn locked(path: &std::path::Path) -> File {
    let lock = File::open(path).expect("it is there");
    lock.lock().expect("no process holds it");
    lock
}

fn lock() -> Vec<Cell> {
    let place = "lock";
    let no_wait = "the agent does not wait for the lock";
    vec![
        cell(place, Error, "another process holds it", |w| {
            let lock = locked(&w.path("pki"));
            w.hold(lock);
        })
        .at(Start)
        .says("another process holds its lock")
        .exits(15),
        cell(place, Error, "a second agent starts", |w| {
            let mut second = w.command(Launch::USUAL, false);
            let output = second.output().expect("it starts");
            assert_eq!(output.status.code(), Some(15), "{}", String::from_utf8_lossy(&output.stderr));
        })
        .at(Live),
        none(place, Hang, no_wait),
        none(place, Slow, no_wait),
        none(place, Flood, "a lock has no content"),
        none(place, Garbage, "a lock has no content"),
        none(place, Disappears, "it ends with the process, or with the directory: see above"),
        none(place, Changed, "the kernel keeps it for the process"),
    ]
}

fn at(kubeconfig: &'static str) -> Launch {
    Launch { kubeconfig, ..Launch::USUAL }
}

fn writing() -> Vec<Cell> {
    let place = "writing the kubeconfig";
    vec![
        cell(place, Error, "its directory has mode 0500", |w| {
            w.directory("kc");
            w.mode("kc", 0o500);
        })
        .at(Start)
        .launch(at("kc/own"))
        .says("permission denied")
        .waits(10)
        .mend(|w| w.mode("kc", 0o700))
        .well("wrote "),
        cell(place, Error, "its directory is full", |w| w.directory("kc"))
            .at(Start)
            .launch(Launch {
                prelude: "mount -t tmpfs -o size=16k none kc && { head -c 90000 /dev/zero > kc/ballast; } 2>&-;",
                ..at("kc/own")
            })
            .says("no storage space")
            .waits(10)
            .mend(|w| w.shell("rm kc/ballast"))
            .well("wrote "),
        cell(place, Error, "its directory is a file", |w| w.write("kc", ""))
            .at(Start)
            .launch(at("kc/own"))
            .says("kubeconfig kc/own")
            .waits(10)
            .mend(|w| w.remove("kc"))
            .well("wrote "),
        cell(place, Hang, "its directory is on a file system that never answers", |_| {})
            .at(Start)
            .launch(at("hung/own"))
            .says("did not answer within 3 s"),
        none(place, Slow, NO_DRIVER),
        none(place, Flood, "the agent is the writer"),
        cell(place, Garbage, "a temporary file of a crashed run", |w| w.garbage("own.certrotate-tmp"))
            .at(Start)
            .well("wrote "),
        cell(place, Disappears, "its directory is missing", |_| {}).at(Start).launch(at("kc/own")).well("wrote "),
        cell(place, Changed, "another program writes one with the same name, of another cluster", |w| {
            w.write("own", w.plane.admin_kubeconfig());
        })
        .says("move it away")
        .waits(60)
        .mend(|w| w.remove("own"))
        .well("wrote "),
    ]
}
