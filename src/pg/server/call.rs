//! The SQL calling interface: version-1 functions, which are declared in `sql/functions.sql`.

use std::ffi::CStr;

use pgrx::fcinfo::{pg_arg_is_null, pg_getarg_datum_raw};
use pgrx::pg_sys::{self, Datum, Oid};
use serde_json::{Map, Value};

use crate::pg::errors::{self, Result};
use crate::pg::server::{fmgr, text, varlena};

/// Makes a Rust function callable from SQL under a symbol, with arguments of these names.
macro_rules! sql_function {
    ($symbol:ident($($argument:ident),*), $finfo:ident, $body:path) => {
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
            // SAFETY: called by the function manager.
            let call = unsafe { $crate::pg::server::call::Call::new(fcinfo, &[$(stringify!($argument)),*]) };
            match $crate::pg::server::guard::call(|| $body(&call)) {
                Ok(Some(datum)) => datum,
                Ok(None) => call.null(),
                Err(fault) => fault.raise(),
            }
        }
    };
}

pub(crate) use sql_function;

/// One call and its arguments. Their declared types are checked, because a database may still have an older declaration
/// with fewer arguments, or one that is not the extension's.
pub struct Call {
    info: pg_sys::FunctionCallInfo,
    /// Names of the arguments, in SQL order.
    names: &'static [&'static str],
    types: Vec<Oid>,
}

