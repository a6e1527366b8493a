#[pgrx::pg_schema]
mod tests {
    use pgrx::{Spi, pg_sys, pg_test};

    use crate::engine::table::BlockColumn;
    use crate::pg::server::fmgr::InputFunction;
    use crate::pg::values::kind::Kind;
    use crate::pg::values::reader::IdentityReader;

    /// The unit bytes of some values.
    fn images(type_name: &str, values: &[&str]) -> Vec<Vec<u8>> {
        Spi::run(&format!("DROP TABLE IF EXISTS u; CREATE TABLE u (a {type_name})")).unwrap();
        let query = "SELECT atttypid, atttypmod FROM pg_attribute WHERE attrelid = 'u'::regclass AND attnum = 1";
        let (oid, typmod) = Spi::get_two::<pg_sys::Oid, i32>(query).unwrap();
        let (oid, typmod) = (oid.unwrap(), typmod.unwrap());
        let reader = IdentityReader::new(Kind::of(oid, typmod).unwrap());
        let mut column = BlockColumn::categories();
        for value in values {
            let value = InputFunction::new(oid, typmod).parse(value);
            // SAFETY: a value of the type that the reader was made for.
            unsafe { reader.push(&mut column, value, false) };
        }
        (0..values.len()).map(|i| column.text(i).unwrap().to_vec()).collect()
    }

    #[pg_test]
    fn equal_units_look_alike_and_others_do_not() {
        Spi::run("CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN code AS numeric CHECK (value < 1000000)")
            .unwrap();
        let long = format!("{}.{}", "7".repeat(60), "3".repeat(40));
        let zeros = format!("{long}000");
        for (type_name, values) in [
            ("boolean", &["true", "false"][..]),
            ("int2", &["-1", "1", "-32768", "32767"]),
            ("int4", &["-1", "1", "2147483647"]),
            ("int8", &["-1", "9007199254740992", "9007199254740993", "9223372036854775807"]),
            ("float4", &["0", "-0", "1.1", "NaN", "nan", "infinity", "-infinity"]),
            ("float8", &["0", "-0", "1e-320", "1.1", "1.1000000000000001", "NaN", "nan", "infinity"]),
            (
                "numeric",
                &[
                    "0", "-0.00", "1", "1.000", "10", "10000", "1e4", "0.1", "0.10000", "NaN", "Infinity", "-1", &long,
                    &zeros,
                ],
            ),
            ("numeric(8, 2)", &["1", "1.00", "1.001", "1.01", "-1"]),
            ("code", &["5", "5.0", "50"]),
            ("text", &["a", "a ", "A", "", "ä", "ae"]),
            ("varchar(9)", &["a", "a ", ""]),
            ("char(9)", &["a", "a ", "", " ", " a"]),
            (
                "uuid",
                &[
                    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                    "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
                    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12",
                ],
            ),
            ("mood", &["sad", "glad"]),
            ("date", &["2000-01-01", "2000-01-02", "infinity", "-infinity"]),
            ("time", &["00:00", "24:00", "00:00:00.000001"]),
            ("timestamp", &["2000-01-01", "2000-01-01 00:00:00.000001", "infinity"]),
            ("timestamptz", &["2000-01-01 12:00+00", "2000-01-01 14:00+02", "2000-01-01 12:00+02"]),
            ("interval", &["1 mon", "30 days", "720:00", "31 days", "-1 mon", "1 us"]),
        ] {
            let images = images(type_name, values);
            for (i, a) in values.iter().enumerate() {
                for (j, b) in values.iter().enumerate() {
                    let equal: bool =
                        Spi::get_one(&format!("SELECT '{a}'::{type_name} = '{b}'::{type_name}")).unwrap().unwrap();
                    assert_eq!(images[i] == images[j], equal, "{type_name} {a} {b}");
                }
            }
        }
    }
}
