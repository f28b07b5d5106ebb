//! Configuration: read once at the start, every fault named at once, a missing secret is a refusal to start.

use std::str::FromStr;

/// The environment, and what was wrong with it so far.
#[derive(Debug, Default)]
pub struct Env {
    faults: Vec<String>,
}

impl Env {
    /// The text of a variable; an empty one counts as not set.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn text(name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|text| !text.is_empty())
    }

    /// A variable that must be set, as text.
    pub fn required(&mut self, name: &str) -> String {
        self.parse(name).unwrap_or_default()
    }

    /// A variable that must be set and be a `T`. `None` is remembered as a fault and told by [`Self::finish`].
    pub fn parse<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let Some(text) = Self::text(name) else {
            self.faults.push(format!("{name} is not set"));
            return None;
        };
        self.check(name, text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// A variable that may be set, and then must be a `T`.
    pub fn optional<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let text = Self::text(name)?;
        self.check(name, text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// A variable that must be set and is a list, by commas.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        parts(&self.required(name)).map(str::to_owned).collect()
    }

    /// A variable that may be set and is a list of `T`, by commas.
    pub fn optional_list<T>(&mut self, name: &str) -> Vec<T>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let text = Self::text(name).unwrap_or_default();
        self.check(name, parts(&text).map(str::parse).collect::<Result<_, T::Err>>()).unwrap_or_default()
    }

    /// Takes a result, or remembers why it is none.
    pub fn check<T>(&mut self, name: &str, result: Result<T, impl std::fmt::Display>) -> Option<T> {
        result.map_err(|error| self.faults.push(format!("{name}: {error}"))).ok()
    }

    /// Every fault, one line each.
    pub fn finish<T>(self, made: Option<T>) -> Result<T, String> {
        match made {
            Some(made) if self.faults.is_empty() => Ok(made),
            _ => Err(format!("cannot start:\n  {}", self.faults.join("\n  "))),
        }
    }
}

fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// The state of a function that can start; else says why in the log and ends the process.
pub fn or_exit<T>(state: Result<T, String>) -> T {
    state.unwrap_or_else(|faults| {
        tracing::error!("{faults}");
        std::process::exit(1)
    })
}
