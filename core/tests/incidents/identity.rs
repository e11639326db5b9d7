//! Who asks.

use super::*;
use certrotate_core::facts::San;
use certrotate_core::input::{Action, Disposition, Input};
use certrotate_core::issuer::IssuerFault;
use certrotate_core::judge::Refusal;

#[test]
fn f84_renamed_node_requests_its_new_name_by_bootstrap() {
    let mut world = running();
    world.kill();
    let renamed = ConfigSpec::new(Template::kubelet_client("node-2"));
    world.config = Config::new(renamed).expect("the template is complete");
    let before = world.log().credentials().len();
    world.start();
    serves(&mut world, 2);
    assert_eq!(kinds_since(&world, before), [Credential::Bootstrap]);
    let facts = world.served_facts().expect("it is served");
    assert_eq!(facts.subject.common_name, "system:node:node-2");
    assert!(saw(&world, |event| matches!(
        event,
        Event::FileRefused { refusal: Refusal::Subject { .. }, .. }
    )));
}

#[test]
fn f88_a_valid_identity_renews_itself_although_the_token_has_expired() {
    let mut world = running();
    world.ghost.undisturbed = true;
    world.server.refuse_bootstrap = true;
    let before = world.log().credentials().len();
    serves(&mut world, 3);
    let mut kinds = kinds_since(&world, before);
    kinds.retain(|it| *it == Credential::Bootstrap);
    assert_eq!(kinds, [], "the token was never needed");
    world.ghost.undisturbed = false;
    world.restart();
    serves(&mut world, 4);
}

#[test]
fn f89_node_unknown_to_the_server_tries_bootstrap_once_then_backs_off() {
    let mut world = running();
    for fault in [IssuerFault::NotAuthenticated, IssuerFault::NotPermitted] {
        world.server.outage = Some(fault);
        world.run_until("the refusal", |world| {
            saw(world, |event| matches!(event, Event::CallFailed { fault: it, .. } if *it == fault))
        });
        let refused = world.log().calls.len();
        world.run_until("the next call", |world| world.log().calls.len() > refused);
        let bundles_before = bundles(&world);
        let before = world.log().calls.len();
        world.run_for(DAY);
        let calls = world.log().calls.len() - before;
        assert!((80..=140).contains(&calls), "{calls} calls in a day");
        assert!(bundles(&world).is_superset(&bundles_before), "nothing has to be deleted");
        world.server.outage = None;
        let served = world.served();
        world.run_until("an identity", |world| world.served() > served);
        assert_eq!(world.log().credentials().last(), Some(&Credential::Bootstrap));
    }
}

fn edit(world: &mut World, change: impl FnOnce(&mut ConfigSpec)) {
    let mut spec = world.config.spec().clone();
    change(&mut spec);
    let config = Config::new(spec).expect("a change leaves it valid");
    let step = world.give(Input::Reconfigure(config)).expect("it runs");
    assert_eq!(step.disposition, Disposition::Applied);
}

fn with_names(world: &mut World, names: &[&str]) {
    let sans = names.iter().map(|name| San::Dns((*name).into())).collect();
    edit(world, |spec| spec.template.sans = sans);
}

#[test]
fn f84_renamed_node_withdraws_at_once_and_requests_by_bootstrap() {
    let mut world = running();
    let before = world.log().credentials().len();
    edit(&mut world, |spec| spec.template.subject = Template::kubelet_client("node-2").subject);
    assert_eq!(world.served(), None, "it proves who the node was");
    serves(&mut world, 2);
    assert_eq!(kinds_since(&world, before), [Credential::Bootstrap]);
    let facts = world.served_facts().expect("it is served");
    assert_eq!(facts.subject.common_name, "system:node:node-2");
}

#[test]
fn f84_a_name_that_comes_back_brings_its_identity_back() {
    let mut world = running();
    let created = creates(&world);
    edit(&mut world, |spec| spec.template.subject = Template::kubelet_client("node-2").subject);
    edit(&mut world, |spec| spec.template.subject = Template::kubelet_client("node-1").subject);
    serves(&mut world, 1);
    rests(&mut world);
    assert_eq!(creates(&world), created, "no request was needed");
}

#[test]
fn f86_changed_names_are_requested_at_once_by_the_live_identity() {
    let mut world = running();
    let lists: [&[&str]; 3] = [&["a.example", "b.example"], &["a.example"], &[]];
    for (names, generation) in lists.iter().zip(2..) {
        world.run_for(Span::from_mins(2));
        world.ghost.undisturbed = true;
        let (before, changed) = (world.log().credentials().len(), world.now.mono);
        with_names(&mut world, names);
        serves(&mut world, generation);
        assert!(world.now.mono.since(changed) < Span::from_secs(30), "at once");
        assert_eq!(kinds_since(&world, before), [Credential::Live(Generation(generation - 1))]);
        assert_eq!(world.served_facts().expect("it is served").sans.len(), names.len());
    }
    assert!(saw(&world, |event| matches!(event, Event::OldTemplate { .. })));
}

