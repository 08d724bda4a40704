//! The scenarios, a file for each kind of fault.

mod kills;
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
        let options = options.clone();
        let replay = Replay(format!(
            "cargo test --test chaos -- --include-ignored --exact {name} --seed {} --kills {}",
            options.seed, options.kills
        ));
        let played = move || {
            let _replay = replay;
            play(&options);
            Ok(())
        };
        Trial::test(name, played).with_kind(kind).with_ignored_flag(is_long)
    }
}

/// All of them, as what `cargo test` can choose from.
pub(crate) fn all(options: &Options) -> Vec<Trial> {
    let kinds =
        [("kills", kills::scenarios()), ("kills", spares::scenarios()), ("kills", steps::scenarios())];
    let trial = |(kind, scenarios): (&str, Vec<Scenario>)| {
        let options = options.clone();
        scenarios.into_iter().map(|scenario| scenario.trial(kind, &options)).collect::<Vec<_>>()
    };
    kinds.into_iter().flat_map(trial).collect()
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