/// Arguments are read by name. An argument with another declared type ends the statement.
impl Call {
    /// # Safety
    /// `info` belongs to the call in progress.
    pub unsafe fn new(info: pg_sys::FunctionCallInfo, names: &'static [&'static str]) -> Self {
        let (mut types, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: as promised. The look-up returns a list with the number of types that it reports.
        let types = unsafe {
            pg_sys::get_func_signature((*(*info).flinfo).fn_oid, &mut types, &mut count);
            let passed = count.min(i32::from((*info).nargs)).max(0) as usize;
            if passed == 0 { Vec::new() } else { std::slice::from_raw_parts(types, passed).to_vec() }
        };
        Self { info, names, types }
    }

    pub fn fcinfo(&self) -> pg_sys::FunctionCallInfo {
        self.info
    }

    /// A NULL result.
    pub fn null(&self) -> Datum {
        // SAFETY: the call is in progress.
        unsafe { (*self.info).isnull = true };
        Datum::null()
    }

    /// The position of an argument.
    ///
    /// # Panics
    /// If the function has no argument of that name.
    fn place(&self, name: &str) -> usize {
        self.names.iter().position(|own| *own == name).expect("an argument of that name")
    }

    /// Checks that an argument, if it exists, is declared with one of these types.
    fn expect(&self, i: usize, taken_as: &[Oid]) {
        if self.types.get(i).is_some_and(|declared| !taken_as.contains(declared)) {
            // SAFETY: the call is in progress; a function has a name.
            let name = unsafe { text::optional_string(pg_sys::get_func_name((*(*self.info).flinfo).fn_oid)) };
            errors::definition_unknown(&name.unwrap_or_default(), i + 1).raise();
        }
    }

    fn get(&self, name: &str, taken_as: &[Oid]) -> Option<Datum> {
        let i = self.place(name);
        self.expect(i, taken_as);
        // SAFETY: the call is in progress and has such an argument, unless it counts as NULL.
        (!self.is_null(name)).then(|| unsafe { pg_getarg_datum_raw(self.info, i) })
    }

    fn want<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| errors::argument_is_null(name))
    }

    pub fn oid(&self, name: &str) -> Result<Oid> {
        let value = self.get(name, &[pg_sys::OIDOID, pg_sys::REGCLASSOID]);
        self.want(name, value.map(|datum| Oid::from(datum.value() as u32)))
    }

    pub fn float(&self, name: &str) -> Result<f64> {
        self.want(name, self.optional_float(name))
    }

    pub fn text(&self, name: &str) -> Result<String> {
        let text = self.get(name, &[pg_sys::TEXTOID]).map(|datum| {
            // SAFETY: a text is a varlena.
            text::utf8(unsafe { varlena::varlena(datum) }, || argument(name))
        });
        self.want(name, text.transpose()?)
    }

    pub fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        // SAFETY: a bytea is a varlena.
        let bytes = self.get(name, &[pg_sys::BYTEAOID]).map(|datum| unsafe { varlena::varlena(datum) }.to_vec());
        self.want(name, bytes)
    }

    /// The size of a `bytea`, without fetching it.
    pub fn length_of_bytes(&self, name: &str) -> Result<u64> {
        let bytes = self.want(name, self.get(name, &[pg_sys::BYTEAOID]))?;
        // SAFETY: a varlena.
        let with_header = unsafe { pg_sys::toast_raw_datum_size(bytes) };
        Ok(with_header.saturating_sub(size_of::<i32>()) as u64)
    }

    /// The type of a polymorphic argument.
    pub fn type_of(&self, name: &str) -> Oid {
        let i = self.place(name);
        self.expect(i, &[pg_sys::ANYELEMENTOID]);
        // SAFETY: the call is in progress.
        unsafe { pg_sys::get_fn_expr_argtype((*self.info).flinfo, i as i32) }
    }

    pub fn name(&self, name: &str) -> Result<String> {
        let text = self.name_or(name, || argument(name))?;
        self.want(name, text)
    }

    pub fn boolean(&self, name: &str) -> Result<bool> {
        let value = self.get(name, &[pg_sys::BOOLOID]);
        self.want(name, value.map(|datum| datum.value() & 0xff != 0))
    }

    pub fn optional_float(&self, name: &str) -> Option<f64> {
        self.get(name, &[pg_sys::FLOAT8OID]).map(|datum| f64::from_bits(datum.value() as u64))
    }

    pub fn optional_int(&self, name: &str) -> Option<i64> {
        self.get(name, &[pg_sys::INT8OID]).map(|datum| datum.value() as i64)
    }

    pub fn optional_int4(&self, name: &str) -> Option<i64> {
        self.get(name, &[pg_sys::INT4OID]).map(|datum| i64::from(datum.value() as i32))
    }

    /// A `name`.
    pub fn optional_name(&self, name: &str) -> Option<String> {
        self.name_or(name, || self.numbered(name)).unwrap_or_else(|fault| fault.raise())
    }

    fn name_or(&self, name: &str, what: impl FnOnce() -> String) -> Result<Option<String>> {
        // SAFETY: a name ends in a NUL.
        let name = self.get(name, &[pg_sys::NAMEOID]).map(|datum| unsafe { CStr::from_ptr(datum.cast_mut_ptr()) });
        name.map(|name| text::utf8(name.to_bytes(), what)).transpose()
    }

    pub fn optional_text(&self, name: &str) -> Option<String> {
        let text = self.get(name, &[pg_sys::TEXTOID]);
        // SAFETY: a text is a varlena.
        let bytes = text.map(|datum| unsafe { varlena::varlena(datum) });
        bytes.map(|bytes| text::utf8(bytes, || self.numbered(name)).unwrap_or_else(|fault| fault.raise()))
    }

    /// Whether an argument is NULL or missing.
    pub fn is_null(&self, name: &str) -> bool {
        let i = self.place(name);
        // SAFETY: the call is in progress and has such an argument.
        i >= self.types.len() || unsafe { pg_arg_is_null(self.info, i) }
    }

    fn numbered(&self, name: &str) -> String {
        format!("argument {}", self.place(name) + 1)
    }

    /// A number of rows.
    pub fn rows(&self, name: &str) -> Result<u64> {
        let rows = self.want(name, self.optional_int(name))?;
        u64::try_from(rows).ok().filter(|rows| *rows > 0).ok_or_else(|| errors::rows_not_positive(name))
    }

    /// A jsonb object; SQL NULL is an empty one.
    pub fn object(&self, name: &str) -> Result<Map<String, Value>> {
        let Some(datum) = self.get(name, &[pg_sys::JSONBOID]) else { return Ok(Map::new()) };
        // SAFETY: a jsonb in, a C string out.
        let text = unsafe { CStr::from_ptr(fmgr::call(pg_sys::jsonb_out, &[datum]).cast_mut_ptr()) };
        let text = text::utf8(text.to_bytes(), || argument(name))?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err(errors::not_an_object(name)),
            Err(_) => Err(errors::json_unreadable(name)),
        }
    }

    /// A `text[]`.
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        let elements = self.elements(name, &TEXTS).unwrap_or_default();
        let text = |element: Option<Datum>| {
            // SAFETY: a text is a varlena.
            let bytes = element.map(|datum| unsafe { varlena::varlena(datum) });
            text::utf8(bytes.ok_or_else(|| errors::null_in_list(name))?, || argument(name))
        };
        elements.into_iter().map(text).collect()
    }

    /// A `name[]`.
    pub fn names(&self, name: &str) -> Result<Option<Vec<String>>> {
        let text = |element: Option<Datum>| {
            // SAFETY: a name ends in a NUL.
            let text = element.map(|datum| unsafe { CStr::from_ptr(datum.cast_mut_ptr()) });
            text::utf8(text.ok_or_else(|| errors::null_in_list(name))?.to_bytes(), || argument(name))
        };
        self.elements(name, &NAMES).map(|elements| elements.into_iter().map(text).collect()).transpose()
    }

    /// The elements of an array. They live as long as the call.
    fn elements(&self, name: &str, of: &Elements) -> Option<Vec<Option<Datum>>> {
        let array = self.get(name, &[of.array])?;
        let (mut elements, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        // SAFETY: an array of such elements, which is deconstructed into the reported number of elements.
        unsafe {
            let array = pg_sys::pg_detoast_datum(array.cast_mut_ptr());
            let (length, align) = (of.length, of.align as std::ffi::c_char);
            pg_sys::deconstruct_array(
                array.cast(),
                of.element,
                length,
                false,
                align,
                &mut elements,
                &mut nulls,
                &mut count,
            );
            Some((0..count as usize).map(|k| (!*nulls.add(k)).then(|| *elements.add(k))).collect())
        }
    }
}

/// An array type, and the layout of its elements.
struct Elements {
    array: Oid,
    element: Oid,
    length: i32,
    align: u8,
}

const TEXTS: Elements =
    Elements { array: pg_sys::TEXTARRAYOID, element: pg_sys::TEXTOID, length: -1, align: pg_sys::TYPALIGN_INT };
const NAMES: Elements = Elements {
    array: pg_sys::NAMEARRAYOID,
    element: pg_sys::NAMEOID,
    length: pg_sys::NAMEDATALEN as i32,
    align: pg_sys::TYPALIGN_CHAR,
};

fn argument(name: &str) -> String {
    format!("argument \"{name}\"")
}
