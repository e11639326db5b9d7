//! Fleets.

use super::*;
use std::collections::BTreeMap;

use certrotate_core::issuer::IssuerFault;
use certrotate_model::cert::Cert;
use certrotate_model::server::Answer;
use certrotate_model::world::START;

const AGENTS: u64 = 6000;

/// One of a fleet: its certificates and its jitter are its own.
fn agent(number: u64) -> World {
    let mut spec = spec();
    spec.seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut world = world_of(spec);
    // Others got theirs before: no leaf digest comes twice in the fleet.
    let cert = Cert { key: 0, template: 0, flaw: None, not_before: START, not_after: START };
    world.server.certs = vec![cert; number as usize * 3];
    world
}

/// The most calls that any minute saw.
fn peak(calls: impl Iterator<Item = u64>) -> u64 {
    let mut minutes = BTreeMap::<u64, u64>::new();
    for ms in calls {
        *minutes.entry(ms / 60_000).or_default() += 1;
    }
    minutes.into_values().max().unwrap_or_default()
}

#[test]
fn f32_six_thousand_agents_started_together_do_not_renew_together() {
    let mut renewals = Vec::new();
    for number in 0..AGENTS {
        let mut world = agent(number);
        world.start();
        serves(&mut world, 1);
        world.run_until("the renewal", |world| world.server.created() == 2);
        renewals.push(world.now.mono.ms());
    }
    // A fifth of 24 h is 288 minutes: 21 renewals in each, if they are spread evenly.
    let peak = peak(renewals.into_iter());
    assert!(peak <= 50, "{peak} renewals in a minute");
}

#[test]
fn f32_six_thousand_agents_do_not_return_together_from_an_outage() {
    let mut returns = Vec::new();
    for number in 0..AGENTS {
        let mut world = agent(number);
        world.server.outage = Some(IssuerFault::Unavailable { retry_after: None });
        world.start();
        world.run_for(Span::from_hours(6));
        let back = world.now.mono;
        world.server.outage = None;
        serves(&mut world, 1);
        returns.push(world.now.mono.since(back).ms());
    }
    // They come back within a quarter of an hour: 400 in each minute, if they are spread evenly.
    assert!(returns.iter().all(|ms| *ms <= 15 * 60_000));
    let peak = peak(returns.into_iter());
    assert!(peak <= 600, "{peak} returns in a minute");
}

#[test]
fn f32_retry_after_is_respected_up_to_the_longest_backoff() {
    let years = Span::from_hours(10 * 8760);
    let cases = [
        (Some(Span::ZERO), Span::from_ms(1500), Span::from_ms(2500)),
        (None, Span::from_ms(1500), Span::from_ms(2500)),
        (Some(Span::from_mins(5)), Span::from_mins(5), Span::from_mins(5)),
        (Some(years), Span::from_mins(15), Span::from_mins(15)),
    ];
    for (retry_after, least, most) in cases {
        for fault in [IssuerFault::Throttled { retry_after }, IssuerFault::Unavailable { retry_after }] {
            let mut world = world();
            world.server.answers.push(Answer(fault));
            world.start();
            world.run_until("the refusal", |world| world.log().calls.len() == 1);
            let asked = world.now.mono;
            world.run_until("the next call", |world| world.log().calls.len() == 2);
            let wait = world.now.mono.since(asked);
            assert!(least <= wait && wait <= most, "{fault:?}: {wait}");
        }
    }
}
