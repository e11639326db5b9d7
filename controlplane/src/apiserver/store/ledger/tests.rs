use super::*;
use crate::base::budgets::CSR_BYTES;
use crate::base::csr::Csr;

const REQUESTOR_BYTES: usize = requestor_bytes(CSR_BYTES);

fn size(memory: usize) -> Size {
    Size { json: 1, memory }
}

/// The code of the answer to a change of this size.
fn code(ledger: &Ledger, account: Option<&str>, more: (usize, usize)) -> u16 {
    ledger.check::<Csr>("n", account, more).map_or_else(|error| error.code.as_u16(), |()| 0)
}

#[test]
fn requestor_beyond_its_budget_is_refused_and_others_are_not() {
    let mut ledger = Ledger::default();
    (0..REQUESTOR_OBJECTS).for_each(|_| ledger.add("greedy", size(1)));
    assert_eq!(code(&ledger, Some("greedy"), (1, 1)), 403);
    assert_eq!(code(&ledger, Some("greedy"), (0, 1)), 0, "an update adds no object");
    assert_eq!(code(&ledger, Some("other"), (1, 1)), 0);
    assert_eq!(code(&ledger, None, (1, 1)), 0, "an admin has no budget of its own");
    ledger.remove("greedy", size(1));
    assert_eq!(code(&ledger, Some("greedy"), (1, 1)), 0);
    ledger.add("large", size(REQUESTOR_BYTES - 10));
    assert_eq!(code(&ledger, Some("large"), (0, 10)), 0);
    assert_eq!(code(&ledger, Some("large"), (0, 11)), 403);
}

#[test]
fn budget_of_all_is_answered_429_and_frees_itself() {
    let mut ledger = Ledger::default();
    ledger.add("one", size(CSR_BYTES));
    for account in [None, Some("other")] {
        assert_eq!(code(&ledger, account, (1, 1)), 429);
        assert_eq!(code(&ledger, account, (0, 0)), 0, "what grows nothing is allowed");
    }
    ledger.remove("one", size(CSR_BYTES));
    assert_eq!(code(&ledger, None, (1, 1)), 0);
    assert_eq!(ledger.by_account.len(), 0, "accounts without objects are forgotten");
}
