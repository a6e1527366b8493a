#[pgrx::pg_schema]
mod tests {
    use pgrx::pg_sys::{self, Datum};
    use pgrx::{Spi, pg_test};

    use crate::pg::errors;
    use crate::pg::server::fmgr;
    use crate::pg::server::subtransaction::tried;

    fn fault() -> errors::Fault {
        errors::internal("another error")
    }

    /// 7 divided by a number, by PostgreSQL's own function.
    fn divided(number: i32) -> errors::Result<i32> {
        // SAFETY: takes two integers and returns one.
        Ok(unsafe { fmgr::call(pg_sys::int4div, &[Datum::from(7), Datum::from(number)]) }.value() as i32)
    }

    #[pg_test]
    fn failures_of_values_are_undone() {
        let mut found = Vec::new();
        for number in [2, 0, 3, 0, 7] {
            // SAFETY: a plain call.
            let context = unsafe { pg_sys::CurrentMemoryContext };
            found.push(tried(|| divided(number), fault).unwrap_or_else(|fault| fault.raise()));
            // SAFETY: as above.
            assert_eq!(context, unsafe { pg_sys::CurrentMemoryContext });
        }
        assert_eq!(found, [Some(3), None, Some(2), None, Some(1)]);
        assert_eq!(Spi::get_one("SELECT 1").unwrap(), Some(1));
    }

    #[pg_test]
    fn what_succeeds_is_kept_and_what_fails_is_not() {
        Spi::run("CREATE TABLE t (a int)").unwrap();
        let insert = |number: i32| {
            Spi::run(&format!("INSERT INTO t VALUES ({number})")).unwrap();
            divided(number)
        };
        for number in [1, 0, 2] {
            tried(|| insert(number), fault).unwrap_or_else(|fault| fault.raise());
        }
        assert_eq!(Spi::get_one("SELECT sum(a)::int FROM t").unwrap(), Some(3));
    }

    #[pg_test(error = "internal error: another error")]
    fn other_failures_are_replaced() {
        let work = || {
            Spi::run("SELECT no_such_function()").unwrap();
            Ok(())
        };
        tried(work, fault).unwrap_or_else(|fault| fault.raise());
    }
}
