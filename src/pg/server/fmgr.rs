//! Calls of PostgreSQL's own functions, and of input and output functions of types.

use pgrx::pg_sys;

use crate::pg::server::text::{c_string, string};

/// A built-in function of PostgreSQL.
pub type Function = unsafe fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum;

/// Calls a built-in function.
///
/// # Safety
/// The function takes these arguments, does not return NULL, and does not depend on its call context.
pub unsafe fn call(function: Function, arguments: &[pg_sys::Datum]) -> pg_sys::Datum {
    let arguments: Vec<Option<pg_sys::Datum>> = arguments.iter().copied().map(Some).collect();
    // SAFETY: as promised.
    unsafe { pgrx::direct_function_call_as_datum(function, &arguments) }.unwrap_or(pg_sys::Datum::null())
}

/// A type's input function, ready to be called.
pub struct InputFunction {
    function: pg_sys::FmgrInfo,
    parameter: pg_sys::Oid,
    typmod: i32,
}

impl InputFunction {
    pub fn new(type_oid: pg_sys::Oid, typmod: i32) -> Self {
        let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        let mut info = pg_sys::FmgrInfo::default();
        // SAFETY: an ERROR for a type that does not exist. The result lives in the current memory context.
        unsafe {
            pg_sys::getTypeInputInfo(type_oid, &mut function, &mut parameter);
            pg_sys::fmgr_info(function, &mut info);
        }
        Self { function: info, parameter, typmod }
    }

    /// The value of a text. ERROR if the type does not accept it.
    pub fn parse(&mut self, text: &str) -> pg_sys::Datum {
        let text = c_string(text);
        // SAFETY: a NUL-terminated string that outlives the call.
        unsafe { pg_sys::InputFunctionCall(&mut self.function, text.as_ptr().cast_mut(), self.parameter, self.typmod) }
    }
}

/// A type's output function, ready to be called.
pub struct OutputFunction(pg_sys::FmgrInfo);

impl OutputFunction {
    pub fn new(type_oid: pg_sys::Oid) -> Self {
        let (mut function, mut is_varlena) = (pg_sys::InvalidOid, false);
        let mut info = pg_sys::FmgrInfo::default();
        // SAFETY: an ERROR for a type that does not exist. The result lives in the current memory context.
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
