//! Names that differ in one number, such as those of the layers of a model, told as one.

use std::collections::HashMap;

/// Least number of names that are told as one.
const FEWEST: usize = 3;

/// Items that are the same but for a number in their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Family<T> {
    /// The name; `past.{0..3}.key` for several.
    pub(super) name: String,
    /// What they have in common.
    pub(super) shared: T,
    /// How many there are.
    pub(super) count: usize,
}

/// `items`, each a name and what is known of it, in families; a family stands where its first is.
pub(super) fn families<T: Clone + Eq + std::hash::Hash>(items: &[(String, T)]) -> Vec<Family<T>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut places = HashMap::new();
    for (index, (name, shared)) in items.iter().enumerate() {
        let (before, number, after) = split(name);
        let key = (before, number.is_some(), after, shared);
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(index);
    }
    let one = |&index: &usize| {
        let (name, shared) = items[index].clone();
        Family { name, shared, count: 1 }
    };
    groups
        .iter()
        .flat_map(|group| match joined(group, items) {
            Some(family) => vec![family],
            None => group.iter().map(one).collect(),
        })
        .collect()
}

/// The items of `group` as one, when their numbers follow each other.
fn joined<T: Clone>(group: &[usize], items: &[(String, T)]) -> Option<Family<T>> {
    let mut numbers: Vec<u64> =
        group.iter().map(|&index| split(&items[index].0).1).collect::<Option<_>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    let (first, last) = (*numbers.first()?, *numbers.last()?);
    let is_row = (last - first) == numbers.len() as u64 - 1 && numbers.len() == group.len();
    if !is_row || group.len() < FEWEST {
        return None;
    }
    let (name, shared) = &items[group[0]];
    let (before, _, after) = split(name);
    let name = format!("{before}{{{first}..{last}}}{after}");
    Some(Family { name, shared: shared.clone(), count: group.len() })
}

/// What stands before the first number of `name`, the number, and what stands after it.
fn split(name: &str) -> (&str, Option<u64>, &str) {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let Some(start) = name.find(is_digit) else { return (name, None, "") };
    let rest = &name[start..];
    let end = rest.find(|letter| !is_digit(letter)).unwrap_or(rest.len());
    match rest[..end].parse() {
        Ok(number) => (&name[..start], Some(number), &rest[end..]),
        Err(_) => (name, None, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str]) -> Vec<(String, usize)> {
        let items: Vec<_> = names.iter().map(|&name| (name.to_owned(), ())).collect();
        families(&items).into_iter().map(|family| (family.name, family.count)).collect()
    }

    #[test]
    fn names_of_a_row_of_numbers_are_one() {
        let names = ["ids", "p.0.key", "p.0.value", "p.1.key", "p.1.value", "p.2.key"];
        let expected = [("ids", 1), ("p.{0..2}.key", 3), ("p.0.value", 1), ("p.1.value", 1)];
        assert_eq!(told(&names), expected.map(|(name, count)| (name.to_owned(), count)));
    }

    #[test]
    fn gaps_and_other_numbers_keep_names_apart() {
        assert_eq!(told(&["a1", "a2", "a4"]).len(), 3);
        assert_eq!(told(&["a1", "a01", "a2"]).len(), 3);
        assert_eq!(told(&["a1.1", "a1.2", "a1.3"]).len(), 3);
        assert_eq!(told(&["x99999999999999999999999", "x", "x1"]).len(), 3);
    }
}
