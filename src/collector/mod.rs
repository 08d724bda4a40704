//! The configuration of an OpenTelemetry Collector, read as one of forebay's.
//!
//! A file with `receivers`, `exporters` or `service` is a Collector's. It is taken apart into components, each of which is
//! read by a table of its options (`rules`), and becomes settings of forebay that know the lines from which they come.
//! From there on all is as with a file of forebay's own: the same checks, the same sentences, the same environment variables
//! and flags on top.
//!
//! Everything in the file comes into one [`Table`]: what it is here, what has no meaning because the log stands for it, and
//! what cannot be honoured. What would change what is stored (a processor that rewrites, an exporter to elsewhere) is
//! refused, unless somebody says that it is to be passed over; credentials are never passed over. The names of options are
//! those of the Collector v0.159.

mod conversion;
mod duration;
mod exporters;
mod extensions;
mod file;
mod names;
mod pipelines;
mod processors;
mod receivers;
mod reference;
mod rules;
mod service;
mod table;
mod write;

#[cfg(test)]
mod option_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::config::{self, Document, Entries, Entry, IGNORE_VARIABLE, Invalid, Loaded, Sources};
use conversion::Conversion;
use file::CollectorFile;

pub use conversion::Outcome;
pub use reference::reference;
pub use table::{Row, Table};

/// A configuration, and what became of it if it was a Collector's.
#[derive(Clone)]
pub struct Understood {
    /// The configuration.
    pub loaded: Loaded,
    /// What became of a Collector's.
    pub table: Option<Table>,
    /// The same as a file of forebay's own, without the environment and the flags.
    pub native: String,
}

/// Without the file, in which secrets stand as they were written.
impl fmt::Debug for Understood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { loaded, table, native: _ } = self;
        f.debug_struct("Understood").field("loaded", loaded).field("table", table).finish_non_exhaustive()
    }
}

/// Puts the configuration together, from files of forebay's own or a Collector's. `ignores` is whether what of a Collector's
/// cannot be done is passed over; the variable [`IGNORE_VARIABLE`] says so as well.
///
/// # Errors
/// [`Invalid`], with everything that is wrong.
pub fn load(sources: &Sources, ignores: bool) -> Result<Understood, Invalid> {
    let document = config::read(sources);
    if !file::is_collectors(&document) {
        let loaded = config::load_document(&document, sources)?;
        let native = write::file(&document.entries, &BTreeMap::new(), &document.files, None);
        return Ok(Understood { loaded, table: None, native });
    }
    let (wanted, wrong) = match sources.environment.get(IGNORE_VARIABLE).map(String::as_str) {
        None | Some("" | "false") => (false, None),
        Some("true") => (true, None),
        Some(other) => (false, Some(format!("{IGNORE_VARIABLE} is `{other}`; it must be `true` or `false`"))),
    };
    let mut conversion = convert(&document, sources, ignores || wanted);
    let mut problems = document.problems.clone();
    problems.extend(wrong);
    problems.append(&mut conversion.problems);
    let converted =
        Document { entries: conversion.settings, files: document.files.clone(), problems: Vec::new() };
    let loaded = match config::load_document(&converted, sources) {
        Ok(loaded) if problems.is_empty() => loaded,
        Ok(_) => return Err(Invalid { problems }),
        Err(invalid) => {
            problems.extend(invalid.problems);
            return Err(Invalid { problems });
        }
    };
    let native =
        write::file(&converted.entries, &conversion.sources, &document.files, Some(&conversion.table));
    Ok(Understood { loaded, table: Some(conversion.table), native })
}

/// Makes settings of a Collector's configuration.
fn convert<'a>(document: &Document, sources: &'a Sources, ignores: bool) -> Conversion<'a> {
    let mut conversion = Conversion::new(&sources.environment, ignores);
    let file = CollectorFile::read(document, &mut conversion);
    match &file.service {
        Some(service) => {
            let extensions = service::convert(service, &file, &mut conversion);
            let routes = pipelines::Routes::read(&file, service, &mut conversion);
            receivers::convert(&file, &routes, &mut conversion);
            processors::convert(&file, &routes, &mut conversion);
            exporters::convert(&file, &routes, &mut conversion);
            extensions::convert(&file, &extensions, &mut conversion);
        }
        None => conversion.problems.push("there is no service with pipelines".to_owned()),
    }
    // What stands beside it of forebay's own settings wins.
    conversion.settings.merge(file.own.clone());
    conversion.settings = in_order(conversion.settings);
    conversion
}

/// The sections in the order of forebay's own files.
fn in_order(Entries(mut entries): Entries) -> Entries {
    let place = |entry: &Entry| file::OWN.iter().position(|name| *name == entry.name);
    entries.sort_by_key(place);
    Entries(entries)
}
