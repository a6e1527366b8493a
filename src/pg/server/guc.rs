//! Settings for the extension's own SQL.

use pgrx::pg_sys;

/// Runs SQL of the extension with a search path that only contains trusted schemas, and with fixed formats of numbers
/// and names, which are compared. JIT is off because compiling the small queries takes longer than running them.
pub fn with_pinned_path<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: the level is closed below. After an ERROR, the end of the transaction closes it.
    let level = unsafe { pg_sys::NewGUCNestLevel() };
    for (setting, value) in [
        (c"search_path", c"pg_catalog, pg_temp"),
        (c"extra_float_digits", c"1"),
        (c"quote_all_identifiers", c"off"),
        (c"jit", c"off"),
    ] {
        // SAFETY: a level is open.
        unsafe { set_locally(setting, value) };
    }
    let result = work();
    // SAFETY: see above.
    unsafe { pg_sys::AtEOXact_GUC(false, level) };
    result
}

/// Sets a setting until the end of the current nest level, regardless of the caller's rights to set it.
///
/// # Safety
/// A nest level is open.
pub unsafe fn set_locally(name: &std::ffi::CStr, value: &std::ffi::CStr) {
    // SAFETY: static C strings, on the main thread.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

/// Runs work with the settings that expressions are written and read with.
pub fn with_fixed_writing<T>(work: impl FnOnce() -> T) -> T {
    with_pinned_path(|| {
        for (setting, value) in [
            (c"datestyle", c"ISO"),
            (c"intervalstyle", c"postgres"),
            (c"standard_conforming_strings", c"on"),
            (c"transform_null_equals", c"off"),
        ] {
            // SAFETY: a level of settings is open.
            unsafe { set_locally(setting, value) };
        }
        work()
    })
}
