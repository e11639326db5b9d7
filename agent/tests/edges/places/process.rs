//! What a process inherits and what happens to it: log, status socket, signals, clocks, environment, limits.

use std::io::Write as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

use certrotate_controlplane::Spoil;
use rustix::process::{Resource, Rlimit, Signal, prlimit};

use crate::bench::Launch;
use crate::cell::State::{Idle, Live, Start};
use crate::cell::{Cell, Changed, Disappears, Error, Flood, Garbage, Hang, Slow, World, cell, none};
use crate::socket::socket_name;

pub(crate) fn cells() -> Vec<Cell> {
    [log(), socket(), signals(), clocks(), environment(), limits()].concat()
}

const fn redirect(redirect: &'static str) -> Launch {
    Launch { redirect, ..Launch::USUAL }
}

const fn after(prelude: &'static str) -> Launch {
    Launch { prelude, ..Launch::USUAL }
}

const fn under(wrapper: &'static str) -> Launch {
    Launch { wrapper, ..Launch::USUAL }
}

fn log() -> Vec<Cell> {
    let place = "log";
    vec![
        cell(place, Error, "/dev/full", |_| {})
            .at(Start)
            .launch(redirect("2>/dev/full"))
            .blind("No space left on device"),
        cell(place, Error, "not open for writing", |_| {})
            .at(Start)
            .launch(redirect("2</dev/null"))
            .blind("Bad file descriptor"),
        cell(place, Error, "closed", |_| {}).at(Start).launch(redirect("2>&-")).blind(""),
        cell(place, Error, "a file at its size limit", |_| {})
            .at(Start)
            .launch(Launch { prelude: "head -c 16384 /dev/zero > log; ulimit -f 32;", ..redirect("2>>log") })
            .blind("File too large"),
        cell(place, Hang, "a full pipe whose reader does not read", |_| {})
            .at(Start)
            .launch(after("mkfifo stuck; exec 2<>stuck; head -c 65536 /dev/zero >&2;"))
            .blind("the log is stuck"),
        none(place, Slow, "as hang: 512 lines wait, the rest is counted"),
        none(place, Flood, "the agent is the writer; no cell of this page logs 64 KiB"),
        none(place, Garbage, "the agent reads nothing from it"),
        cell(place, Disappears, "the reader of the pipe", |_| {})
            .at(Start)
            .launch(after("mkfifo pipe; exec 4<>pipe; exec 2>pipe; exec 4<&-;"))
            .blind("Broken pipe"),
        none(
            place,
            Changed,
            "a log that is written again has a line with the number of lost ones: `agent/tests/log.rs`",
        ),
    ]
}

fn address(world: &World) -> SocketAddr {
    SocketAddr::from_abstract_name(socket_name(&world.path("pki"))).expect("a name")
}

/// Connects as many clients as the agent and its backlog take.
fn connect(world: &mut World, each: fn(&mut UnixStream)) {
    let address = address(world);
    for _ in 0..60 {
        let mut client = UnixStream::connect_addr(&address).expect("the agent listens");
        each(&mut client);
        world.hold(client);
    }
}

fn socket() -> Vec<Cell> {
    let place = "status socket";
    vec![
        cell(place, Error, "another process has bound its name", |w| {
            let listener = UnixListener::bind_addr(&address(w)).expect("the agent is not there yet");
            w.hold(listener);
        })
        .at(Start)
        .says("certrotate status cannot reach this agent")
        .waits(30)
        .well("certrotate status can reach this agent now"),
        cell(place, Error, "no descriptor is free for a client", |w| {
            let used =
                std::fs::read_dir(format!("/proc/{}/fd", w.running().child.id())).expect("it runs").count();
            limit(w, Resource::Nofile, Some(used.min(3) as u64));
        })
        .at(Idle)
        .well(""),
        cell(place, Hang, "60 clients that do not read", |w| connect(w, |_| {})).at(Live),
        none(place, Slow, "a client that reads slowly is one that does not read, for at most 5 s"),
        cell(place, Flood, "60 clients that write 64 KiB each", |w| {
            connect(w, |client| {
                client.set_nonblocking(true).expect("it can");
                // The agent reads nothing.
                let _ = client.write(&[b'x'; 65536]);
            });
        })
        .at(Live),
        none(place, Garbage, "the agent reads nothing from it; see flood"),
        cell(place, Disappears, "60 clients that close at once", |w| {
            connect(w, |_| {});
            w.held.clear();
        })
        .at(Live),
        none(place, Changed, "the name of a running agent cannot be bound again"),
    ]
}

/// Sets a limit of the running agent.
fn limit(world: &World, resource: Resource, current: Option<u64>) {
    let maximum = rustix::process::getrlimit(resource).maximum;
    prlimit(Some(world.running().pid()), resource, Rlimit { current, maximum }).expect("it is ours");
}

fn signals() -> Vec<Cell> {
    let place = "signals";
    vec![
        cell(place, Error, "HUP", |w| w.signal(Signal::HUP)).at(Live).says("reading client CA"),
        cell(place, Error, "PIPE, WINCH, URG and CHLD", |w| {
            [Signal::PIPE, Signal::WINCH, Signal::URG, Signal::CHILD]
                .into_iter()
                .for_each(|one| w.signal(one));
        })
        .at(Live),
        cell(place, Error, "USR2", |w| w.signal(Signal::USR2)).at(Live),
        cell(place, Hang, "STOP, and CONT after 2 s", |w| stop(w, Signal::STOP)).at(Live),
        cell(place, Hang, "TSTP, and CONT after 2 s", |w| stop(w, Signal::TSTP)).at(Live),
        none(place, Slow, "a signal has no duration"),
        cell(place, Flood, "1,000 HUP", |w| (0..1000).for_each(|_| w.signal(Signal::HUP))).at(Live),
        cell(place, Flood, "1,000 USR1", |w| (0..1000).for_each(|_| w.signal(Signal::USR1))).at(Live),
        none(place, Garbage, "a signal has no content"),
        cell(place, Disappears, "HUP, INT and TERM are ignored by inheritance (nohup)", |_| {})
            .at(Start)
            .launch(after("trap '' HUP INT TERM;")),
        cell(place, Changed, "INT", |w| w.signal(Signal::INT))
            .at(Idle)
            .says("a signal requested it")
            .exits(0),
        cell(place, Changed, "TERM twice", |w| {
            w.signal(Signal::TERM);
            w.signal(Signal::TERM);
        })
        .at(Idle)
        .says("a signal requested it")
        .exits(0),
    ]
}

