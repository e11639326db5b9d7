use std::sync::Arc;

use super::Pending;
use crate::base::budgets::{PENDING_BYTES, USER_PENDING_BYTES};
use crate::base::sync::lock;

#[test]
fn share_of_a_user_is_bounded_and_comes_back() {
    let pending = Arc::new(Pending::default());
    let mut first = pending.share("a".to_owned());
    first.set(USER_PENDING_BYTES).unwrap();
    let mut second = pending.share("a".to_owned());
    assert_eq!(second.grow(1).unwrap_err().code, 429);
    pending.share("b".to_owned()).set(USER_PENDING_BYTES).unwrap();
    first.set(1).unwrap();
    second.grow(USER_PENDING_BYTES - 1).unwrap();
    drop((first, second));
    let state = lock(&pending.0);
    assert_eq!((state.total, state.by_user.len()), (0, 0));
}

#[test]
fn total_of_all_users_is_bounded() {
    let pending = Arc::new(Pending::default());
    let shares: Vec<_> = (0..PENDING_BYTES / USER_PENDING_BYTES)
        .map(|number| {
            let mut share = pending.share(number.to_string());
            share.set(USER_PENDING_BYTES).map(|()| share).unwrap()
        })
        .collect();
    assert_eq!(pending.share("one more".to_owned()).set(1).unwrap_err().code, 429);
    drop(shares);
    pending.share("one more".to_owned()).set(1).unwrap();
}
