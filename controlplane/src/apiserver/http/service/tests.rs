use super::*;

#[test]
fn dates_have_the_form_of_http_and_never_panic() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    let first = "Thu, 01 Jan 1970 00:00:00 GMT";
    assert_eq!(http_date(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), first);
    let ages = Duration::from_secs(400_000_000_000);
    assert_eq!(http_date(SystemTime::UNIX_EPOCH + ages), "Fri, 31 Dec 9999 23:59:59 GMT");
}
