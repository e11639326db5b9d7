//! A kubelet's directory after a crash: the current link leads to no usable pair.

use std::fs;
use std::os::unix::fs::symlink;

use certrotate_core::disk::Place;
use certrotate_core::event::Event;

use super::{Bench, DATED, HOUR, LONG, Running, start};

/// The directory that a kubelet left at a crash: a link to a dated file, which `damage` spoils.
async fn left_by_a_crash(damage: impl Fn(&Bench)) -> Bench {
    let bench = Bench::new(HOUR).await;
    bench
        .left(|bench, certificate, key| {
            bench.put(DATED, &format!("{certificate}{key}"));
            bench.link(DATED);
            damage(bench);
        })
        .await;
    bench
}

type Damage = (&'static str, fn(&Bench));

const DAMAGES: [Damage; 7] = [
    ("empty", |bench| bench.put(DATED, "")),
    ("cut", |bench| {
        let text = fs::read_to_string(bench.path(DATED)).expect("it is there");
        bench.put(DATED, &text[..500]);
    }),
    ("garbage", |bench| bench.put(DATED, "\u{0}\u{1}no PEM")),
    ("missing", |bench| fs::remove_file(bench.path(DATED)).expect("it is ours")),
    ("a directory", |bench| {
        fs::remove_file(bench.path(DATED)).expect("it is ours");
        fs::create_dir(bench.path(DATED)).expect("there is room");
    }),
    ("a link to itself", |bench| {
        fs::remove_file(bench.path(DATED)).expect("it is ours");
        symlink(DATED, bench.path(DATED)).expect("there is room");
    }),
    ("a certificate alone", |bench| {
        let text = fs::read_to_string(bench.path(DATED)).expect("it is there");
        let end = text.find("-----BEGIN PRIVATE KEY").expect("it has a key");
        bench.put(DATED, &text[..end]);
    }),
];

async fn reports_the_link(node: &mut Running) {
    let is_about_it = |event: &Event| matches!(event, Event::CurrentLinkUnusable { .. });
    let waiting = node.events.wait_for(|all| all.iter().any(is_about_it));
    assert!(matches!(tokio::time::timeout(LONG, waiting).await, Ok(Ok(_))), "it is reported");
}

#[tokio::test]
async fn f60_kubelet_link_to_a_lost_file_is_passed_over() {
    for (what, damage) in DAMAGES {
        let bench = left_by_a_crash(damage).await;
        let asked = bench.plane.stats().csrs_created;
        let mut node = start(&bench.options());
        let live = node.live(1).await;
        reports_the_link(&mut node).await;
        node.end().await;
        assert_eq!(bench.plane.stats().csrs_created, asked + 1, "{what}");
        assert_eq!(bench.leaf(), live.leaf(), "{what}: the link is ours");
    }
}

#[tokio::test]
async fn f60_older_pair_is_adopted_beside_a_link_to_a_lost_file() {
    for (what, damage) in DAMAGES {
        let bench = left_by_a_crash(|bench| {
            let text = fs::read_to_string(bench.path(DATED)).expect("it is there");
            bench.put("kubelet-client-2025-01-02-03-04-05.pem", &text);
            // Each update that failed left an empty file.
            for second in 10..20 {
                bench.put(&format!("kubelet-client-2026-01-02-03-04-{second}.pem"), "");
            }
            damage(bench);
        })
        .await;
        let asked = bench.plane.stats().csrs_created;
        let mut node = bench.start_alone();
        node.live(1).await;
        reports_the_link(&mut node).await;
        assert!(matches!(node.adopts().await, Place::Dated(_)), "{what}");
        node.end().await;
        assert_eq!(bench.plane.stats().csrs_created, asked, "{what}: nothing is requested");
    }
}
