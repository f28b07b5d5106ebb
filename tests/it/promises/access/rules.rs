//! `docs/access.md`, read.

use std::collections::BTreeMap;

use super::scene::Role;

/// The line of all requests, and the line of all frames.
pub(crate) const REQUESTS: &str = "every HTTP operation";
pub(crate) const FRAMES: &str = "every socket action";

/// One line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    /// Roles, `signed in` or `anybody`.
    pub(crate) who: Vec<String>,
    /// Fields of which somebody else's is fine.
    pub(crate) any: Vec<String>,
    /// What a role or a field of somebody else's gets.
    pub(crate) others: BTreeMap<String, String>,
}

impl Rule {
    /// Whether it names the role.
    pub(crate) fn names(&self, role: Role) -> bool {
        self.who.iter().any(|who| who == role.words() || who == "host" && role.is_host())
    }

    /// Whether the role may.
    pub(crate) fn lets(&self, role: Role) -> bool {
        self.names(role) || self.who.iter().any(|who| who == "signed in" || who == "anybody")
    }

    /// Whether nobody must prove to be anybody.
    pub(crate) fn is_public(&self) -> bool {
        self.who.iter().any(|who| who == "anybody")
    }
}

/// Every line by its operation. An error says which line cannot be read.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, Rule>, String> {
    let mut rules = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('|')).skip(2) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [operation, who, on, others] = cells[..] else { return Err(format!("four columns: {line}")) };
        let mut rule = Rule { any: any(on), ..Rule::default() };
        rule.who = who.split(", ").filter(|who| !who.is_empty()).map(str::to_owned).collect();
        for entry in others.split("; ").filter(|entry| !entry.is_empty()) {
            let unreadable = || format!("{entry:?} must be like: left 409 `left_call`");
            let words: Vec<&str> = entry.split(' ').collect();
            let place = words.iter().position(|word| word.parse::<u16>().is_ok()).ok_or_else(unreadable)?;
            let [status, code] = words[place..] else { return Err(unreadable()) };
            for subject in words[..place].join(" ").split(", ") {
                rule.others
                    .insert(subject.trim_matches('`').to_owned(), format!("{status} {}", code.trim_matches('`')));
            }
        }
        if rules.insert(operation.trim_matches('`').to_owned(), rule).is_some() {
            return Err(format!("{operation} has two lines"));
        }
    }
    Ok(rules)
}

/// The fields that a cell says `any` of.
fn any(cell: &str) -> Vec<String> {
    let parts = cell.split("any `").skip(1);
    parts.filter_map(|part| part.split('`').next()).map(str::to_owned).collect()
}
