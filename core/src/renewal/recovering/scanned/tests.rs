use alloc::vec::Vec;

use super::*;
use crate::common::Common;
use crate::config::{Config, Template};
use crate::id::{CertHandle, FileNumber, KeyHandle, LeafDigest, RunId};
use crate::renewal::Resting;
use crate::serving::{Certificate, Identity, Judged};
use crate::time::{MonoTime, Now, Span, WallTime};

const NOW: WallTime = WallTime::from_unix_secs(1_767_225_600);

/// An identity that was live already.
fn identity(common: &Common) -> Identity {
    let now = Now { wall: NOW, mono: MonoTime::default() };
    let name = Name::Bundle { issued: NOW, generation: Generation(1), file: FileNumber(1) };
    let certificate = Certificate {
        cert: CertHandle(1),
        leaf: LeafDigest([1; 32]),
        not_before: NOW,
        not_after: NOW.plus(Span::from_hours(1)),
        issued: NOW,
        old_template: false,
    };
    Identity::new(common.timing(), now, (name, Generation(1), KeyHandle(1)), &certificate)
}

#[test]
fn foreign_link_is_passed_over_only_in_a_rescan_with_an_identity_in_use() {
    let config = Config::new(ConfigSpec::new(Template::kubelet_client("node-1"))).expect("it is valid");
    let resting = Resting { not_before: MonoTime::default() };
    for (carry, is_live, expected) in [
        (Carry::Rescan(resting), true, true),
        (Carry::Rescan(resting), false, false),
        (Carry::Rest(resting), true, false),
        (Carry::Nothing, true, false),
        (Carry::Nothing, false, false),
    ] {
        let mut common = Common::new(config.clone(), RunId(7));
        if is_live {
            common.serving.durable = Live::Identity(Judged::unseen(identity(&common)));
        }
        let mut actions = Vec::new();
        let now = Now { wall: NOW, mono: MonoTime::default() };
        let mut cx = Cx { common: &mut common, now, actions: &mut actions };
        let Renewal::Recovering(phase) = Recovering::begin(&mut cx, carry, now.mono) else {
            panic!("it scans")
        };
        let context = phase.context(&cx, config.spec(), false);
        assert_eq!(context.options.can_ignore_link, expected, "{carry:?}, an identity in use: {is_live}");
    }
}
