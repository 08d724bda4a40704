//! `forebay check`: is the configuration right, and what comes of it?

use std::fmt::Write as _;
use std::process::ExitCode;

use super::Check;
use crate::collector::Understood;
use crate::config::{Loaded, Origin};
use crate::words::table;

/// Prints what came of the configuration.
pub(super) fn run(understood: Understood, check: &Check) -> anyhow::Result<ExitCode> {
    let Understood { loaded, table, native } = understood;
    if check.convert {
        super::print(&native)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(table) = table {
        super::print(&super::told(&table, &loaded.files))?;
    }
    super::print(&text(&loaded, check.changed))?;
    Ok(ExitCode::SUCCESS)
}

/// Every setting in a table, and what is odd.
fn text(loaded: &Loaded, changed: bool) -> String {
    let mut rows = vec![["KEY", "VALUE", "FROM"].map(str::to_owned).to_vec()];
    let set = |origin: &Origin| *origin != Origin::Default;
    let shown = loaded.settings.iter().filter(|setting| !changed || set(&setting.origin));
    rows.extend(shown.map(|setting| {
        let value = if setting.value.is_empty() { "-" } else { &setting.value };
        vec![setting.key.clone(), value.to_owned(), setting.origin.to_string()]
    }));
    let mut text = table(&rows);
    for warning in &loaded.warnings {
        // Writing to a string does not fail.
        let _ = write!(text, "\nwarning: {warning}");
    }
    if !loaded.warnings.is_empty() {
        text.push('\n');
    }
    let by_somebody = |origin: &Origin| !matches!(origin, Origin::Default | Origin::Follows(_));
    let number = loaded.settings.iter().filter(|setting| by_somebody(&setting.origin)).count();
    let file = if loaded.files.is_empty() { "none".to_owned() } else { loaded.files.join(", ") };
    let _ = writeln!(text, "\nThe configuration is right. File: {file}. Settings made: {number}.");
    text
}
