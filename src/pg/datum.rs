//! Small conversions between PostgreSQL's values and ours.

use std::ffi::{CStr, CString, c_char};

use pgrx::datum::DatumWithOid;
use pgrx::{Spi, pg_sys};

use super::errors::{self, Result};
use super::output::Target;
use crate::engine::EngineError;

/// A C string of PostgreSQL's as a Rust string.
///
/// # Safety
/// `text` points to a NUL-terminated string.
pub unsafe fn string(text: *const c_char) -> String {
    // SAFETY: as promised.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// A C string of PostgreSQL's that may be missing.
///
/// # Safety
/// `text` is null or points to a NUL-terminated string.
pub unsafe fn optional_string(text: *const c_char) -> Option<String> {
    // SAFETY: as promised.
    (!text.is_null()).then(|| unsafe { string(text) })
}

/// Bytes of PostgreSQL's as a Rust string; `what` says which they are. In a database of encoding SQL_ASCII they need not be
/// text.
pub fn utf8(bytes: &[u8], what: impl FnOnce() -> String) -> Result<String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| errors::not_utf8(&what()))
}

/// A `name` of the catalogs.
pub fn name(name: &pg_sys::NameData, what: impl FnOnce() -> String) -> Result<String> {
    // SAFETY: a name ends in a NUL.
    utf8(unsafe { CStr::from_ptr(name.data.as_ptr()) }.to_bytes(), what)
}

/// The name of a schema, or nothing if it is gone.
pub fn schema_name(schema: pg_sys::Oid) -> Result<String> {
    // SAFETY: a look-up; a NUL-terminated string, or null.
    let name = unsafe {
        let name = pg_sys::get_namespace_name(schema);
        if name.is_null() { &[] } else { CStr::from_ptr(name).to_bytes() }
    };
    utf8(name, || format!("the name of schema {}", schema.to_u32()))
}

/// A Rust string for PostgreSQL; cut at a NUL, which no SQL text can hold.
pub fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// Refuses databases whose texts are not UTF-8. In one of encoding SQL_ASCII they may be.
pub fn check_encoding() -> Result<()> {
    // SAFETY: plain calls; the name lives forever.
    let (encoding, name) = unsafe { (pg_sys::GetDatabaseEncoding(), string(pg_sys::GetDatabaseEncodingName())) };
    let accepted = [pg_sys::pg_enc::PG_UTF8, pg_sys::pg_enc::PG_SQL_ASCII];
    if accepted.iter().any(|accepted| *accepted as i32 == encoding) {
        Ok(())
    } else {
        Err(errors::encoding_unsupported(&name))
    }
}

/// An identifier, quoted as needed.
pub fn quoted(identifier: &str) -> String {
    let identifier = c_string(identifier);
    // SAFETY: a NUL-terminated string in, one out.
    unsafe { string(pg_sys::quote_identifier(identifier.as_ptr())) }
}

/// A type as SQL writes it, with its schema unless that is pg_catalog.
pub fn type_name(type_oid: pg_sys::Oid, typmod: i32) -> String {
    with_pinned_path(|| format_type(type_oid, typmod, 0))
}

/// A type in words that mean it under every search path.
pub fn qualified_type_name(type_oid: pg_sys::Oid, typmod: i32) -> String {
    format_type(type_oid, typmod, pg_sys::FORMAT_TYPE_FORCE_QUALIFY)
}

fn format_type(type_oid: pg_sys::Oid, typmod: i32, flags: u32) -> String {
    let flags = flags | pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN | pg_sys::FORMAT_TYPE_ALLOW_INVALID;
    // SAFETY: any oid may be asked for; the result is NUL-terminated.
    unsafe { string(pg_sys::format_type_extended(type_oid, typmod, flags as pg_sys::bits16)) }
}

