//! Compares the argument names that functions use with their SQL definitions: an argument is found by the position of
//! its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The first words of the parts between commas.
fn names(list: &str) -> Vec<String> {
    list.split(',').filter_map(|part| part.split_whitespace().next()).map(str::to_owned).collect()
}

/// All texts between two markers.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
}

fn files(folder: &str, extension: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|own| own == extension))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn arguments_have_the_places_that_sql_gives_them() {
    let mut taken = BTreeMap::new();
    for source in files("src/pg/functions", "rs") {
        for function in between(&source, "sql_function!(", "),") {
            let (symbol, arguments) = function.split_once('(').unwrap();
            taken.insert(symbol.trim().to_owned(), names(arguments));
        }
    }
    // Functions made by the macro for trainings have these arguments, and those that it is called with in their midst.
    let shared = taken.remove("$symbol").unwrap();
    let midst = shared.iter().position(|name| name.starts_with('$')).unwrap();
    for source in files("src/pg/functions", "rs") {
        for function in between(&source, "training_function!(", "),") {
            let (symbol, more) = function.split_once('(').unwrap();
            let all = [shared[..midst].to_vec(), names(more), shared[midst + 1..].to_vec()].concat();
            taken.insert(symbol.trim().to_owned(), all);
        }
    }
    let mut defined = BTreeSet::new();
    for sql in files("sql", "sql") {
        for definition in between(&sql, "CREATE FUNCTION ", ";") {
            let Some((_, symbol)) = definition.split_once("'MODULE_PATHNAME', '") else { continue };
            let arguments = between(definition, "(", ")")[0];
            let (arguments, symbol) = (names(arguments), symbol.trim_end_matches('\''));
            // An older definition may have fewer.
            assert!(taken[symbol].starts_with(&arguments), "{symbol} takes {:?}, SQL {arguments:?}", taken[symbol]);
            if taken[symbol] == arguments {
                defined.insert(symbol.to_owned());
            }
        }
    }
    assert!(!taken.is_empty());
    assert!(taken.into_keys().eq(defined), "functions that no SQL defines with all their arguments");
}
