//! Locks that belong to the extension's tables.

use pgrx::pg_sys;

use crate::pg::errors::Result;
use crate::pg::server::access::{OwnTable, table};

/// Takes a lock that belongs to a table of the extension, until the transaction ends. The locked object need not exist.
pub fn lock(catalog: OwnTable, number: u32, mode: u32) -> Result<()> {
    let (table, _) = table(catalog)?;
    // SAFETY: any lock on an object of any number may be taken.
    unsafe { pg_sys::LockDatabaseObject(table, pg_sys::Oid::from(number), 0, mode as pg_sys::LOCKMODE) };
    Ok(())
}

/// Whether this transaction holds such a lock.
pub fn holds(catalog: OwnTable, number: u32, mode: u32) -> Result<bool> {
    let tag = tag(catalog, number)?;
    // SAFETY: a look-up.
    Ok(unsafe {
        #[cfg(not(any(feature = "pg17", feature = "pg18")))]
        let held = pg_sys::LockHeldByMe(&tag, mode as pg_sys::LOCKMODE);
        #[cfg(any(feature = "pg17", feature = "pg18"))]
        let held = pg_sys::LockHeldByMe(&tag, mode as pg_sys::LOCKMODE, false);
        held
    })
}

/// Whether such a lock is free, if this transaction does not hold it. It is not kept.
pub fn is_free(catalog: OwnTable, number: u32, mode: u32) -> Result<bool> {
    let (tag, mode) = (tag(catalog, number)?, mode as pg_sys::LOCKMODE);
    // SAFETY: any lock on an object of any number may be taken. It is released if it was acquired.
    unsafe {
        let had = pg_sys::LockAcquire(&tag, mode, false, true);
        let free = had != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL;
        if free {
            pg_sys::LockRelease(&tag, mode, false);
        }
        Ok(free)
    }
}

/// PostgreSQL's name for what [`lock`] locks.
fn tag(catalog: OwnTable, number: u32) -> Result<pg_sys::LOCKTAG> {
    let (table, _) = table(catalog)?;
    Ok(pg_sys::LOCKTAG {
        // SAFETY: a plain look-up.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: table.to_u32(),
        locktag_field3: number,
        locktag_field4: 0,
        locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    })
}
