//! Constants in stored expressions. PostgreSQL would fold them by planning, which runs every immutable function in an
//! expression with the caller's rights, whoever owns the function. Here only PostgreSQL's own functions run, on values
//! of its own types.

use pgrx::pg_sys::{self, Datum, NodeTag};

use crate::pg::errors;
use crate::pg::server::expr::{self, Node};
use crate::pg::server::fmgr::{InputFunction, OutputFunction};
use crate::pg::server::{builtin, guard, lookup};

/// A value that is not NULL, of one of PostgreSQL's own types or of an enum.
#[derive(Clone, Copy)]
pub struct Constant {
    pub value: Datum,
    pub type_oid: pg_sys::Oid,
}

/// Operators that are evaluated. Any other might take arbitrarily long.
const OPERATORS: [&str; 4] = ["+", "-", "*", "/"];

/// Maximum size of a value in a calculation, so that no calculation is slow.
const MAX_BYTES: usize = 1024;

/// The language of PostgreSQL's own functions in C, in `pg_language`.
const INTERNAL_LANGUAGE: u32 = 12;

/// The value of an expression, if it is the same in every row.
///
/// # Safety
/// `node` is null or a valid node. This also applies to the functions below.
pub unsafe fn constant(node: Node) -> Option<Constant> {
    // SAFETY: as promised.
    unsafe { fold(node, None) }
}

/// The elements of an array that is the same in every row, without NULLs.
pub unsafe fn elements(node: Node) -> Option<Vec<Constant>> {
    // SAFETY: the parts of a valid node are valid.
    unsafe {
        pg_sys::check_stack_depth();
        if let Some(relabel) = expr::cast::<pg_sys::RelabelType>(node, NodeTag::T_RelabelType) {
            let element = pg_sys::get_element_type(relabel.resulttype);
            let relabelled = |value: Constant| is_readable(element).then_some(Constant { type_oid: element, ..value });
            return elements(relabel.arg.cast())?.into_iter().map(relabelled).collect();
        }
        if let Some(coerced) = expr::cast::<pg_sys::ArrayCoerceExpr>(node, NodeTag::T_ArrayCoerceExpr) {
            let coerce = |value: Constant| fold(coerced.elemexpr.cast(), Some(value));
            return elements(coerced.arg.cast())?.into_iter().map(coerce).collect();
        }
        if let Some(array) = expr::cast::<pg_sys::ArrayExpr>(node, NodeTag::T_ArrayExpr) {
            let members = expr::members(array.elements);
            if array.multidims {
                let parts = members.into_iter().map(|part| elements(part)).collect::<Option<Vec<_>>>();
                return parts.map(|parts| parts.concat());
            }
            return members.into_iter().filter(|part| !is_null(*part)).map(|part| constant(part)).collect();
        }
        let array = expr::cast::<pg_sys::Const>(node, NodeTag::T_Const).filter(|array| !array.constisnull)?;
        let element = pg_sys::get_element_type(array.consttype);
        is_readable(element).then(|| taken_apart(array.constvalue, element))
    }
}

