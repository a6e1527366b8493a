//! Memory contexts of the extension.

use pgrx::pg_sys;

/// A memory context that is deleted when dropped.
pub struct Scratch(pg_sys::MemoryContext);

impl Scratch {
    /// A child of the current context.
    pub fn new() -> Self {
        // SAFETY: the name is static, as required.
        Self(unsafe {
            pg_sys::AllocSetContextCreateInternal(
                pg_sys::CurrentMemoryContext,
                c"tablediffusion".as_ptr(),
                pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            )
        })
    }

    /// Runs something with this as the current context.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        // SAFETY: the context lives as long as `self`. After an ERROR the handler sets its own context.
        let before = unsafe { pg_sys::MemoryContextSwitchTo(self.0) };
        let result = work();
        // SAFETY: the context that was current.
        unsafe { pg_sys::MemoryContextSwitchTo(before) };
        result
    }

    /// Frees everything in it.
    ///
    /// # Safety
    /// Nothing in it is used any more.
    pub unsafe fn reset(&self) {
        // SAFETY: as promised.
        unsafe { pg_sys::MemoryContextReset(self.0) };
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // After an ERROR, the end of the transaction deletes it with its parent, which may be gone already.
        if !std::thread::panicking() {
            // SAFETY: made by `new` and not deleted since.
            unsafe { pg_sys::MemoryContextDelete(self.0) };
        }
    }
}

/// Number of rows whose values are kept before their memory is reused.
const KEPT_ROWS: u32 = 64;

/// Memory for the values of rows, one row after the other.
pub struct RowMemory {
    scratch: Scratch,
    rows: u32,
}

impl RowMemory {
    pub fn new() -> Self {
        Self { scratch: Scratch::new(), rows: 0 }
    }

    /// Memory for the next row.
    ///
    /// # Safety
    /// Nothing of an earlier row is used any more.
    pub unsafe fn next(&mut self) -> &Scratch {
        self.rows += 1;
        if self.rows == KEPT_ROWS {
            self.rows = 0;
            // SAFETY: as promised.
            unsafe { self.scratch.reset() };
        }
        &self.scratch
    }
}
