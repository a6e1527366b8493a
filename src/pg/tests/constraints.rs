#[pgrx::pg_schema]
mod tests {
    use pgrx::{Spi, pg_test};

    use super::super::table;
    use crate::engine::table::Declared;
    use crate::pg::relation::implied::Implied;
    use crate::pg::relation::implied_domains::facts;

    fn of(definition: &str) -> Implied {
        let source = table(definition);
        let columns: Vec<_> = source.columns.iter().collect();
        facts(&source, &columns).unwrap_or_else(|fault| fault.raise()).remove(0)
    }

    fn range(definition: &str) -> (Option<f64>, Option<f64>) {
        let facts = of(definition);
        (facts.lo, facts.hi)
    }

    fn values(definition: &str) -> Option<Vec<String>> {
        of(definition).values
    }

    #[pg_test]
    fn between_is_a_range() {
        assert_eq!(range("a int CHECK (a BETWEEN 1 AND 9)"), (Some(1.0), Some(9.0)));
    }

    #[pg_test]
    fn constants_on_the_left_count() {
        assert_eq!(range("a int CHECK (1 < a AND 9 > a)"), (Some(2.0), Some(8.0)));
    }

    #[pg_test]
    fn several_constraints_are_joined() {
        assert_eq!(range("a int CHECK (a > 0) CHECK (a < 100) CHECK (a <= 50)"), (Some(1.0), Some(50.0)));
    }

    #[pg_test]
    fn alternatives_are_a_hull() {
        assert_eq!(range("a int CHECK (a BETWEEN 1 AND 3 OR a BETWEEN 7 AND 9)"), (Some(1.0), Some(9.0)));
        Spi::run("DROP TABLE t").unwrap();
        assert_eq!(range("a int, b int, CHECK (a > 1 OR b > 1)"), (None, None));
    }

    #[pg_test]
    fn wider_constants_are_brought_to_the_column() {
        assert_eq!(range("a smallint CHECK (a >= 0.5 AND a < 10000000000)"), (Some(1.0), Some(9_999_999_999.0)));
    }

    #[pg_test]
    fn constants_are_computed() {
        for (definition, bounds) in [
            ("a int CHECK (a >= -5 AND a < 2 * 3 + 1)", (Some(-5.0), Some(6.0))),
            ("a bigint CHECK (a > -(2::bigint) AND a <= abs(-7))", (Some(-1.0), Some(7.0))),
            ("a numeric(5, 2) CHECK (a >= (0)::numeric AND a <= 17.249::numeric(4, 2))", (Some(0.0), Some(1725.0))),
            ("a date CHECK (a >= date '2020-01-01' + 1)", (Some(7306.0), None)),
            ("a int CHECK (a BETWEEN '5'::text::int AND length('abcdefghi'))", (Some(5.0), Some(9.0))),
            ("a smallint CHECK (a IN (3, 1, 2))", (Some(1.0), Some(3.0))),
            ("a int CHECK (a = ANY ('{4,NULL,6}'::bigint[]))", (Some(4.0), Some(6.0))),
            ("a numeric CHECK (a = ANY (ARRAY[4, 6]::numeric[]))", (Some(4.0), Some(6.0))),
            ("a int CHECK (a > 1 / 0)", (None, None)),
            ("a int CHECK (a > NULL)", (None, None)),
        ] {
            assert_eq!(range(definition), bounds, "{definition}");
            Spi::run("DROP TABLE t").unwrap();
        }
    }

    #[pg_test]
    fn what_is_denied_counts() {
        let facts = of("a int CHECK (NOT (a < 5 OR a > 9 OR a IS NULL))");
        assert_eq!((facts.lo, facts.hi, facts.not_null), (Some(5.0), Some(9.0), true));
        Spi::run("DROP TABLE t").unwrap();
        assert_eq!(range("a int CHECK (NOT (a < 5 AND a > 9))"), (None, None));
    }

