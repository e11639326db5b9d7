//! The inventory of a scan, built file by file.

use std::sync::Mutex;

use certrotate_core::disk::{self, CurrentLink, Entry, Found};

use super::{guard, lock, pointers, read};
use crate::failure::Failure;
use crate::types::codes::Status;
use crate::types::{Bundle, Name, Pair, Pending};
use crate::{convert, limits};

/// The inventory of a scan. Use it from one thread at a time.
#[derive(Debug)]
pub struct Inventory {
    pub(super) core: Mutex<disk::Inventory>,
}

/// Makes an empty inventory, without a current link. The caller frees `*inventory`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_inventory_new(inventory: *mut *mut Inventory) -> Status {
    guard(|| {
        // SAFETY: the contract of the module, here and in every function of this module.
        let slot = unsafe { pointers::Slot::new("inventory", inventory) }?;
        let empty = disk::Inventory {
            current: CurrentLink::Absent,
            entries: Vec::new(),
            more: false,
            outside: Vec::new(),
        };
        slot.fill(Inventory { core: Mutex::new(empty) });
        Ok(())
    })
}

/// Frees an inventory. Null is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_inventory_free(inventory: *mut Inventory) {
    guard(|| {
        unsafe { pointers::free(inventory) };
        Ok(())
    });
}

/// Sets the current link. `kind` is a `CurrentLink`; `target` is read for a link, `fault` (a `DiskFault`) for an unreadable one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_inventory_set_current(
    inventory: *const Inventory,
    kind: u32,
    target: *const Name,
    fault: u32,
) -> Status {
    guard(|| {
        let mut inventory = lock("inventory", &unsafe { pointers::object("inventory", inventory) }?.core)?;
        let target = if target.is_null() {
            None
        } else {
            Some(convert::name("target", unsafe { pointers::value("target", target) }?)?)
        };
        inventory.current = convert::current_link(kind, target, fault)?;
        Ok(())
    })
}

/// Says that the directory has more than 64 names of ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_inventory_set_more(inventory: *const Inventory) -> Status {
    guard(|| {
        lock("inventory", &unsafe { pointers::object("inventory", inventory) }?.core)?.more = true;
        Ok(())
    })
}

/// # Safety
///
/// The contract of the module.
unsafe fn add(
    inventory: *const Inventory,
    name: Name,
    found: impl FnOnce() -> Result<Found, Failure>,
) -> Status {
    guard(|| {
        // SAFETY: the contract of this function.
        let mut inventory = lock("inventory", &unsafe { pointers::object("inventory", inventory) }?.core)?;
        let name = convert::name("name", name)?;
        let found = found()?;
        if inventory.entries.len() >= limits::FILES {
            return Err(Failure::too_long("inventory", limits::FILES));
        }
        // Core reads them in order of their names. A driver may read its directory in any order.
        let at = inventory.entries.partition_point(|entry| entry.name < name);
        inventory.entries.insert(at, Entry { name, found });
        Ok(())
    })
}

/// Adds an intact bundle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_inventory_add_bundle(
    inventory: *const Inventory,
    name: Name,
    bundle: *const Bundle,
) -> Status {
    let found = || Ok(Found::Bundle(Box::new(unsafe { read::bundle(bundle) }?)));
    unsafe { add(inventory, name, found) }
}

/// Adds an intact pending file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_inventory_add_pending(
    inventory: *const Inventory,
    name: Name,
    pending: *const Pending,
) -> Status {
    let found = || Ok(Found::Pending(Box::new(unsafe { read::pending(pending) }?)));
    unsafe { add(inventory, name, found) }
}

/// Adds any other file. `state` is a `FileState`; `fault` (a `DiskFault`) is read for an unreadable one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_inventory_add_file(
    inventory: *const Inventory,
    name: Name,
    state: u32,
    fault: u32,
) -> Status {
    unsafe { add(inventory, name, || convert::file_state(state, fault)) }
}

/// Adds a pair of another program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_inventory_add_pair(
    inventory: *const Inventory,
    pair: *const Pair,
) -> Status {
    guard(|| {
        let mut inventory = lock("inventory", &unsafe { pointers::object("inventory", inventory) }?.core)?;
        let pair = unsafe { read::pair(pair) }?;
        if inventory.outside.len() >= limits::PAIRS {
            return Err(Failure::too_long("inventory", limits::PAIRS));
        }
        inventory.outside.push(pair);
        Ok(())
    })
}
