//! The scenarios, a file for each kind of fault.

mod bucket;
mod clients;
mod clock;
mod clones;
mod damage;
mod disk;
mod kills;
mod outage;
mod process;
mod servers;
mod spares;
mod steps;

use libtest_mimic::Trial;

use crate::arguments::Options;

/// A scenario: its name is a sentence about what holds.
pub(crate) struct Scenario {
    name: &'static str,
    play: fn(&Options),
    is_long: bool,
}

impl Scenario {
    /// One that `cargo test` plays.
    pub(crate) const fn short(name: &'static str, play: fn(&Options)) -> Self {
        Self { name, play, is_long: false }
    }

    /// One that is only played when it is asked for, by `--ignored` or `--include-ignored`.
    pub(crate) const fn long(name: &'static str, play: fn(&Options)) -> Self {
        Self { name, play, is_long: true }
    }

    fn trial(self, kind: &str, options: &Options) -> Trial {
        let Self { name, play, is_long } = self;
        let name = format!("{kind}::{name}");
        let options = options.clone();
        let weed = options.weed.iter().map(|path| format!(" --weed {}", path.display()));
        let replay = Replay(format!(
            "cargo test --test chaos -- --include-ignored --exact {name} --seed {} --kills {}{}",
            options.seed,
            options.kills,
            weed.collect::<String>()
        ));
        let played = move || {
            let _replay = replay;
            play(&options);
            Ok(())
        };
        Trial::test(name, played).with_ignored_flag(is_long)
    }
}

/// All of them, as what `cargo test` can choose from.
pub(crate) fn all(options: &Options) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |kind, scenarios: Vec<Scenario>| {
        trials.extend(scenarios.into_iter().map(|scenario| scenario.trial(kind, options)));
    };
    add("kills", kills::scenarios());
    add("kills", spares::scenarios());
    add("kills", steps::scenarios());
    add("process", process::scenarios());
    add("clock", clock::scenarios());
    add("identity", clones::scenarios());
    add("outage", outage::scenarios());
    add("servers", servers::scenarios(options));
    add("bucket", bucket::scenarios(options));
    add("clients", clients::scenarios());
    add("disk", damage::scenarios());
    add("disk", disk::scenarios());
    trials
}

/// Says what plays a failure again.
struct Replay(String);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to play it again: {}", self.0);
        }
    }
}
