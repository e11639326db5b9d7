//! The model's disk and the shipped store on a real directory come to the same, and every seeded bug of the store is seen.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use certrotate_core::disk::{Content, DiskCommand, DiskDone, DiskFault, Found, Name};
use certrotate_core::id::{CertHandle, KeyHandle};
use certrotate_proptests::agreement::{
    Directory, ExternalChange, Materials, Op, Place, Shipped, disagreement,
};
use certrotate_seeded_bugs::{Bug, Home, with};
use certrotate_store_seeded::{PairName, Store, Vault};
use certrotate_x509_seeded::{Bundle, PendingRequest};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use zeroize::Zeroizing;

/// How many sequences there are, of [`LENGTH`] operations each.
const SEQUENCES: u32 = 2048;
const LENGTH: usize = 32;

/// The same sequences on every run; more, and others, with `PROPTEST_CASES=100000 PROPTEST_RNG_SEED=$RANDOM`.
fn config() -> ProptestConfig {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let cases = number("PROPTEST_CASES").and_then(|cases| u32::try_from(cases).ok()).unwrap_or(SEQUENCES);
    let rng_seed = RngSeed::Fixed(number("PROPTEST_RNG_SEED").unwrap_or(1));
    ProptestConfig { cases, failure_persistence: None, rng_seed, ..ProptestConfig::default() }
}

/// Seven of eight begin with the lock.
fn sequences() -> impl Strategy<Value = Vec<Op>> {
    let bytes = proptest::collection::vec(any::<[u8; 3]>(), LENGTH);
    (any::<u8>(), bytes).prop_map(|(begin, bytes)| {
        let mut ops = Op::sequence(&bytes);
        if begin % 8 != 0 {
            ops[0] = Op::Run(DiskCommand::Lock);
        }
        ops
    })
}

#[test]
fn model_and_store_agree_on_every_operation() {
    let met = Met::default();
    let result = TestRunner::new(config()).run(&sequences(), |ops| {
        let counted = |place: &Place| Counted { store: Shipped::new(place), met: &met };
        let found = disagreement(&ops, counted);
        prop_assert!(found.is_none(), "{}", found.unwrap());
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let met = met.0.into_inner();
    println!("{met:?}");
    for (what, least) in LEAST {
        assert!(met.get(*what).is_some_and(|count| count >= least), "{what}: {met:?}");
    }
}

/// How often each thing is met at least.
const LEAST: &[(&str, u32)] = &[
    ("done", 10_000),
    ("bundle", 300),
    ("pending", 200),
    ("unread", 1000),
    ("corrupt", 1000),
    ("Exists", 1000),
    ("NotFound", 1000),
    ("Io", 1000),
];

/// What was met, by name.
#[derive(Default)]
struct Met(RefCell<BTreeMap<String, u32>>);

impl Met {
    fn count(&self, what: &str) {
        *self.0.borrow_mut().entry(what.to_owned()).or_default() += 1;
    }
}

/// A store that counts the results of commands.
struct Counted<'a> {
    store: Shipped,
    met: &'a Met,
}

impl Directory for Counted<'_> {
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskFault> {
        let result = self.store.run(command);
        match &result {
            Ok(DiskDone::Done) => self.met.count("done"),
            Ok(DiskDone::Scanned(inventory)) => {
                for entry in &inventory.entries {
                    self.met.count(match entry.found {
                        Found::Bundle(_) => "bundle",
                        Found::Pending(_) => "pending",
                        Found::Unread => "unread",
                        Found::Corrupt => "corrupt",
                        Found::Unreadable(_) => "unreadable",
                    });
                }
            }
            Err(fault) => self.met.count(&format!("{fault:?}")),
        }
        result
    }

    fn restart(&mut self) {
        self.store.restart();
    }
}

/// The store with its bugs built in.
struct Seeded {
    path: PathBuf,
    store: Store<Numbers>,
}

struct Numbers;

impl Vault for Numbers {
    fn content(&self, content: &Content) -> Option<Zeroizing<Vec<u8>>> {
        Materials::get().bytes(content).map(Zeroizing::new)
    }

    fn keep_bundle(&self, bundle: Bundle) -> (KeyHandle, CertHandle) {
        let materials = Materials::get();
        (materials.key(&bundle.key.digest()), materials.cert(&bundle.facts.leaf))
    }

    fn keep_pending(&self, request: PendingRequest) -> KeyHandle {
        Materials::get().key(&request.key_digest())
    }
}

impl Seeded {
    fn new(place: &Place) -> Self {
        let path = place.path();
        Self { store: Self::open(&path), path }
    }

    fn open(path: &Path) -> Store<Numbers> {
        Store::new(path, PairName::new("kubelet-client").unwrap(), None, Numbers)
    }
}

impl Directory for Seeded {
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskFault> {
        self.store.run(command).map_err(|fault| fault.kind)
    }

    fn restart(&mut self) {
        self.store = Self::open(&self.path);
    }
}

#[test]
fn every_seeded_bug_of_the_store_is_seen_within_the_sequences() {
    let seen_after = |bug: Option<Bug>| {
        let count = Cell::new(0);
        let result =
            TestRunner::new(ProptestConfig { max_shrink_iters: 0, ..config() }).run(&sequences(), |ops| {
                count.set(count.get() + 1);
                let found = match bug {
                    Some(bug) => with(bug, || disagreement(&ops, Seeded::new)),
                    None if count.get() > 200 => None,
                    None => disagreement(&ops, Seeded::new),
                };
                prop_assert!(found.is_none(), "{}", found.unwrap());
                Ok(())
            });
        result.is_err().then(|| count.get())
    };
    assert_eq!(seen_after(None), None, "without a bug there is nothing to see");
    for bug in Bug::ALL.iter().filter(|bug| bug.home() == Home::Store) {
        let after = seen_after(Some(*bug));
        println!("{}: {after:?}", bug.name());
        assert!(after.is_some(), "{}: {}", bug.name(), bug.sentence());
    }
}

#[test]
fn external_directory_blocks_model_and_store_alike() {
    let Op::Run(DiskCommand::Create { name }) = Op::decode([8, 0, 0]) else { unreachable!("it creates") };
    let to = Name::Current;
    let ops = [
        Op::Run(DiskCommand::Lock),
        Op::External(ExternalChange::Directory, to),
        Op::Run(DiskCommand::Create { name }),
        Op::Run(DiskCommand::Rename { from: name, to }),
        Op::Run(DiskCommand::Unlink { name: to }),
        Op::Run(DiskCommand::Scan),
    ];
    assert_eq!(disagreement(&ops, Shipped::new), None);
}
