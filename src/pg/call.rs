//! How SQL calls us: version-1 functions whose SQL definitions are in `sql/functions.sql`.

use pgrx::fcinfo::{pg_arg_is_null, pg_getarg, pg_getarg_datum_raw};
use pgrx::{FromDatum, JsonB, pg_sys};
use serde_json::{Map, Value};

use super::errors::{self, Result};

/// Makes a Rust function callable from SQL under a symbol.
macro_rules! sql_function {
    ($symbol:ident, $finfo:ident, $body:path) => {
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub extern "C" fn $finfo() -> &'static pgrx::pg_sys::Pg_finfo_record {
            static VERSION_1: pgrx::pg_sys::Pg_finfo_record = pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
            &VERSION_1
        }

        #[doc(hidden)]
        #[unsafe(no_mangle)]
        #[pgrx::pg_guard]
        pub unsafe extern "C-unwind" fn $symbol(fcinfo: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
            // SAFETY: called by the function manager, with arguments as `sql/functions.sql` declares them.
            let call = unsafe { $crate::pg::call::Call::new(fcinfo) };
            match $body(&call) {
                Ok(Some(datum)) => datum,
                Ok(None) => call.null(),
                Err(fault) => fault.raise(),
            }
        }
    };
}
pub(crate) use sql_function;

/// One call and its arguments.
pub struct Call(pg_sys::FunctionCallInfo);

impl Call {
    /// # Safety
    /// `fcinfo` is that of the call in progress, and the accessors are used with the types that SQL declares.
    pub unsafe fn new(fcinfo: pg_sys::FunctionCallInfo) -> Self {
        Self(fcinfo)
    }

    pub fn fcinfo(&self) -> pg_sys::FunctionCallInfo {
        self.0
    }

    /// A NULL result.
    pub fn null(&self) -> pg_sys::Datum {
        // SAFETY: the call is in progress.
        unsafe { (*self.0).isnull = true };
        pg_sys::Datum::null()
    }

    fn get<T: FromDatum>(&self, i: usize) -> Option<T> {
        // SAFETY: see `new`.
        unsafe { pg_getarg(self.0, i) }
    }

    fn want<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| errors::argument_is_null(name))
    }

    pub fn oid(&self, i: usize, name: &str) -> Result<pg_sys::Oid> {
        self.want(name, self.get(i))
    }

    pub fn float(&self, i: usize, name: &str) -> Result<f64> {
        self.want(name, self.get(i))
    }

    pub fn text(&self, i: usize, name: &str) -> Result<String> {
        self.want(name, self.get(i))
    }

    pub fn bytes(&self, i: usize, name: &str) -> Result<Vec<u8>> {
        self.want(name, self.get(i))
    }

    /// How many bytes a `bytea` has; they are not fetched for that.
    pub fn length_of_bytes(&self, i: usize, name: &str) -> Result<u64> {
        let given = (!self.is_null(i)).then_some(());
        self.want(name, given)?;
        // SAFETY: see `new`; a varlena that is not NULL.
        let with_header = unsafe { pg_sys::toast_raw_datum_size(pg_getarg_datum_raw(self.0, i)) };
        Ok(with_header.saturating_sub(size_of::<i32>()) as u64)
    }

    /// How many arguments SQL passes: a database may still have an older definition of a function.
    pub fn count(&self) -> usize {
        // SAFETY: the call is in progress.
        unsafe { (*self.0).nargs }.max(0) as usize
    }

    pub fn name(&self, i: usize, name: &str) -> Result<String> {
        self.want(name, self.optional_name(i))
    }

    pub fn boolean(&self, i: usize, name: &str) -> Result<bool> {
        self.want(name, self.get(i))
    }

    pub fn optional_float(&self, i: usize) -> Option<f64> {
        self.get(i)
    }

    pub fn optional_int(&self, i: usize) -> Option<i64> {
        self.get(i)
    }

    pub fn optional_int4(&self, i: usize) -> Option<i64> {
        self.get::<i32>(i).map(i64::from)
    }

    /// A `name`.
    pub fn optional_name(&self, i: usize) -> Option<String> {
        self.get::<&std::ffi::CStr>(i).map(|name| name.to_string_lossy().into_owned())
    }

    pub fn optional_text(&self, i: usize) -> Option<String> {
        self.get(i)
    }

    pub fn is_null(&self, i: usize) -> bool {
        // SAFETY: see `new`.
        unsafe { pg_arg_is_null(self.0, i) }
    }

    /// A number of rows.
    pub fn rows(&self, i: usize, name: &str) -> Result<u64> {
        let rows: i64 = self.want(name, self.get(i))?;
        u64::try_from(rows).ok().filter(|rows| *rows > 0).ok_or_else(|| errors::rows_not_positive(name))
    }

    /// A jsonb object; SQL NULL is an empty one.
    pub fn object(&self, i: usize, name: &str) -> Result<Map<String, Value>> {
        match self.get::<JsonB>(i) {
            None => Ok(Map::new()),
            Some(JsonB(Value::Object(map))) => Ok(map),
            Some(_) => Err(errors::not_an_object(name)),
        }
    }

    /// A jsonb value as it is, for SQL.
    pub fn json(&self, i: usize, name: &str) -> Result<Option<JsonB>> {
        self.object(i, name).map(|map| (!map.is_empty()).then_some(JsonB(Value::Object(map))))
    }

    /// A `text[]`.
    pub fn texts(&self, i: usize, name: &str) -> Result<Vec<String>> {
        let elements: Option<Vec<Option<String>>> = self.get(i);
        let element = |element: Option<String>| element.ok_or_else(|| errors::null_in_list(name));
        elements.unwrap_or_default().into_iter().map(element).collect()
    }

    /// The schema that the extension's functions are in, as SQL writes it.
    pub fn schema(&self) -> String {
        // SAFETY: the call is in progress; a function has a schema, and that a name.
        let schema = unsafe {
            let function = (*(*self.0).flinfo).fn_oid;
            super::datum::optional_string(pg_sys::get_namespace_name(pg_sys::get_func_namespace(function)))
        };
        super::datum::quoted(&schema.unwrap_or_default())
    }

    /// A `name[]`.
    pub fn names(&self, i: usize, name: &str) -> Result<Option<Vec<String>>> {
        if self.is_null(i) {
            return Ok(None);
        }
        let (mut elements, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        // SAFETY: the argument is a non-null name[], whose elements are NUL-terminated and live as long as the call.
        unsafe {
            let array = pg_sys::pg_detoast_datum(pg_getarg_datum_raw(self.0, i).cast_mut_ptr());
            pg_sys::deconstruct_array(
                array.cast(),
                pg_sys::NAMEOID,
                pg_sys::NAMEDATALEN as i32,
                false,
                pg_sys::TYPALIGN_CHAR as std::ffi::c_char,
                &mut elements,
                &mut nulls,
                &mut count,
            );
            (0..count as usize)
                .map(|k| {
                    if *nulls.add(k) {
                        return Err(errors::null_in_list(name));
                    }
                    let element: *const std::ffi::c_char = (*elements.add(k)).cast_mut_ptr();
                    Ok(super::datum::string(element))
                })
                .collect::<Result<Vec<_>>>()
                .map(Some)
        }
    }
}