    #[pg_test]
    fn nobodys_function_is_called() {
        Spi::run(
            "CREATE FUNCTION planted(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'ran'; END $$;
             CREATE FUNCTION planted_too(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT planted($1) > $2';
             CREATE OPERATOR >>>> (LEFTARG = int, RIGHTARG = int, FUNCTION = planted_too);
             CREATE DOMAIN planted_domain AS int DEFAULT planted(1) CHECK (VALUE > planted(1));
             CREATE DOMAIN over_planted AS planted_domain CHECK (VALUE < 9)",
        )
        .unwrap();
        for definition in [
            "a int CHECK (a > planted(1) AND a < 9)",
            "a int CHECK (a >>>> 3 AND a < 9)",
            "a over_planted",
            "a int CHECK (a < 9) CHECK (a = ANY (ARRAY[planted(1)]))",
            "a int CHECK (a < 9 AND a IN (planted(1), planted(2)))",
            "a int DEFAULT planted(1) CHECK (a < 9 AND coalesce(planted(1), 2) < a)",
        ] {
            assert_eq!(range(definition), (None, Some(8.0)), "{definition}");
            Spi::run("DROP TABLE t").unwrap();
        }
    }

    #[pg_test]
    fn decimals_are_in_units() {
        assert_eq!(range("a numeric(5, 2) CHECK (a > 0.29 AND a <= 17.255)"), (Some(30.0), Some(1725.0)));
    }

    #[pg_test]
    fn times_are_in_units() {
        let days = 7305.0;
        assert_eq!(range("a date CHECK (a >= '2020-01-01' AND a < '2020-01-03')"), (Some(days), Some(days + 1.0)));
        Spi::run("DROP TABLE t").unwrap();
        assert_eq!(range("a timestamp(0) CHECK (a >= date '2020-01-01')"), (Some(days * 86_400.0), None));
        Spi::run("DROP TABLE t").unwrap();
        assert_eq!(range("a time CHECK (a < '01:00')"), (None, Some(3_599_999_999.0)));
    }

    #[pg_test]
    fn infinite_constants_bound_nothing() {
        assert_eq!(range("a date CHECK (a < 'infinity')"), (None, None));
    }

    #[pg_test]
    fn lists_of_texts_are_values() {
        let xy = Some(vec!["x".to_owned(), "y".to_owned()]);
        for definition in [
            "a text CHECK (a IN ('x', 'y'))",
            "a varchar(3) CHECK (a = ANY ('{x,y}'))",
            "a varchar(3) CHECK (a IN ('x', 'y'))",
            "a char(3) CHECK (a IN ('x', 'y'))",
            "a char(3) CHECK (a = 'x' OR a IN ('y'))",
            "a text CHECK (a IN ('x', 'y', 'z')) CHECK (a IN ('y', 'x'))",
        ] {
            assert_eq!(values(definition), xy, "{definition}");
            Spi::run("DROP TABLE t").unwrap();
        }
    }

    #[pg_test]
    fn what_is_not_understood_says_nothing() {
        for definition in [
            "a text CHECK (length(a) < 3)",
            "a text CHECK (a ~ '^x')",
            "a text CHECK (a <> 'x')",
            "a text CHECK (NOT a = 'x')",
            "a text CHECK (upper(a) = 'X')",
        ] {
            assert_eq!(of(definition), Implied::default(), "{definition}");
            Spi::run("DROP TABLE t").unwrap();
        }
        assert_eq!(range("a int CHECK (a + 1 > 3 AND abs(a) < 5 AND (a > 2) IS TRUE)"), (None, None));
    }

    #[pg_test]
    fn not_valid_constraints_do_not_count() {
        table("a int");
        Spi::run("ALTER TABLE t ADD CHECK (a > 5) NOT VALID; CREATE TABLE u (LIKE t)").unwrap();
        Spi::run("DROP TABLE u").unwrap();
        let oid = Spi::get_one("SELECT 't'::regclass::oid").unwrap().unwrap();
        let source = crate::pg::relation::Relation::open(oid).unwrap_or_else(|fault| fault.raise());
        let columns: Vec<_> = source.columns.iter().collect();
        assert_eq!(facts(&source, &columns).unwrap_or_else(|fault| fault.raise())[0], Implied::default());
    }

    #[pg_test]
    fn domains_and_domains_over_domains_count() {
        Spi::run("CREATE DOMAIN inner_domain AS int CHECK (VALUE > 0); CREATE DOMAIN outer_domain AS inner_domain NOT NULL CHECK (VALUE < 10)")
            .unwrap();
        let facts = of("a outer_domain CHECK (a <> 5)");
        assert_eq!((facts.lo, facts.hi, facts.not_null), (Some(1.0), Some(9.0), true));
    }

    #[pg_test]
    fn types_list_their_values() {
        Spi::run(
            "CREATE TYPE size AS ENUM ('small', 'large', 'medium'); ALTER TYPE size ADD VALUE 'huge' AFTER 'small'",
        )
        .unwrap();
        let facts = of("a size NOT NULL");
        let labels = ["small", "huge", "large", "medium"].map(str::to_owned).to_vec();
        assert_eq!(facts.declared(crate::engine::table::Measure::Category), Some(Declared::Categories(labels)));
        assert!(facts.not_null);
        Spi::run("DROP TABLE t").unwrap();
        let some = Some(vec!["small".to_owned(), "large".to_owned()]);
        assert_eq!(values("a size CHECK (a IN ('small', 'large'))"), some);
        Spi::run("DROP TABLE t").unwrap();
        assert_eq!(values("a boolean CHECK (a = true)"), Some(vec!["true".to_owned()]));
    }

    #[pg_test]
    fn not_null_comes_from_checks_too() {
        assert!(of("a int CHECK (a IS NOT NULL AND a > 3)").not_null);
        Spi::run("DROP TABLE t").unwrap();
        assert!(!of("a int CHECK (a IS NOT NULL OR a IS NULL)").not_null);
    }
}
