use super::*;

const TOKEN: &str = "abcdef.0123456789abcdef";

#[test]
fn a_token_is_read_with_what_it_is_good_for() {
    let plain: BootstrapToken = TOKEN.parse().unwrap();
    let good_for = plain.good_for(SystemTime::UNIX_EPOCH);
    assert_eq!(good_for, TokenUse::until(SystemTime::UNIX_EPOCH + TTL));
    let text =
        format!("{TOKEN},ttl=1h,usage=signing,group=system:bootstrappers:a,group=system:bootstrappers:b");
    let good_for = text.parse::<BootstrapToken>().unwrap().good_for(SystemTime::UNIX_EPOCH);
    assert!(!good_for.authentication && good_for.groups.len() == 2);
    assert_eq!(good_for.end, SystemTime::UNIX_EPOCH + Duration::from_secs(3600));
    let both = format!("{TOKEN},usage=signing,usage=authentication").parse::<BootstrapToken>().unwrap();
    assert!(both.authentication);
}

#[test]
fn what_is_no_token_is_refused_without_being_shown() {
    for text in ["", "abcdef", "ABCDEF.0123456789abcdef"] {
        assert!(text.parse::<BootstrapToken>().is_err(), "{text}");
    }
    for part in ["ttl=x", "usage=x", "group=system:masters", "x"] {
        let error = format!("{TOKEN},{part}").parse::<BootstrapToken>().unwrap_err().to_string();
        assert!(!error.contains("0123456789"), "{error}");
    }
    let token: BootstrapToken = TOKEN.parse().unwrap();
    assert!(!format!("{token:?}").contains("0123456789"));
}
