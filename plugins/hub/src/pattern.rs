//! Patterns of paths, as `datasets` has them: `*` and `?` within a name, `**` across folders, sets
//! of letters in brackets.

/// Whether `text` is more than a path.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether `pattern` describes the whole of `path`.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let path: Vec<char> = path.chars().collect();
    fits(&pattern, &path)
}

fn fits(pattern: &[char], path: &[char]) -> bool {
    match pattern {
        [] => path.is_empty(),
        // No folder at all is as good.
        ['*', '*', '/', rest @ ..] => (0..=path.len()).any(|at| {
            let is_start = at == 0 || path[at - 1] == '/';
            is_start && fits(rest, &path[at..])
        }),
        ['*', '*', rest @ ..] => (0..=path.len()).any(|at| fits(rest, &path[at..])),
        ['*', rest @ ..] => {
            let name = path.iter().take_while(|letter| **letter != '/').count();
            (0..=name).any(|at| fits(rest, &path[at..]))
        }
        ['?', rest @ ..] => {
            path.split_first().is_some_and(|(letter, after)| *letter != '/' && fits(rest, after))
        }
        ['[', rest @ ..] if rest.contains(&']') => {
            let end = rest.iter().position(|letter| *letter == ']').unwrap_or_default();
            path.split_first().is_some_and(|(letter, after)| {
                is_in(&rest[..end], *letter) && fits(&rest[end + 1..], after)
            })
        }
        [letter, rest @ ..] => {
            path.split_first().is_some_and(|(first, after)| first == letter && fits(rest, after))
        }
    }
}

/// Whether `letter` is in the set of letters and ranges.
fn is_in(set: &[char], letter: char) -> bool {
    match set {
        ['!', rest @ ..] => !is_in(rest, letter),
        [first, '-', last, rest @ ..] => (*first..=*last).contains(&letter) || is_in(rest, letter),
        [one, rest @ ..] => *one == letter || is_in(rest, letter),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_stay_within_a_folder_unless_they_say_more() {
        for (pattern, path, is_match) in [
            ("data/train-*.parquet", "data/train-00000-of-00001.parquet", true),
            ("*.json", "data/a.json", false),
            ("**/*.json", "data/deep/a.json", true),
            ("**/*.json", "a.json", true),
            ("data/**", "data/deep/a.json", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("x-[0-9][0-9].csv", "x-07.csv", true),
            ("x-[!0-9].csv", "x-7.csv", false),
            ("[", "[", true),
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern, path), is_match, "{pattern} {path}");
        }
    }
}