#[test]
fn f86_start_with_another_address_serves_the_old_certificate_meanwhile() {
    let mut world = running();
    world.kill();
    let mut spec = spec();
    spec.template.sans.push(San::Ip([192, 0, 2, 1].into()));
    world.config = Config::new(spec).expect("the template is complete");
    world.start();
    serves(&mut world, 1);
    serves(&mut world, 2);
    assert_eq!(world.log().credentials().last(), Some(&Credential::Live(Generation(1))));
}

#[test]
fn f86_names_in_another_order_change_nothing() {
    let mut world = running();
    with_names(&mut world, &["a.example", "b.example"]);
    serves(&mut world, 2);
    rests(&mut world);
    let calls = world.log().calls.len();
    with_names(&mut world, &["b.example", "a.example"]);
    assert_eq!(phase(&world), Phase::Resting);
    world.run_for(Span::from_hours(1));
    assert_eq!((world.log().calls.len(), world.served()), (calls, Some(Generation(2))));
}

#[test]
fn f86_template_that_flips_makes_one_attempt_a_minute() {
    let mut world = running();
    let before = creates(&world);
    for second in 0..600 {
        let names: &[&str] = if second % 2 == 0 { &["a.example"] } else { &["b.example"] };
        with_names(&mut world, names);
        world.run_for(Span::from_secs(1));
    }
    let made = creates(&world) - before;
    assert!((5..=11).contains(&made), "{made} requests in ten minutes");
}

#[test]
fn f86_request_for_an_old_template_is_abandoned_without_a_backoff() {
    let mut world = running();
    world.server.approver = certrotate_model::server::Approver::Absent;
    with_names(&mut world, &["a.example"]);
    world.run_until("a request that waits", |world| world.open() == 1 && phase(world) == Phase::Asking);
    world.run_for(Span::from_mins(5));
    let changed = world.now.mono;
    with_names(&mut world, &["b.example"]);
    assert!(saw(&world, |event| matches!(event, Event::RequestAbandoned { .. })));
    world.run_until("the next request", |world| world.open() == 1 && phase(world) == Phase::Asking);
    assert!(world.now.mono.since(changed) < Span::from_secs(5), "at once");
    assert_eq!(world.server.objects.iter().filter(|object| !object.is_decided()).count(), 2);
}

#[test]
fn reconfigured_timing_moves_the_renewal_point_on_both_clocks() {
    let mut world = running();
    let planned =
        |world: &World| world.node.as_ref().and_then(|node| node.view().identity).expect("it is served");
    let before = planned(&world);
    let share = |from, to| {
        move |spec: &mut ConfigSpec| (spec.timing.renewal.from, spec.timing.renewal.to) = (from, to)
    };
    edit(&mut world, share(700, 700));
    let sooner = planned(&world);
    assert_eq!(sooner.renew_at, before.issued.plus(before.lifetime().scaled(7, 10)));
    assert_eq!(before.renew_at.since(sooner.renew_at), before.renew_by.since(sooner.renew_by));
    edit(&mut world, share(700, 900));
    assert_eq!(planned(&world), before, "and back");
}

#[test]
fn rejected_lifetime_is_requested_no_more_until_it_is_reconfigured() {
    let wish = |hours| move |spec: &mut ConfigSpec| spec.template.duration = Some(Span::from_hours(hours));
    let mut spec = spec();
    wish(100)(&mut spec);
    let mut world = world_of(spec);
    world.server.longest_lifetime = Some(Span::from_hours(50));
    world.traces = Some(Vec::new());
    world.start();
    serves_any(&mut world);
    edit(&mut world, wish(20));
    let served = world.served();
    world.run_until("another certificate", |world| world.served() > served);
    let traces = world.traces.take().expect("they are kept");
    let actions = traces.iter().flat_map(|(_, records)| records).flat_map(|record| &record.actions);
    let asked: Vec<Option<Span>> = actions
        .filter_map(|action| match action {
            Action::MakeKey { duration, .. } => Some(*duration),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [Some(Span::from_hours(100)), None, Some(Span::from_hours(20))]);
}

fn installing() -> World {
    let mut world = running();
    world.run_until("an installation", |world| phase(world) == Phase::Installing);
    world
}

#[test]
fn f84_subject_changed_while_installing_abandons_the_certificate() {
    let mut world = installing();
    let before = world.log().credentials().len();
    edit(&mut world, |spec| spec.template.subject = Template::kubelet_client("node-2").subject);
    assert_eq!(world.served(), None, "the live certificate proves the old name");
    assert!(saw(&world, |event| matches!(event, Event::RequestAbandoned { .. })));
    serves(&mut world, 3);
    assert!(!saw(&world, |event| matches!(event, Event::Live { generation: Generation(2), .. })));
    assert_eq!(kinds_since(&world, before), [Credential::Bootstrap]);
}

#[test]
fn f86_names_changed_while_installing_are_replaced_after_going_live() {
    let mut world = installing();
    let created = creates(&world);
    with_names(&mut world, &["a.example"]);
    serves(&mut world, 2);
    assert!(!saw(&world, |event| matches!(event, Event::RequestAbandoned { .. })));
    assert!(saw(&world, |event| matches!(event, Event::OldTemplate { generation: Generation(2) })));
    serves(&mut world, 3);
    assert_eq!(creates(&world), created + 1);
    assert_eq!(world.served_facts().expect("a certificate is live").sans.len(), 1);
}