/// Stops the agent, and continues it later.
fn stop(world: &World, signal: Signal) {
    world.signal(signal);
    let pid = world.running().pid();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        rustix::process::kill_process(pid, Signal::CONT)
    });
}

fn clocks() -> Vec<Cell> {
    let place = "clocks";
    let shifted = "a shifted clock needs another build of the program: scripts/clocks runs it";
    vec![
        cell(place, Error, "the server's clock is 5 s ahead: the certificate is not valid yet", |w| {
            w.plane.faults().spoil(Spoil::NotYetValid(Duration::from_secs(5)));
        })
        .at(Live)
        .says("valid from"),
        cell(place, Error, "the signer's clock is behind: the certificate is issued expired", |w| {
            w.plane.faults().spoil(Spoil::Expired(Duration::from_secs(60)));
        })
        .at(Live)
        .says("is refused")
        .waits(10)
        .mend(|w| {
            w.plane.faults().clear_spoils();
            w.signal(Signal::USR1);
        })
        .remedy(" after USR1")
        .well("certificate 3 is live"),
        none(place, Hang, "a suspended machine: see STOP above, and scripts/clocks"),
        none(place, Slow, shifted),
        none(place, Flood, shifted),
        none(place, Garbage, shifted),
        none(place, Disappears, "Linux has no machine without these clocks"),
        none(place, Changed, shifted),
    ]
}

fn environment() -> Vec<Cell> {
    let place = "environment";
    vec![
        cell(place, Error, "the current directory was removed", |_| {})
            .at(Start)
            .launch(after("mkdir gone; cd gone; rmdir ../gone;"))
            .says("certrotate: ")
            .exits(2),
        none(place, Hang, "the program reads it once, from its own memory"),
        none(place, Slow, "as hang"),
        cell(place, Flood, "a variable of 100,000 bytes", |_| {})
            .at(Start)
            .launch(under("env HUGE=$(head -c 100000 /dev/zero | tr '\\0' x)")),
        cell(
            place,
            Garbage,
            "LANG, TZ, RUST_LOG, TMPDIR, HOME, SSL_CERT_FILE, NOTIFY_SOCKET without sense",
            |_| {},
        )
        .at(Start)
        .environment(&[
            ("LANG", Some("\u{1b}[31m")),
            ("TZ", Some(":/nowhere")),
            ("RUST_LOG", Some("=,,=trace")),
            ("TMPDIR", Some("/nowhere")),
            ("HOME", Some("")),
            ("SSL_CERT_FILE", Some("/dev/zero")),
            ("NOTIFY_SOCKET", Some("@\u{1}")),
        ]),
        cell(place, Disappears, "no variables", |_| {}).at(Start).launch(under("env -i")),
        cell(place, Disappears, "standard input and output are closed", |_| {})
            .at(Start)
            .launch(redirect("<&- >&-")),
        cell(place, Changed, "proxy variables that lead to a closed port", |_| {}).at(Start).environment(&[
            ("HTTPS_PROXY", Some("http://127.0.0.1:1")),
            ("https_proxy", Some("http://127.0.0.1:1")),
            ("ALL_PROXY", Some("socks5://127.0.0.1:1")),
        ]),
        cell(place, Changed, "umask 777", |_| {}).at(Start).launch(after("umask 777;")),
    ]
}

fn limits() -> Vec<Cell> {
    let place = "limits";
    vec![
        cell(place, Error, "6 open files (ulimit -n)", |_| {})
            .at(Start)
            .launch(after("ulimit -n 6;"))
            .says("open files")
            .exits(1),
        cell(place, Error, "40 open files", |_| {}).at(Start).launch(after("ulimit -n 40;")),
        cell(place, Error, "no file may grow (ulimit -f 0)", |_| {})
            .at(Start)
            .launch(after("ulimit -f 0;"))
            .says("file too large")
            .waits(0)
            .remedy("not measured: a limit is inherited"),
        cell(place, Error, "300 MB of addresses (ulimit -v)", |_| {})
            .at(Start)
            .launch(after("ulimit -v 300000;")),
        cell(place, Error, "a stack of 128 KB (ulimit -s)", |_| {}).at(Start).launch(after("ulimit -s 128;")),
        cell(place, Error, "no core dump, no locked memory, no queued signals", |_| {})
            .at(Start)
            .launch(after("ulimit -c 0; ulimit -l 0; ulimit -i 0;")),
        none(place, Hang, "a limit is an error at once"),
        none(place, Slow, "a limit is an error at once"),
        none(place, Flood, "a limit has no content"),
        none(place, Garbage, "a limit has no content"),
        none(
            place,
            Disappears,
            "a limit that is lifted: see comes back changed, and `agent/tests/lack_of_threads.rs`",
        ),
        cell(place, Changed, "no further open file while it runs", |w| limit(w, Resource::Nofile, Some(3)))
            .at(Live)
            .says("cannot create")
            .waits(20)
            .mend(|w| limit(w, Resource::Nofile, Some(1024))),
    ]
}
