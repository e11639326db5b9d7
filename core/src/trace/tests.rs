use super::*;
use crate::config::Template;
use crate::time::{MonoTime, WallTime};

#[test]
fn replayed_step_is_equal_and_a_difference_is_returned() {
    let config = Config::new(ConfigSpec::new(Template::kubelet_client("node-1"))).expect("it is valid");
    let header = TraceHeader::new(&config, RunId(7));
    let begin = || header.rotator().expect("the configuration is valid");
    let now = Now { wall: WallTime::default(), mono: MonoTime::from_ms(5) };
    let record = TraceRecord::of_step(&mut begin(), 1, now, Input::Tick);
    assert_eq!(record.replay(&mut begin()), Ok(()));
    let other = TraceRecord { digest: record.digest ^ 1, ..record.clone() };
    assert_eq!(other.replay(&mut begin()), Err(Box::new(record.clone())));
    let fewer = TraceRecord { actions: Vec::new(), ..record.clone() };
    assert_eq!(fewer.replay(&mut begin()), Err(Box::new(record)));
}