/// A type as SQL writes it, if it exists.
pub fn resolve_type(written: &str) -> Option<(pg_sys::Oid, i32)> {
    let text = c_string(written);
    let (mut type_oid, mut typmod) = (pg_sys::InvalidOid, -1);
    // SAFETY: a NUL-terminated string; nothing is found if there is no such type.
    with_pinned_path(|| unsafe {
        #[cfg(feature = "pg15")]
        pg_sys::parseTypeString(text.as_ptr(), &mut type_oid, &mut typmod, true);
        #[cfg(not(feature = "pg15"))]
        {
            let mut soft =
                pg_sys::ErrorSaveContext { type_: pg_sys::NodeTag::T_ErrorSaveContext, ..Default::default() };
            if !pg_sys::parseTypeString(text.as_ptr(), &mut type_oid, &mut typmod, (&raw mut soft).cast()) {
                type_oid = pg_sys::InvalidOid;
            }
        }
    });
    (type_oid != pg_sys::InvalidOid).then_some((type_oid, typmod))
}

/// The owner of a function, if there is such a function.
pub fn owner_of_function(oid: pg_sys::Oid) -> Option<pg_sys::Oid> {
    // SAFETY: the rows of this cache are those of pg_proc.
    unsafe { looked_up(pg_sys::SysCacheIdentifier::PROCOID, oid, |row: &pg_sys::FormData_pg_proc| row.proowner) }
}

/// The owner of a type, if there is such a type.
pub fn owner_of_type(oid: pg_sys::Oid) -> Option<pg_sys::Oid> {
    // SAFETY: the rows of this cache are those of pg_type.
    unsafe { looked_up(pg_sys::SysCacheIdentifier::TYPEOID, oid, |row: &pg_sys::FormData_pg_type| row.typowner) }
}

/// Something of the row of a system cache that has an oid.
///
/// # Safety
/// Rows of the cache are of type `T`, and it is looked up by one oid.
pub unsafe fn looked_up<T, R>(
    cache: pg_sys::SysCacheIdentifier::Type,
    oid: pg_sys::Oid,
    of: impl FnOnce(&T) -> R,
) -> Option<R> {
    // SAFETY: as promised; the row is released after it is read.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(cache as i32, oid.into());
        if tuple.is_null() {
            return None;
        }
        let found = of(&*pg_sys::GETSTRUCT(tuple).cast::<T>());
        pg_sys::ReleaseSysCache(tuple);
        Some(found)
    }
}

/// Whether the caller has the privileges of a role; superusers have those of every role, existing or not.
pub fn has_role(role: pg_sys::Oid) -> bool {
    // SAFETY: a look-up.
    unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), role) }
}

/// The type under the domains of a type, and the modifier that they or it have.
pub fn base_type(type_oid: pg_sys::Oid, typmod: i32) -> (pg_sys::Oid, i32) {
    let mut typmod = typmod;
    // SAFETY: a look-up; ERROR if there is no such type.
    (unsafe { pg_sys::getBaseTypeAndTypmod(type_oid, &mut typmod) }, typmod)
}

/// Runs a statement as the caller.
pub fn run(statement: &str, arguments: &[DatumWithOid<'_>]) -> Result<()> {
    Spi::run_with_args(statement, arguments).map_err(|_| EngineError::Internal("a statement could not be run").into())
}

/// Runs SQL of ours with a search path that nobody can put anything into, and with numbers and names written in the one
/// way that they are compared in. Compiling our small queries takes longer than running them.
pub fn with_pinned_path<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: the level is closed below; after an ERROR it is closed by the end of the transaction.
    let level = unsafe { pg_sys::NewGUCNestLevel() };
    for (setting, value) in [
        (c"search_path", c"pg_catalog, pg_temp"),
        (c"extra_float_digits", c"1"),
        (c"quote_all_identifiers", c"off"),
        (c"jit", c"off"),
    ] {
        // SAFETY: a level is open.
        unsafe { super::guard::set_locally(setting, value) };
    }
    let result = work();
    // SAFETY: see above.
    unsafe { pg_sys::AtEOXact_GUC(false, level) };
    result
}

/// A built-in function of PostgreSQL's.
pub type Function = unsafe fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum;

