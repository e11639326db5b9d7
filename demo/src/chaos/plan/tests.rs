use super::*;

const SEEDS: u64 = 2000;

#[test]
fn same_seed_gives_same_plan_and_another_seed_another() {
    for seed in 0..20 {
        assert_eq!(plan(seed, 12), plan(seed, 12));
        assert_ne!(plan(seed, 12), plan(seed + 1, 12));
    }
}

#[test]
fn run_of_default_length_has_every_kind_of_fault() {
    for seed in 0..SEEDS {
        let planned = plan(seed, DECK as u32);
        let count = |wanted: fn(&Fault) -> bool| planned.iter().filter(|it| wanted(&it.fault)).count();
        let counts = [
            count(|fault| matches!(fault, Fault::Kill { .. })),
            count(|fault| matches!(fault, Fault::KillInRenewal { .. })),
            count(|fault| matches!(fault, Fault::Outage { .. })),
            count(|fault| matches!(fault, Fault::Slow { .. })),
            count(|fault| matches!(fault, Fault::Denied)),
            count(|fault| matches!(fault, Fault::Spoiled { .. })),
            count(|fault| matches!(fault, Fault::FullDisk { .. })),
            count(|fault| matches!(fault, Fault::Clock { .. })),
        ];
        assert_eq!(counts, [1, 2, 2, 1, 1, 1, 2, 2], "seed {seed}: {planned:#?}");
        let certificates: Vec<u32> = planned.iter().map(|it| it.certificate).collect();
        assert_eq!(certificates, (1..=DECK as u32).collect::<Vec<_>>(), "one for each");
    }
}

#[test]
fn outages_are_a_fifth_of_the_run_at_most() {
    for rotations in [1, 2, 3, 5, 12, 40] {
        for seed in 0..SEEDS / 4 {
            let planned = plan(seed, rotations);
            let least: Duration = planned.iter().map(|it| it.fault.min_life()).sum();
            let mut all = Duration::ZERO;
            for it in &planned {
                if let Fault::Outage { for_ms, .. } = it.fault {
                    let outage = Duration::from_millis(for_ms);
                    assert!(outage <= longest_outage(), "seed {seed}: {it}");
                    all += outage;
                }
            }
            assert!(all * 5 <= least, "seed {seed}, {rotations} rotations: {all:?} of {least:?}");
        }
    }
}

#[test]
fn every_fault_ends_with_a_quarter_of_the_lifetime_left() {
    let limit = u64::try_from(LIFETIME.as_millis()).unwrap() * 3 / 4;
    for seed in 0..SEEDS {
        for it in plan(seed, 12) {
            let over = it.at_ms
                + match it.fault {
                    Fault::Kill { down_ms } | Fault::KillInRenewal { down_ms, .. } => down_ms,
                    Fault::Outage { for_ms, .. }
                    | Fault::FullDisk { for_ms, .. }
                    | Fault::Clock { for_ms, .. } => for_ms,
                    Fault::Slow { .. } | Fault::Denied | Fault::Spoiled { .. } => 2500,
                };
            assert!(over <= limit, "seed {seed}: {it}");
        }
    }
}

#[test]
fn plan_display_lists_certificate_time_and_fault() {
    let lines: Vec<String> = plan(7, 12).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
