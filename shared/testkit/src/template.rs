//! What `template.yaml` says, as far as it concerns the functions' programs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The blocks under a top-level key, by their names, as text.
pub fn blocks(section: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let mut blocks: BTreeMap<String, String> = BTreeMap::new();
    let (mut inside, mut name) = (false, None);
    for line in text.lines() {
        if !line.starts_with([' ', '#']) && !line.is_empty() {
            inside = line == format!("{section}:");
        } else if inside && line.starts_with("  ") && !line.starts_with("   ") && !line.trim_start().starts_with('#') {
            name = line.trim().split(':').next().map(str::to_owned);
        }
        if let (true, Some(name)) = (inside, &name) {
            *blocks.entry(name.clone()).or_default() += &[line, "\n"].concat();
        }
    }
    assert!(!blocks.is_empty(), "no {section} in template.yaml");
    blocks
}

/// The names of the functions.
pub fn functions() -> BTreeSet<String> {
    let resources = blocks("Resources").into_iter();
    resources.filter(|(_, block)| block.contains("Type: AWS::Serverless::Function\n")).map(|(name, _)| name).collect()
}

/// The variables that a function is given.
pub fn variables(function: &str) -> BTreeSet<String> {
    let of_all = variables_of(&blocks("Globals")["Function"]);
    let its_own = blocks("Resources").remove(function).unwrap_or_else(|| panic!("no {function} in template.yaml"));
    of_all.union(&variables_of(&its_own)).cloned().collect()
}

/// The memory that a function is given, MB.
pub fn memory(function: &str) -> u32 {
    let (globals, resources) = (blocks("Globals"), blocks("Resources"));
    let said = [&resources[function], &globals["Function"]].into_iter().find_map(|block| {
        let (_, after) = block.split_once("MemorySize: ")?;
        after.lines().next()?.trim().parse().ok()
    });
    said.unwrap_or_else(|| panic!("no MemorySize for {function} in template.yaml"))
}

/// Names under `Variables:` of a block.
fn variables_of(block: &str) -> BTreeSet<String> {
    let Some((_, after)) = block.split_once("Variables:\n") else { return BTreeSet::new() };
    let indent = after.len() - after.trim_start().len();
    let lines =
        after.lines().take_while(|line| line.trim().is_empty() || line.len() - line.trim_start().len() >= indent);
    let names =
        lines.filter(|line| line.len() - line.trim_start().len() == indent && !line.trim_start().starts_with('#'));
    names.filter_map(|line| line.trim().split(':').next()).map(str::to_owned).collect()
}