/// Calls a built-in function.
///
/// # Safety
/// The function takes these arguments, returns no NULL, and asks nothing about its caller.
pub unsafe fn call(function: Function, arguments: &[pg_sys::Datum]) -> pg_sys::Datum {
    let arguments: Vec<Option<pg_sys::Datum>> = arguments.iter().copied().map(Some).collect();
    // SAFETY: as promised.
    unsafe { pgrx::direct_function_call_as_datum(function, &arguments) }.unwrap_or(pg_sys::Datum::null())
}

/// A type's input function, ready to be called.
pub struct Input {
    function: pg_sys::FmgrInfo,
    parameter: pg_sys::Oid,
    typmod: i32,
}

impl Input {
    pub fn new(type_oid: pg_sys::Oid, typmod: i32) -> Self {
        let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        let mut info = pg_sys::FmgrInfo::default();
        // SAFETY: an ERROR for a type that does not exist; what is looked up lives in the current memory context.
        unsafe {
            pg_sys::getTypeInputInfo(type_oid, &mut function, &mut parameter);
            pg_sys::fmgr_info(function, &mut info);
        }
        Self { function: info, parameter, typmod }
    }

    /// The value that a text stands for. ERROR if it stands for none.
    pub fn parse(&mut self, text: &str) -> pg_sys::Datum {
        let text = c_string(text);
        // SAFETY: a NUL-terminated string that outlives the call.
        unsafe { pg_sys::InputFunctionCall(&mut self.function, text.as_ptr().cast_mut(), self.parameter, self.typmod) }
    }
}

/// A type's output function, ready to be called.
pub struct Output(pg_sys::FmgrInfo);

impl Output {
    pub fn new(type_oid: pg_sys::Oid) -> Self {
        let (mut function, mut is_varlena) = (pg_sys::InvalidOid, false);
        let mut info = pg_sys::FmgrInfo::default();
        // SAFETY: an ERROR for a type that does not exist; what is looked up lives in the current memory context.
        unsafe {
            pg_sys::getTypeOutputInfo(type_oid, &mut function, &mut is_varlena);
            pg_sys::fmgr_info(function, &mut info);
        }
        Self(info)
    }

    /// # Safety
    /// `value` is a value of the type.
    pub unsafe fn format(&mut self, value: pg_sys::Datum) -> String {
        // SAFETY: as promised.
        unsafe { string(pg_sys::OutputFunctionCall(&mut self.0, value)) }
    }
}

/// A memory context of our own, deleted when dropped.
pub struct Scratch(pg_sys::MemoryContext);

impl Scratch {
    /// A child of the current context.
    pub fn new() -> Self {
        // SAFETY: the name lives forever, as it must.
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

    /// Does something with this as the current context.
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
        // After an ERROR the transaction's end deletes it with its parent, which may be gone already.
        if !std::thread::panicking() {
            // SAFETY: made by `new` and not deleted since.
            unsafe { pg_sys::MemoryContextDelete(self.0) };
        }
    }
}

/// Attribute `i` of a tuple descriptor, counted from 0.
///
/// # Safety
/// `desc` is a valid descriptor with more than `i` attributes.
pub unsafe fn attribute<'a>(desc: pg_sys::TupleDesc, i: usize) -> &'a pg_sys::FormData_pg_attribute {
    #[cfg(not(feature = "pg18"))]
    // SAFETY: as promised.
    unsafe {
        &*(*desc).attrs.as_ptr().add(i)
    }
    #[cfg(feature = "pg18")]
    // SAFETY: as promised.
    unsafe {
        &*pg_sys::TupleDescAttr(desc, i as i32)
    }
}

/// A descriptor of rows of these columns, in the current memory context.
pub fn descriptor(columns: &[Target]) -> pg_sys::TupleDesc {
    // SAFETY: as many entries as there is room for, of existing types; names are copied.
    unsafe {
        let desc = pg_sys::CreateTemplateTupleDesc(columns.len() as i32);
        for (i, column) in columns.iter().enumerate() {
            let name = c_string(&column.column);
            pg_sys::TupleDescInitEntry(desc, (i + 1) as i16, name.as_ptr(), column.type_oid, column.typmod, 0);
        }
        desc
    }
}