/// # Safety
/// `array` is an array of elements of this type.
unsafe fn taken_apart(array: Datum, element: pg_sys::Oid) -> Vec<Constant> {
    let (mut length, mut by_value, mut align) = (0i16, false, 0);
    let (mut values, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
    // SAFETY: as promised. `count` is the number of values and of NULL flags.
    unsafe {
        pg_sys::get_typlenbyvalalign(element, &mut length, &mut by_value, &mut align);
        pg_sys::deconstruct_array(
            pg_sys::pg_detoast_datum(array.cast_mut_ptr()).cast(),
            element,
            i32::from(length),
            by_value,
            align,
            &mut values,
            &mut nulls,
            &mut count,
        );
        let there = (0..count as usize).filter(|k| !*nulls.add(*k));
        there.map(|k| Constant { value: *values.add(k), type_oid: element }).collect()
    }
}

unsafe fn is_null(node: Node) -> bool {
    // SAFETY: as promised.
    unsafe { expr::cast::<pg_sys::Const>(node, NodeTag::T_Const) }.is_some_and(|constant| constant.constisnull)
}

/// Whether constants of a type can be read and written without running code of other roles. PostgreSQL itself reads and
/// writes enums.
fn is_readable(type_oid: pg_sys::Oid) -> bool {
    // SAFETY: any oid may be asked about.
    builtin::is_builtin_type(type_oid) || unsafe { pg_sys::type_is_enum(type_oid) }
}

/// `element` is the element of an array that is being cast.
unsafe fn fold(node: Node, element: Option<Constant>) -> Option<Constant> {
    // SAFETY: the parts of a valid node are valid.
    unsafe {
        pg_sys::check_stack_depth();
        if let Some(constant) = expr::cast::<pg_sys::Const>(node, NodeTag::T_Const) {
            let (value, type_oid) = (constant.constvalue, constant.consttype);
            return (!constant.constisnull && is_readable(type_oid)).then_some(Constant { value, type_oid });
        }
        if let Some(relabel) = expr::cast::<pg_sys::RelabelType>(node, NodeTag::T_RelabelType) {
            let value = fold(relabel.arg.cast(), element)?;
            return is_readable(relabel.resulttype).then_some(Constant { type_oid: relabel.resulttype, ..value });
        }
        if let Some(function) = expr::cast::<pg_sys::FuncExpr>(node, NodeTag::T_FuncExpr) {
            let is_cast = function.funcformat != pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
            if !is_cast && !is_quick(function) {
                return None;
            }
            let collation = function.inputcollid;
            return call(function.funcid, collation, function.args, function.funcresulttype, element);
        }
        if let Some(operation) = expr::cast::<pg_sys::OpExpr>(node, NodeTag::T_OpExpr) {
            if !builtin::builtin_operator(operation.opno).is_some_and(|name| OPERATORS.contains(&name.as_str())) {
                return None;
            }
            let function = pg_sys::get_opcode(operation.opno);
            return call(function, operation.inputcollid, operation.args, operation.opresulttype, element);
        }
        if let Some(coerced) = expr::cast::<pg_sys::CoerceViaIO>(node, NodeTag::T_CoerceViaIO) {
            return rewrite(fold(coerced.arg.cast(), element)?, coerced.resulttype);
        }
        if let Some(coerced) = expr::cast::<pg_sys::CoerceToDomain>(node, NodeTag::T_CoerceToDomain) {
            // The domain's constraints do not change the value. They can only reject it.
            return fold(coerced.arg.cast(), element);
        }
        expr::cast::<pg_sys::CaseTestExpr>(node, NodeTag::T_CaseTestExpr).and(element)
    }
}

/// The result of a function with constant arguments, if it is PostgreSQL's own and depends only on its arguments.
unsafe fn call(
    function: pg_sys::Oid,
    collation: pg_sys::Oid,
    arguments: *mut pg_sys::List,
    type_oid: pg_sys::Oid,
    element: Option<Constant>,
) -> Option<Constant> {
    let can_be_called = is_arithmetic(function)
        && (collation == pg_sys::InvalidOid || builtin::is_builtin(collation))
        && builtin::is_builtin_type(type_oid);
    if !can_be_called {
        return None;
    }
    // SAFETY: the parts of a valid node are valid.
    let constants = unsafe { expr::members(arguments).into_iter().map(|argument| fold(argument, element)) };
    let arguments = constants.collect::<Option<Vec<Constant>>>()?;
    // SAFETY: constants of their types.
    let is_small = |argument: &Constant| unsafe { is_small(argument) };
    if !arguments.iter().all(|argument| builtin::is_builtin_type(argument.type_oid) && is_small(argument)) {
        return None;
    }
    let values: Vec<Datum> = arguments.iter().map(|argument| argument.value).collect();
    // SAFETY: values of the function's argument types. A function that returns NULL raises an ERROR.
    let value = unless_error(|| unsafe {
        match values[..] {
            [a] => Some(pg_sys::OidFunctionCall1Coll(function, collation, a)),
            [a, b] => Some(pg_sys::OidFunctionCall2Coll(function, collation, a, b)),
            [a, b, c] => Some(pg_sys::OidFunctionCall3Coll(function, collation, a, b, c)),
            _ => None,
        }
    });
    Some(Constant { value: value?, type_oid })
}

/// Whether a function is fast: it takes small values, its result has a fixed length, and it does not search one text
/// for another.
///
/// # Safety
/// A valid call.
unsafe fn is_quick(call: &pg_sys::FuncExpr) -> bool {
    // SAFETY: as promised; types exist.
    unsafe {
        let texts = expr::members(call.args).into_iter().filter(|part| pg_sys::get_typlen(pg_sys::exprType(*part)) < 0);
        pg_sys::get_typlen(call.funcresulttype) > 0 && texts.count() <= 1
    }
}

/// # Safety
/// A constant of its type.
unsafe fn is_small(constant: &Constant) -> bool {
    // SAFETY: as promised. A varlena contains its size.
    unsafe { pg_sys::get_typlen(constant.type_oid) != -1 || pg_sys::toast_raw_datum_size(constant.value) <= MAX_BYTES }
}

/// Whether a function is written in C and PostgreSQL's own, and returns one value that depends only on its arguments.
fn is_arithmetic(function: pg_sys::Oid) -> bool {
    let is = |row: &pg_sys::FormData_pg_proc| {
        builtin::is_builtin(function)
            && row.prolang.to_u32() == INTERNAL_LANGUAGE
            && row.prokind as u8 == pg_sys::PROKIND_FUNCTION
            && row.provolatile as u8 == pg_sys::PROVOLATILE_IMMUTABLE
            && row.proisstrict
            && !row.proretset
    };
    // SAFETY: the rows of this cache are those of pg_proc.
    unsafe { lookup::looked_up(pg_sys::SysCacheIdentifier::PROCOID, function, is) }.unwrap_or(false)
}

/// A constant that is written and read as another type, if neither depends on settings.
fn rewrite(constant: Constant, type_oid: pg_sys::Oid) -> Option<Constant> {
    if !builtin::is_builtin_type(constant.type_oid) || !builtin::is_builtin_type(type_oid) {
        return None;
    }
    let (mut output, mut input, mut parameter, mut is_varlena) =
        (pg_sys::InvalidOid, pg_sys::InvalidOid, pg_sys::InvalidOid, false);
    // SAFETY: existing types.
    unsafe {
        pg_sys::getTypeOutputInfo(constant.type_oid, &mut output, &mut is_varlena);
        pg_sys::getTypeInputInfo(type_oid, &mut input, &mut parameter);
    }
    if !is_arithmetic(output) || !is_arithmetic(input) {
        return None;
    }
    // SAFETY: a constant of its type.
    let text = unless_error(|| Some(unsafe { OutputFunction::new(constant.type_oid).format(constant.value) }))?;
    let value = unless_error(|| Some(InputFunction::new(type_oid, -1).parse(&text)))?;
    Some(Constant { value, type_oid })
}

/// Calls a function of PostgreSQL's own on constants. Such a function holds no resources that an ERROR would leak, so
/// it is safe to continue after one.
fn unless_error<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    guard::attempt(work, || errors::internal("a constant could not be evaluated")).ok().flatten()
}
