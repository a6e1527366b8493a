#[pgrx::pg_schema]
mod tests {
    use pgrx::{Spi, pg_sys, pg_test};

    use crate::engine::table::{BlockColumn, Measure};
    use crate::pg::server::fmgr::{InputFunction, OutputFunction};
    use crate::pg::values::datums::number_datum;
    use crate::pg::values::kind::Kind;
    use crate::pg::values::reader::ValueReader;

    fn kind(type_name: &str) -> (Option<Kind>, pg_sys::Oid, i32) {
        Spi::run(&format!("DROP TABLE IF EXISTS k; CREATE TABLE k (a {type_name})")).unwrap();
        let query = "SELECT atttypid, atttypmod FROM pg_attribute WHERE attrelid = 'k'::regclass AND attnum = 1";
        let (oid, typmod) = Spi::get_two::<pg_sys::Oid, i32>(query).unwrap();
        let (oid, typmod) = (oid.unwrap(), typmod.unwrap());
        (Kind::of(oid, typmod), oid, typmod)
    }

    fn read(type_name: &str, text: &str) -> BlockColumn {
        let (kind, oid, typmod) = kind(type_name);
        let mut reader = ValueReader::new(kind.unwrap());
        let mut column = reader.column();
        let value = InputFunction::new(oid, typmod).parse(text);
        // SAFETY: a value of the type that the reader was made for.
        unsafe { reader.push(&mut column, value, false) };
        column
    }

    /// A text after it is read and written again.
    fn there_and_back(type_name: &str, text: &str) -> String {
        let (kind, oid, _) = kind(type_name);
        let number = read(type_name, text).number(0).unwrap();
        // SAFETY: a value of the type.
        unsafe { OutputFunction::new(oid).format(number_datum(kind.unwrap(), number)) }
    }

    #[pg_test]
    fn types_have_their_kinds() {
        for (type_name, expected) in [
            ("numeric", Kind::Numeric),
            ("numeric(16)", Kind::Numeric),
            ("numeric(15)", Kind::Decimal { scale: 0 }),
            ("numeric(8, 2)", Kind::Decimal { scale: 2 }),
            ("numeric(3, -2)", Kind::Decimal { scale: -2 }),
            ("numeric(2, 5)", Kind::Decimal { scale: 5 }),
            ("timestamp(0)", Kind::Timestamp { unit: 1_000_000 }),
            ("timestamptz(3)", Kind::Timestamptz { unit: 1_000 }),
            ("time", Kind::Time { unit: 1 }),
            ("varchar(5)", Kind::Text),
            ("char", Kind::Char),
        ] {
            assert_eq!(kind(type_name).0, Some(expected), "{type_name}");
        }
        for type_name in
            ["point", "int[]", "jsonb", "bytea", "inet", "timetz", "money", "\"char\"", "name", "int4range"]
        {
            assert_eq!(kind(type_name).0, None, "{type_name}");
        }
    }

    #[pg_test]
    fn numbers_come_back_as_they_went() {
        for (type_name, text) in [
            ("int2", "-32768"),
            ("int4", "2147483647"),
            ("int8", "-9007199254740992"),
            ("float4", "1.1"),
            ("float8", "-1e-300"),
            ("numeric(15, 2)", "-9999999999999.99"),
            ("numeric(15, 15)", "0.000000000000001"),
            ("numeric(4, -2)", "123400"),
            ("numeric(6, 3)", "0.000"),
            ("numeric", "12345.678"),
            ("date", "0044-03-15 BC"),
            ("date", "infinity"),
            ("time", "23:59:59.999999"),
            ("time(0)", "24:00:00"),
            ("timestamp", "1999-12-31 23:59:59.999999"),
            ("timestamp(0)", "1883-11-18 12:03:58"),
            ("timestamp", "-infinity"),
            ("interval", "3 days 04:05:06.5"),
            ("interval", "-1 days -00:00:01"),
        ] {
            if text.contains("infinity") {
                assert!(read(type_name, text).number(0).unwrap().is_infinite(), "{type_name} {text}");
            } else {
                assert_eq!(there_and_back(type_name, text), text, "{type_name}");
            }
        }
    }

    #[pg_test]
    fn stored_numerics_are_decoded_as_postgresql_does() {
        let texts = "SELECT array_agg((sign * digits::numeric / 10::numeric ^ places)::text)
             FROM (VALUES (1), (-1)) AS s (sign), (VALUES (0), (7), (10000), (99999999), (123456789012345), (900719925474099)) AS d (digits),
                  generate_series(-6, 25) AS places";
        let texts: Vec<String> = Spi::get_one(texts).unwrap().unwrap();
        assert!(texts.len() > 300);
        for text in texts {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(read("numeric", &text).number(0), Some(expected), "{text}");
        }
    }

    #[pg_test]
    fn long_numerics_are_read() {
        let long = format!("{}.{}", "7".repeat(60), "3".repeat(40));
        assert_eq!(read("numeric", &long).number(0), Some(long.parse().unwrap()));
        assert_eq!(read("numeric", "Infinity").number(0), Some(f64::INFINITY));
        assert_eq!(read("numeric", "NaN").number(0), None);
        assert_eq!(read("float8", "NaN").number(0), None);
    }

    #[pg_test]
    fn months_are_thirty_days() {
        let days = |text: &str| read("interval", text).number(0).unwrap() / 86_400e6;
        assert_eq!(days("1 mon"), 30.0);
        assert_eq!(days("1 year -1 days"), 359.0);
    }

    #[pg_test]
    fn categories_are_texts() {
        Spi::run("CREATE TYPE mood AS ENUM ('sad', 'glücklich')").unwrap();
        for (type_name, text, expected) in [
            ("text", "a b ", "a b "),
            ("varchar(9)", "日本", "日本"),
            ("char(5)", "ab", "ab"),
            ("mood", "glücklich", "glücklich"),
            ("boolean", "f", "false"),
            ("boolean", "yes", "true"),
            ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ] {
            assert_eq!(read(type_name, text).text(0), Some(expected.as_bytes()), "{type_name}");
            assert_eq!(kind(type_name).0.unwrap().measure(), Measure::Category);
        }
    }

    #[pg_test]
    fn values_are_brought_into_the_range_of_their_type() {
        // SAFETY: values of their types.
        let shown = |kind, number, oid| unsafe { OutputFunction::new(oid).format(number_datum(kind, number)) };
        assert_eq!(shown(Kind::Int2, 1e9, pg_sys::INT2OID), "32767");
        assert_eq!(shown(Kind::Int4, -1e300, pg_sys::INT4OID), "-2147483648");
        assert_eq!(shown(Kind::Time { unit: 1 }, -5.0, pg_sys::TIMEOID), "00:00:00");
        assert_eq!(shown(Kind::Date, -1e9, pg_sys::DATEOID), "4714-11-24 BC");
        assert!(!shown(Kind::Timestamp { unit: 1 }, 1e30, pg_sys::TIMESTAMPOID).contains("infinity"));
    }
}
