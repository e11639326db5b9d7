//! Who asks.

use super::*;
use certrotate_core::api::ApiFault;
use certrotate_core::judge::Refusal;

#[test]
fn f84_a_renamed_node_asks_for_its_new_name_with_the_bootstrap_credential() {
    let mut world = running();
    world.kill();
    let renamed = ConfigSpec::new(Template::node_client("node-2"));
    world.config = Config::new(renamed).expect("the template is complete");
    let before = world.log().credentials().len();
    world.start();
    serves(&mut world, 2);
    assert_eq!(kinds_since(&world, before), [Credential::Bootstrap]);
    let facts = world.served_facts().expect("it is served");
    assert_eq!(facts.subject.common_name, "system:node:node-2");
    assert!(saw(&world, |notice| matches!(
        notice,
        Notice::FileRefused { refusal: Refusal::Subject { .. }, .. }
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
fn f89_a_node_that_the_server_forgot_tries_bootstrap_once_and_then_waits_long_with_its_directory_kept() {
    let mut world = running();
    for fault in [ApiFault::Unauthorized, ApiFault::Forbidden] {
        world.server.outage = Some(fault);
        world.run_until("the refusal", |world| {
            saw(world, |notice| matches!(notice, Notice::CallFailed { fault: it, .. } if *it == fault))
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
