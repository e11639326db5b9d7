//! Pairs that are in no bundle of ours, from a kubelet or a backup. The store only reads them.

use std::collections::BTreeSet;

use certrotate_core::disk::{BundleHeader, CurrentLink, Name, PairFound, Place};
use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;
use certrotate_x509::pair::{self, PairError};
use certrotate_x509::{Bundle, ClientCa, Pair};

use crate::fault::path_text;
use crate::read::{Unread, read_any};
use crate::scan::{DATED, Scanner};
use certrotate_keys::Vault;

impl Scanner<'_> {
    /// Returns every pair found, each once.
    pub(crate) fn outside(
        &self,
        current: CurrentLink,
        dated: &BTreeSet<WallTime>,
        (vault, client_ca): (&impl Vault, Option<&ClientCa>),
        remarks: &mut Vec<String>,
    ) -> Vec<PairFound> {
        let mut found: Vec<PairFound> = Vec::new();
        let mut keep = |place, read: Pair| {
            let (key_digest, facts) = (read.key.digest(), read.facts.clone());
            if found.iter().any(|it| (it.facts.leaf, it.key_digest) == (facts.leaf, key_digest)) {
                return;
            }
            let header = BundleHeader { generation: Generation(0), issued: facts.not_before };
            let Pair { key, chain, facts: same } = read;
            let (key, cert) = vault.keep_bundle(Bundle { header, key, chain, facts: same });
            found.push(PairFound { place, key_digest, facts, key, cert });
        };
        if matches!(current, CurrentLink::Foreign | CurrentLink::File) {
            match self.one(&self.pair.file_name(Name::Current), client_ca) {
                Ok(read) => keep(Place::Current, read),
                // The last remark says that it is no link of ours.
                Err(none) => {
                    if let Some(remark) = remarks.last_mut() {
                        remark.push_str("; it is not adopted: ");
                        remark.push_str(&none.why);
                    }
                }
            }
        }
        let (certificate, key) = self.pair.split();
        let mut intact = 0;
        let mut dated = dated.iter().rev();
        let dated = std::iter::from_fn(|| {
            let time = dated.next().filter(|_| intact < DATED)?;
            let read = self.one(&self.pair.dated(*time), client_ca);
            intact += usize::from(read.is_ok());
            Some((Place::Dated(*time), read))
        });
        let split = (Place::Split, self.two(&certificate, &key, client_ca));
        for (place, read) in dated.chain([split]) {
            match read {
                Ok(read) => keep(place, read),
                // A missing file, or a file without a pair, needs no remark.
                Err(none) if !none.failed => {}
                Err(none) => {
                    let path = self.path.join(self.pair.place(place));
                    remarks.push(format!("{} is not adopted: {}", path_text(&path), none.why));
                }
            }
        }
        found
    }

    fn one(&self, name: &str, client_ca: Option<&ClientCa>) -> Result<Pair, Unread> {
        let text = read_any(self.handle, name)?;
        pair::read(&text, &text, client_ca).map_err(no_pair)
    }

    fn two(&self, certificate: &str, key: &str, client_ca: Option<&ClientCa>) -> Result<Pair, Unread> {
        let (certificate, key) = (read_any(self.handle, certificate)?, read_any(self.handle, key)?);
        pair::read(&certificate, &key, client_ca).map_err(no_pair)
    }
}

fn no_pair(why: PairError) -> Unread {
    Unread { why: why.to_string(), failed: false }
}
