//! The order in which computed columns are computed.

use std::collections::HashMap;

use crate::pg::model::metadata::ColumnFacts;

/// Positions of the computed columns among all columns, each after those that it uses. `None` if there is a circle.
pub fn of(columns: &[ColumnFacts]) -> Option<Vec<usize>> {
    let computed = columns.iter().enumerate().filter(|(_, column)| column.computed.is_some());
    let places: HashMap<&str, usize> = computed.map(|(i, column)| (column.name.as_str(), i)).collect();
    let (mut waits_for, mut users) = (vec![0; columns.len()], vec![Vec::new(); columns.len()]);
    for (i, column) in columns.iter().enumerate() {
        let used = column.computed.iter().flat_map(|computed| &computed.columns);
        for used in used.filter_map(|name| places.get(name.as_str())) {
            waits_for[i] += 1;
            users[*used].push(i);
        }
    }
    let is_ready = |i: &usize| columns[*i].computed.is_some() && waits_for[*i] == 0;
    let mut ordered: Vec<usize> = (0..columns.len()).filter(is_ready).collect();
    let mut done = 0;
    while let Some(place) = ordered.get(done).copied() {
        done += 1;
        for user in &users[place] {
            waits_for[*user] -= 1;
            if waits_for[*user] == 0 {
                ordered.push(*user);
            }
        }
    }
    (ordered.len() == places.len()).then_some(ordered)
}

/// The names of computed columns that use each other.
pub fn circle(columns: &[ColumnFacts]) -> Vec<String> {
    let is_computed = |column: &&ColumnFacts| column.computed.is_some();
    let mut left: Vec<&ColumnFacts> = columns.iter().filter(is_computed).collect();
    loop {
        let uses = |user: &ColumnFacts, used: &ColumnFacts| {
            user.computed.iter().any(|computed| computed.columns.contains(&used.name))
        };
        let is_in = |column: &&ColumnFacts| {
            left.iter().any(|user| uses(user, column)) && left.iter().any(|used| uses(column, used))
        };
        let kept: Vec<&ColumnFacts> = left.iter().copied().filter(is_in).collect();
        if kept.len() == left.len() {
            return left.into_iter().map(|column| column.name.clone()).collect();
        }
        left = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::model::metadata::Computed;
    use crate::pg::values::kind::Kind;

    fn columns(all: &[(&str, Option<&[&str]>)]) -> Vec<ColumnFacts> {
        let computed = |used: &[&str]| Computed {
            expression: String::new(),
            columns: used.iter().map(|name| (*name).to_owned()).collect(),
            generated: false,
        };
        let facts = |(i, (name, used)): (usize, &(&str, Option<&[&str]>))| ColumnFacts {
            name: (*name).to_owned(),
            ordinal: i as i16 + 1,
            type_name: "integer".to_owned(),
            kind: Kind::Int4,
            not_null: false,
            key: None,
            computed: used.map(computed),
        };
        all.iter().enumerate().map(facts).collect()
    }

    #[test]
    fn what_is_used_comes_first() {
        let found = of(&columns(&[("a", Some(&["b", "c"])), ("b", Some(&["c"])), ("c", Some(&["d"])), ("d", None)]));
        assert_eq!(found, Some(vec![2, 1, 0]));
    }

    #[test]
    fn circles_are_named() {
        let all: [(&str, Option<&[&str]>); 5] =
            [("a", Some(&["b"])), ("b", Some(&["a"])), ("c", Some(&["c"])), ("d", Some(&[])), ("e", Some(&["a"]))];
        let all = columns(&all);
        assert_eq!(of(&all), None);
        assert_eq!(circle(&all), ["a", "b", "c"]);
    }
}
