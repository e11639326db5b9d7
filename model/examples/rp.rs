//! scratch
use certrotate_model::scenario::*;
fn main() {
    let hex = std::env::args().nth(1).unwrap();
    let tail: usize = std::env::args().nth(2).and_then(|t| t.parse().ok()).unwrap_or(60);
    let bytes: Vec<u8> =
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
    let s = Scenario::decode(&bytes);
    let mut w = s.setup.begin(|_, _| {});
    let n = s.events.len();
    for (i, e) in s.events.iter().enumerate() {
        let h = w.happen(*e);
        if i + tail >= n {
            let v = w.node.as_ref().map(|n| n.view());
            println!(
                "{} {e:?} {h} {:?} served {:?} names {:?} asked {:?} open {} {:?}",
                i + 1,
                v.map(|v| v.phase),
                w.served(),
                w.disk.names().map(|x| x.to_string()).collect::<Vec<_>>(),
                w.asked.iter().map(|a| format!("{:?}", a.what)).collect::<Vec<_>>(),
                w.server.open(),
                w.violation
            );
        }
    }
}
