//! Settling a data folder that was damaged: what was lost is held against what was told.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::program::Program;

use super::admin::{get, sum};
use super::audit::{Machines, audit_with_losses};
use super::scene::Scene;

/// What damage has cost, and what the program says of it.
#[derive(Debug)]
pub(crate) struct Damaged {
    /// The first numbers of the exports that were acknowledged and are not in the bucket.
    pub(crate) lost: BTreeSet<u64>,
    /// What was counted.
    pub(crate) counted: Counted,
    /// Files that were kept for a look at them: what is in `damaged`, and names with that word in it.
    pub(crate) kept: Vec<String>,
    /// What was logged.
    pub(crate) said: String,
    /// What `forebay status` said of losses.
    pub(crate) status: Option<String>,
}

/// The counters of losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// `forebay_log_records_lost_total`
    pub(crate) records: u64,
    /// `forebay_log_segments_lost_total`
    pub(crate) segments: u64,
    /// `forebay_pack_damaged_objects_total`
    pub(crate) objects: u64,
    /// `forebay_pack_damaged_manifests_total`
    pub(crate) manifests: u64,
    /// `forebay_upload_dropped_items_total`
    pub(crate) items: u64,
}

impl Scene {
    /// As [`Scene::settle`], by a process that has found damage or may still find it. Everything that was not damaged
    /// must be there exactly once, and nothing that is not what was sent.
    pub(crate) fn settle_after_damage(&self, program: Program, machines: Machines) -> Damaged {
        assert!(self.flush(&program), "damage holds up what is whole; it wrote:\n{}", program.stderr());
        let metrics = get(&program, "/metrics").1;
        let counted = Counted {
            records: sum(&metrics, "forebay_log_records_lost_total"),
            segments: sum(&metrics, "forebay_log_segments_lost_total"),
            objects: sum(&metrics, "forebay_pack_damaged_objects_total"),
            manifests: sum(&metrics, "forebay_pack_damaged_manifests_total"),
            items: sum(&metrics, "forebay_upload_dropped_items_total"),
        };
        let status = self.run(&["status", "--admin", &program.admin().to_string()]).stdout;
        let status = status.lines().find_map(|line| line.trim().strip_prefix("lost ")).map(str::to_owned);
        let said = program.terminate();
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(!said.stderr.contains("thread 'forebay"), "it panicked: {}", said.stderr);
        // What was told once is not told again, and nothing is left over that could come back.
        let drained = self.drain(self.folder());
        assert_eq!(drained.stdout, "delivered 0 objects; nothing is left\n", "{drained:?}");
        assert!(!drained.stderr.contains(" ERROR "), "it is told again: {}", drained.stderr);
        let (_, lost) = audit_with_losses(&self.ledger.exports(), &self.bucket.objects(), machines);
        Damaged { lost, counted, kept: kept(&self.data()), said: said.stderr, status }
    }
}

/// The files that were kept aside in a data folder. Nothing else may be in its spool.
fn kept(data: &Path) -> Vec<String> {
    let names = |folder: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let is_damaged = |name: &String| name.contains(".damaged");
    let in_spool = names(&data.join("spool"));
    assert!(in_spool.iter().all(is_damaged), "nothing is left in the spool: {in_spool:?}");
    let elsewhere = [data.join("log"), data.to_owned()].map(|folder| names(&folder));
    let elsewhere = elsewhere.concat().into_iter().filter(is_damaged);
    names(&data.join("damaged")).into_iter().chain(in_spool).chain(elsewhere).collect()
}
